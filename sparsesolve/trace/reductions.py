"""Reductions and running sums.

Separate because NumPy's options (`where=`, `initial=`, `dtype=`) are taken apart here, so that an
instruction only ever has an axis and ``keepdims``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where

from sparsesolve.errors import DataDependentBranch
from sparsesolve.trace.dispatch import implements, refuse
from sparsesolve.trace.operands import operand
from sparsesolve.trace.sources import user_line

__all__: list[str] = []


def _reduction(
    function: Callable[..., Any], primitive: Any, empty: Any, join: Callable[..., Any] | None
) -> None:
    """Register a reduction: `empty` is its value without elements, `join` its operation."""

    def reduce(a: Any, axis: Any = None, keepdims: bool = False, **options: Any) -> Any:
        left = {k: v for k, v in options.items() if not _is_unset(v)}
        left.pop("dtype", None)
        mask, initial = left.pop("where", True), left.pop("initial", None)
        if left or (join is None and initial is not None):
            raise refuse(
                f"np.{function.__name__} with {set(left)} at {user_line()}", "Leave it out"
            )
        if mask is not True:
            a = where(operand(mask), a, empty)
        keepdims = False if _is_unset(keepdims) else keepdims
        a = operand(a)
        if initial is not None and function in (np.max, np.min) and not _count(a, axis):
            shape = np.sum(np.empty(np.shape(a)), axis=axis, keepdims=keepdims).shape
            return anp.array(anp.broadcast_to(initial, shape))
        result = primitive(a, axis=axis, keepdims=keepdims)
        return result if initial is None or join is None else join(result, initial)

    @implements(function, recorded=True)
    def handler(a: Any, axis: Any = None, *args: Any, **kwargs: Any) -> Any:
        names = ("dtype", "out") if function in (np.sum, np.prod, np.mean) else ("out",)
        return reduce(a, axis, **dict(zip((*names, "keepdims"), args, strict=False)), **kwargs)


def _is_unset(value: Any) -> bool:
    return value is None or value is np._NoValue


_reduction(np.sum, anp.sum, 0.0, anp.add)
_reduction(np.prod, anp.prod, 1.0, anp.multiply)
_reduction(np.max, anp.max, -np.inf, anp.maximum)
_reduction(np.min, anp.min, np.inf, anp.minimum)
_reduction(np.all, anp.all, True, None)
_reduction(np.any, anp.any, False, None)


@implements(np.mean, recorded=True)
def _mean(a: Any, axis: Any = None, dtype: Any = None, out: None = None, **options: Any) -> Any:
    keepdims = options.pop("keepdims", False)
    mask = options.pop("where", np._NoValue)
    keepdims = False if _is_unset(keepdims) else keepdims
    if not _is_unset(mask) and mask is not True:
        count = anp.sum(anp.broadcast_to(mask, np.shape(a)) * 1.0, axis=axis, keepdims=keepdims)
        return anp.sum(where(mask, a, 0.0), axis=axis, keepdims=keepdims) / count
    return anp.mean(operand(a), axis=axis, keepdims=keepdims)


implements(np.amax)(lambda a, axis=None, **options: anp.max(a, axis, **options))
implements(np.amin)(lambda a, axis=None, **options: anp.min(a, axis, **options))


@implements(np.var)
def _var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    ddof: float = 0,
    keepdims: Any = False,
    **options: Any,
) -> Any:
    ddof = options.pop("correction", ddof)
    if any(not _is_unset(v) for v in options.values()):
        raise refuse(f"np.var with {set(options)} at {user_line()}", "Write it with np.mean")
    deviation = a - anp.mean(a, axis=axis, keepdims=True)
    total = anp.sum(
        deviation * deviation, axis=axis, keepdims=False if _is_unset(keepdims) else keepdims
    )
    return total / max(_count(a, axis) - ddof, 0)


def _count(a: Any, axis: Any) -> int:
    """Count the elements that go into one result of a reduction."""
    shape = np.shape(a)
    axes = range(len(shape)) if axis is None else np.atleast_1d(axis)
    return int(np.prod([shape[k] for k in axes], dtype=np.int64))


implements(np.std)(lambda a, *args, **kwargs: anp.sqrt(_var(a, *args, **kwargs)))


@implements(np.ptp)
def _ptp(a: Any, axis: Any = None, out: None = None, keepdims: Any = False) -> Any:
    keep = False if _is_unset(keepdims) else keepdims
    return anp.max(a, axis=axis, keepdims=keep) - anp.min(a, axis=axis, keepdims=keep)


@implements(np.average)
def _average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False
) -> Any:
    keep = False if _is_unset(keepdims) else keepdims
    a = operand(a)
    weights = np.ones(np.shape(a)) if weights is None else operand(weights)
    if np.shape(weights) != np.shape(a):
        weights = anp.reshape(
            weights, [n if k == axis % a.ndim else 1 for k, n in enumerate(a.shape)]
        )
    total = anp.sum(anp.broadcast_to(weights, a.shape), axis=axis, keepdims=keep)
    result = anp.sum(a * weights, axis=axis, keepdims=keep) / total
    return (result, total) if returned else result


@implements(np.count_nonzero)
def _count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return anp.sum(anp.not_equal(a, 0), axis=axis, keepdims=keepdims)


implements(np.nansum)(lambda a, axis=None, **options: np.sum(_without_nan(a, 0.0), axis, **options))
implements(np.nanprod)(
    lambda a, axis=None, **options: np.prod(_without_nan(a, 1.0), axis, **options)
)


implements(np.nanmax)(
    lambda a, axis=None, **options: np.max(_without_nan(a, -np.inf), axis, **options)
)
implements(np.nanmin)(
    lambda a, axis=None, **options: np.min(_without_nan(a, np.inf), axis, **options)
)


@implements(np.nanmean)
def _nanmean(a: Any, axis: Any = None, dtype: Any = None, **options: Any) -> Any:
    count = np.sum(anp.logical_not(anp.isnan(a)) * 1.0, axis, **options)
    return np.sum(_without_nan(a, 0.0), axis, **options) / count


def _without_nan(a: Any, empty: float) -> Any:
    return where(anp.isnan(a), empty, a)


def _products(a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
    """Multiply up one slice after the other; NumPy's cumprod has no derivative rule."""
    a = operand(a)
    if a.dtype == bool:
        a = anp.multiply(a, 1)  # NumPy's products of truth values are integers here
    if axis is None:
        a, axis = anp.reshape(a, (-1,)), 0
    parts = [a[(slice(None),) * (axis % a.ndim) + (k,)] for k in range(a.shape[axis])]
    for k in range(1, len(parts)):
        parts[k] = parts[k - 1] * parts[k]
    return anp.stack(parts, axis=axis) if parts else anp.array(a)


