"""Calls that cannot be lowered: they stay calls, with autograd's own derivative rules.

These are the only instructions that keep a Python function.

Complex values have no slots. A chain of operations through complex intermediates (``real`` of an
``fft``) is collected in a `Pending` value and becomes one call where it turns real again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from autograd.core import primitive_vjps

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.ir.program import Slots
from sparsesolve.ir.tape import Instruction
from sparsesolve.lower.context import Context, is_slots
from sparsesolve.trace.vocabulary import RECORDED

__all__ = [
    "Pending",
    "bound",
    "kept",
    "lower_opaque",
    "lower_pending",
    "refused",
]

Check: TypeAlias = "Callable[[Context, Instruction], None]"
_CHECKS: dict[str, Check] = {}


@dataclass(frozen=True, slots=True)
class Pending:
    """A complex value: `function` of the real arrays at `operands`."""

    function: Callable[..., Any]
    operands: tuple[Slots, ...]
    name: str
    shape: tuple[int, ...] = ()


def _bind(c: Context, step: Instruction) -> Pending:
    """Split the arguments of a step into traced arrays and bound constants."""
    return bound(step.function, step.op, c.resolve(step.args), c.resolve(dict(step.kwargs)))


def bound(
    primitive: Callable[..., Any], name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Pending:
    """Make a function of the traced arrays alone; constants are built in."""
    operands: list[Slots] = []

    def place(value: Any) -> Callable[[Sequence[Any]], Any]:
        if isinstance(value, Pending):
            first, count = len(operands), len(value.operands)
            operands.extend(value.operands)
            return lambda arrays: value.function(*arrays[first : first + count])
        if is_slots(value):
            number = len(operands)
            operands.append(np.asarray(value))
            return lambda arrays: arrays[number]
        if type(value) in (tuple, list):
            parts = [place(item) for item in value]
            return lambda arrays: type(value)([part(arrays) for part in parts])
        return lambda arrays: value

    makers = [place(argument) for argument in args]
    options = {key: place(value) for key, value in kwargs.items()}

    def function(*arrays: Any) -> Any:
        given = [make(arrays) for make in makers]
        return primitive(*given, **{key: make(arrays) for key, make in options.items()})

    return Pending(function, tuple(operands), name)


def lower_pending(c: Context, step: Instruction) -> Any:
    """Continue a chain through complex values, or end it with one call."""
    _refuse_without_rule(c, step)
    call = _bind(c, step)
    info = c.tape.values[step.out.index]
    if info.dtype.kind == "c":
        return replace(call, shape=info.shape)
    return c.builder.opaque(call.name, call.function, call.operands, info.shape)


def kept(names: str) -> None:
    """Say that primitives are kept as calls, by autograd's rules."""
    RECORDED.update(names.split())


def refused(names: str) -> Callable[[Check], Check]:
    """Register a check of primitives that refuses what autograd's rules cannot do."""

    def register(check: Check) -> Check:
        _CHECKS.update(dict.fromkeys(names.split(), check))
        return check

    return register


def _refuse_without_rule(c: Context, step: Instruction) -> None:
    """Refuse what autograd would refuse only when a derivative is evaluated."""
    check = _CHECKS.get(step.op)
    if check is not None:
        check(c, step)


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
    _refuse_without_rule(c, step)
    call = _bind(c, step)
    shape = c.tape.values[step.out.index].shape
    return c.builder.opaque(call.name, call.function, call.operands, shape)
