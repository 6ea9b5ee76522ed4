"""Every operation that a traced function may use, each as a small plain-NumPy function.

`CASES` maps a name to a `Case`: the function, the shape of its argument, and the interval from
which random points are drawn.
"""

# ruff: noqa: B008, E501, F401, SIM905  (tables are words and expressions, which are evaluated)
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import autograd.scipy.linalg as al
import autograd.scipy.signal as asig
import autograd.scipy.special as asp
import autograd.scipy.stats as ast
import numpy as np
import scipy.sparse as sp
import scipy.special as ssp
from autograd import grad
from autograd.numpy.linalg import det

A = np.random.default_rng(5).standard_normal((4, 6))
B = np.random.default_rng(6).standard_normal((6, 3))
M = 4.0 * np.eye(3) + np.random.default_rng(7).standard_normal((3, 3))
S = sp.random_array((5, 6), density=0.4, rng=np.random.default_rng(8), format="csr")
PICK = np.array([4, 0, 0, -2, 5])
BANDS = np.array([[0.0, 1.0, 1.0], [4.0, 4.0, 4.0], [1.0, 1.0, 0.0]])
MASK = np.array([True, False, True, True, False, True])


@dataclass(frozen=True)
class Case:
    function: Callable[[Any], Any]
    shape: tuple[int, ...] = (6,)
    low: float = 0.2
    high: float = 0.9
    second: bool = True  # whether there are second derivatives


CASES: dict[str, Case] = {}


def add(name: str, function: Callable[[Any], Any], shape: Any = (6,), **options: Any) -> None:
    assert name not in CASES, name
    CASES[name] = Case(function, shape if isinstance(shape, tuple) else (shape,), **options)


def functions(table: str) -> list[tuple[str, Callable[[Any], Any]]]:
    """Read lines ``name: expression in x``."""
    rows = [line.split(": ", 1) for line in table.strip().splitlines()]
    return [(name, eval(f"lambda x: {text}", globals())) for name, text in rows]


# ----- elementwise, one argument: (names, interval) -----

_UNARY = {
    (0.2, 0.9): """abs absolute arccos arcsin arctan arctanh arcsinh cbrt cos cosh exp exp2 expm1
        log log10 log1p log2 negative positive reciprocal sign sin sinh sqrt square tan tanh
        fabs floor ceil trunc rint fix sinc deg2rad rad2deg radians degrees conj conjugate real
        i0 nan_to_num isfinite isinf isnan isposinf isneginf logical_not real_if_close round""",
    (-3.9, -0.1): """abs cbrt sinc exp expm1 tanh sinh arcsinh arctan reciprocal square sign floor
        ceil trunc rint exp2 cos sin""",
    (1.1, 3.0): "arccosh log sqrt cbrt",
}  # fmt: skip
for (_low, _high), _names in _UNARY.items():
    for _name in _names.split():
        _f = getattr(np, _name)
        add(f"{_name} on {_low}", lambda x, f=_f: f(x) * x, low=_low, high=_high)

add("signbit", lambda x: np.where(np.signbit(x - 0.5), x**2, x**3))
add("imag", lambda x: np.imag(x) + x)
add("angle", lambda x: np.angle(x) + x**2)
add("astype bool", lambda x: x.astype(bool) * x)
add("astype float", lambda x: x.astype(float) ** 2)
add("astype int", lambda x: x.astype(int) + x**2, low=1.1, high=4.9)
add("round decimals", lambda x: np.round(x, 1) * x)
add("invert", lambda x: np.where(~(x > 0.5), x, x**2))
add("isclose", lambda x: np.where(np.isclose(x, 0.5), 1.0, x**2))

# ----- elementwise, two arguments -----

