"""What a traced function holds in place of a sparse matrix with traced entries.

Separate because `scipy.sparse` knows no protocol: its classes keep plain arrays. A `SparseTracer`
keeps a plain matrix of whole numbers, which SciPy itself moves about, and a traced vector: the
number k at a place says that entry k - 1 stands there. So each rearrangement is SciPy's own, and
the structure is what SciPy's would be.

>>> import scipy.sparse
>>> A = SparseTracer.of(scipy.sparse.csr_array([[0.0, 5.0], [7.0, 0.0]]))
>>> A.T.toarray().tolist()
[[0.0, 7.0], [5.0, 0.0]]
>>> (A @ A).diagonal().tolist()
[35.0, 35.0]
"""

from __future__ import annotations

import operator
from abc import ABC
from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
import scipy.sparse
from autograd.tracer import isbox

from sparsesolve.trace.sparse_entries import (
    SparseEntries,
    is_sparse_tracer,
    row_bounds,
    segment_sums,
)
from sparsesolve.trace.writable import current

__all__ = [
    "SPARSE_NAMES",
    "SparseTracer",
    "become",
    "beside_sparse",
    "holds_traced",
]

_UFUNCS = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.divide: operator.truediv,
    np.matmul: operator.matmul,
}
_ZERO_AT_ZERO = (
    "arcsin arcsinh arctan arctanh ceil conj deg2rad expm1 floor log1p negative rad2deg rint sign "
    "sin sinh sqrt square tan tanh trunc"
)


