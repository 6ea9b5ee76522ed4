"""What a traced function holds in place of its arrays: they look like NumPy's and write the tape.

Autograd's own `ArrayBox` stops short of NumPy's array: it has no
``__array_function__``, no assignment, and takes the truth of a traced value silently.

`ArrayTracer` stands for an array, `ScalarTracer` for the scalars that NumPy makes of single
elements. Both keep the plain value beside the node, so that shapes are known and views are views.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from operator import eq, ne
from typing import Any, NoReturn

import autograd.numpy as anp
import numpy as np
import scipy.sparse
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.tracer import Box, isbox

from sparsesolve.errors import DataDependentBranch
from sparsesolve.trace import box_tables, dispatch, ufuncs
from sparsesolve.trace.aliasing import assign, refreshed
from sparsesolve.trace.box_errors import (
    TOWARD_NUMBERS,
    AmbiguousTruthError,
    NoAttributeError,
    UnsupportedAttributeError,
    refuse_conversion,
)
from sparsesolve.trace.branches import answer, note_text, takes_answers
from sparsesolve.trace.keys import Memory, bytes_of, hash_of
from sparsesolve.trace.matrices import as_elements, matrix_function, matrix_product
from sparsesolve.trace.operands import constant_of, is_traced, operand, plain_index
from sparsesolve.trace.primitives import sparse_matmul, sparse_rmatmul
from sparsesolve.trace.recorder import TapeNode
from sparsesolve.trace.sources import formats_text, is_library, is_sparse_call, user_line
from sparsesolve.trace.sparse_entries import is_sparse_tracer
from sparsesolve.trace.sparse_tracers import SPARSE_NAMES, beside_sparse
from sparsesolve.trace.tables import is_table
from sparsesolve.trace.viewing import viewed
from sparsesolve.trace.wholes import is_always_whole

__all__ = ["BOXED", "ArrayTracer", "ScalarTracer"]

_NUMBERS = frozenset({float, int, np.float64})
_MATRICES = (scipy.sparse.spmatrix, np.matrix)
_NO_OPTIONS: dict[str, Any] = {}
_getitem = ArrayBox.__getitem__
_current = Box._node
_copy = np.copy  # which a trace may replace


class ScalarTracer(Box):  # type: ignore[misc]
    """A traced scalar; no sequence, so that NumPy never takes its length for a shape."""

    __slots__ = ()
    __array_priority__ = 100.0

    def __array_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if np.matrix in types:
            return matrix_function(func, args, kwargs)
        return dispatch.call(func, args, kwargs)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any(map(is_table, inputs)):
            return NotImplemented
        return ufuncs.call(ufunc, method, inputs, kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """Become an object array: of the whole for scipy.sparse, of the elements otherwise."""
        if dtype is not None and np.dtype(dtype) != object:
            if np.dtype(dtype).kind in "iu" and is_always_whole(self):
                return np.asarray(constant_of(self), dtype)
            refuse_conversion(self, f"an array of kind {np.dtype(dtype)}", TOWARD_NUMBERS)
        if not self.shape or is_sparse_call(sys._getframe(1)):
            return self.as_object()
        if self.dtype == bool or is_always_whole(self):  # NumPy reads an index
            return constant_of(self)
        elements = np.empty(self.shape, dtype=object)
        for place in np.ndindex(self.shape):
            elements[place] = self[place]
        return elements

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return np

    def as_object(self) -> Any:
        """Return an object array without dimensions that holds this value."""
        whole = np.empty((), dtype=object)
        whole[()] = self
        return whole

    shape = property(lambda self: np.shape(self._value))
    ndim = property(lambda self: np.ndim(self._value))
    size = property(lambda self: np.size(self._value))
    dtype = property(lambda self: np.result_type(self._value))
    itemsize = property(lambda self: self.dtype.itemsize)
    nbytes = property(lambda self: self.size * self.itemsize)
    device = "cpu"
    real = property(lambda self: anp.real(self))
    imag = property(lambda self: anp.imag(self))

    def __repr__(self) -> str:
        return f"<traced {self.dtype}{list(self.shape)}>"

    def __str__(self) -> str:
        note_text(self)
        return str(self._value)  # a number, to look at: the one of the trace

    def __format__(self, specification: str) -> str:
        note_text(self)
        return format(self._value, specification)

    __hash__ = hash_of
    tobytes = bytes_of
    data = property(Memory)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What `isinstance` in the user's code shall see: an array or a number of NumPy."""
        if is_library(sys._getframe(1).f_code) or isbox(self._value):
            return type(self)
        return type(self._value)

    # --- conversions: a traced value has no Python number, a constant one has ---

    def __bool__(self) -> bool:
        if is_traced(self):
            if self.size == 1 and takes_answers(self):
                return bool(answer(self if self.dtype == bool else anp.not_equal(self, 0)))
            raise (DataDependentBranch if self.size == 1 else AmbiguousTruthError)(
                f"expected a branch on constants, got one on a traced value at {user_line()}. "
                "Compute both sides and choose with np.where, np.maximum, np.minimum or np.clip "
                "(for Python's max, min, all and any take NumPy's, and for a list np.array([...]))."
            )
        return bool(self._value)

    def __float__(self) -> float:
        if is_traced(self) and not (self.size == 1 and formats_text(sys._getframe(1))):
            refuse_conversion(self, "a Python float", TOWARD_NUMBERS)
        note_text(self)
        return float(self._value)

    def __complex__(self) -> complex:
        return complex(float(self))

    def __int__(self) -> int:
        if is_traced(self) and not (self.size == 1 and formats_text(sys._getframe(1))):
            whole = anp.trunc(self) if self.dtype == np.float64 else self
            return int(answer(whole) if takes_answers(self) else constant_of(self))
        note_text(self)
        return int(self._value)

    def __index__(self) -> int:
        result: int = constant_of(self).__index__()
        return result

    __trunc__ = __floor__ = __ceil__ = __int__

    def __round__(self, ndigits: int | None = None) -> Any:
        return anp.round(self, ndigits or 0)

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def __getattr__(self, name: str) -> NoReturn:
        plain = hasattr(self._value, name) and not name.startswith("__")
        raise (UnsupportedAttributeError if plain else NoAttributeError)(
            f"expected attributes of an array that can be recorded, got `.{name}` at "
            f"{user_line()}. Use NumPy's functions of the array."
        )

    # no sequence, although NumPy's scalars take None, ... and () as an index
    __iter__: Any = None
    __contains__: Any = None

    def __getitem__(self, index: Any) -> Any:
        shape = np.empty(())[plain_index(index)].shape
        return anp.reshape(self, shape) if shape else self

    def item(self, *index: Any) -> Any:
        """Return one element; it stays traced."""
        if not self.ndim:
            return self
        if len(index) == 1 and isinstance(index[0], tuple):
            index = index[0]
        flat = anp.reshape(self, (-1,))
        return self[index] if len(index) > 1 else flat[index[0] if index else 0]

    def tolist(self) -> Any:
        """Return nested lists of traced scalars."""
        return [part.tolist() for part in self] if self.ndim else self

    # --- arithmetic ---

    def dot(self, other: Any, out: None = None) -> Any:
        """Return the matrix product."""
        return self @ other if scipy.sparse.issparse(other) else np.dot(self, other, out=out)

    def __matmul__(self, other: Any) -> Any:
        if scipy.sparse.issparse(other):
            return NotImplemented if is_sparse_tracer(other) else sparse_rmatmul(self, other)
        if isinstance(other, np.matrix):
            return np.matmul(as_elements(self), other)
        return NotImplemented if is_table(other) else anp.matmul(self, operand(other))

    def __rmatmul__(self, other: Any) -> Any:
        if scipy.sparse.issparse(other):
            return sparse_matmul(other, self)
        return anp.matmul(operand(other), self)

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, _MATRICES) and self.ndim and not is_sparse_tracer(other):
            return matrix_product(self, other, swap=False)
        return _multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        if isinstance(other, _MATRICES) and self.ndim and not is_sparse_tracer(other):
            return matrix_product(self, other, swap=True)
        return _multiply_swapped(self, other)

    def __neg__(self) -> Any:
        return anp.negative(self)

    def __abs__(self) -> Any:
        return anp.absolute(self)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __pos__(self) -> Any:
        return self.copy()

    def __invert__(self) -> Any:
        return anp.invert(self)

    # --- methods that are not functions of autograd's NumPy ---

    def copy(self, order: str = "C") -> Any:
        """Return a copy, into which the function may assign."""
        return dispatch.HANDLERS[_copy](self)

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """Convert to float, int or bool."""
        return dispatch.HANDLERS[np.astype](self, dtype)

    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> Any:
        """Return the array in another shape."""
        return anp.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)

    def transpose(self, *axes: Any) -> Any:
        """Return the array with permuted axes."""
        return anp.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    def flatten(self, order: str = "C") -> Any:
        """Return a one-dimensional copy."""
        return anp.ravel(self, order).copy()

    def conj(self) -> Any:
        """Return the complex conjugate."""
        return anp.conj(self)

    conjugate = conj
    view = viewed
    T = property(lambda self: anp.transpose(self))
    A1 = property(lambda self: anp.ravel(self))  # of np.matrix, as sums of sparse matrices are
    mT = property(lambda self: anp.swapaxes(self, -1, -2))  # noqa: N815  (NumPy's name)

    @property
    def flat(self) -> Any:
        """The flattened array; it may be assigned into where it is a view."""
        result = anp.ravel(self)
        owner = getattr(result._node, "owner", None)
        if owner is not None and self.ndim and not self._value.flags.c_contiguous:
            owner.locked = "`.flat` of an array that is not in one piece"
        return result


