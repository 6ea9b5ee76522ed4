"""NumPy as one traced function sees it: its functions take lists of traced numbers, too.

NumPy looks for a protocol in arguments, and not in the lists that are arguments:
``np.sqrt([x[0], 2.0])`` or ``np.max([a, b])`` would work on an array of objects. Here the modules
that the user's names mean are replaced by ones that join such lists first, and hold what has no
dispatch at all. Nobody else sees them.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
from autograd.tracer import isbox

from sparsesolve.trace.matrices import is_matrix_of_boxes, matrix_function
from sparsesolve.trace.operands import holds_boxes, stacked
from sparsesolve.trace.stand_ins import stand_in
from sparsesolve.trace.tables import is_table
from sparsesolve.trace.writable import current

__all__ = ["numpy_name"]

_MODULES = (np, np.linalg, np.fft)
_DISPATCHED = (np.ufunc, type(np.sum))
_METHODS = "reduce", "accumulate", "reduceat", "outer"  # of a ufunc
# whose arguments are sequences of arrays, which they read one by one
_OF_SEQUENCES = (
    "concatenate concat stack hstack vstack dstack column_stack block select choose meshgrid ix_ "
    "einsum einsum_path multi_dot broadcast_arrays lexsort piecewise array_split"
)


class _UserModule(types.ModuleType):
    """A module of NumPy, with substitutes for some of its names."""

    def __init__(self, plain: types.ModuleType) -> None:
        super().__init__(plain.__name__)
        self.__plain = plain

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.__plain, name)
        return numpy_name(value) or value


class _OfLists:
    """A function of NumPy that makes arrays of lists of traced numbers."""

    def __init__(self, plain: Callable[..., Any]) -> None:
        self.__wrapped__ = plain

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if any(map(is_matrix_of_boxes, args)):
            return matrix_function(self.__wrapped__, args, kwargs)
        options = {name: _joined(value) for name, value in kwargs.items()}
        if any(map(is_table, args)):
            args = tuple(map(self._of_table, args))
        return self.__wrapped__(*map(_joined, args), **options)

    def _of_table(self, value: Any) -> Any:
        """Return the values of a table with traced elements, which could not do it itself."""
        name = str(self.__wrapped__.__name__)
        knows = isinstance(self.__wrapped__, np.ufunc) or hasattr(value, name)
        return stacked(value) if is_table(value) and not knows and holds_boxes(value) else value

    def __getattr__(self, name: str) -> Any:
        held = getattr(self.__wrapped__, name)
        return _OfLists(held) if name in _METHODS else held


def numpy_name(thing: Any) -> Any:
    """Return what stands for a module, a function or a class of NumPy; None if it does itself."""
    if isinstance(thing, types.ModuleType):
        return _UserModule(thing) if thing in _MODULES else None
    if isinstance(thing, type):
        return _OWN.get(thing)
    if thing is np.fromiter:
        return _fromiter
    if thing is np.piecewise:
        return _piecewise
    if isinstance(thing, _DISPATCHED) and str(thing.__name__) not in _OF_SEQUENCES.split():
        return _OfLists(thing)
    return None


def _joined(value: Any) -> Any:
    return stacked(value) if type(value) in (list, tuple) and holds_boxes(value) else value


def _fromiter(iter: Iterable[Any], dtype: Any, count: int = -1, **options: Any) -> Any:
    items = list(iter if count < 0 else islice(iter, count))
    if not any(map(holds_boxes, items)):
        return np.fromiter(items, dtype, count, **options)
    return np.array(items, dtype=dtype)


def _piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **options: Any) -> Any:
    """Call functions first, of whose values NumPy, which finds nothing traced in `x`, knows little.

    Each gets what belongs to it alone, as it does there.
    """
    x = current(x)
    if isbox(x) or holds_boxes(condlist) or holds_boxes(x):
        return np.piecewise(x, condlist, funclist, *args, **options)
    x = np.asarray(x)
    conditions = np.asarray(condlist, dtype=bool)
    if conditions.ndim < x.ndim + 1 and len(conditions.reshape(-1)) != len(funclist):
        conditions = conditions[None]
    rows = list(conditions)
    if len(funclist) == len(rows) + 1:
        rows.append(~np.any(conditions, axis=0))
    parts = [
        f(x[row], *args, **options) if callable(f) and row.any() else f
        for row, f in zip(rows, funclist, strict=False)
    ]
    if not any(map(holds_boxes, parts)):
        return np.piecewise(x, condlist, funclist, *args, **options)
    source = np.zeros(x.size, dtype=np.int64)  # where each element is found
    values: list[Any] = [np.zeros(1)]
    for row, part in zip(rows, parts, strict=False):
        places = np.flatnonzero(row)
        source[places] = sum(map(len, values)) + np.arange(places.size)
        values.append(np.broadcast_to(np.asarray(part), places.shape))
    return np.reshape(np.concatenate(values)[source], x.shape)[()]


def _ndenumerate(arr: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    array = np.asarray(current(arr))
    return ((place, array[place]) for place in np.ndindex(array.shape))


def _making(kind: type) -> Callable[..., Any]:
    """Return what makes numbers of a kind of NumPy's, traced ones of traced ones."""

    def make(value: Any = 0) -> Any:
        value = current(value)
        if not holds_boxes(value):
            return kind(value)
        array = np.asarray(value)
        return np.astype(array, kind) if isbox(array) else array

    return make


_KINDS = (np.float64, np.int64, np.int32, np.int16, np.int8, np.intc, np.uint8, np.uint16)
_OWN: dict[type, Any] = {
    **{kind: stand_in(kind, _making(kind)) for kind in _KINDS},
    np.ndenumerate: _ndenumerate,
}
