"""Sorting, and functions along an axis.

Functions that give positions are in `positions`.
"""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.lower.opaque import kept
from sparsesolve.trace.dispatch import implements
from sparsesolve.trace.operands import operand

__all__: list[str] = []


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


@implements(np.apply_over_axes)
def _apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    value = operand(a)
    for axis in np.atleast_1d(axes):
        result = func(value, int(axis) % np.ndim(a))
        value = result if np.ndim(result) == np.ndim(a) else anp.expand_dims(result, int(axis))
    return value


kept("sort partition")
