"""Constants that were joined with traced values and taken out again, as a column of times.

They come back as traced values; their numbers do not depend on any argument all the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from autograd.tracer import isbox

from sparsesolve.ir.tape import Ref
from sparsesolve.trace.recorder import TapeNode

__all__ = ["taken_out"]

_MOVED = {
    "concatenate_args": slice(1, None),
    "array_from_args": slice(2, None),
    **dict.fromkeys(("__getitem__", "reshape", "transpose", "swapaxes"), slice(0, 1)),
    "setitem": slice(0, 3, 2),
}
"""Operations that only move elements, and which of their arguments they move."""


def taken_out(value: Any) -> Any:
    """Return the numbers of a value that was only moved among traced ones; else the value."""
    if not isbox(value) or type(value._node) is not TapeNode or value._node.ref is None:
        return value
    steps = {step[4].index: step for step in value._node.recorder.steps}
    values = value._node.recorder.values
    found = _depends(value._node.ref, steps, values, {})
    return value if np.any(found) else np.array(value._value)


def _depends(ref: Ref, steps: dict[int, Any], values: list[Any], known: dict[int, Any]) -> Any:
    """Mark the elements of a value that may depend on an argument."""
    if ref.index not in known:
        step = steps.get(ref.index)
        if step is None or step[0] not in _MOVED:
            known[ref.index] = np.ones(values[ref.index].shape, dtype=bool)
        else:
            op, move, args, options, *_ = step
            marks = list(args)
            marks[_MOVED[op]] = [_marked(a, steps, values, known) for a in args[_MOVED[op]]]
            known[ref.index] = np.asarray(move(*marks, **options), dtype=bool)
    return known[ref.index]


def _marked(value: Any, steps: dict[int, Any], values: list[Any], known: dict[int, Any]) -> Any:
    if isinstance(value, Ref):
        return _depends(value, steps, values, known)
    return np.zeros(np.shape(value), dtype=bool)
