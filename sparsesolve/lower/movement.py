"""Rules for movement of data: the very NumPy function, called on arrays of slot numbers.

Separate because nothing here computes: no instruction is emitted, so these are exact by
construction. Where a function leaves holes (off the diagonal, in the padding) they get the slot of
the constant that belongs there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sparsesolve.ir.program import Slots
from sparsesolve.lower.context import Context, is_traced, rule

__all__: list[str] = []

# modes of np.pad that only repeat elements
_MOVING_PADS = {"edge", "wrap", "reflect", "symmetric"}


@rule("__getitem__", "movement")
def _getitem(c: Context, array: Any, index: Any) -> Any:
    return array[index]


@rule("reshape", "movement")
def _reshape(c: Context, array: Any, shape: Any, order: Any = None) -> Any:
    return np.reshape(array, shape, order=order or "C")


@rule("transpose", "movement")
def _transpose(c: Context, array: Any, axes: Any = None) -> Any:
    return np.transpose(array, axes)


@rule("broadcast_to", "movement")
def _broadcast_to(c: Context, array: Any, shape: Any) -> Any:
    return np.broadcast_to(array, shape)


@rule("concatenate_args", "movement")
def _concatenate(c: Context, axis: Any, *arrays: Any) -> Any:
    return np.concatenate([c.slots(array) for array in arrays], axis)


@rule("array_from_args", "movement")
def _array(c: Context, array_args: Any, array_kwargs: Any, *items: Any) -> Any:
    ids = np.array([item if is_traced(item) else c.slots(item) for item in items], dtype=np.int32)
    least = int(array_kwargs.get("ndmin", 0))
    return ids.reshape((1,) * max(0, least - ids.ndim) + ids.shape)


@rule("_array_from_scalar_or_array", "movement")
def _array_of_one(c: Context, array_args: Any, array_kwargs: Any, item: Any) -> Any:
    ids = c.slots(item)
    least = int(array_kwargs.get("ndmin", 0))
    return np.reshape(ids, (1,) * max(0, least - np.ndim(ids)) + np.shape(ids))


@rule("movement", "movement")
def _movement(c: Context, function: Callable[[Any], Any], array: Any) -> Any:
    return function(array)


@rule("setitem", "movement")
def _setitem(c: Context, array: Any, index: Any, value: Any) -> Any:
    result = np.array(c.slots(array), dtype=np.int32)
    result[index] = c.slots(value)
    return result


# ----- movement with holes -----


def _with_holes(c: Context, function: Callable[[Any], Any], array: Any) -> Slots:
    """Apply a function that fills holes with zero."""
    moved = function(np.asarray(array) + np.int32(1))  # slot 0 is a slot like any other
    return np.where(moved > 0, moved - 1, c.zero).astype(np.int32, copy=False)


@rule("diag", "movement")
def _diag(c: Context, array: Any, k: int = 0) -> Any:
    return _with_holes(c, lambda ids: np.diag(ids, k), array)


@rule("triu", "movement")
def _triu(c: Context, array: Any, k: int = 0) -> Any:
    return _with_holes(c, lambda ids: np.triu(ids, k), array)


@rule("tril", "movement")
def _tril(c: Context, array: Any, k: int = 0) -> Any:
    return _with_holes(c, lambda ids: np.tril(ids, k), array)


@rule("pad", "movement")
def _pad(c: Context, array: Any, width: Any, mode: str = "constant", **options: Any) -> Any:
    if mode in _MOVING_PADS and options.get("reflect_type", "even") == "even":
        return np.pad(array, width, mode=mode)  # type: ignore[call-overload]
    if mode != "constant":
        raise c.unsupported(
            f"got mode {mode!r}", f'Use "constant" or one of {sorted(_MOVING_PADS)}.'
        )
    values = options.get("constant_values", 0.0)
    if np.ndim(values) == 0:
        return np.pad(array, width, constant_values=int(c.slots(values)))
    border = np.pad(np.zeros(np.shape(array)), width, constant_values=values)
    inside = np.pad(np.ones(np.shape(array), dtype=bool), width)
    return np.where(inside, np.pad(array, width), c.slots(border)).astype(np.int32, copy=False)
