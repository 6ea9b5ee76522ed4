"""Functions that join and cut arrays.

Several arrays become one by concatenation and indexing; the map of positions is found by calling
NumPy itself on arrays of labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.lower.context import Context, is_slots, rule
from sparsesolve.numpy_ops.movement import atleast_1d, atleast_2d, atleast_3d
from sparsesolve.trace.dispatch import implements, refuse
from sparsesolve.trace.operands import frozen_index, holds_boxes, operand, plain_index
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__ = ["rearranged"]


def rearranged(fun: Callable[..., Any], *arrays: Any) -> Any:
    """Apply a function that only moves elements, of several arrays at once."""
    pieces, labels, start = [], [], 0
    for array in map(operand, arrays):
        shape = np.shape(array)
        size = int(np.prod(shape))
        pieces.append(anp.reshape(array, (size,)))
        labels.append(np.arange(start, start + size).reshape(shape))
        start += size
    return anp.concatenate_args(0, *pieces)[fun(*labels)]


# --- joining ---


@implements(np.concatenate)
def _concatenate(arrays: Any, axis: int | None = 0, **options: Any) -> Any:
    parts = [operand(a) for a in _items(arrays)]
    if axis is None:
        parts, axis = [anp.reshape(a, (-1,)) for a in parts], 0
    return anp.concatenate_args(axis, *parts)


def _items(arrays: Any) -> Sequence[Any]:
    return list(arrays)


@implements(np.stack)
def _stack(arrays: Any, axis: int = 0, **options: Any) -> Any:
    return anp.stack([operand(a) for a in _items(arrays)], axis=axis)


@implements(np.vstack)
def _vstack(tup: Any, **options: Any) -> Any:
    return _concatenate([atleast_2d(a) for a in _items(tup)], 0)


@implements(np.hstack)
def _hstack(tup: Any, **options: Any) -> Any:
    parts = [atleast_1d(a) for a in _items(tup)]
    return _concatenate(parts, 0 if parts[0].ndim == 1 else 1)


@implements(np.dstack)
def _dstack(tup: Any) -> Any:
    return _concatenate([atleast_3d(a) for a in _items(tup)], 2)


@implements(np.column_stack)
def _column_stack(tup: Any) -> Any:
    parts = [operand(a) for a in _items(tup)]
    return _concatenate([p if np.ndim(p) > 1 else anp.reshape(p, (-1, 1)) for p in parts], 1)


@implements(np.append)
def _append(arr: Any, values: Any, axis: int | None = None) -> Any:
    return _concatenate([arr, values], axis)


@implements(np.block)
def _block(arrays: Any) -> Any:
    found: list[Any] = []

    def numbered(item: Any) -> Any:
        if isinstance(item, list):
            return [numbered(part) for part in item]
        found.append(operand(item))
        return len(found) - 1

    tree = numbered(arrays)

    def arranged(*labels: Any) -> Any:
        def build(item: Any) -> Any:
            return [build(part) for part in item] if isinstance(item, list) else labels[item]

        return np.block(build(tree))

    return rearranged(arranged, *found)


@implements(np.insert)
def _insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    place = frozen_index(obj)
    return rearranged(lambda a, v: np.insert(a, place, v, axis), arr, values)


@replaces("numpy.lib._index_tricks_impl", "AxisConcatenator.__getitem__")
def _index_trick(plain: Callable[..., Any]) -> Callable[..., Any]:
    """Take traced values in ``np.r_[...]`` and ``np.c_[...]``, which make object arrays of them."""

    def getitem(self: Any, key: Any) -> Any:
        items = key if isinstance(key, tuple) else (key,)
        if not any(map(holds_boxes, items)):
            return plain(self, key)
        words = tuple(item for item in items if isinstance(item, str))
        if words and words[0] in ("r", "c"):
            raise refuse(f"a matrix by np.r_ at {user_line()}", "Leave out the letter")
        parts = [
            plain(np.r_, item) if isinstance(item, slice) else item for item in items[len(words) :]
        ]
        return rearranged(lambda *labels: plain(self, (*words, *labels)), *parts)

    return getitem


# --- cutting ---


@implements(np.array_split)
def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    length = ary.shape[axis]
    bounds = np.array_split(np.arange(length), plain_index(indices_or_sections))
    parts, start = [], 0
    for bound in bounds:
        parts.append(ary[_along(axis, ary.ndim, slice(start, start + len(bound)))])
        start += len(bound)
    return parts


@implements(np.split)
def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    np.split(np.empty(ary.shape[axis]), plain_index(indices_or_sections))  # raises if uneven
    return _array_split(ary, indices_or_sections, axis)


@implements(np.hsplit)
def _hsplit(ary: Any, indices_or_sections: Any) -> Any:
    return _split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


@implements(np.vsplit)
def _vsplit(ary: Any, indices_or_sections: Any) -> Any:
    return _split(ary, indices_or_sections, 0)


@implements(np.dsplit)
def _dsplit(ary: Any, indices_or_sections: Any) -> Any:
    return _split(ary, indices_or_sections, 2)


@implements(np.unstack)
def _unstack(x: Any, /, *, axis: int = 0) -> Any:
    return tuple(x[_along(axis, x.ndim, k)] for k in range(x.shape[axis]))


def _along(axis: int, ndim: int, index: Any) -> tuple[Any, ...]:
    return (slice(None),) * (axis % ndim) + (index,)


# --- lowering ---


@rule("concatenate_args", "movement")
def _lower_concatenate(c: Context, axis: Any, *arrays: Any) -> Any:
    return np.concatenate([c.slots(array) for array in arrays], axis)


@rule("array_from_args", "movement")
def _lower_array(c: Context, array_args: Any, array_kwargs: Any, *items: Any) -> Any:
    ids = np.array([item if is_slots(item) else c.slots(item) for item in items], dtype=np.int32)
    least = int(array_kwargs.get("ndmin", 0))
    return ids.reshape((1,) * max(0, least - ids.ndim) + ids.shape)