implements(np.cumprod)(_products)


@implements(np.cumsum, recorded=True)
def _cumsum(a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
    return anp.cumsum(operand(a), axis=axis)


def _cumulative(first: float, run: Callable[..., Any]) -> Callable[..., Any]:
    def handler(x: Any, /, *, axis: Any = None, include_initial: bool = False, **_: Any) -> Any:
        if axis is None and x.ndim != 1:
            raise ValueError("`axis` must be given for arrays with more than one dimension")
        axis = 0 if axis is None else axis % x.ndim
        result = run(x, axis)
        if not include_initial:
            return result
        start = np.full([1 if k == axis else n for k, n in enumerate(x.shape)], first)
        return anp.concatenate([start, result], axis=axis)

    return handler


implements(np.cumulative_sum)(_cumulative(0.0, lambda x, axis: anp.cumsum(x, axis=axis)))
implements(np.cumulative_prod)(_cumulative(1.0, _products))


@implements(np.sort, recorded=True)
def _sort(a: Any, axis: Any = -1, kind: Any = None, order: None = None, **options: Any) -> Any:
    if axis is None:
        a, axis = anp.reshape(a, (-1,)), 0
    if np.ndim(a) == 1:
        return anp.sort(operand(a))
    return _apply_along_axis(anp.sort, axis, a)


@implements(np.apply_along_axis)
def _apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    last = anp.moveaxis(arr, axis, -1)
    outer = last.shape[:-1]
    results = [operand(func1d(last[place], *args, **kwargs)) for place in np.ndindex(outer)]
    shape = np.shape(results[0])
    whole = anp.reshape(anp.stack(results), outer + shape)
    axis %= arr.ndim
    moved = range(len(outer), len(outer) + len(shape))
    return anp.moveaxis(whole, list(moved), list(range(axis, axis + len(shape))))


_ORDERING = (
    "argmax argmin argsort argpartition argwhere nonzero flatnonzero searchsorted digitize lexsort "
    "unique nanargmax nanargmin histogram isin union1d intersect1d setdiff1d median percentile "
    "quantile nanmedian"
)


def _refuse_ordering(name: str) -> None:
    @implements(getattr(np, name))
    def handler(*args: Any, **kwargs: Any) -> Any:
        raise DataDependentBranch(
            f"expected operations that do not depend on the order of the values, got np.{name} of "
            f"a traced value at {user_line()}. Choose with np.where, np.max, np.min or np.sort."
        )


for _name in _ORDERING.split():
    _refuse_ordering(_name)
