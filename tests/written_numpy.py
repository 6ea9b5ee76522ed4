"""NumPy's functions and Python's own in the small, as they stand in people's code."""

# ruff: noqa: B905, E501, RUF005, UP031, UP032  (as people write)
from __future__ import annotations

import builtins
import cmath
import math
import operator
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import reduce

import numpy as np
import scipy.constants
import scipy.special

X = np.array([0.47, 0.93, 0.23, 0.71])
A = np.arange(16.0).reshape(4, 4) / 16 + np.eye(4)

NUMPY = {
    "append": lambda x: np.append(np.append(x, 1.0), x[0] * x[1]),
    "append rows": lambda x: np.append(x.reshape(2, 2), [[x[0], 1]], axis=0),
    "r_": lambda x: np.r_[0, x**2, x[0], 1:3, [x[1], 2]],
    "c_": lambda x: np.c_[x, x**2, np.ones(4)],
    "r_ of strings": lambda x: np.r_["0,2", x, x],
    "hstack": lambda x: np.hstack([0, x, [1.0, 2.0], x[0] ** 2]),
    "vstack": lambda x: np.vstack((x, x**2))[:, ::-1],
    "column_stack": lambda x: np.column_stack([x, range(4), x[::-1]]),
    "concatenate with lists": lambda x: np.concatenate(([0.0], x, [x[-1]], [])),
    "stack": lambda x: np.stack([x, x * 2], axis=-1) @ np.array([1.0, x[0]]),
    "block": lambda x: np.block([[x[:2].reshape(1, 2), np.zeros((1, 2))], [x.reshape(2, 2)] * 2]),
    "insert": lambda x: np.insert(x**2, [0, 2], [x[0], 5.0]),
    "delete": lambda x: np.delete(x**2, 1) * np.delete(x, [-1]),
    "tile and repeat": lambda x: np.tile(x, 2) * np.repeat(x, 2),
    "flips": lambda x: np.flip(x) + np.flipud(x.reshape(2, 2)).ravel() + x[::-1],
    "roll": lambda x: np.roll(x, 1) * np.roll(x, -2) + np.roll(x.reshape(2, 2), 1, axis=0).ravel(),
    "diff": lambda x: np.diff(x, n=2) + np.diff(x, prepend=0.0)[:2] + np.ediff1d(x)[:2],
    "diff append": lambda x: np.diff(x, append=x[:1]),
    "gradient": lambda x: np.gradient(x, 0.5) + np.gradient(x**2, [0.0, 1, 3, 4]),
    "gradient 2-d": lambda x: np.array(np.gradient(np.outer(x, x), 0.1, 0.2)),
    "trapezoid": lambda x: [np.trapezoid(x), np.trapezoid(x, dx=0.1), np.trapezoid(x**2, [0, 1, 3, 4])],
    "trapezoid of traced points": lambda x: np.trapezoid(np.ones(4), x),
    "cumsum": lambda x: np.cumsum(x) + np.cumprod(x) + np.cumsum(x[::-1])[::-1],
    "cumulative 2-d": lambda x: np.cumsum(x.reshape(2, 2), axis=1),
    "convolve": lambda x: [np.convolve(x, [1, -1, 2]), np.convolve(x, x)[:6]],
    "polyval": lambda x: np.polyval([1, 2, 3], x) + np.polyval(x, 2.0),
    "polynomial": lambda x: np.polynomial.polynomial.polyval(x, [1.0, 2.0, 3.0]),
    "polynomial of traced": lambda x: np.polynomial.polynomial.polyval(np.array([0.1, 2]), x),
    "Polynomial": lambda x: np.polynomial.Polynomial([1.0, 2.0, 0.5])(x),
    "poly1d constant": lambda x: np.poly1d([1.0, 2.0, 0.5])(x),
    "poly1d traced": lambda x: np.poly1d(x)(2.0),
    "polymul": lambda x: np.polymul(x, [1.0, 2.0]),
    "chebval": lambda x: np.polynomial.chebyshev.chebval(x, [1.0, 2.0, 0.5, 0.1]),
    "legval": lambda x: np.polynomial.legendre.legval(x, [1.0, 2.0, 0.5, 0.1]),
    "polyder": lambda x: np.polyval(np.polyder([1.0, 2.0, 3.0]), x) + np.polyder(x).sum(),
    "polyint": lambda x: np.polyint(x),
    "polyadd": lambda x: np.polyadd(x, [1.0, 2.0]),
    "polyfit": lambda x: np.polyfit([0.0, 1, 2, 4], x, 1),
    "lstsq": lambda x: np.linalg.lstsq(A[:, :2], x, rcond=None)[0],
    "vander": lambda x: np.vander(x, 3) @ [1, 2, 3],
    "meshgrid": lambda x: np.multiply(*np.meshgrid(x, x[:2], indexing="ij")),
    "mgrid": lambda x: np.mgrid[0:2, 0:2].sum(0) * x.reshape(2, 2),
    "ogrid": lambda x: sum(np.ogrid[0:2, 0:2]) * x.reshape(2, 2),
    "ix_": lambda x: np.outer(x, x)[np.ix_([0, 2], [1, 3])],
    "indices": lambda x: x[np.indices((2, 2))[0]] * x[np.indices((2, 2))[1]],
    "ndindex": lambda x: [x.reshape(2, 2)[i] ** 2 for i in np.ndindex(2, 2)],
    "ndenumerate": lambda x: [v * (i[0] + 1) for i, v in np.ndenumerate(x)],
    "nditer of a constant": lambda x: sum(float(v) * x for v in np.nditer(np.arange(3.0))),
    "interp": lambda x: np.interp(x, [0.0, 0.4, 1.0], [1.0, 3.0, 2.0]),
    "median": lambda x: np.median(x) * x[0],
    "median axis": lambda x: np.median(np.outer(x, x), axis=0),
    "nanmedian": lambda x: np.nanmedian(x) + x[1],
    "percentile": lambda x: np.percentile(x, 25) + x[1],
    "quantile": lambda x: np.quantile(x, [0.1, 0.6]),
    "average": lambda x: np.average(x, weights=[1, 2, 3, 4]) + np.average(x.reshape(2, 2), axis=0),
    "weighted average": lambda x: np.average([1.0, 2, 3, 4], weights=x),
    "cov": lambda x: np.cov(x, [1.0, 2, 0, 1]),
    "cov matrix": lambda x: np.cov(np.vstack([x, x**2])),
    "corrcoef": lambda x: np.corrcoef(x, [1.0, 2, 0, 1])[0, 1],
    "histogram of constants": lambda x: x * np.histogram([1, 2, 2, 3], bins=4)[0],
    "logspace": lambda x: np.logspace(x[0], x[1], 4),
    "linspace": lambda x: np.linspace(x[0], x[1] * 2, 5),
    "linspace endpoint": lambda x: np.linspace(0, x[0], 3, endpoint=False) * 2,
    "geomspace": lambda x: np.geomspace(x[0], x[1], 3),
    "arange": lambda x: x[0] + np.arange(3) * x[1],
    "full": lambda x: np.full(3, x[0]) + np.full((3,), fill_value=x[1]) + np.full_like(x, x[2])[:3],
    "ones times": lambda x: np.ones(3) * x[0] + np.ones_like(x)[:3] * x[1],
    "eye times": lambda x: np.eye(2) * x[0] + np.identity(2) * x[:2],
    "diag": lambda x: np.diag(x[:2]) + np.diag([x[0]], k=1) + np.diagflat(x[:1], -1),
    "diagonal": lambda x: np.outer(x, x).diagonal() + np.diag(np.outer(x, x), 0),
    "toeplitz": lambda x: np.array([[x[abs(i - j)] for j in range(3)] for i in range(3)]),
    "kron": lambda x: np.kron(x[:2], [1, 2]) + np.kron(np.eye(2), x.reshape(2, 2))[0],
    "einsum": lambda x: np.einsum("i,ij,j", x, A, x) + np.einsum("ii", np.outer(x, x)),
    "einsum of lists": lambda x: np.einsum("ij,j->i", [[1, 2, 3, 4], [5, 6, 7, 8]], x),
    "tensordot": lambda x: np.tensordot(A, x, axes=1) + np.tensordot(x, A, ([0], [1])),
    "outer": lambda x: np.outer(x, [1, 2]) + np.multiply.outer(x, x[:2]) + np.add.outer(x, [0, 1]),
    "cross": lambda x: np.cross(x[:3], [1, 0, 2]) + np.cross([0, 1, 1], x[1:]),
    "inner": lambda x: np.inner(x, x) + np.vdot(x, x) + np.dot(x, x) + x @ x + x.dot(x),
    "matrix_power": lambda x: np.linalg.matrix_power(x.reshape(2, 2), 3),
    "multi_dot": lambda x: np.linalg.multi_dot([x.reshape(2, 2), np.eye(2), x[:2]]),
    "solve": lambda x: np.linalg.solve(A + np.diag(x), x),
    "inv": lambda x: np.linalg.inv(A) @ x + np.linalg.inv(np.diag(x) + A)[0],
    "pinv": lambda x: np.linalg.pinv(A[:, :2]) @ x,
    "det": lambda x: np.linalg.det(np.diag(x) + A) + np.linalg.slogdet(np.diag(x) + A)[1],
    "eigh": lambda x: np.linalg.eigh(np.diag(x))[0] + np.linalg.eigvalsh(np.diag(x) + 0.1),
    "cholesky": lambda x: np.linalg.cholesky(np.diag(x) + 0.1)[2],
    "qr of constants": lambda x: np.linalg.qr(A)[1] @ x,
    "norm by axis": lambda x: np.linalg.norm(x.reshape(2, 2), axis=1, keepdims=True),
    "trace": lambda x: np.trace(np.outer(x, x)) + np.outer(x, x).trace(offset=1),
    "clip": lambda x: np.clip(x, 0.3, None) + x.clip(0.1, 0.6) + np.clip(x, a_min=0.4, a_max=0.8),
    "where": lambda x: np.where(x > 0.6, x, 0) + np.where([1, 0, 1, 0], x**2, 1),
    "where of rows": lambda x: np.where((x > 0.6) & (x < 0.8) | ~(x > 0.3), x, x**2),
    "minimum": lambda x: np.minimum(x, 0.6) + np.fmax(x, [0.1, 1, 1, 0.2]) + np.minimum.reduce(x),
    "max and min": lambda x: [x.max(), np.max(x), np.amin(x), x.min(), np.ptp(x), max(x), min(x)],
    "max initial": lambda x: [np.max(x, initial=0.6), np.sum(x, initial=1.0), np.prod(x, where=x > 0)],
    "sum where": lambda x: np.sum(x, where=[True, False, True, True]),
    "sort": lambda x: np.sort(x) * [1, 2, 3, 4] + np.sort(x)[::-1],
    "sorted by key of constants": lambda x: [x[i] for i in sorted(range(4), key=lambda i: -i)],
    "argmax of constants": lambda x: x * np.argmax([1, 3, 2]) + x[np.argsort([3, 1, 2, 0])],
    "searchsorted of constants": lambda x: x * np.searchsorted([0.0, 1.0, 2.0], 0.5),
    "nonzero of constants": lambda x: x[np.nonzero([1, 0, 1, 1])] * x[np.flatnonzero([1, 0, 1, 1])],
    "unique of constants": lambda x: x[np.unique([0, 1, 1, 3])],
    "bincount": lambda x: np.bincount([0, 1, 1, 2], weights=x),
    "bincount minlength": lambda x: np.bincount(np.array([0, 1, 1, 0]), x, minlength=4),
    "add.at": lambda x: _added_at(x),
    "add.reduceat": lambda x: np.add.reduceat(x, [0, 2]),
    "apply_along_axis": lambda x: np.apply_along_axis(lambda r: r[0] * r, 1, x.reshape(2, 2)),
    "vectorize": lambda x: np.vectorize(lambda v, k: v**2 + k)(x, 2),
    "frompyfunc": lambda x: np.frompyfunc(lambda v: v * 2, 1, 1)(x).astype(float),
    "fromfunction": lambda x: np.fromfunction(lambda i, j: x[0] * i + j * x[1], (2, 3)),
    "fromiter": lambda x: np.fromiter((v * v for v in x), float, count=4),
    "piecewise": lambda x: np.piecewise(x, [x < 0.6], [lambda v: v**2, 1.0]),
    "select": lambda x: np.select([x < 0.3, x < 0.6], [x, x**2], 0.5),
    "choose of constants": lambda x: np.choose([0, 1, 0, 1], [x, x**2]),
    "take": lambda x: np.take(x, [0, 2]) + x.take([1, 1]) + np.take_along_axis(x, np.array([0, 3]), 0),
    "compress": lambda x: np.compress([1, 0, 1, 0], x) + np.extract([0, 1, 0, 1], x),
    "squeeze": lambda x: np.squeeze(x[:, None]) + x[None, :].squeeze() + np.expand_dims(x, 0)[0],
    "newaxis": lambda x: (x[:, np.newaxis] - x[np.newaxis, :]) ** 3,
    "transposes": lambda x: x.reshape(2, 2).T @ np.transpose(x.reshape(2, 2)) + np.swapaxes(A[:2, :2], 0, 1),
    "moveaxis": lambda x: np.moveaxis(x.reshape(2, 1, 2), 0, -1) * np.rollaxis(x.reshape(1, 2, 2), 2),
    "reshapes": lambda x: x.reshape(-1, 2) + np.reshape(x, (2, 2), order="F") + x.reshape(2, -1).T,
    "ravel order": lambda x: x.reshape(2, 2).ravel("F") * x.reshape(2, 2).flatten(order="C"),
    "split": lambda x: np.multiply(*np.split(x, 2)) + np.hsplit(x, 2)[0] + np.array_split(x, 3)[0],
    "unpacked split": lambda x: (lambda a, b: a - b)(*np.array_split(x, [2])),
    "pad": lambda x: np.pad(x, (1, 2), "edge") + np.pad(x, 1, mode="wrap")[0] + np.pad(x, [(2, 1)])[0],
    "pad reflect": lambda x: np.pad(x, 2, mode="reflect"),
    "triu": lambda x: np.triu(np.outer(x, x), 1) + np.tril(np.outer(x, x)),
    "tri indices": lambda x: np.outer(x, x)[np.tril_indices(4, -1)],
    "broadcast_to": lambda x: np.broadcast_to(x, (2, 4)) * np.ones((2, 1)),
    "atleast": lambda x: np.atleast_2d(x) + np.atleast_1d(x[0]) + np.atleast_3d(x[0]),
    "nan_to_num": lambda x: np.nan_to_num(x / 0.3) + np.nan_to_num([np.nan]) + np.nansum(x),
    "isclose": lambda x: np.where(np.isclose(x, 0.5), x, x**2),
    "logical": lambda x: np.where(np.logical_and(x > 0.3, np.logical_not(x > 0.8)), x, 0),
    "float_power": lambda x: np.float_power(x, 2) + np.square(x) + np.power(x, 3) + 2**x + x**x,
    "divide where": lambda x: np.divide(1.0, x, out=np.zeros_like(x), where=np.array([1, 0, 1, 1]) > 0),
    "ufunc out": lambda x: np.exp(x, out=np.empty(4)) + np.add(x, 1, np.zeros(4)),
    "reciprocals": lambda x: np.reciprocal(x) + np.cbrt(x) + np.log1p(x) + np.expm1(x) + np.exp2(x),
    "trigonometry": lambda x: np.arctan2(x, 2) + np.arcsin(x) + np.deg2rad(x) + np.sinc(x) + np.hypot(x, 1),
    "hyperbolic": lambda x: np.sinh(x) + np.arctanh(x) + np.arccosh(1 + x) + np.unwrap(x * 0.1),
    "rounding": lambda x: np.floor(x * 3) + np.rint(x) + np.mod(x, 0.3) + x % 0.3 + x // 0.3 + np.fix(x),
    "angle": lambda x: np.angle(x + 1j * x**2) + np.abs(x + 2j),
    "complex parts": lambda x: (x * (1 + 2j)).real + np.imag(x * 1j) + (x * 1j * np.conj(x)).imag,
    "complex polar": lambda x: np.abs(x * np.exp(1j * x)) + np.real(np.exp(1j * x)),
    "complex number": lambda x: [complex(1, 2).real * x[0], (x[0] + 2j).imag, abs(x[1] + 1j)],
    "cmath of constants": lambda x: x * cmath.exp(1j).real,
    "fft of constants": lambda x: x * np.fft.fft([1.0, 2.0, 3.0, 4.0]).real,
    "float64": lambda x: [np.float64(x[0]) * 2, np.double(x[1])],
    "float64 of an array": lambda x: np.float64(x) * 2,
    "astype": lambda x: x.astype(float) + x.astype(np.float64) + x.astype("float64") + x.astype("d"),
    "dtype names": lambda x: np.array(x, dtype=np.double) + np.asarray(x, "f8") + np.array(x, float),
    "array of array": lambda x: np.array(x) + np.array([x])[0] + np.array([x[0], *x[1:]]),
    "array ndmin": lambda x: np.array(x, ndmin=2) + np.asanyarray(x) + np.ascontiguousarray(x),
    "array copy false": lambda x: np.array(x, copy=False) if np.__version__ < "2" else np.asarray(x),
    "item": lambda x: x[0].item() + x.item(2) + np.sum(x).item() + x[:1].item(),
    "item of a matrix": lambda x: x.reshape(2, 2).item(1, 0) * x.reshape(2, 2).item((0, 1)),
    "tolist": lambda x: [a * b for a, b in zip(x.tolist(), x[::-1].tolist())],
    "float": lambda x: float(x[0]) + float(np.sum(x)) + float(x @ x),
    "float of one element": lambda x: float(x[:1].sum()) + float(np.squeeze(x[1:2])),
    "list": lambda x: list(x) + [0.0] + list(x[:2] * 2),
    "map": lambda x: list(map(math.exp, x)) + list(map(lambda a, b: a * b, x, x[1:])),
    "map float": lambda x: np.array(list(map(float, x))),
    "filter of constants": lambda x: [x[i] for i in filter(lambda i: i % 2, range(4))],
    "enumerate": lambda x: [v * i for i, v in enumerate(x, 1)],
    "reversed": lambda x: list(reversed(x)),
    "zip": lambda x: [a - b for a, b in zip(x[1:], x)] + [v for pair in zip(x, x) for v in pair],
    "sum of lists": lambda x: sum([x[0], x[1]], start=x[2]) + sum(v for v in x) + sum(x, 1.0),
    "reduce": lambda x: reduce(operator.mul, x) + reduce(lambda a, b: a + b**2, list(x), 0.0),
    "operator": lambda x: operator.add(x[0], operator.truediv(x[1], x[2])) - operator.neg(x[3]),
    "pow": lambda x: pow(x[0], 2) + x[1] ** 0.5 + math.pow(x[2], 3) + 2.0 ** x[3] + x[0] ** -1,
    "abs": lambda x: abs(x - 0.6) + [abs(v) for v in x] + math.fabs(x[0]),
    "round": lambda x: round(x[0], 1) * x[1] + np.round(x[2], 2) * x[3],
    "divmod": lambda x: [*divmod(x[0], 0.3), x[1] // 0.2],
    "max of two": lambda x: max(x[0], 0.6) * min(x[1], x[2]) + max(0, x[3]) + min([x[0], 5])
    + max((x[0], x[1], 0)),
    "max default": lambda x: max([v for v in x], default=0) + max((v for v in x[:0]), default=1.0),
    "max of generator": lambda x: max(v**2 for v in x) + min(abs(v - 0.3) for v in x),
    "max of an array and numbers": lambda x: max(x.tolist()) + min(*x),
    "numpy max of list": lambda x: np.max([x[0], x[1]]) + np.min((x[2], 0.9)) + np.sum([x[0], 1]),
    "numpy of lists": lambda x: np.sqrt([x[0], x[1], 2]) + np.exp([*x[:3]]) + np.mean([x[0], x[1]]),
    "numpy of nested lists": lambda x: np.dot([[x[0], 1], [0, x[1]]], [x[2], x[3]]),
    "list times array": lambda x: [1, 2, 3, 4] * x + x * (1, 2, 3, 4) + [x[0], 1, 2, x[1]] * x,
    "matmul of lists": lambda x: [[1, 2], [3, 4]] @ x[:2] + x[2:] @ [[1, 2], [3, 4]],
    "isinstance": lambda x: [v * 2 if isinstance(v, float) else v for v in x],
    "isinstance iterable": lambda x: x * 2 if isinstance(x, Iterable) and not isinstance(x[0], Iterable)
    else x,
    "isinstance of a sequence": lambda x: x if isinstance(x, (list, Sequence)) else x * 3,
    "np.isscalar": lambda x: x * 2 if np.isscalar(x[0]) and not np.isscalar(x) else x,
    "np.ndim": lambda x: x * (np.ndim(x) + np.ndim(x[0]) + np.size(x) + np.shape(x)[0] + len(x)),
    "np.iterable": lambda x: x * 2 if np.iterable(x) and not np.iterable(x[0]) else x,
    "issubdtype": lambda x: x * 2 if np.issubdtype(x.dtype, np.floating) else x,
    "dtype is float": lambda x: x * 2 if x.dtype == np.float64 and x.dtype.kind == "f" else x,
    "type": lambda x: x * 2 if type(x) is np.ndarray and type(x[0]) is not float else x,
    "type called": lambda x: type(x)((2,)).fill(0) or x * 2,
    "hasattr": lambda x: x * 2 if hasattr(x, "shape") and not hasattr(x[0], "__len__") else x,
    "is None": lambda x: x * 2 if x is not None and x[0] is not None else x,
    "try float": lambda x: _try_float(x),
    "try len": lambda x: _try_len(x),
    "percent format": lambda x: x * len("%8.3f %d %s" % (x[0], 3, 2)),
    "str.format": lambda x: x * len("{:8.3f}|{!r:4.4}".format(x[0], 1)),
    "join": lambda x: x * len(", ".join(["%6.2f" % v for v in x])),
    "Fraction": lambda x: x * float(Fraction(1, 3)) + x[0] * Fraction(1, 2).numerator,
    "constants": lambda x: scipy.constants.g * x + np.pi * np.e + np.euler_gamma + math.tau,
    "special": lambda x: scipy.special.erf(x) + scipy.special.gamma(x) + scipy.special.expit(x),
    "logsumexp": lambda x: scipy.special.logsumexp(x) + scipy.special.softmax(x),
    "builtins": lambda x: builtins.sum(x) + builtins.pow(x[0], 0.1) + builtins.abs(x[1]),
    "fsum": lambda x: math.fsum(v * v for v in x) + math.prod(x) + math.dist(x[:2], x[2:]),
    "isnan": lambda x: np.where(np.isnan(x), 0, x) * (1 - np.isinf(x)),
    "sumprod": lambda x: math.sumprod(x, x) if hasattr(math, "sumprod") else x @ x,
    "errstate": lambda x: np.errstate(all="ignore").__enter__() or x * 2,
    "lambda chain": lambda x: (lambda f: f(f(x)))(lambda v: v**2 + 1),
    "slice objects": lambda x: x[slice(0, 2)] * x[slice(None, None, 2)] + x[-2:] + x[(0, 1),],
    "negative steps": lambda x: x[::-2] + x[-1:-3:-1] + x[[-1, 0]],
    "ellipsis": lambda x: x.reshape(2, 2)[..., 0] + x.reshape(2, 2)[:, -1] + x[..., :2],
    "index by tuple": lambda x: x.reshape(2, 2)[(1, 0)] + x.reshape(2, 2)[1][0] + x[np.int64(1)],
    "index by lists": lambda x: x.reshape(2, 2)[[0, 1], [1, 0]] + x[np.array([[0, 1]])][0],
    "mask of constants": lambda x: x[np.arange(4) % 2 == 0] + x[[True, False, True, False]],
    "length zero": lambda x: np.concatenate([x[:0], x, np.zeros(0)]) + np.sum(x[4:]) + x[:0].prod(),
    "swap": lambda x: _swap(x),
    "augmented": lambda x: _augmented(x),
    "pop": lambda x: _pop(list(x)),
    "del": lambda x: _deleted(list(x)),
    "list assignment": lambda x: _list_assignment(x),
    "array of object": lambda x: np.array([x[0], x[1]], dtype=object).sum() * 2,
    "string multiply": lambda x: x * len("ab" * 2),
    "sum axis tuple": lambda x: np.sum(np.outer(x, x).reshape(2, 2, 4), axis=(0, 2)),
    "mean keepdims": lambda x: x.reshape(2, 2) - x.reshape(2, 2).mean(axis=1, keepdims=True),
    "std": lambda x: [x.std(), np.std(x, ddof=1), x.var(), np.var(x.reshape(2, 2), axis=0)[0]],
    "normalize": lambda x: (x - x.mean()) / x.std() + (x - x.min()) / (x.max() - x.min()),
    "masked assign": lambda x: _masked_assign(x),
    "put": lambda x: _put(x),
    "flat": lambda x: [v * 2 for v in x.reshape(2, 2).flat],
    "iterate rows": lambda x: np.array([row @ row for row in x.reshape(2, 2)]),
    "iterate transposed": lambda x: [a * b for a, b in x.reshape(2, 2).T],
    "any of comparisons of constants": lambda x: x * 2 if np.any(np.array([1, 2]) > 1) else x,
    "all shapes": lambda x: x * 2 if x.shape == (4,) and x.size == 4 and x.ndim == 1 else x,
    "array equal shapes": lambda x: x * 2 if np.shape(x) == np.shape(A[0]) else x,
    "copyto": lambda x: _copyto(x),
    "memoryless where": lambda x: np.where(True, x, 0) + (x if True else 0),
    "ones dot": lambda x: np.ones((1, 4)).dot(x) + np.array([1, 2, 3, 4]).dot(x) + A.dot(x)[0],
    "lists of arrays": lambda x: np.array([x[:2], x[2:]]).sum(axis=0) + np.sum([x[:2], x[2:]], axis=0),
    "random constants": lambda x: x * np.random.default_rng(3).normal(size=4),
    "linear combination": lambda x: np.dot([x[0], x[1]], [x[2], 3]) + np.outer([x[0]], x)[0],
    "array function kwargs": lambda x: np.sum(a=x) + np.mean(a=x, axis=0) + np.dot(a=x, b=x),
    "true divide": lambda x: np.true_divide(x, 3) + x / np.float64(3) + np.float64(3) / x + 1 / x,
    "np scalar left": lambda x: np.float64(2) * x[0] + np.int64(2) * x + np.float64(2) ** x,
    "np bool": lambda x: np.bool_(True) * x + True * x[0] + (x > 0.6) * x,
    "comparisons as numbers": lambda x: (x > 0.6).astype(float) * x + np.sum(x > 0.6) * x[0],
    "count_nonzero": lambda x: np.count_nonzero(x > 0.6) * x,
    "sign": lambda x: np.sign(x - 0.6) * x + np.copysign(x, -1) + np.heaviside(x - 0.6, 1.0),
}  # fmt: skip


def _added_at(x):
    r = np.zeros(3)
    np.add.at(r, [0, 1, 1, 2], x)
    np.subtract.at(r, [0], x[:1] ** 2)
    return r


def _try_float(x):
    try:
        return float(x[0]) * x
    except TypeError:
        return x


def _try_len(x):
    try:
        n = len(x[0])
    except TypeError:
        n = 1
    return n * x


def _swap(x):
    y = x.copy()
    y[0], y[1] = y[1], y[0] * 2
    y[[2, 3]] = y[[3, 2]]
    return y


def _augmented(x):
    y = x * 1
    y += 1
    y -= x[0]
    y *= x
    y /= 2
    y **= 2
    y %= 0.3
    z = x[0]
    z += 2
    z *= x[1]
    return y * z


def _pop(parts):
    last = parts.pop()
    first = parts.pop(0)
    parts.reverse()
    return [last * first, *parts]


def _deleted(parts):
    del parts[1]
    parts[:1] = [parts[0] ** 2, 1.0]
    return parts * 2


def _list_assignment(x):
    rows = [[0] * 2 for _ in range(2)]
    rows[0][1] = x[0] * x[1]
    rows[1] = list(x[2:])
    return np.asarray(rows)


def _masked_assign(x):
    y = np.array(x)
    y[y > 0.6] = 0.6
    y[np.array([True, False, False, False])] *= 3
    return y


def _put(x):
    y = np.zeros(5)
    np.put(y, [0, 3], x[:2])
    y.put([1], x[2])
    return y


def _copyto(x):
    y = np.empty((2, 4))
    np.copyto(y, x)
    y[1, :] = 2
    return y


WRITTEN_NUMPY = {name: (f, (X,), 0) for name, f in NUMPY.items()}