class ArrayTracer(ScalarTracer):
    """A traced array."""

    __slots__ = ()

    @property
    def _node(self) -> Any:
        """The node of the present content: derived anew after an assignment to its memory."""
        node = _current.__get__(self)
        owner = node.owner if type(node) is TapeNode else None
        if owner is not None and node.version != owner.version:
            node = refreshed(self._value, node)
            _current.__set__(self, node)
        return node

    @_node.setter
    def _node(self, node: Any) -> None:
        _current.__set__(self, node)

    shape = property(lambda self: self._value.shape, lambda self, to: _reshape_in_place(self, to))
    ndim = property(lambda self: self._value.ndim)
    size = property(lambda self: self._value.size)
    dtype = property(lambda self: self._value.dtype)

    def __len__(self) -> int:
        return len(self._value)

    def __getitem__(self, index: Any) -> Any:
        if type(index) is not int:
            index = plain_index(index)
        node = self._node
        if type(node) is not TapeNode:
            return _getitem(self, index)
        value: Any = self._value[index]
        return _record(self, value, _getitem, (self._value, index), (0,), (node,))

    def __setitem__(self, index: Any, value: Any) -> None:
        value = operand(value)
        if _is_mask(index):
            if np.ndim(value._value if isbox(value) else value):
                index = plain_index(index)
            else:
                index, value = Ellipsis, anp.where(index, value, self)
        assign(self, plain_index(index), value)

    def __iter__(self) -> Iterator[Any]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[k] for k in range(len(self._value)))

    def __contains__(self, item: Any) -> bool:
        return bool(anp.any(self == item))

    def sort(self, axis: int = -1, **options: Any) -> None:
        """Sort in place."""
        self[...] = np.sort(self, axis, **options)

    def fill(self, value: Any) -> None:
        """Assign one value to all elements."""
        self[...] = value


