"""Whatever NumPy does with an array, its tape does again, at this point and at another one."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
import scipy.sparse
import scipy.special
from hypothesis import given
from numpy import array as imported_array
from numpy import asarray as imported_asarray
from strategies import random_functions

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.ir.tape import evaluate, verify
from sparsesolve.trace import RECORDED, check, prepare, trace

A35 = np.linspace(-1.0, 2.0, 15).reshape(3, 5)
A55 = np.cos(np.arange(25.0)).reshape(5, 5)
SPD = A55 @ A55.T + 5.0 * np.eye(5)
B = np.array([0.3, -1.2, 2.0, 0.7, 1.1])
S35 = scipy.sparse.csr_array(np.where(A35 > 0.2, A35, 0.0))
M35 = scipy.sparse.csr_matrix(S35)
INDEX = np.array([3, 0, 0, 2])
MASK = np.array([True, False, True, True, False])

# x is a vector of five numbers between 0.1 and 0.9; X is a matrix of shape (3, 4) made of twelve.
VECTOR = {
    # arithmetic
    "operators": lambda np, x: +x + 2 * x - x / 3 + (1 - x) ** 2 + 2**x - -x,
    "integer division": lambda np, x: 10 * x // 3 + (10 * x) % 3 + 7 // x + 7 % x,
    "divmod": lambda np, x: divmod(5 * x, 2)[0] + divmod(5 * x, 2)[1],
    "abs round": lambda np, x: abs(x - 0.5) + np.round(x, 2) + x.round(1),
    "power": lambda np, x: x**3 + x**-1.5 + x**x + np.float_power(x, 2) + pow(x, 2),
    "constant left": lambda np, x: B * x + B / x - B**2 * x + B @ A55 @ x,
    "list operand": lambda np, x: x * [1, 2, 3, 4, 5] + [x[0]] * 5,
    "comparison": lambda np, x: (x > 0.5) * x + (x <= 0.4) * 1.0 + (x != x[0]) + (x > 0.3),
    "index of a scalar": lambda np, x: np.max(x)[None] * x[1][..., None] + x[0][()],
    "logic": lambda np, x: ((x > 0.2) & (x < 0.7) | ~(x > 0.5) ^ (x < 0.1)) * x,
    "bool sum": lambda np, x: np.sum(x > 0.5) * x.sum(),
    # ufuncs
    "exp log": lambda np, x: np.exp(x) + np.log(x) + np.expm1(x) + np.log1p(x) + np.exp2(x),
    "log2 log10": lambda np, x: np.log2(x) + np.log10(x) + np.logaddexp(x, 1) + np.logaddexp2(x, 2),
    "trig": lambda np, x: np.sin(x) + np.cos(x) + np.tan(x) + np.arcsin(x) + np.arccos(x),
    "hyperbolic": lambda np, x: np.sinh(x) + np.cosh(x) + np.tanh(x) + np.arcsinh(x) + np.arctan(x),
    "inverse hyperbolic": lambda np, x: np.arccosh(1 + x) + np.arctanh(x) + np.sinc(x),
    "roots": lambda np, x: np.sqrt(x) + np.cbrt(x) + np.square(x) + np.reciprocal(x),
    "angles": lambda np, x: np.deg2rad(x) + np.radians(x) + np.rad2deg(x) + np.degrees(x),
    "binary": lambda np, x: np.arctan2(x, 1 - x) + np.hypot(x, 2) + np.copysign(x, B),
    "extrema": lambda np, x: (
        np.maximum(x, 0.5) + np.minimum(x, B) + np.fmax(x, 0.3) - np.fmin(x, 0.3)
    ),
    "steps": lambda np, x: np.floor(9 * x) + np.ceil(9 * x) + np.trunc(9 * x) + np.rint(9 * x),
    "signs": lambda np, x: np.sign(x - 0.5) + np.heaviside(x - 0.5, 0.5) + np.signbit(x - 0.5),
    "finite": lambda np, x: np.isfinite(x) * x + np.isnan(x) + np.isinf(x) + np.nan_to_num(x),
    "remainders": lambda np, x: np.fmod(7 * x, 2) + np.mod(-x, 0.3) + np.remainder(x, -0.3),
    "fabs positive": lambda np, x: np.fabs(-x) + np.positive(x) + np.fix(5 * x) + np.negative(x),
    "real parts": lambda np, x: np.real(x) + np.conj(x) + x.real + x.conj() + np.imag(x) + x.imag,
    "clip": lambda np, x: np.clip(x, 0.3, 0.6) + x.clip(0.2, None) + np.clip(x, None, B),
    "where": lambda np, x: np.where(x > 0.5, x**2, -x) + np.where(MASK, x, 0.0),
    "where scalar": lambda np, x: np.where(x[0] > 0.5, x, 2 * x),
    "isclose": lambda np, x: np.isclose(x, 0.5, atol=0.2) * x,
    # indexing
    "slices": lambda np, x: x[1:] - x[:-1] + x[::-1][1:] + x[-4:],
    "integers": lambda np, x: x[0] * x[-1] + x[np.int64(2)],
    "fancy": lambda np, x: x[INDEX] + x[[1, 1, 2, 4]] + x[INDEX.tolist()],
    "mask": lambda np, x: x[MASK] ** 2,
    "newaxis": lambda np, x: x[:, None] * x[None, :] + x[np.newaxis, ..., np.newaxis][0],
    "ellipsis": lambda np, x: x[...] + x[..., :],
    "iteration": lambda np, x: sum(v * v for v in x),
    "unpack": lambda np, x: (lambda a, b, c, d, e: a * b + c * d * e)(*x),
    "len": lambda np, x: sum(x[i] * x[i + 1] for i in range(len(x) - 1)) * x.size * x.ndim,
    "take": lambda np, x: np.take(x, INDEX) + x.take([0, 1, 2, 3]),
    "compress": lambda np, x: np.compress(MASK, x) + np.extract(MASK, x),
    "item": lambda np, x: x.item(2) * x[1],
    # joining and moving
    "concatenate": lambda np, x: np.concatenate([x, x[:2] ** 2, [1.0, 2.0]]),
    "concatenate tuple": lambda np, x: np.concatenate((x[:1], x[1:-1], x[-1:])),
    "stack": lambda np, x: np.stack([x, x**2]) + np.vstack([x, 2 * x]) + np.stack((x, x), 1).T,
    "hstack": lambda np, x: np.hstack([x, x[0], 3.0]),
    "column_stack": lambda np, x: np.column_stack([x, x**2]) + np.dstack([x, x])[0],
    "append": lambda np, x: np.append(x, x[0]) + np.append(x[0], x) + np.append(x, [1.0]),
    "insert delete": lambda np, x: (
        np.insert(np.delete(x, [1, 3]), 1, x[3:]) * np.insert(x, 2, 7.0)[1:]
    ),
    "array of scalars": lambda np, x: np.array([x[0] * x[1], x[2], 3.0, np.sin(x[4])]),
    "nested array": lambda np, x: np.array([[x[0], 0.0], [x[1] * x[2], 1]]) @ x[:2],
    "array of arrays": lambda np, x: np.array([x, x**2, B]),
    "array copy": lambda np, x: np.array(x) + np.asarray(x) + np.array(x, dtype=float),
    "asarray of list": lambda np, x: np.asarray([x[0], x[1]]),
    "r_ c_": lambda np, x: np.r_[x, 1.0, x[0]][:5] * np.c_[x, x][:, 0],
    "roll": lambda np, x: np.roll(x, 1) - 2 * x + np.roll(x, -1),
    "flip": lambda np, x: np.flip(x) + x[::-1],
    "repeat tile": lambda np, x: np.repeat(x, 2) + np.tile(x, 2) + x.repeat(2),
    "repeat counts": lambda np, x: np.repeat(x, [1, 2, 0, 1, 1]),
    "resize": lambda np, x: np.resize(x, (2, 4)),
    "pad": lambda np, x: np.pad(x, 1) + np.pad(x, (1, 1), mode="edge") + np.pad(x, 1, mode="wrap"),
    "pad values": lambda np, x: (
        np.pad(x, (0, 2), constant_values=3.0) + np.pad(x, (2, 0), "reflect")
    ),
    "diag": lambda np, x: np.diag(x) + np.diag(x[:-1], 1) + np.diag(x[1:], -1) + np.diagflat(x),
    "broadcast_to": lambda np, x: np.broadcast_to(x, (2, 5)) + np.broadcast_arrays(x, A35[:2])[0],
    "atleast": lambda np, x: np.atleast_1d(x[0]) + np.atleast_2d(x)[0] + np.atleast_3d(x)[0, :, 0],
    "meshgrid": lambda np, x: np.meshgrid(x, x[:3])[0] * np.meshgrid(x, x[:3])[1],
    "split": lambda np, x: np.split(x, [2])[0] + np.array_split(x, 2)[1] + np.hsplit(x, [3])[1],
    "block": lambda np, x: np.block([[np.diag(x[:2]), x[:2].reshape(2, 1)], [x[2:5]]]),
    "copy": lambda np, x: x.copy() + np.copy(x) + x.flatten() + x.astype(float),
    "astype": lambda np, x: x.astype(int) + (x > 0.5).astype(float) * x + (x > 0.5).astype(int),
    "select": lambda np, x: np.select([x < 0.3, x < 0.6], [x, x**2], default=1.0),
    # reductions and sums
    "sum": lambda np, x: np.sum(x**2) + x.sum() + np.mean(x) * x.mean(),
    "prod": lambda np, x: np.prod(x) + x.prod() + np.max(x) + x.min() + np.amax(x) + np.amin(x),
    "cumsum": lambda np, x: np.cumsum(x) + x.cumsum() + np.cumprod(x) + x.cumprod(),
    "var": lambda np, x: np.var(x) + x.std() + np.var(x, ddof=1) + np.std(x) + np.ptp(x),
    "any all": lambda np, x: np.any(x > 0.5) * x + np.all(x > 0.0) + np.count_nonzero(x > 0.3),
    "average": lambda np, x: np.average(x, weights=B + 3) + np.average(x),
    "norm": lambda np, x: np.linalg.norm(x) + np.linalg.norm(x, 1) + np.linalg.norm(x, np.inf),
    "norm p": lambda np, x: np.linalg.norm(x, 3) + np.linalg.norm(x, -np.inf),
    "sort": lambda np, x: np.sort(x),
    "list sum": lambda np, x: np.sum([x[0], x[1] ** 2]),
    # linear maps
    "dot": lambda np, x: np.dot(A35, x) + A35 @ x + np.matmul(A35, x) + A35.dot(x) + x.dot(A35.T),
    "inner": lambda np, x: np.dot(x, x) + np.inner(x, B) + np.vdot(x, x) + x @ x + x.dot(B),
    "outer": lambda np, x: np.outer(x, B) + np.multiply.outer(x, x) + np.kron(x, B).reshape(5, 5),
    "einsum": lambda np, x: np.einsum("ij,j->i", A35, x) + np.einsum("i,j->j", x, B[:3]),
    "tensordot": lambda np, x: np.tensordot(A35, x, 1) + np.tensordot(x, A35, ([0], [1])),
    "cross": lambda np, x: np.cross(x[:3], x[2:]),
    "diff": lambda np, x: np.diff(x)[1:] + np.diff(x, 2) + np.diff(x, prepend=0, append=x[0])[:3],
    "gradient": lambda np, x: (
        np.gradient(x) + np.gradient(x, 0.5) + np.gradient(x, B.cumsum() ** 2)
    ),
    "gradient edges": lambda np, x: np.gradient(x, 0.1, edge_order=2),
    "trapezoid": lambda np, x: np.trapezoid(x) + np.trapezoid(x, dx=0.1) + np.trapezoid(x, B),
    "convolve": lambda np, x: (
        np.convolve(x, [1, -2, 1])[1:-1] + np.convolve(x, [1, 2, 3, 4], "same")
    ),
    "convolve traced": lambda np, x: np.convolve(x, x[:2], "valid") + np.correlate(x, x[:2]),
    "correlate": lambda np, x: np.correlate(x, [1, 2, 4], "same") + np.correlate(B, x, "same"),
    "correlate long": lambda np, x: np.correlate(x[:2], B, "full"),
    "polyval": lambda np, x: np.polyval([1.0, 2.0, 3.0], x) + np.polyval(x, 0.5),
    "vander": lambda np, x: np.vander(x, 3) + np.vander(x, 3, increasing=True),
    "interp": lambda np, x: np.interp(x, [0.2, 0.4, 0.7], [1.0, -1.0, 3.0]),
    "bincount": lambda np, x: np.bincount([0, 2, 2, 1, 0], weights=x, minlength=5),
    "ediff1d": lambda np, x: np.ediff1d(x, to_end=0.0),
    "linspace": lambda np, x: np.linspace(x[0], x[1], 5),
    # sparse
    "sparse product": lambda np, x: S35 @ x + S35.dot(x) + M35 * x + M35 @ x + S35.tocsc() @ x,
    "sparse left": lambda np, x: x[:3] @ S35 + x[:3] * M35 + S35.T @ x[:3] + S35.T.tocoo() @ x[:3],
    "sparse columns": lambda np, x: S35 @ np.outer(x, x) + (np.outer(x[:3], x[:3]) @ S35)[:, :5],
    # assignment
    "zeros_like": lambda np, x: _assigned(np.zeros_like(x), x),
    "empty_like": lambda np, x: _assigned(np.empty_like(x), x),
    "full_like": lambda np, x: _assigned(np.full_like(x, 2.0), x),
    "copy and assign": lambda np, x: _assigned(x.copy(), x),
    "other shape": lambda np, x: _rows(np.zeros_like(x, shape=(2, 5)), x),
    "loop": lambda np, x: _loop(np.zeros_like(x), x),
    "in place": lambda np, x: _in_place(x * 1.0, x),
    "mask assignment": lambda np, x: _clamped(x * 2.0),
    "through a view": lambda np, x: _view(x * 2.0, x),
    "views change": lambda np, x: _views_follow(x * 2.0, x),
    "object array": lambda np, x: _objects(x),
    # output
    "scalar": lambda np, x: x[0] ** 2,
    "list": lambda np, x: [x[0], x[1] * 2, 3.0],
    "tuple of arrays": lambda np, x: (x, x**2),
    "bool output": lambda np, x: x > 0.5,
    "argument": lambda np, x: x,
    "constant": lambda np, x: B,
    "constant number": lambda np, x: 3,
    "constant list": lambda np, x: [1.0, 2],
}


def _assigned(r, x):
    r[0] = x[0] * x[1]
    r[1:-1] = x[2:] - x[:-2]
    r[-1] = 4.0
    r[[0, 3]] *= x[1]
    r[INDEX] += 1.0
    return r


def _rows(r, x):
    r[0] = x
    r[1, ::2] = x[:3]
    r[:, 1] -= x[4]
    return r


def _loop(r, x):
    for i in range(1, len(x)):
        r[i] = r[i - 1] + x[i] ** 2
    return r


def _in_place(r, x):
    r += x
    r[1:] -= 2 * x[:-1]
    r *= 2
    r /= x + 1
    r **= 2
    r[...] = r + 1
    r.fill(x[0])
    r[:] += x
    return r


def _clamped(r):
    r[r > 1.0] = 1.0
    r[r < 0.5] = r[0]
    return r


def _view(r, x):
    v = r[1:4]
    v[0] = x[0] ** 2
    w = v[1:]
    w[:] = x[:2]
    m = r[:4].reshape(2, 2)
    m[1, 1] = 7 * x[4]
    m.T[0, 1] += x[1]
    r[::-1][0] = x[3]
    return r


def _views_follow(r, x):
    v, w = r[1:4], r[::2]
    before = v * 2
    r[2] = x[0] * x[1]
    return [v, before, w, v + w]


def _objects(x):
    r = np.zeros(3, dtype=object)
    r[0] = x[0] * x[1]
    r[1] = np.sin(x[2])
    return (r + 1.0) ** 2 * np.array([x[0], x[1], 2.0], dtype=object) + x[:3]


MATRIX = {
    "transpose": lambda np, X: X.T @ X + X.transpose() @ X + np.transpose(X, (1, 0)) @ X,
    "rows and columns": lambda np, X: X[0] * X[1] + X[-1, ::-1] + X[:, 1][0],
    "five point": lambda np, X: X[1:-1, 1:-1] * 4 - X[:-2, 1:-1] - X[2:, 1:-1] - X[1:-1, 2:],
    "pick": lambda np, X: X[[0, 2], [1, 3]] + X[np.ix_([0, 2], [1, 3])][0] + X[1][[2, 3]],
    "reshape": lambda np, X: X.reshape(2, 6)[0] + X.reshape((6, 2)).T[1] + np.ravel(X)[:6],
    "order": lambda np, X: X.reshape(-1, order="F") + X.flatten("F") + np.ravel(X.T) + X.ravel(),
    "sum axis": lambda np, X: X.sum(axis=1) + X.mean(1) + np.max(X, 1) + np.prod(X, axis=-1),
    "keepdims": lambda np, X: X / X.sum(axis=0, keepdims=True) - X.max(axis=(0, 1), keepdims=True),
    "cumsum axis": lambda np, X: np.cumsum(X, axis=1) + np.cumsum(X, 0) + np.cumprod(X, axis=0),
    "var axis": lambda np, X: np.var(X, axis=0) + X.std(0, ddof=1) + np.ptp(X, axis=0),
    "where option": lambda np, X: np.sum(X, axis=0, where=X > 0.5) + np.max(X, 0, initial=0.4),
    "roll axes": lambda np, X: (
        np.roll(X, (1, 2), axis=(0, 1)) + np.roll(X, 1, axis=0) + np.roll(X, 3)
    ),
    "flip": lambda np, X: np.flipud(X) + np.fliplr(X) + np.flip(X) + np.flip(X, axis=1),
    "rot90": lambda np, X: np.rot90(X) @ np.rot90(X, 3).T[:4].T[:, :4].T,
    "pad 2-D": lambda np, X: (
        np.pad(X, ((1, 0), (0, 2))) + np.pad(X, ((1, 0), (2, 0)), mode="symmetric")
    ),
    "squeeze": lambda np, X: np.squeeze(X[:, None]) + np.expand_dims(X, 0)[0] + X[None].squeeze(0),
    "swapaxes": lambda np, X: np.swapaxes(X, 0, 1) + np.moveaxis(X, 0, 1) + X.swapaxes(0, 1),
    "three axes": lambda np, X: np.moveaxis(X.reshape(3, 2, 2), -1, 0).sum((1, 2)) + X.mT[:2].sum(),
    "triangles": lambda np, X: np.triu(X) + np.tril(X, -1) + np.triu(X, 1),
    "diagonal": lambda np, X: np.diagonal(X) + X.diagonal() + np.diag(X) + np.trace(X) + X.trace(),
    "take axis": lambda np, X: np.take(X, [1, 1], axis=1) + X.take([0, 3], 1) + X[:, [0, 1]],
    "along axis": lambda np, X: np.take_along_axis(X, np.array([[0], [1], [3]]), axis=1),
    "delete": lambda np, X: np.delete(X, 1, axis=0) + np.insert(X[:1], 1, X[1], axis=0),
    "repeat axis": lambda np, X: np.repeat(X, 2, axis=0) + np.tile(X, (2, 1)),
    "concatenate axis": lambda np, X: (
        np.concatenate([X, X[:, :1]], axis=1) + np.hstack([X, X[:, :1]])
    ),
    "append axis": lambda np, X: np.append(X, X[:1], axis=0) + np.vstack((X, X[0])),
    "split axis": lambda np, X: (
        np.split(X, 2, axis=1)[0] + np.hsplit(X, 2)[1] + np.vsplit(X, 3)[0][:, :2]
    ),
    "matmul": lambda np, X: X @ X.T @ X + np.matmul(X, np.ones(4))[:, None] + np.ones(3) @ X,
    "batched": lambda np, X: np.matmul(X.reshape(3, 2, 2), X.reshape(3, 2, 2)).sum(0),
    "einsum": lambda np, X: (
        np.einsum("ij,kj->ik", X, X) + np.einsum("ij->i", X) + np.einsum("ii->i", X[:, :3])
    ),
    "einsum lists": lambda np, X: np.einsum(X, [0, 1], X, [2, 1], [0, 2]),
    "tensordot": lambda np, X: np.tensordot(X, X, ((0,), (0,))) + np.inner(X.T, X.T),
    "kron": lambda np, X: np.kron(X[:2, :2], X) + np.kron(np.eye(2), X),
    "cross rows": lambda np, X: np.cross(X[:, :3], X[:, 1:]),
    "norms": lambda np, X: np.linalg.norm(X) + np.linalg.norm(X, axis=0) + np.linalg.norm(X, 1),
    "matrix norms": lambda np, X: np.linalg.norm(X, "fro") + np.linalg.norm(X, np.inf),
    "solve": lambda np, X: np.linalg.solve(SPD[:4, :4] + X.T @ X, X.T),
    "inverse": lambda np, X: (
        np.linalg.inv(np.eye(4) + X.T @ X) + np.linalg.det(np.eye(4) + X.T @ X)
    ),
    "slogdet": lambda np, X: np.linalg.slogdet(np.eye(4) + X.T @ X)[1],
    "eigh": lambda np, X: np.linalg.eigh(np.diag([1.0, 2, 3, 9]) + X.T @ X)[0],
    "cholesky": lambda np, X: np.linalg.cholesky(np.eye(4) + X.T @ X),
    "matrix_power": lambda np, X: (
        np.linalg.matrix_power(X[:, :3], 3) + np.linalg.multi_dot([X, X.T])
    ),
    "svd": lambda np, X: np.linalg.svd(X, full_matrices=False)[1],
    "gradient": lambda np, X: (
        np.gradient(X)[0] + np.gradient(X, axis=1) + np.gradient(X, 2.0, 0.5)[1]
    ),
    "trapezoid": lambda np, X: np.trapezoid(X, axis=0) + np.trapezoid(X, [0, 1, 3], axis=0),
    "diff": lambda np, X: np.diff(X, axis=0)[:, 1:] + np.diff(X)[:2],
    "apply_along_axis": lambda np, X: np.apply_along_axis(lambda r: r[0] * r, 1, X),
    "sort axis": lambda np, X: np.sort(X, axis=0),
    "add.reduce": lambda np, X: (
        np.add.reduce(X) + np.maximum.reduce(X) + np.add.reduce(X, axis=None)
    ),
    "accumulate": lambda np, X: np.add.accumulate(X) + np.maximum.accumulate(X, axis=0),
    "windows": lambda np, X: np.lib.stride_tricks.sliding_window_view(X, 2, axis=1).sum(
        axis=(0, 2)
    ),
    "nan functions": lambda np, X: np.nansum(X, 0) + np.nanmax(X, axis=0) + np.nanmean(X, axis=0),
    "piecewise": lambda np, X: np.piecewise(X, [X < 0.3, X > 0.6], [lambda v: v**2, -1.0]),
    "fft": lambda np, X: (
        np.fft.ifft(np.fft.fft(X) * np.arange(4)).real + np.abs(np.fft.rfft(X[0]))[0]
    ),
    "iterate rows": lambda np, X: sum(row[0] * row for row in X),
    "vectorized scatter": lambda np, X: _scatter(np.zeros_like(X), X),
    "column assignment": lambda np, X: _columns(np.empty_like(X), X),
    "atleast": lambda np, X: np.atleast_3d(X)[:, :, 0] + np.atleast_2d(X),
    "extremes of axes": lambda np, X: np.min(X, axis=(0, 1)) * X + np.mean(X, axis=(0, 1)),
    "matvec": lambda np, X: (
        np.matvec(X, np.ones(4)) + np.vecdot(X, X) + np.vecmat(np.ones(3), X)[:3]
    ),
    "cumulative": lambda np, X: np.cumulative_sum(X, axis=0, include_initial=True),
}


def _scatter(r, X):
    np.add.at(r, ([0, 0, 2], [1, 1, 3]), X[0, :3])
    np.subtract.at(r, 1, X[2])
    np.copyto(r, X, where=X > 0.8)
    return r


def _columns(r, X):
    r[:, 0] = X[:, 1]
    r[:, 1:] = X[:, :-1] * 2
    r.T[2] += X[:, 3]
    row = r[1]
    row *= X[0]
    return r


POINT = np.array([0.15, 0.62, 0.48, 0.83, 0.31])
GRID = np.linspace(0.1, 0.95, 12).reshape(3, 4) ** 1.5
# autograd.numpy has no such function, or cannot call it on plain arrays
PLAIN_ONLY = {"windows", "r_ c_", "outer", "add.reduce", "accumulate"}


def assert_replays(function, x, *, argnum=0, rest=()):
    """The tape of a function gives its value at the point of the trace and at another one."""
    args = list(rest)
    args.insert(argnum, x)
    traced = prepare(function, args, argnum=argnum)
    verify(traced.tape)
    parameters = traced.arguments.split(args)[1]
    for point in (x, np.asarray(x) * 0.9 + 0.02):
        args[argnum] = point
        plain = np.asarray(function(*args), dtype=float)
        replayed = evaluate(traced.tape, point, [p[()] for p in parameters])
        assert traced.tape.output_shape == plain.shape
        np.testing.assert_allclose(replayed, plain, rtol=1e-12, atol=1e-12)
    check(function, traced, args)
    return traced.tape


@pytest.mark.every(2)
@pytest.mark.parametrize("name", VECTOR)
def test_vector(name):
    tape = assert_replays(lambda x: VECTOR[name](np, x), POINT)
    assert {step.op for step in tape.instructions} <= set(RECORDED)


@pytest.mark.parametrize("name", MATRIX)
def test_matrix(name):
    tape = assert_replays(lambda x: MATRIX[name](np, x), GRID)
    assert {step.op for step in tape.instructions} <= set(RECORDED)


@pytest.mark.every(2)
@pytest.mark.parametrize("name", sorted(VECTOR.keys() - PLAIN_ONLY))
def test_vector_autograd(name):
    assert_same(lambda x: VECTOR[name](anp, x), lambda x: VECTOR[name](np, x), POINT)


@pytest.mark.parametrize("name", sorted(MATRIX.keys() - PLAIN_ONLY))
def test_matrix_autograd(name):
    assert_same(lambda x: MATRIX[name](anp, x), lambda x: MATRIX[name](np, x), GRID)


def assert_same(through_autograd, plain, x):
    """The tape of a function written with autograd.numpy gives what NumPy gives."""
    tape = trace(through_autograd, [x])
    verify(tape)
    assert {step.op for step in tape.instructions} <= set(RECORDED)
    for point in (x, x * 0.9 + 0.02):
        np.testing.assert_allclose(
            evaluate(tape, point), np.asarray(plain(point), dtype=float), rtol=1e-12, atol=1e-12
        )


@given(program=random_functions())
def test_random_programs(program):
    tape = assert_replays(program.function, program.x0)
    assert {step.op for step in tape.instructions} <= set(RECORDED)


FROM_IMPORT = {
    "array": lambda x: imported_array([x[0] * x[1], x[2] + 1.0]),
    "nested": lambda x: imported_array([[x[0], 1.0], [2.0, x[1]]]) @ x[:2],
    "arrays": lambda x: imported_array([x, x**2]),
    "asarray": lambda x: np.sin(imported_asarray(x)) * 2 + np.concatenate([imported_asarray(x)]),
    "ufunc of objects": lambda x: np.exp(imported_array([x[0], x[1]])) + x[:2],
    "reduction of objects": lambda x: np.sum(imported_array([x[0], x[1]])) * imported_array(x),
}


@pytest.mark.parametrize("name", FROM_IMPORT)
def test_constructors_bound_before_the_trace(name):
    """``from numpy import array`` gives object arrays of traced scalars: slower, and as right."""
    assert_replays(FROM_IMPORT[name], POINT)


OUTPUTS = {
    "out": lambda x: np.sum(x, out=np.zeros(())),
    "out of concatenate": lambda x: np.concatenate([x, x], out=np.zeros(10)),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_are_written_into(name):
    assert_replays(OUTPUTS[name], POINT)


OPTIONS = {
    "dtype": lambda x: np.sum(x, dtype=int),
    "dtype of autograd": lambda x: anp.cumsum(x, dtype=np.float32),
    "casting": lambda x: np.mean(x, dtype=np.float32),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_are_refused(name):
    with pytest.raises(UnsupportedOperation, match="Leave it out"):
        trace(OPTIONS[name], [POINT])
