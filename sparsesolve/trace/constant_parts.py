"""Constants that were joined with traced values and taken out again, as a column of times.

They come back as traced values; their numbers do not depend on any argument all the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from autograd.tracer import isbox

from sparsesolve.ir.tape import Ref
from sparsesolve.trace.history import Step, history
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
    values = value._node.recorder.values
    known: dict[int, Any] = {}
    for index, step in history(value._node, _moved):
        known[index] = _marks(step, np.shape(values[index]), known)
    return value if np.any(known[value._node.ref.index]) else np.array(value._value)


def _moved(step: Step) -> tuple[Any, ...]:
    """Return the arguments whose elements a step moves; none where it does more."""
    return tuple(step[2][_MOVED[step[0]]]) if step[0] in _MOVED else ()


def _marks(step: Step | None, shape: tuple[int, ...], known: dict[int, Any]) -> Any:
    """Mark the elements of a value that may depend on an argument."""
    if step is None or step[0] not in _MOVED:
        return np.ones(shape, dtype=bool)
    op, move, args, options, *_ = step
    marks = list(args)
    marks[_MOVED[op]] = [
        known[a.index] if isinstance(a, Ref) else np.zeros(np.shape(a), dtype=bool)
        for a in _moved(step)
    ]
    return np.asarray(move(*marks, **options), dtype=bool)
