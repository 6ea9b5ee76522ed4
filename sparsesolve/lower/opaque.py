"""Calls that cannot be lowered: they stay calls, with autograd's own derivative rules.

Separate because these are the only instructions that keep a Python function.

Complex values have no slots. A chain of operations through complex intermediates (``real`` of an
``fft``) is collected in a `Pending` value and becomes one call where it turns real again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from autograd.core import primitive_vjps
from autograd.numpy.linalg import svd

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.ir.program import Slots
from sparsesolve.ir.tape import Instruction
from sparsesolve.lower.context import Context, is_traced

__all__ = ["Pending", "bound", "has_pending", "lower_opaque", "lower_pending"]


@dataclass(frozen=True, slots=True)
class Pending:
    """A complex value: `function` of the real arrays at `operands`."""

    function: Callable[..., Any]
    operands: tuple[Slots, ...]
    name: str


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
        if is_traced(value):
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


def has_pending(c: Context, step: Instruction) -> bool:
    """Whether a step reads or makes a complex value."""
    if c.tape.values[step.out.index].dtype.kind == "c":
        return True
    return any(isinstance(c.resolve(argument), Pending) for argument in step.args)


def lower_pending(c: Context, step: Instruction) -> Any:
    """Continue a chain through complex values, or end it with one call."""
    _refuse_without_rule(c, step)
    call = _bind(c, step)
    info = c.tape.values[step.out.index]
    if info.dtype.kind == "c":
        return call
    return c.builder.opaque(call.name, call.function, call.operands, info.shape)


def _refuse_without_rule(c: Context, step: Instruction) -> None:
    """Refuse what autograd would refuse only when a derivative is evaluated."""
    if step.op == "component" and step.args[0] is svd and len(step.args) > 3 and step.args[3]:
        rows, columns = c.tape.values[step.args[2].index].shape[-2:]
        if rows != columns:
            raise c.unsupported(
                "got the full factor of a matrix that is not square",
                "Pass full_matrices=False: the other columns are not determined by the matrix",
            )
    if step.op.startswith(("fft.rfft", "fft.irfft")):
        _refuse_real_transform(c, step)


def _refuse_real_transform(c: Context, step: Instruction) -> None:
    """Refuse odd lengths, for which autograd has no rule, and a norm that its rule leaves out."""
    given = dict(zip(("n", "axis", "norm"), step.args[1:], strict=False))
    given.update(step.kwargs)
    lengths, axes = given.get("s", given.get("n")), given.get("axes", given.get("axis"))
    if lengths is None:
        real = step.out if step.op.startswith("fft.irfft") else step.args[0]
        lengths = c.tape.values[real.index].shape[-1 if axes is None else np.atleast_1d(axes)[-1]]
    if np.atleast_1d(lengths)[-1] % 2 or given.get("norm") == "forward":
        raise c.unsupported(
            "got a real transform of odd length, or with norm='forward'",
            "Use np.fft.fftn, or np.fft.ifftn and its real part, with the usual norm",
        )


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