def _reshape_in_place(box: ArrayTracer, shape: Any) -> None:
    other = anp.reshape(box, shape)
    box._value, box._node = other._value, other._node


def _is_mask(index: Any) -> bool:
    return isinstance(index, ArrayTracer) and index.dtype == bool and is_traced(index)


def _forward(name: str) -> Callable[..., Any]:
    """Make a method of the function of the same name."""
    function = getattr(anp, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__ = name
    return method


def _binary(function: Callable[..., Any], swap: bool = False) -> Callable[..., Any]:
    """Make an operator; the usual operands go past autograd's wrapper, which costs more."""
    ufunc: np.ufunc = function.fun  # type: ignore[attr-defined]

    def operator(self: Any, other: Any) -> Any:
        kind, node = type(other), self._node
        if type(node) is TapeNode:
            if kind in _NUMBERS:
                pair = (other, self._value) if swap else (self._value, other)
                return _record(self, ufunc(*pair), function, pair, (int(swap),), (node,))
            if (kind is ScalarTracer or kind is ArrayTracer) and other._trace == self._trace:
                pair, parents = (self._value, other._value), (node, other._node)
                return _record(self, ufunc(*pair), function, pair, (0, 1), parents)
        if kind is not np.ndarray and scipy.sparse.issparse(other) and function in SPARSE_NAMES:
            return beside_sparse(SPARSE_NAMES[function], self, other, swap)
        itself = getattr(kind, "__array_ufunc__", self) is None or box_tables.computes_itself(kind)
        if itself or is_table(other):
            return NotImplemented  # as a polynomial says
        if kind is np.matrix:
            return ufunc(*map(as_elements, (other, self) if swap else (self, other)))
        other = operand(other)
        return function(other, self) if swap else function(self, other)

    return operator


def _record(
    box: Any,
    value: Any,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    argnums: tuple[int, ...],
    parents: tuple[TapeNode, ...],
) -> Any:
    node = TapeNode(value, function, args, _NO_OPTIONS, argnums, parents)
    return BOXED[type(value)](value, box._trace, node)


def _in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, other: Any) -> Any:
        self[...] = function(self, operand(other))
        return self

    return method


