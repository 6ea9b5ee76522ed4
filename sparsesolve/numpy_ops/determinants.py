"""Determinants as calls with closed rules, right where matrices are singular too.

A determinant is a polynomial: its derivatives are smooth where the matrix has no inverse. The
product of a tiny determinant and a huge inverse is right only if both have the same rounding
errors. So cofactors come from one factorization, whose pivots of zero are moved by next to nothing,
and second derivatives of nearly singular matrices from singular values, where nothing cancels.
Where a determinant is too small or large for products, rows and columns are scaled before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.core import make_vjp
from autograd.extend import defvjp
from autograd.tracer import isbox
from numpy.typing import NDArray

from sparsesolve.ir.builder import Builder
from sparsesolve.ir.matrix_call import Called, MatrixCall, Shape
from sparsesolve.ir.program import Slots
from sparsesolve.numpy_ops.matrix_calls import INVERSE, PRODUCT
from sparsesolve.trace.naming import named
from sparsesolve.trace.primitives import primitive
from sparsesolve.trace.vocabulary import RECORDED

__all__ = ["COFACTORS", "CURVATURE", "DETERMINANT", "LOG_DETERMINANT", "cofactors"]

Array = NDArray[np.float64]
Ids = NDArray[np.intp]
Many = Sequence[Slots | None]

_WELL = 1e5  # condition up to which products with the inverse lose few digits
_SMALL = 1e-100  # determinants, beyond which powers of two are kept apart
_NOTHING = -400  # exponent of a row or a column of zeros
_MOVED = -500.0  # exponent of the product of all pivots that are moved


class _Determinant(MatrixCall):
    """The determinant of a matrix, or the logarithm of its size."""

    has_jacobian = True

    def __init__(self, *, logarithm: bool) -> None:
        self.name = "slogdet" if logarithm else "linalg.det"
        self._logarithm = logarithm

    def __call__(self, a: Any) -> Any:
        return anp.linalg.slogdet(a)[1] if self._logarithm else anp.linalg.det(a)

    def shape(self, *shapes: Shape) -> Shape:
        return ()

    def push(self, b: Builder, at: Called, moving: Many) -> Slots:
        assert moving[0] is not None
        return _inner(b, self._slopes(b, at), moving[0])

    def pull(self, b: Builder, at: Called, bar: Slots, wanted: Sequence[bool]) -> Many:
        return [b.map("multiply", bar.reshape(1, 1), self._slopes(b, at))]

    def _slopes(self, b: Builder, at: Called) -> Slots:
        if self._logarithm:
            return INVERSE.on(b, at.operands[0].T)
        return COFACTORS.on(b, at.operands[0])

    def jacobian(self, operand: int, *operands: Any) -> Any:
        a = operands[0]
        slopes = anp.transpose(anp.linalg.inv(a)) if self._logarithm else COFACTORS(a)
        return anp.reshape(slopes, (1, -1))


class _Cofactors(MatrixCall):
    """The derivative of a determinant by the entries of the matrix."""

    name = "cofactors"
    has_jacobian = True

    def __call__(self, a: Any) -> Any:
        return cofactors(a)

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def push(self, b: Builder, at: Called, moving: Many) -> Slots:
        assert moving[0] is not None
        return CURVATURE.on(b, at.operands[0], moving[0])

    def pull(self, b: Builder, at: Called, bar: Slots, wanted: Sequence[bool]) -> Many:
        return [CURVATURE.on(b, at.operands[0], bar)]

    def jacobian(self, operand: int, *operands: Any) -> Any:
        a = operands[0]
        if isbox(a):
            return _curvatures(anp.linalg.det(a), anp.transpose(anp.linalg.inv(a)))
        diagonal, inverse = _factorized(a)
        determinant = diagonal.prod()
        if _is_ordinary(determinant) and _is_well(a, inverse):
            return _curvatures(determinant, inverse.T)
        return _balanced_curvatures(_Balanced(a))


class _Curvature(MatrixCall):
    """The second derivative of a determinant times one direction: symmetric, linear in it."""

    name = "cofactors in a direction"

    def __call__(self, a: Any, e: Any) -> Any:
        return _curvature(a, e)

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def push(self, b: Builder, at: Called, moving: Many) -> Slots:
        a, e = at.operands
        parts = [] if moving[0] is None else [_third(b, a, e, moving[0])]
        if moving[1] is not None:
            parts.append(self.on(b, a, moving[1]))
        return parts[0] if len(parts) == 1 else b.map("add", *parts)

    def pull(self, b: Builder, at: Called, bar: Slots, wanted: Sequence[bool]) -> Many:
        a, e = at.operands
        return [
            _third(b, a, e, bar) if wanted[0] else None,
            self.on(b, a, bar) if wanted[1] else None,
        ]


def _curvatures(determinant: Any, w: Any) -> Any:
    """Return all second derivatives of a determinant, a matrix; `w` is the transposed inverse."""
    products = anp.reshape(anp.outer(determinant * w, w), w.shape * 2)
    return anp.reshape(products - anp.transpose(products, (0, 3, 2, 1)), (w.size, w.size))


def _third(b: Builder, a: Slots, e: Slots, f: Slots) -> Slots:
    """Slots of the third derivative of a determinant times two directions."""
    d = DETERMINANT.on(b, a).reshape(1, 1)
    w = INVERSE.on(b, a.T)
    through = [PRODUCT.on(b, w, direction.T) for direction in (e, f)]
    along = [_inner(b, w, direction).reshape(1, 1) for direction in (e, f)]
    turned = [PRODUCT.on(b, one, w) for one in through]
    both = [PRODUCT.on(b, one, other) for one, other in (through, through[::-1])]
    traces = [b.map("multiply", *along), _inner(b, turned[1], e).reshape(1, 1)]
    scale = b.map("subtract", *traces)
    found = b.map("multiply", scale, w)
    for other, matrix in zip(along[::-1], turned, strict=True):
        found = b.map("subtract", found, b.map("multiply", other, matrix))
    for order in both:
        found = b.map("add", found, PRODUCT.on(b, order, w))
    return b.map("multiply", d, found)


def _inner(b: Builder, left: Slots, right: Slots) -> Slots:
    products = b.map("multiply", left, right)
    return b.reduce(products.reshape(-1), np.array([0, products.size]))


@primitive
def cofactors(a: Any) -> Any:
    """Return the derivative of the determinant of a matrix by its entries.

    Parameters
    ----------
    a : ndarray, shape (..., n, n)
        Any, also a singular one, or a stack of them; real or complex.

    Examples
    --------
    >>> cofactors(np.array([[1.0, 2.0], [2.0, 4.0]])).round(12).tolist()
    [[4.0, -2.0], [-2.0, 1.0]]
    """
    return _of_each(_cofactors, a)


@primitive
def _curvature(a: Any, e: Any) -> Any:
    """Return the derivative of the cofactors of matrices in directions."""
    return _of_each(_changed_cofactors, a, e)


def _third_vjp(ans: Any, a: Any, e: Any) -> Callable[[Any], Any]:
    def changed(a: Any) -> Any:
        w = _turned(anp.linalg.inv(a))
        traces = anp.sum(w * e, axis=(-1, -2))[..., None, None]
        bent = traces * w - anp.matmul(anp.matmul(w, _turned(e)), w)
        return anp.linalg.det(a)[..., None, None] * bent

    return lambda g: make_vjp(changed, a)[0](g)


def _det_vjp(ans: Any, a: Any) -> Callable[[Any], Any]:
    slopes = cofactors(a)  # once for all weights
    return lambda g: anp.reshape(g, (*anp.shape(ans), 1, 1)) * slopes


defvjp(anp.linalg.det, _det_vjp)
for _primitive, _name in ((cofactors, "cofactors"), (_curvature, "curvature of det")):
    named(_primitive, _name)
    RECORDED.add(_name)
defvjp(cofactors, lambda ans, a: lambda g: _curvature(a, g))
defvjp(_curvature, _third_vjp, lambda ans, a, e: lambda g: _curvature(a, g))


def _turned(a: Any) -> Any:
    return anp.swapaxes(a, -1, -2)


def _of_each(function: Callable[..., Any], *arrays: Any) -> Any:
    """Call a function of matrices for each of a stack."""
    if arrays[0].ndim == 2:
        return function(*arrays)
    lead = np.shape(arrays[0])[:-2]
    found = np.empty(np.shape(arrays[0]), dtype=np.result_type(*arrays))
    for k in np.ndindex(*lead):
        found[k] = function(*(array[k] for array in arrays))
    return found


def _cofactors(a: Any) -> Any:
    diagonal, inverse = _factorized(a)
    determinant = diagonal.prod()
    if _is_ordinary(determinant):
        return determinant * inverse.T
    balanced = _Balanced(a)
    diagonal, inverse = _factorized(balanced.matrix)
    exponents = np.frexp(np.abs(diagonal))[1]
    determinant = _times_two_to(diagonal, -exponents).prod()
    return balanced.turned_back(determinant * inverse.T, int(exponents.sum()))


def _factorized(a: Any) -> tuple[Array, Any]:
    """Return factors of the determinant, and the inverse, of a matrix that is `a` but for rounding.

    Pivots of zero are moved by so little that only what they alone make large is left.
    """
    from scipy.linalg import lapack  # noqa: PLC0415  (slow to import)

    kind = "z" if a.dtype.kind == "c" else "d"
    factors, pivots, _ = getattr(lapack, f"{kind}getrf")(a)
    diagonal = np.diagonal(factors)
    none = diagonal == 0.0
    if none.any():
        factors[none, none] = 2.0 ** (_MOVED / none.sum()) * (np.max(np.abs(a)) or 1.0)
        diagonal = np.diagonal(factors)
    diagonal = diagonal.copy()
    swaps = sum(k != pivot for k, pivot in enumerate(pivots.tolist()))
    if swaps % 2:
        diagonal[0] *= -1
    return diagonal, getattr(lapack, f"{kind}getri")(factors, pivots)[0]


def _changed_cofactors(a: Any, e: Any) -> Any:
    diagonal, inverse = _factorized(a)
    determinant = diagonal.prod()
    if not (_is_ordinary(determinant) and _is_well(a, inverse)):
        scaled = _Balanced(a, alike=True)  # a direction may join rows of all sizes
        return scaled.turned_back(_by_singular_values(scaled.matrix, scaled.direction(e)))
    w = inverse.T
    return determinant * (np.sum(w * e) * w - w @ e.T @ w)


def _balanced_curvatures(balanced: _Balanced) -> Array:
    """Return all second derivatives of a determinant, one direction after the other."""
    shape = balanced.matrix.shape
    found = np.zeros(shape * 2, dtype=balanced.matrix.dtype)
    for i, j in np.ndindex(*shape):
        unit = np.zeros(shape)
        unit[i, j] = 1.0
        changed = _by_singular_values(balanced.matrix, balanced.direction(unit))
        changed[i], changed[:, j] = 0.0, 0.0  # linear in a row, and in a column
        found[i, j] = balanced.turned_back(changed)
    return found.reshape(found[0, 0].size, -1)


class _Balanced:
    """A matrix whose rows and columns are scaled to a size of one, by powers of two: exactly.

    With `alike` all rows are scaled by one number, and columns are left.
    """

    def __init__(self, a: Any, *, alike: bool = False) -> None:
        self._rows = _exponents(a, axis=1)
        if alike:
            self._rows[:] = self._rows.max()
        a = _times_two_to(a, -self._rows)
        self._columns = _exponents(a, axis=0) * (not alike)
        self.matrix = _times_two_to(a, -self._columns)

    def direction(self, e: Any) -> Any:
        """Return a direction, scaled as the matrix is."""
        return _times_two_to(e, -self._rows - self._columns)

    def turned_back(self, cofactors: Any, exponent: int = 0) -> Any:
        """Return cofactors, or their change, times a power of two, for the matrix as it was."""
        exponent += int(self._rows.sum() + self._columns.sum())
        return _times_two_to(cofactors, exponent - self._rows - self._columns)


def _exponents(a: Any, axis: int) -> Ids:
    peaks = np.abs(a).max(axis=axis, keepdims=True)
    exponents: Ids = np.where(peaks == 0.0, _NOTHING, np.frexp(peaks)[1]).astype(np.intp)
    return exponents


def _times_two_to(a: Any, exponents: Any) -> Any:
    if a.dtype.kind == "c":
        return np.ldexp(a.real, exponents) + 1j * np.ldexp(a.imag, exponents)
    return np.ldexp(a, exponents)


def _is_ordinary(determinant: Any) -> bool:
    """Whether products with it neither lose digits nor overflow, and no pivot was moved."""
    return bool(_SMALL < abs(determinant) < 1.0 / _SMALL)


def _by_singular_values(a: Any, e: Any) -> Any:
    """Return the same as that of a diagonal matrix: products of all singular values but two."""
    if not np.isfinite(a).all():
        return np.full(a.shape, np.nan)
    u, s, v = np.linalg.svd(a)
    turn = np.linalg.det(u) * np.linalg.det(v)
    f = u.conj().T @ e @ v.conj().T
    others = _products_without(np.where(np.eye(s.size, dtype=bool), 1.0, s))
    np.fill_diagonal(others, 0.0)
    changed = -others * f.T
    np.fill_diagonal(changed, others @ np.diagonal(f))
    return turn * (u.conj() @ changed @ v.conj())


def _products_without(rows: Array) -> Array:
    """Return the products of each row without each of its elements."""
    one = np.ones((len(rows), 1))
    before = np.cumprod(np.hstack([one, rows[:, :-1]]), axis=1)
    after = np.cumprod(np.hstack([one, rows[:, :0:-1]]), axis=1)[:, ::-1]
    return np.asarray(before * after)


def _is_well(a: Any, inverse: Any) -> bool:
    return _norm(a) * _norm(inverse) < _WELL


def _norm(a: Any) -> float:
    return float(np.abs(a).sum(axis=0).max())


COFACTORS = _Cofactors()
CURVATURE = _Curvature()
DETERMINANT = _Determinant(logarithm=False)
LOG_DETERMINANT = _Determinant(logarithm=True)
