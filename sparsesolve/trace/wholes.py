"""Traced arrays that hold whole numbers at every x: NumPy may take them as an index.

All traced numbers are float64, so it is not their kind that tells, but how they came about.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sparsesolve.ir.tape import Ref
from sparsesolve.trace.recorder import TapeNode

__all__ = ["is_always_whole"]

_ROUNDING = ("trunc", "floor", "ceil", "rint", "sign")
_KEEPING = (
    "add subtract multiply negative absolute minimum maximum clip floor_divide remainder "
    "concatenate_args reshape transpose sum max min cumsum"
)
_OF_ONE = ("__getitem__",)  # the rest says which elements


def is_always_whole(box: Any) -> bool:
    """Whether whole numbers are all that a value can be, by how it was computed."""
    node = box._node
    if type(node) is not TapeNode or node.ref is None or not _looks_whole(box._value):
        return False
    steps = {step[4].index: step for step in node.recorder.steps}
    return _is_whole(node.ref, steps, {})


def _looks_whole(value: Any) -> bool:
    with np.errstate(invalid="ignore"):
        return value.dtype.kind == "f" and bool(np.all(np.floor(value) == value))


def _is_whole(value: Any, steps: dict[int, Any], known: dict[int, bool]) -> bool:
    if not isinstance(value, Ref):
        return value is None or _is_constant(value)
    found = known.get(value.index)
    if found is None:
        step = steps.get(value.index)
        found = known[value.index] = step is not None and _makes_whole(step, steps, known)
    return found


def _is_constant(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_constant, value))
    array = np.asarray(value)
    return array.dtype.kind in "biu" or (array.dtype.kind == "f" and _looks_whole(array))


def _makes_whole(step: tuple[Any, ...], steps: dict[int, Any], known: dict[int, bool]) -> bool:
    op, _, args, *_ = step
    if op in _ROUNDING:
        return True
    if op == "where":
        args = args[1:]
    elif op in _OF_ONE:
        args = args[:1]
    elif op not in _KEEPING.split():
        return False
    return all(_is_whole(argument, steps, known) for argument in args)
