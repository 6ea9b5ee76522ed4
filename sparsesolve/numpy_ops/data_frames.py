"""Series and DataFrames of pandas with traced elements: their arithmetic and their reductions.

Separate because pandas keeps such elements as objects and does everything else with them by itself:
labels, alignment, selections, columns. Only what computes is replaced, and is done with whole
arrays. Elements that are constant and missing are left out of reductions, as pandas does; whether
a traced one is missing is not asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.tracer import isbox

from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.matrices import as_elements
from sparsesolve.trace.operands import constant_of, holds_boxes, operand, stacked
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line
from sparsesolve.trace.tables import is_table, objects_of
from sparsesolve.trace.writable import current

__all__: list[str] = []


def _computed(function: Callable[..., Any], *inputs: Any) -> Any:
    """Return what pandas keeps: objects, or truths, which are positions of a path."""
    result = function(*map(_whole, inputs))
    if not isbox(result):
        return result
    if result.dtype == bool:
        return constant_of(result)
    elements = as_elements(result)
    for value in inputs:
        if isinstance(value, np.ndarray) and value.shape == elements.shape:
            elements[_is_missing(value)] = np.nan  # and stays one that pandas sees
    return elements


def _has_objects(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.dtype == object and values.ndim > 0


def _is_missing(values: Any) -> Any:
    if values.dtype != object:
        return values != values
    missing = [not isbox(e) and (e is None or e != e) for e in values.flat]
    return np.array(missing, dtype=bool).reshape(values.shape)


def _whole(values: Any) -> Any:
    """Return one array; what is missing among objects is not a number."""
    if _has_objects(values):
        values = values.copy()
        values[_is_missing(values)] = np.nan
    return operand(values)


def _operation(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(left: Any, right: Any, op: Any) -> Any:
        if not holds_boxes(left) and not holds_boxes(right):
            return plain(left, right, op)
        return _computed(op, left, right)

    return call


for _name in ("arithmetic_op", "comparison_op"):
    replaces("pandas.core.ops.array_ops", _name)(_operation)


@replaces("pandas.core.arraylike", "array_ufunc")
def _ufunc(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if not any(map(holds_boxes, inputs)):
            return plain(self, ufunc, method, *inputs, **options)
        tables = [value for value in inputs if is_table(value)]
        by_element = method == "__call__" and ufunc.nout == 1 and ufunc.signature is None
        if options or not by_element or not _are_aligned(tables):
            return plain(self, ufunc, method, *inputs, **options)
        values = [objects_of(value) if is_table(value) else value for value in inputs]
        return _like(tables[0], _computed(ufunc, *values))

    return call


def _are_aligned(tables: list[Any]) -> bool:
    first, *others = (table.axes for table in tables)
    return all(
        len(first) == len(other) and all(a.equals(b) for a, b in zip(first, other, strict=True))
        for other in others
    )


def _like(table: Any, values: Any) -> Any:
    """Return values under the labels of a table."""
    if table.ndim == 1:
        return type(table)(values, index=table.index, name=table.name)
    return type(table)(values, index=table.index, columns=table.columns)


@replaces("pandas.core.dtypes.astype", "astype_array")
def _astype(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(values: Any, dtype: Any, copy: bool = False) -> Any:
        if holds_boxes(values) and dtype == np.float64:
            return values.copy()
        return plain(values, dtype, copy)

    return call


def _of_elements(place: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function that gets a traced array as its elements, as one of its arguments."""

    def make(plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if len(args) > place:
                args = *args[:place], as_elements(current(args[place])), *args[place + 1 :]
            return plain(*args, **options)

        return call

    return make


replaces("pandas.core.construction", "sanitize_array")(_of_elements(0))
replaces("pandas.core.internals.construction", "ndarray_to_mgr")(_of_elements(0))
replaces("pandas", "Series.dot")(_of_elements(1))
replaces("pandas", "DataFrame.dot")(_of_elements(1))


# --- reductions ---


def _variance(x: Any, ddof: int) -> Any:
    return anp.sum((x - anp.mean(x)) ** 2) / (x.size - ddof)


def _skewness(x: Any, ddof: int) -> Any:
    n, centered = x.size, x - anp.mean(x)
    return n * np.sqrt(n - 1.0) / (n - 2.0) * anp.sum(centered**3) / anp.sum(centered**2) ** 1.5


_REDUCTIONS: dict[str, Callable[[Any, int], Any]] = {
    "nansum": lambda x, ddof: anp.sum(x),
    "nanprod": lambda x, ddof: anp.prod(x),
    "nanmean": lambda x, ddof: anp.mean(x),
    "nanmin": lambda x, ddof: anp.min(x),
    "nanmax": lambda x, ddof: anp.max(x),
    "nanmedian": lambda x, ddof: np.median(x),
    "nanvar": _variance,
    "nanstd": lambda x, ddof: anp.sqrt(_variance(x, ddof)),
    "nansem": lambda x, ddof: anp.sqrt(_variance(x, ddof) / x.size),
    "nanskew": _skewness,
}


def _reduction(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    reduce = _REDUCTIONS[name]

    def make(plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(values: Any, *, axis: Any = None, skipna: bool = True, **options: Any) -> Any:
            if not holds_boxes(values):
                return plain(values, axis=axis, skipna=skipna, **options)
            ddof = int(options.get("ddof", 1))
            if axis is None or values.ndim == 1:
                return reduce(_present(values.ravel(), skipna), ddof)
            lanes = np.moveaxis(values, axis, -1)
            found = np.empty(lanes.shape[:-1], dtype=object)
            for place in np.ndindex(found.shape):
                found[place] = reduce(_present(lanes[place], skipna), ddof)
            return found

        return call

    return make


def _present(elements: Any, skipna: bool) -> Any:
    """Return one array of what is not missing."""
    return stacked(list(elements[~_is_missing(elements)] if skipna else elements))


for _name in _REDUCTIONS:
    replaces("pandas.core.nanops", _name)(_reduction(_name))


@replaces("pandas.core.window.rolling", "BaseWindow._prep_values", second=True)
def _windows(plain: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse windows, which pandas computes by code of its own."""

    def prepare(self: Any, values: Any) -> Any:
        if holds_boxes(values):
            what = f"windows of pandas (rolling, ewm, expanding) of traced values at {user_line()}"
            raise refuse(what, "Take sums by np.convolve or np.cumsum, or a constant matrix")
        return plain(self, values)

    return prepare
