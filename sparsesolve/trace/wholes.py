"""Traced arrays that hold whole numbers at every x: NumPy may take them as an index.

All traced numbers are float64, so it is not their kind that tells, but how they came about.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sparsesolve.ir.tape import Ref
from sparsesolve.trace.history import Step, history
from sparsesolve.trace.recorder import TapeNode

__all__ = ["is_always_whole"]

_ROUNDING = ("trunc", "floor", "ceil", "rint", "sign")
_KEEPING = frozenset({
    "add", "subtract", "multiply", "negative", "absolute", "minimum", "maximum", "clip",
    "floor_divide", "remainder", "concatenate_args", "reshape", "transpose", "sum", "max", "min",
    "cumsum",
})  # fmt: skip
_OF_ONE = ("__getitem__",)  # the rest says which elements


def is_always_whole(box: Any) -> bool:
    """Whether whole numbers are all that a value can be, by how it was computed."""
    node = box._node
    if type(node) is not TapeNode or node.ref is None or not _looks_whole(box._value):
        return False
    known: dict[int, bool] = {}
    for index, step in history(node, lambda step: _operands(step) or ()):
        operands = None if step is None else _operands(step)
        known[index] = operands is not None and all(_is_whole(a, known) for a in operands)
    return known[node.ref.index]


def _looks_whole(value: Any) -> bool:
    with np.errstate(invalid="ignore"):
        return value.dtype.kind == "f" and bool(np.all(np.floor(value) == value))


def _is_whole(value: Any, known: dict[int, bool]) -> bool:
    if isinstance(value, Ref):
        return known[value.index]
    return value is None or _is_constant(value)


def _is_constant(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_constant, value))
    array = np.asarray(value)
    return array.dtype.kind in "biu" or (array.dtype.kind == "f" and _looks_whole(array))


def _operands(step: Step) -> tuple[Any, ...] | None:
    """Return what must be whole for the result of a step to be; None where that does not help."""
    op, _, args, *_ = step
    if op in _ROUNDING:
        return ()
    if op == "where":
        return tuple(args[1:])
    if op in _OF_ONE:
        return tuple(args[:1])
    return tuple(args) if op in _KEEPING else None