class SparseTracer(SparseEntries):
    """A sparse matrix with traced entries, and its arithmetic."""

    __array_priority__ = 200.0

    # --- sums ---

    def sum(self, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
        """Sum all entries, or those along an axis."""
        if axis is None or self.ndim == 1:
            return anp.sum(self.entries[self.triplets()[2]])
        along = int(axis[0] if isinstance(axis, tuple) else axis) % 2
        lines = self if along else self.T
        found = lines @ np.ones(lines.shape[1])
        if isinstance(self.numbers, scipy.sparse.sparray):
            return found
        return anp.reshape(found, (-1, 1) if along else (1, -1))

    def mean(self, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
        """Return the mean of all elements, zeros too, or of those along an axis."""
        count = np.prod(self.shape) if axis is None or self.ndim == 1 else self.shape[axis]
        return self.sum(axis) / float(count)

    def max(self, axis: Any = None, out: None = None) -> Any:
        """Return the largest element, which may be a zero that is not stored."""
        return anp.max(self._with_zero(axis))

    def min(self, axis: Any = None, out: None = None) -> Any:
        """Return the smallest element, which may be a zero that is not stored."""
        return anp.min(self._with_zero(axis))

    def _with_zero(self, axis: Any) -> Any:
        if axis is not None:
            self._refuse("extrema along an axis of a sparse matrix", "Use .toarray()")
        summed = self.summed()
        is_full = np.size(summed.entries) == np.prod(self.shape)
        return summed.entries if is_full else anp.concatenate([summed.entries, np.zeros(1)])

    def trace(self, offset: int = 0) -> Any:
        """Sum a diagonal."""
        return anp.sum(self.diagonal(offset))

    # --- elementwise ---

    def _each(self, function: Callable[[Any], Any]) -> SparseTracer:
        """Apply a function that leaves zero as it is."""
        summed = self.summed()
        return SparseTracer(summed.numbers.copy(), function(summed.entries))

    def power(self, n: Any, dtype: Any = None) -> SparseTracer:
        """Return the elements to some power above zero."""
        if not isinstance(n, (int, float)) or n <= 0:
            self._refuse(f"elements to the power {n}", "Use .toarray()")
        return self._each(lambda v: v**n)

    def astype(self, dtype: Any, casting: str = "unsafe", copy: bool = True) -> SparseTracer:
        """Convert to float or complex."""
        if np.dtype(dtype) in (np.float64, np.complex128):
            return SparseTracer(self.numbers.copy(), self.entries * np.dtype(dtype).type(1.0))
        self._refuse(f"a sparse matrix of kind {dtype}", "Use float64")

    def multiply(self, other: Any) -> Any:
        """Multiply element by element."""
        other = _operand(other)
        if scipy.sparse.issparse(other):
            return self._times_sparse(SparseTracer.of(other))
        if not np.ndim(other):
            return SparseTracer(self.numbers.copy(), self.entries * other)
        if np.broadcast_shapes(np.shape(other), self.shape) != self.shape:
            self._refuse("a sparse matrix that would be broadcast", "Use .toarray()")
        rows, columns, positions = self.triplets()
        other = anp.reshape(other, (1,) * (2 - np.ndim(other)) + np.shape(other))
        height, width = np.shape(other)
        there = other[rows if height > 1 else 0 * rows, columns if width > 1 else 0 * columns]
        kind = "coo" if self.format == "coo" or self.summed() is not self else self._kind
        return self._like(rows, columns, self.entries[positions] * there, self.shape, kind)

    def _times_sparse(self, other: SparseTracer) -> SparseTracer:
        if other.shape != self.shape:
            self._refuse("sparse matrices of different shapes", "Use .toarray()")
        one, two = self.summed(), other.summed()
        (rows, columns, mine), (rows2, columns2, theirs) = one.triplets(), two.triplets()
        width = self.shape[-1]
        _, here, there = np.intersect1d(
            rows * width + columns, rows2 * width + columns2, return_indices=True
        )
        products = one.entries[mine[here]] * two.entries[theirs[there]]
        return self._like(rows[here], columns[here], products, self.shape, self._kind)

    def __add__(self, other: Any) -> Any:
        other = _operand(other)
        if not scipy.sparse.issparse(other):
            if not np.ndim(other) and not isbox(other) and other == 0:
                return self.copy()
            if not np.ndim(other):
                raise NotImplementedError(
                    "adding a nonzero scalar to a sparse array is not supported"
                )
            return self.toarray() + other
        if other.shape != self.shape:
            raise ValueError(f"inconsistent shapes {self.shape} and {other.shape}")
        second = SparseTracer.of(other)
        both = [m.triplets() for m in (self, second)]
        rows, columns = (np.concatenate([t[k] for t in both]) for k in (0, 1))
        entries = [m.entries[t[2]] for m, t in zip((self, second), both, strict=True)]
        joined = anp.concatenate(entries)
        return self._like(rows, columns, joined, self.shape, "coo").asformat(self._kind)

    def __pow__(self, n: int) -> Any:
        if isinstance(self.numbers, scipy.sparse.sparray):
            return self.power(n)
        if not isinstance(n, int) or n < 1:
            self._refuse(f"a sparse matrix to the power {n}", "Use .toarray()")
        return self if n == 1 else self @ self ** (n - 1)

    # --- products ---

    def __matmul__(self, other: Any) -> Any:
        other = _operand(other)
        if np.ndim(other) == 0 and not scipy.sparse.issparse(other):
            raise ValueError("Scalar operands are not allowed, use '*' instead")
        if self.shape[-1] != other.shape[0]:
            raise ValueError(f"matmul: dimension mismatch of {self.shape} and {other.shape}")
        if scipy.sparse.issparse(other):
            return self._matmul_sparse(SparseTracer.of(other))
        rows, columns, positions = self.triplets()
        order = np.argsort(rows, kind="stable")
        entries, there = self.entries[positions[order]], other[columns[order]]
        terms = anp.reshape(entries, (-1,) + (1,) * (np.ndim(other) - 1)) * there
        height = self.shape[0] if self.ndim == 2 else 1
        found = segment_sums(terms, row_bounds(rows, height))
        return found if self.ndim == 2 else found[0]

    def _matmul_sparse(self, other: SparseTracer) -> SparseTracer:
        if self.ndim == 1 or other.ndim == 1:
            self._refuse("a product of sparse vectors", "Use .toarray()")
        (rows, columns, mine), (rows2, columns2, theirs) = self.triplets(), other.triplets()
        order = np.argsort(rows2, kind="stable")
        bounds = row_bounds(rows2, other.shape[0])
        counts = bounds[columns + 1] - bounds[columns]
        here = np.repeat(np.arange(rows.size), counts)
        within = np.arange(here.size) - np.repeat(np.cumsum(counts) - counts, counts)
        there = order[np.repeat(bounds[columns], counts) + within]
        products = self.entries[mine[here]] * other.entries[theirs[there]]
        shape = self.shape[0], other.shape[1]
        made = self._like(rows[here], columns2[there], products, shape, "coo")
        return made.asformat(self._kind)

    def __rmatmul__(self, other: Any) -> Any:
        other = _operand(other)
        if scipy.sparse.issparse(other):
            return SparseTracer.of(other) @ self
        return anp.transpose(self.T @ anp.transpose(other))

    def dot(self, other: Any) -> Any:
        """Return the matrix product, or that with a number."""
        other = _operand(other)
        scalar = not scipy.sparse.issparse(other) and not np.ndim(other)
        return self.multiply(other) if scalar else self @ other

    def __mul__(self, other: Any) -> Any:
        is_array = isinstance(self.numbers, scipy.sparse.sparray)
        return self.multiply(other) if is_array else self.dot(other)

    def __rmul__(self, other: Any) -> Any:
        other = _operand(other)
        is_array = isinstance(self.numbers, scipy.sparse.sparray)
        if is_array or (not scipy.sparse.issparse(other) and not np.ndim(other)):
            return self.multiply(other)
        return other @ self

    def __truediv__(self, other: Any) -> Any:
        other = _operand(other)
        if scipy.sparse.issparse(other):
            self._refuse("division by a sparse matrix", "Divide the dense arrays")
        return self.multiply(1.0 / other)

    def __rtruediv__(self, other: Any) -> Any:
        self._refuse("division by a sparse matrix", "Divide the dense arrays")

    __radd__ = __add__
    divide = __truediv__

    def __sub__(self, other: Any) -> Any:
        return self + -_operand(other)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __neg__(self) -> SparseTracer:
        return SparseTracer(self.numbers.copy(), -self.entries)

    def __pos__(self) -> SparseTracer:
        return self.copy()

    def __abs__(self) -> SparseTracer:
        return self._each(anp.absolute)

    real = property(lambda self: self._each(anp.real))
    imag = property(lambda self: self._each(anp.imag))

    # --- NumPy ---

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method == "__call__" and not options:
            if ufunc in _UFUNCS:
                return _UFUNCS[ufunc](*inputs)
            if ufunc is np.absolute or ufunc.__name__ in _ZERO_AT_ZERO.split():
                return inputs[0]._each(getattr(anp, ufunc.__name__))
        return self._refuse(f"np.{ufunc.__name__} of a traced sparse matrix", "Use .toarray()")


def _refused(name: str) -> Callable[..., Any]:
    def method(self: SparseTracer, other: Any) -> Any:
        self._refuse(f"a comparison `{name}` of sparse matrices", "Compare .data or .toarray()")

    return method


def _elementwise(name: str) -> Callable[..., Any]:
    function = getattr(anp, name)

    def method(self: SparseTracer) -> SparseTracer:
        return self._each(function)

    method.__name__ = name
    return method


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(SparseTracer, f"__{_name}__", _refused(_name))
SparseTracer.__hash__ = object.__hash__  # type: ignore[method-assign]
for _name in _ZERO_AT_ZERO.split():
    setattr(SparseTracer, _name, _elementwise(_name))
SparseTracer.conjugate = SparseTracer.conj  # type: ignore[attr-defined]

_OF_ARRAYS = type(
    "SparseTracer",
    (ABC,),
    {
        name: value
        for kind in (SparseEntries, SparseTracer)
        for name, value in vars(kind).items()
        if name not in ("__dict__", "__weakref__")
    },
)


def become(matrix: Any, made: SparseTracer) -> None:
    """Let a matrix that has been handed out already be one with traced entries.

    An object may change its class for one of like descent only, so there is one for each.
    """
    vars(matrix).clear()
    vars(matrix).update(vars(made))
    is_array = issubclass(type(matrix), scipy.sparse.sparray)
    object.__setattr__(matrix, "__class__", _OF_ARRAYS if is_array else SparseTracer)


def _operand(value: Any) -> Any:
    """Make one array, number or sparse matrix of an operand."""
    value = current(value)
    if isbox(value) or scipy.sparse.issparse(value) or isinstance(value, np.ndarray):
        return value
    return anp.array(value) if isinstance(value, (list, tuple)) else value


def holds_traced(value: Any) -> bool:
    """Look for traced values, also in sparse matrices, lists, and arrays of objects."""
    kind = type(value)
    if isbox(value) or is_sparse_tracer(value):
        return True
    if kind in (list, tuple):
        return any(map(holds_traced, value))
    if isinstance(value, np.ndarray):
        return isbox(current(value)) or (
            value.dtype == object and any(map(holds_traced, value.flat))
        )
    return bool(scipy.sparse.issparse(value) and isbox(vars(value).get("data")))


SPARSE_NAMES = {anp.add: "add", anp.subtract: "sub", anp.multiply: "mul", anp.divide: "truediv"}
"""Operations that a sparse matrix has with dense arrays."""


def beside_sparse(name: str, dense: Any, matrix: Any, swap: bool) -> Any:
    """Do an operation of `SPARSE_NAMES` between a traced value and a sparse matrix."""
    return getattr(SparseTracer.of(matrix), f"__{name}__" if swap else f"__r{name}__")(dense)