_multiply, _multiply_swapped = _binary(anp.multiply), _binary(anp.multiply, swap=True)
for _name, _function in box_tables.ARITHMETIC.items():
    if _name != "mul":
        setattr(ScalarTracer, f"__{_name}__", _binary(_function))
        setattr(ScalarTracer, f"__r{_name}__", _binary(_function, swap=True))
    setattr(ArrayTracer, f"__i{_name}__", _in_place(_function))
ArrayTracer.__imatmul__ = _in_place(anp.matmul)
for _name, _function in box_tables.COMPARISONS.items():
    setattr(ScalarTracer, f"__{_name}__", _binary(_function))
for _name, _plain in (("__eq__", eq), ("__ne__", ne)):
    setattr(ScalarTracer, _name, box_tables.besides_words(getattr(ScalarTracer, _name), _plain))
for _name in box_tables.METHODS.split():
    setattr(ScalarTracer, _name, _forward(_name))
for _name in box_tables.ELEMENTWISE.split():
    setattr(ScalarTracer, _name, _forward(_name))
for _name, _method in box_tables.OWN.items():
    setattr(ScalarTracer, _name, _method)


def _boxed_again(value: Any, trace: int, node: Any) -> Any:
    """Box a box: of an outer trace, or what a composite operation has wrapped for this one."""
    plain = value._value if value._trace == trace else value
    return type(value)(plain, trace, node)


BOXED: dict[type, Callable[[Any, int, Any], Any]] = {
    np.ndarray: ArrayTracer,
    ArrayTracer: _boxed_again,
    ScalarTracer: _boxed_again,
    **dict.fromkeys(box_tables.SCALARS, ScalarTracer),
}
"""Which box stands for a value of which type; in force while a function is traced."""
