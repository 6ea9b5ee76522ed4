"""Complex values as pairs of real ones.

A program knows real slots only: where a tape has complex values, its steps get
rules of their own, those of `sparsesolve.numpy_ops.complex_numbers` and `fourier`. What has no such
rule becomes one call, together with the complex steps around it (`sparsesolve.lower.opaque`).

Data layout. A `Pair` holds two lowered values of one shape, each slots or constants; a part that is
zero is the constant zero, so that real numbers among complex ones cost and couple nothing more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import autograd.numpy as anp
import numpy as np

from sparsesolve.ir.dataclass import dataclass
from sparsesolve.ir.tape import Instruction, refs_of
from sparsesolve.lower.context import Context, is_slots
from sparsesolve.lower.opaque import Pending, lower_pending

__all__ = [
    "COMPLEX_RULES",
    "Deferred",
    "Pair",
    "complex_rule",
    "is_zero",
    "lower_complex",
    "parts_of",
]


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A complex value by its real and imaginary part."""

    real: Any
    imag: Any


class Deferred:
    """A complex value that is not yet a pair, because the steps to come may make less of it."""

    def pair(self, c: Context) -> Pair:
        """Write what the pair needs into the program."""
        raise NotImplementedError

    def after(self, c: Context, *args: Any, **kwargs: Any) -> Any:
        """Carry out the step that reads this value, or return `NotImplemented`."""
        return NotImplemented


ComplexRule: TypeAlias = Callable[..., Any]
_Rule = TypeVar("_Rule", bound=ComplexRule)
COMPLEX_RULES: dict[str, ComplexRule] = {}
"""How a primitive is lowered where a complex value goes in or comes out."""


def complex_rule(names: str) -> Callable[[_Rule], _Rule]:
    """Register a function as the rule of primitives on complex values.

    It is called as ``function(context, *args, **kwargs)`` and returns `NotImplemented` where it
    does not know better than a call.
    """

    def register(function: _Rule) -> _Rule:
        COMPLEX_RULES.update(dict.fromkeys(names.split(), function))
        return function

    return register


def lower_complex(c: Context, step: Instruction) -> Any:
    """Lower a step that reads or makes complex values."""
    args, kwargs = c.resolve(step.args), c.resolve(dict(step.kwargs))
    known = COMPLEX_RULES.get(step.op)
    given = [c.values[ref.index] for ref in refs_of((step.args, dict(step.kwargs)))]
    in_a_call = bool(given) and all(isinstance(value, Pending) for value in given)
    for rule in (*(value.after for value in given if isinstance(value, Deferred)), known):
        if rule is None or in_a_call:
            continue
        result = rule(c, *args, **kwargs)
        if result is not NotImplemented:
            return _whole(c, step, result)
    kept = c.values
    c.values = [_pending(c, value) for value in kept]
    try:
        return lower_pending(c, step)
    finally:
        c.values = kept


def _whole(c: Context, step: Instruction, result: Any) -> Any:
    """Give both parts the shape of the value."""
    if not isinstance(result, Pair):
        return result
    shape = c.tape.values[step.out.index].shape
    return Pair(*(_broadcast(part, shape) for part in (result.real, result.imag)))


def _broadcast(part: Any, shape: tuple[int, ...]) -> Any:
    return part if np.shape(part) == shape else np.broadcast_to(part, shape)


def parts_of(c: Context, value: Any) -> tuple[Any, Any]:
    """Return the real and the imaginary part of any lowered value or constant."""
    if isinstance(value, Deferred):
        value = value.pair(c)
    if isinstance(value, Pair):
        return value.real, value.imag
    if isinstance(value, Pending):
        return _part_of_call(c, value, anp.real), _part_of_call(c, value, anp.imag)
    if is_slots(value):
        return value, 0.0
    if hasattr(value, "tocsr"):
        return value.real, value.imag
    array = np.asarray(value)
    return array.real.astype(np.float64)[()], array.imag.astype(np.float64)[()]


def is_zero(part: Any) -> bool:
    """Whether a part is zero by structure."""
    if hasattr(part, "tocsr"):
        return not part.count_nonzero()
    return not is_slots(part) and not np.any(part)


def _part_of_call(c: Context, call: Pending, part: Callable[..., Any]) -> Any:
    def function(*arrays: Any) -> Any:
        return part(call.function(*arrays))

    made = Pending(function, call.operands, call.name, call.shape, call.linear)
    return c.builder.opaque(call.name, made.call, call.operands, call.shape)


def _pending(c: Context, value: Any) -> Any:
    """Make a pair a function of its parts, for a step that is kept as a call."""
    if not isinstance(value, (Pair, Deferred)):
        return value
    real, imag = (c.slots(part) for part in parts_of(c, value))
    return Pending(lambda a, b: a + 1j * b, (real, imag), "complex", real.shape, linear=True)
