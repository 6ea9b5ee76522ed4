"""Calls that cannot be lowered: they stay calls, with autograd's own derivative rules.

These are the only instructions that keep a Python function.

Complex values have no slots. A chain of operations through complex intermediates (``real`` of an
``fft``) is collected in a `Pending` value and becomes one call where it turns real again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from autograd.core import primitive_vjps

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.ir.dataclass import dataclass
from sparsesolve.ir.linear import LinearCall
from sparsesolve.ir.program import Slots
from sparsesolve.ir.tape import Instruction
from sparsesolve.lower.context import Context, is_slots
from sparsesolve.trace.vocabulary import RECORDED

__all__ = [
    "COMPLEX_FUNCTIONS",
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
    """A complex value: `function` of the real arrays at `operands`; `linear` if it is so in all."""

    function: Callable[..., Any]
    operands: tuple[Slots, ...]
    name: str
    shape: tuple[int, ...] = ()
    linear: bool = False

    @property
    def call(self) -> Callable[..., Any]:
        """The function, which says so if it is linear."""
        return LinearCall(self.function) if self.linear else self.function


_TRANSFORMS = ("fft", "ifft", "fft2", "ifft2", "fftn", "ifftn", "fftshift", "ifftshift")
_REAL_TRANSFORMS = ("rfft", "irfft", "rfft2", "irfft2", "rfftn", "irfftn")
_LINEAR = frozenset(
    {"real", "imag", "conj", "conjugate", "negative", "__getitem__", "reshape", "transpose"}
    | {f"fft.{name}" for name in (*_TRANSFORMS, *_REAL_TRANSFORMS)}
)


def _is_linear(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether a primitive is linear, without a constant term, in all that is traced."""
    traced = [k for k, a in enumerate(args) if isinstance(a, Pending) or is_slots(a)]
    chained = all(args[k].linear for k in traced if isinstance(args[k], Pending))
    others = [a for k, a in enumerate(args) if k not in traced] + list(kwargs.values())
    if not chained or any(type(a) in (tuple, list) and not _is_plain(a) for a in others):
        return False
    if name == "setitem":
        return traced == [0] and not np.any(args[2])
    if name == "multiply":
        return len(traced) == 1
    if name == "divide" or name in _LINEAR:
        return traced == [0]
    if name in ("add", "subtract"):
        return traced == [0, 1]
    if name == "concatenate_args":
        return traced == list(range(1, len(args)))
    return name == "factored_solve" and traced == [1]


def _is_plain(value: Any) -> bool:
    if type(value) in (tuple, list):
        return all(map(_is_plain, value))
    return not isinstance(value, Pending) and not is_slots(value)


COMPLEX_FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""What is called for a primitive of complex values, where autograd's rule is for real ones."""


def _bind(c: Context, step: Instruction, *, among_complex: bool = False) -> Pending:
    """Split the arguments of a step into traced arrays and bound constants."""
    function = COMPLEX_FUNCTIONS.get(step.op, step.function) if among_complex else step.function
    return bound(function, step.op, c.resolve(step.args), c.resolve(dict(step.kwargs)))


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

    return Pending(function, tuple(operands), name, linear=_is_linear(name, args, kwargs))


def lower_pending(c: Context, step: Instruction) -> Any:
    """Continue a chain through complex values, or end it with one call."""
    _refuse_without_rule(c, step)
    call = _bind(c, step, among_complex=True)
    info = c.tape.values[step.out.index]
    if info.dtype.kind == "c":
        return replace(call, shape=info.shape)
    return c.builder.opaque(call.name, call.call, call.operands, info.shape)


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
    return c.builder.opaque(call.name, call.call, call.operands, shape)