for _name in """add arctan2 copysign divide fmax fmin hypot logaddexp logaddexp2 maximum minimum
        multiply power subtract true_divide float_power""".split():  # fmt: skip
    _f = getattr(np, _name)
    add(f"{_name} traced", lambda x, f=_f: f(x[:3], x[3:]))
    add(f"{_name} right", lambda x, f=_f: f(x, 0.55))
    add(f"{_name} left", lambda x, f=_f: f(1.3, x) * x)
    add(f"{_name} outer", lambda x, f=_f: f(x[:2, None], x[None, 2:]))
for _name in "floor_divide fmod remainder mod heaviside".split():
    _f = getattr(np, _name)
    add(f"{_name} traced", lambda x, f=_f: f(5.0 * x[:3], x[3:]) * x[0])
    add(f"{_name} negative", lambda x, f=_f: f(-5.0 * x[:3], x[3:]) * x[0])
    add(f"{_name} constant", lambda x, f=_f: f(x, 0.3) * x)
    add(f"{_name} of constant", lambda x, f=_f: f(7.3, x) * x)
for _name in "less less_equal greater greater_equal equal not_equal".split():
    add(f"{_name}", lambda x, f=getattr(np, _name): np.where(f(x, 0.5), x**2, np.sin(x)))
for _name in "logical_and logical_or logical_xor".split():
    add(
        _name,
        lambda x, f=getattr(np, _name): np.where(f(x > 0.4, x[::-1] < 0.6), x**2, np.sin(x)),
    )
