"""Calls that cannot be lowered: they stay calls, with autograd's own derivative rules.

Separate because these are the only instructions that keep a Python function. A stack of matrices
becomes one call a matrix, so that the matrices stay independent of each other.

Complex values have no slots. A chain of operations through complex intermediates (``real`` of an
``fft``) is collected in a `Pending` value and becomes one call where it turns real again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from autograd.core import primitive_vjps

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.lower.context import Context, is_traced
from sparsesolve.program import Slots
from sparsesolve.tape import Instruction

__all__ = ["Pending", "has_pending", "lower_opaque", "lower_pending"]

_MOST_CALLS = 256  # a larger stack stays one call


@dataclass(frozen=True, slots=True)
class Pending:
    """A complex value: `function` of the real arrays at `operands`."""

    function: Callable[..., Any]
    operands: tuple[Slots, ...]
    name: str


def _bind(c: Context, step: Instruction) -> Pending:
    """Split the arguments of a step into traced arrays and bound constants."""
    operands: list[Slots] = []

    def place(value: Any) -> Callable[..., Any]:
        if isinstance(value, Pending):
            first, count = len(operands), len(value.operands)
            operands.extend(value.operands)
            return lambda arrays: value.function(*arrays[first : first + count])
        if is_traced(value):
            number = len(operands)
            operands.append(np.asarray(value))
            return lambda arrays: arrays[number]
        if type(value) in (tuple, list):
            parts = [place(item) for item in value]
            return lambda arrays: type(value)([part(arrays) for part in parts])
        return lambda arrays: value

    makers = [place(c.resolve(argument)) for argument in step.args]
    options = {name: place(c.resolve(value)) for name, value in step.kwargs.items()}
    primitive = step.function

    def function(*arrays: Any) -> Any:
        args = [make(arrays) for make in makers]
        return primitive(*args, **{name: make(arrays) for name, make in options.items()})

    return Pending(function, tuple(operands), step.op)


def has_pending(c: Context, step: Instruction) -> bool:
    """Whether a step reads or makes a complex value."""
    if c.tape.values[step.out.index].dtype.kind == "c":
        return True
    return any(isinstance(c.resolve(argument), Pending) for argument in step.args)


def lower_pending(c: Context, step: Instruction) -> Any:
    """Continue a chain through complex values, or end it with one call."""
    call = _bind(c, step)
    info = c.tape.values[step.out.index]
    if info.dtype.kind == "c":
        return call
    return c.builder.opaque(call.name, call.function, call.operands, info.shape)


def lower_opaque(c: Context, step: Instruction) -> Any:
    """Keep a step as a call.

    Raises
    ------
    UnsupportedOperation
        If autograd has no derivative rule for it either.
    """
    if step.function not in primitive_vjps:
        at = f" at {step.source}" if step.source else ""
        raise UnsupportedOperation(
            f"cannot lower `{step.op}`{at}: there is no rule for it and autograd cannot "
            "differentiate it. Express it by supported operations (docs/supported.md), or make it "
            "a primitive with autograd.extend.primitive and defvjp."
        )
    call = _bind(c, step)
    return c.builder.opaque(
        call.name, call.function, call.operands, c.tape.values[step.out.index].shape
    )