add("bitwise", lambda x: np.where((x > 0.4) & (x < 0.7) | (x > 0.8) ^ (x < 0.3), x**2, x**3))
add("comparison times value", lambda x: (x > 0.5) * x**2 + (x <= 0.5) * np.exp(x))
add("divmod", lambda x: np.concatenate(np.divmod(x * 3.0, 0.7)))
add("modf", lambda x: np.concatenate(np.modf(x * 3.0)))
add("ldexp", lambda x: np.ldexp(x, 3) ** 2)
add("operators", lambda x: -(+x) * 2 / (1 + x) - 3 // 1 + 2**x + abs(x) + x % 0.7 + 7 // x)
add(
    "powers",
    lambda x: np.stack([x**k for k in (-3, -2, -1, -0.5, 0, 0.5, 1, 2, 3, 4, 7, 17, 2.5)]),
    low=0.7,
    high=1.2,
)
add(
    "negative powers",
    lambda x: np.stack([x**k for k in (-4, -1, 0, 1, 2, 3, 5)]),
    low=-2.0,
    high=-0.3,
)
add("power of arrays", lambda x: x ** np.array([0.0, 1.0, 2.0, -1.0, 0.5, 3.0]))
add("power of traced", lambda x: x ** x[::-1])
add("exponent traced, base negative power", lambda x: (x**-2.0) ** (x[0] + x))

# ----- choices -----

add("where scalar", lambda x: np.where(x[0] > 0.5, x**2, x**3))
add("where constant", lambda x: np.where(MASK, x**2, np.sin(x)))
add("where broadcast", lambda x: np.where(x[:2, None] > 0.5, x[None, :] ** 2, 0.0))
add(
    "where kept finite",
    lambda x: np.where(x > 0.0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0),
    low=-0.9,
)
add("clip", lambda x: np.clip(x**2, 0.1, 0.4))
add("clip one side", lambda x: np.clip(x, None, 0.5) * np.clip(x, 0.4, None))
add("clip array bounds", lambda x: np.clip(x, np.linspace(0, 0.9, 6), 0.95) * x)
add("clip traced bounds", lambda x: np.clip(x, x[::-1] * 0.9, 0.8))
add("clip method", lambda x: x.clip(0.3, 0.6) * x)
add("clip keywords", lambda x: np.clip(x, min=0.3, max=0.6) * x)
add("select", lambda x: np.select([x < 0.3, x < 0.6], [x, x**2], x**3))
add("piecewise", lambda x: np.piecewise(x, [x < 0.5, x >= 0.5], [np.sin, lambda t: t**2]))
add("interp x", lambda x: np.interp(x, [0.0, 0.35, 0.6, 1.0], [1.0, 3.0, -1.0, 2.0]))
add("interp heights", lambda x: np.interp(x[:2], [0.0, 0.4, 0.6, 1.0], x[2:]))
add("interp outside", lambda x: np.interp(x, [0.4, 0.5], [1.0, 3.0], left=-1.0))
add("choose by minimum chains", lambda x: np.minimum(np.maximum(x, x[::-1]), np.abs(x - 0.4)))

# ----- indexing -----

for _text in """x[0] x[-1] x[1:4] x[::-1] x[::2] x[-2::-2] x[5:1:-1] x[...] x[None] x[:,None]
        x[PICK] x[PICK.tolist()] x[PICK[:,None]] x[MASK] x[[0,0,0]] x[-3:] x[2:2] x[np.int64(2)]
        x[(slice(1,3),)] x[np.arange(6)[::-1]]""".split():  # fmt: skip
    add(_text, eval(f"lambda x: np.sin({_text})"))
for _text in """x[0] x[:,1] x[1,...] x[...,None,:] x[1:,::-2] x[[1,0],[2,2]] x[[1,0,1]] x[:,[2,0]]
        x[np.ix_([1,0],[0,2])] x[1][::-1] x[x.shape[0]-1,-1] x[np.array([[True,False,True],[False,True,True]])]
        x.T[0] x[None,1:,None,:2] x[-1,-1] x[:,::-1][::-1]""".split():  # fmt: skip
    add(f"{_text} of a matrix", eval(f"lambda x: np.sin({_text})"), (2, 3))
add("x[:,1,...] of a cube", lambda x: x[:, 1, ...] * x[0, :1, :], (2, 3, 4))
add("x[0, :, [1, 3]] of a cube", lambda x: x[0, :, [1, 3]] ** 2, (2, 3, 4))
add("x[..., [0, 1], :, [1]] of a cube", lambda x: x[[0, 1], :, [1]] ** 2, (2, 3, 4))
add("take", lambda x: np.take(x, PICK) * x[0])
add("take axis", lambda x: np.take(x, [2, 0, 0], axis=1) ** 2, (2, 3))
add("take_along_axis", lambda x: np.take_along_axis(x, np.array([[2, 0], [1, 1]]), 1) ** 2, (2, 3))
add("compress", lambda x: np.compress(MASK, x) ** 2)
add("extract", lambda x: np.extract(MASK, x) ** 2)
add("delete", lambda x: np.delete(x, [1, 3]) ** 2)
add("insert", lambda x: np.insert(x, 2, x[0] * x[1]) ** 2)
add("append", lambda x: np.append(x, x[:2] ** 2))
add("iteration", lambda x: np.array([a * b for a, b in zip(x, x[::-1], strict=True)]))
add("tuple unpacking", lambda x: (lambda a, b, *c: a * b + c[0] * c[-1])(*x))

# ----- movement -----

_MOVEMENT = """
reshape: x.reshape(3, 2)
reshape -1: np.reshape(x, (-1, 2))
reshape F: np.reshape(x, (3, 2), order='F')
ravel: np.ravel(x)
ravel F: x.ravel(order='F')
flatten: x.flatten()
flat: x.flat[1:]
transpose: np.transpose(x)
T: x.T
mT: x.mT
swapaxes: np.swapaxes(x, 0, 1)
moveaxis: np.moveaxis(x, 0, -1)
rollaxis: np.rollaxis(x, 1)
flip: np.flip(x)
flip axis: np.flip(x, 1)
fliplr: np.fliplr(x)
flipud: np.flipud(x)
rot90: np.rot90(x)
roll: np.roll(x, 2)
roll axis: np.roll(x, -1, axis=1)
roll both: np.roll(x, (1, -2), axis=(0, 1))
repeat: np.repeat(x, 2)
repeat axis: np.repeat(x, 3, axis=-1)
repeat counts: np.repeat(x, [2, 0], axis=0)
tile: np.tile(x, 2)
tile both: np.tile(x, (2, 1, 2))
squeeze: np.squeeze(x[None, :, :1])
squeeze axis: np.squeeze(x[:, None], axis=1)
expand_dims: np.expand_dims(x, (0, 2))
atleast_1d: np.atleast_1d(x[0, 0])
atleast_2d: np.atleast_2d(x[0])
atleast_3d: np.atleast_3d(x)
broadcast_to: np.broadcast_to(x[:, :1], (2, 4))
broadcast_arrays: np.add(*np.broadcast_arrays(x[:1], x[:, :1]))
concatenate: np.concatenate([x, x[:1] ** 2])
concatenate axis: np.concatenate((x, x[:, :1]), axis=-1)
concatenate none: np.concatenate([x, x[0][None]], axis=None)
concat: np.concat([x, np.ones((1, 3))])
stack: np.stack([x[0], x[1] * x[0]], axis=1)
hstack: np.hstack([x, x ** 2])
vstack: np.vstack([x, x[0] * x[1]])
dstack: np.dstack([x, x ** 2])
column_stack: np.column_stack([x[0], x[1]])
block: np.block([[x, x ** 2], [np.zeros((1, 6))]])
split: np.split(x, [1], axis=1)[1]
array_split: np.array_split(x, 2, axis=1)[0]
hsplit: np.hsplit(x, 3)[1]
vsplit: np.vsplit(x, 2)[0]
unstack: np.unstack(x)[1]
pad: np.pad(x, 1)
pad mixed: np.pad(x, ((0, 1), (2, 0)), constant_values=3.0)
pad edge: np.pad(x, ((1, 0), (0, 2)), mode='edge')
pad wrap: np.pad(x, 1, mode='wrap')
pad reflect: np.pad(x, ((0, 0), (1, 1)), mode='reflect')
pad symmetric: np.pad(x, 2, mode='symmetric')
diag of vector: np.diag(x[0])
diag offset: np.diag(x[0], -1)
diag of matrix: np.diag(x)
diag of matrix offset: np.diag(x, 1)
diagonal: np.diagonal(x, 1)
diagflat: np.diagflat(x[1])
tril: np.tril(x)
triu: np.triu(x, 1)
trace: np.trace(x)
meshgrid: np.multiply(*np.meshgrid(x[0], x[1]))
meshgrid ij: np.divide(*np.meshgrid(x[0], x[1, :2], indexing='ij'))
resize: np.resize(x, (2, 5))
fftshift: np.fft.fftshift(x)
ifftshift: np.fft.ifftshift(x)
permute_dims: np.permute_dims(x, (1, 0))
array: np.array([x[0], x[1] * 2, x[0] * x[1]])
array of scalars: np.array([x[0, 0], 1.0, x[1, 2] * x[0, 1]])
nested array: np.array([[x[0, 0], x[0, 1]], [2.0, x[1, 2]]])
asarray: np.asarray(x)
copy: x.copy()
ascontiguousarray: np.ascontiguousarray(x.T)
full: np.full((2, 2), x[0, 0])
full_like: np.full_like(x, x[1, 1]) * x
full typed: np.std(np.full(5, x[0, 1], dtype=float) * np.arange(5.0)) + x
full_like constant: np.full_like(np.ones(3), x[0, 1]) * x[0, 0]
full_like of a shape: np.full_like(x, x[0, 1], shape=(4,)) ** 2
full of a row: np.full((2, x.shape[1]), x[0]) ** 2
linspace: np.linspace(x[0, 0], x[1, 1], 4)
tolist: np.array(x.tolist())
tril_indices: x[np.tril_indices(2)]
triu_indices_from: x[:, :2][np.triu_indices_from(x[:, :2])]
reduce of lists: np.maximum.reduce([x, 2.0 * x[::-1], np.zeros_like(x)]) + np.logaddexp.reduce([x, x**2])
accumulate of a list: np.maximum.accumulate([x[0, 0], x[0, 1], 0.1]) * np.add.reduce([x[0, 0], 2.0])
outer of lists: np.subtract.outer([x[0, 0], 1.0], [x[1, 1], x[0, 1]])
apply_over_axes: np.apply_over_axes(np.sum, x**2, [1])
apply_along_axis: np.apply_along_axis(lambda v: v[0] * v[1:], 1, x)
list of scalars: [x[0, 0] * x[1, 1], x[1, 2], 3.0]
tuple of arrays: (x[0], x[1] ** 2)
"""
for _name, _f in functions(_MOVEMENT):
    add(_name, lambda x, f=_f: f(np.exp(x)), (2, 3))

# ----- reductions -----

for (
    _name
) in "sum mean prod max min var std ptp cumsum cumprod average nansum nanprod amax amin".split():
    _f = getattr(np, _name)
    add(f"{_name}", lambda x, f=_f: f(x * np.sin(3 * x)))
    add(f"{_name} axis 0", lambda x, f=_f: f(np.sin(3 * x), axis=0) * x[0], (2, 3))
    add(f"{_name} axis -1", lambda x, f=_f: f(x**2, axis=-1), (2, 3, 2))
    add(f"{_name} of a matrix", lambda x, f=_f: f(np.cos(x)), (2, 3))
for _name in "sum mean prod max min var std ptp".split():
    _f = getattr(np, _name)
    add(f"{_name} keepdims", lambda x, f=_f: x * f(x**2, axis=1, keepdims=True), (2, 3))
for _name in "sum mean prod max min var std".split():
    _f = getattr(np, _name)
    add(f"{_name} axes", lambda x, f=_f: f(x**2, axis=(0, 2)), (2, 3, 2))
    add(f"{_name} method", lambda x, n=_name: getattr(x, n)(axis=0) * x[1], (2, 3))
add("sum options", lambda x: np.sum(x**2, where=MASK, initial=2.0))
add("mean where", lambda x: np.mean(x**2, where=MASK))
add("sum traced where", lambda x: np.sum(x**2, where=x > 0.5))
add("max initial", lambda x: np.max(x**2, initial=0.3))
add("var ddof", lambda x: np.var(x**2, ddof=1))
add("average weights", lambda x: np.average(x**2, weights=x[::-1]))
add("average axis weights", lambda x: np.average(x**2, axis=1, weights=[1.0, 2.0, 3.0]), (2, 3))
add("any all", lambda x: np.where(np.any(x > 0.8) & np.all(x > 0.1), x, x**2))
add("count_nonzero", lambda x: np.count_nonzero(x > 0.5) * x)
add("python sum", lambda x: sum(x**2) + sum(v * x[0] for v in x))
add("cumulative_sum", lambda x: np.cumulative_sum(x**2, include_initial=True))
add("cumulative_prod", lambda x: np.cumulative_prod(x))
add("add.reduce", lambda x: np.add.reduce(x**2, axis=1), (2, 3))
add("multiply.reduce", lambda x: np.multiply.reduce(x))
add("maximum.reduce", lambda x: np.maximum.reduce(np.array([x, x[::-1], x**2])))
add("add.accumulate", lambda x: np.add.accumulate(x**2))
add("maximum.accumulate", lambda x: np.maximum.accumulate(x))
add("multiply.outer", lambda x: np.multiply.outer(x[:2], x[2:]))
add("subtract.outer", lambda x: np.subtract.outer(x, x) ** 2)
add("sort", lambda x: np.sort(x) ** 2)
add("sort axis", lambda x: np.sort(x**2, axis=0), (3, 2))
add("partition", lambda x: np.partition(x, 2))
add("sort of ties", lambda x: np.sum(np.sort(np.concatenate([x, x + 2])) ** 2))

# ----- linear and bilinear -----

_VECTORS = """
diff: np.diff(x) ** 2
diff 2: np.diff(x, 2) ** 2
diff ends: np.diff(x, prepend=0.0, append=x[0]) ** 2
ediff1d: np.ediff1d(x, to_end=1.0) ** 2
gradient: np.gradient(x) ** 2
gradient spacing: np.gradient(x, 0.5, edge_order=2) ** 2
gradient coordinates: np.gradient(x ** 2, np.array([0.0, 1.0, 1.5, 2.5, 3.0, 5.0]))
outer: np.outer(x[:2], x[2:])
kron: np.kron(x[:2], x[2:])
cross: np.cross(x[:3], x[3:])
dot: np.dot(x, x[::-1])
inner: np.inner(x, x ** 2)
vdot: np.vdot(x, x)
dot scalar: np.dot(x, x[0])
dot constant: np.dot(A, x) ** 2
dot by constant: np.dot(x, B) ** 2
matmul constant: A @ x * (x @ B)[0]
dot method: x.dot(B) ** 2
A.dot(x): A.dot(x) ** 2
A @ x @ b: A @ x @ np.ones(4)
bilinear: x[:4] @ A @ x
quadratic form: x @ B @ B.T @ x
vecdot: np.vecdot(x, x[::-1])
trapezoid: np.trapezoid(x ** 2, dx=0.1)
trapezoid x: np.trapezoid(x ** 2, np.cumsum(x))
convolve: np.convolve(x, [1.0, -2.0, 1.0], 'valid') ** 2
convolve same: np.convolve(x, [1.0, 2.0, 3.0], 'same') ** 2
convolve full: np.convolve([1.0, 2.0], x) ** 2
convolve traced: np.convolve(x[:2], x[2:])
correlate: np.correlate(x, [1.0, 2.0, 4.0]) ** 2
correlate full: np.correlate(x, x[:3], 'full')
bincount: np.bincount([0, 2, 2, 1, 0, 3], weights=x ** 2)
polyval: np.polyval([1.0, -2.0, 3.0], x)
polyval traced: np.polyval(x[:3], x[3:])
vander: np.vander(x[:3], 4)
tensordot 1: np.tensordot(A, x, 1) ** 2
einsum ij,j: np.einsum('ij,j->i', A, x) ** 2
einsum i,j: np.einsum('i,j->ij', x, x)
einsum i,i: np.einsum('i,i', x, x)
einsum three: np.einsum('i,ij,j->j', x[:4], A, x)
norm: np.linalg.norm(x) * x
norm 1: np.linalg.norm(x, 1) * x
norm inf: np.linalg.norm(x, np.inf) * x
norm 3: np.linalg.norm(x, 3) * x
vector_norm: np.linalg.vector_norm(x) * x
sparse: (S @ x) ** 2
sparse right: (x[:5] @ S) ** 2
sparse dot: S.dot(x) ** 2
sparse T: S.T @ (S @ x) ** 2
sparse csc: (S.tocsc() @ x) ** 2
sparse coo: (S.tocoo() @ x) ** 2
sparse matrix: (sp.csr_matrix(S) * x) ** 2
sparse dia: (sp.diags_array([[1.0] * 5, [2.0] * 6], offsets=[-1, 0]) @ x) ** 2
sparse columns: (S @ x.reshape(6, 1)) ** 2
sparse @ outer: S @ np.outer(x, x[:2])
fft: np.real(np.fft.fft(x)) * x
ifft: np.imag(np.fft.ifft(x)) + x ** 2
rfft: np.abs(np.fft.rfft(x)) ** 2
irfft: np.fft.irfft(np.fft.rfft(x) * np.array([1, 2, 3, 4])) ** 2
conjugate of fft: (np.fft.fft(x) * np.conj(np.fft.fft(x))).real
logsumexp: asp.logsumexp(x ** 2)
scipy logsumexp: ssp.logsumexp(x ** 2)
signal convolve: asig.convolve(x, np.array([1.0, 2.0]), mode='valid') ** 2
solve_triangular: al.solve_triangular(np.tril(M), x[:3], lower=True) * x[3:]
solve_banded: al.solve_banded((1, 1), BANDS, x[:3]) ** 2
norm.logpdf: ast.norm.logpdf(x[:3], x[3:], 2.0)
norm.cdf: ast.norm.cdf(x)
gammasgn: asp.gammasgn(x - 0.5) * x
multigammaln: asp.multigammaln(x[0] + 2.0, 2) * x
"""
for _name, _f in functions(_VECTORS):
    add(_name, _f)

_MATRICES = """
matmul: x @ np.exp(x).T
matmul constant right: np.sin(x) @ M
matmul constant left: A[:, :2] @ x ** 2
matmul vector: x @ x[0]
vector matmul: x[:, 0] @ x
rmatmul: M[:, :2] @ x
dot of matrices: np.dot(x, x.T)
inner of matrices: np.inner(x, x ** 2)
outer of matrices: np.outer(x, x[0])
kron of matrices: np.kron(x, x[:1, :2])
tensordot axes: np.tensordot(x, x, axes=([0], [0]))
tensordot 2: np.tensordot(x, x ** 2, 2)
einsum matmul: np.einsum('ij,kj->ik', x, x)
einsum trace: np.einsum('ii->', x[:, :2]) * x
einsum diagonal: np.einsum('ii->i', x[:, :2] ** 2)
einsum transpose: np.einsum('ij->ji', x) ** 2
einsum sum: np.einsum('ij->j', x ** 2)
einsum ellipsis: np.einsum('...j,...j->...', x, x)
einsum implicit: np.einsum('ij,jk', x, x.T)
einsum lists: np.einsum(x, [0, 1], x[0], [1], [0])
cross of rows: np.cross(x, x[::-1] ** 2)
matvec: np.matvec(x, x[1])
vecmat: np.vecmat(x[:, 0], x)
multi_dot: np.linalg.multi_dot([x, M, x.T])
solve: np.linalg.solve(M, x.T) ** 2
solve traced: np.linalg.solve(np.diag(x[0]) + M, x[1])
inv: np.linalg.inv(M + x.T @ x)
det: np.linalg.det(M + x.T @ x)
slope of det: grad(det)(M + x.T @ x)
curvature of det: grad(lambda y: grad(det)(y)[0, 1])(M + x.T @ x)
slogdet: np.linalg.slogdet(M + x.T @ x)[1]
solve broadcast: np.linalg.solve(M, np.broadcast_to(x[1, 1], (3,))) * x
pinv: np.linalg.pinv(x)
cholesky: np.linalg.cholesky(np.eye(2) + x @ x.T)
eigh: np.linalg.eigh(np.diag([1.0, 3.0]) + x @ x.T)[0]
eigenvectors: np.linalg.eigh(np.diag([1.0, 3.0]) + x @ x.T)[1] ** 2
eigh of upper part: np.linalg.eigh(np.triu(np.diag([1.0, 3.0]) + x @ x.T), UPLO="U")[1] ** 2
eigvalsh: np.linalg.eigvalsh(np.diag([1.0, 3.0]) + x @ x.T)
norm matrix 2: np.linalg.norm(x, 2) * x
norm matrix -2: np.linalg.norm(x, -2)
svdvals: np.linalg.svdvals(x)
svd without vectors: np.linalg.svd(x, compute_uv=False)
svd: np.linalg.svd(x, full_matrices=False)[1]
norm of matrix: np.linalg.norm(x) * x
norm fro: np.linalg.norm(x, 'fro') * x
norm nuc: np.linalg.norm(x, 'nuc') * x
norm matrix 1: np.linalg.norm(x, 1) * x
norm axis: np.linalg.norm(x, axis=1)
norm keepdims: x / np.linalg.norm(x, axis=0, keepdims=True)
matrix_power: np.linalg.matrix_power(x @ x.T, 3)
sparse @ matrix: S[:, :2] @ x
matrix @ sparse: x @ S[:3]
trapezoid axis: np.trapezoid(x ** 2, axis=0)
gradient both: np.gradient(x ** 2)[0] * np.gradient(x)[1]
diff axis: np.diff(x, axis=0) ** 2
logsumexp axis: asp.logsumexp(x, axis=1)
scipy logsumexp axis: ssp.logsumexp(x ** 2, axis=0, keepdims=True) * x
fftn: np.real(np.fft.fftn(x)) * x
ifft2: np.real(np.fft.ifft2(x**2)) * x
ifftn: np.abs(np.fft.ifftn(x)) ** 2
rfft2: np.abs(np.fft.rfft2(x.T)) ** 2
rfftn: np.imag(np.fft.rfftn(x.T)) ** 2
irfft2: np.fft.irfft2(np.fft.rfft2(x.T) ** 2)
irfftn: np.fft.irfftn(np.fft.rfftn(x.T) ** 2)
angle of fft: np.angle(np.fft.fft(x))[:, 1:] * x[:, 1:]
solve_sylvester: al.solve_sylvester(M[:2, :2], M, x) ** 2
fft2: np.abs(np.fft.fft2(x)) ** 2
sqrtm: al.sqrtm(np.eye(2) + x @ x.T)
"""
for _name, _f in functions(_MATRICES):
    add(f"{_name} (2-D)", _f, (2, 3))
add("stacked matmul", lambda x: x @ np.swapaxes(x, 1, 2), (2, 2, 3))
add("stacked matmul constant", lambda x: x @ M, (2, 2, 3))
add("stacked matmul vector", lambda x: x @ x[0, 0], (2, 2, 3))
add(
    "stacked solve",
    lambda x: np.linalg.solve(M + np.swapaxes(x, 1, 2) @ x, x[:, 0, :, None]),
    (2, 2, 3),
)
add(
    "stacked inv and det",
    lambda x: (
        np.linalg.inv(M + np.swapaxes(x, 1, 2) @ x)
        * np.linalg.det(x @ np.swapaxes(x, 1, 2))[:, None, None]
    ),
    (2, 2, 3),
)
add("batched einsum", lambda x: np.einsum("bij,bkj->bik", x, x), (2, 2, 3))

# ----- special functions: name, how it is called -----

for _name in """digamma erf erfc erfinv erfcinv expit gamma gammaln i0 i1 j0 j1 logit psi rgamma
        y0 y1""".split():  # fmt: skip
    add(f"special.{_name}", lambda x, f=getattr(ssp, _name): f(x) * x)
    add(f"autograd special.{_name}", lambda x, f=getattr(asp, _name): f(x))
for _name in """xlogy xlog1py""".split():
    add(f"special.{_name}", lambda x, f=getattr(ssp, _name): f(x[:3], x[3:]))
for _name in "entr erfcx ndtr exp10 exp2 cbrt expm1 log1p log_expit sinc".split():
    add(f"special.{_name}", lambda x, f=getattr(ssp, _name): f(x) * x)
add("special.beta", lambda x: asp.beta(x[:3], x[3:]))
add("special.betaln", lambda x: ssp.betaln(x[:3], x[3:]))
add("special.betainc", lambda x: ssp.betainc(2.0, 3.0, x))
add("special.gammainc", lambda x: ssp.gammainc(1.5, x))
add("special.gammaincc", lambda x: ssp.gammaincc(1.5, x))
add("special.polygamma", lambda x: asp.polygamma(1, x))
add("special.jn", lambda x: ssp.jn(2, x))
add("special.jv", lambda x: ssp.jv(2, x))
add("special.yn", lambda x: ssp.yn(2, x), low=0.6, high=1.9)
add("special.iv", lambda x: ssp.iv(1.5, x))
add("special.ive", lambda x: ssp.ive(1.5, x))
