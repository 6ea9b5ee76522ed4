"""What a lowering rule sees: the builder, the values so far, and the table of rules.

Every family of rules needs it and none needs another family.

A lowered value is either *slots*, an int32 array (or scalar) of slot numbers in the value's NumPy
shape, or a *constant*, any other number or array. Slots are the only int32 arrays here:
`Context.resolve` widens int32 constants that the user's function brought along.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.dataclass import dataclass
from sparsesolve.ir.program import Slots
from sparsesolve.ir.tape import Instruction, Ref, Tape
from sparsesolve.lower.layers import Layers
from sparsesolve.trace.vocabulary import RECORDED

__all__ = ["RULES", "Context", "Rule", "is_slots", "rule"]

_INT32 = np.dtype(np.int32)


@dataclass(frozen=True, slots=True)
class Rule:
    """How one primitive is lowered.

    Parameters
    ----------
    function : callable
        Called as ``function(context, *args, **kwargs)`` with the arguments of the primitive, each
        traced value being slots or a constant; returns slots or a constant.
    family : str
        Group in the table of supported operations (docs/supported.md).
    op : str
        The operation of `OPS` that does the same on traced floating-point numbers, if any.
    """

    function: Callable[..., Any]
    family: str
    op: str = ""


RULES: dict[str, Rule] = {}


def rule(
    names: str, family: str, op: str = ""
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as the rule of one or several primitives."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names.split():
            RULES[name] = Rule(function, family, op)
            RECORDED.add(name)
        return function

    return register


def is_slots(value: Any) -> bool:
    """Whether a lowered value is slots rather than a constant."""
    kind = type(value)
    if kind is np.ndarray:
        return bool(value.dtype == _INT32)
    return kind is np.int32


class Context:
    """The state of one lowering.

    Parameters
    ----------
    builder : Builder
        Receives the instructions.
    tape : Tape
        The recorded function.
    values : list
        Lowered value of each value of the tape, filled in order.
    """

    def __init__(self, builder: Builder, tape: Tape, values: list[Any]) -> None:
        self.builder = builder
        self.tape = tape
        self.values = values
        self.step: Instruction | None = None
        self.layers: Layers | None = None  # products of matrices whose sums are kept
        self.linear_maps: dict[int, Any] = {}  # what slots are linear in others, by the first one

    # ----- arguments -----

    def resolve(self, argument: Any) -> Any:
        """Replace every `Ref` in an argument by its lowered value."""
        kind = type(argument)
        if kind is Ref:
            return self.values[argument.index]
        if kind in (tuple, list):
            return kind([self.resolve(item) for item in argument])
        if kind is slice:
            parts = (argument.start, argument.stop, argument.step)
            return slice(*(self.resolve(part) for part in parts))
        if kind is dict:
            return {key: self.resolve(item) for key, item in argument.items()}
        return np.asarray(argument, dtype=np.int64) if is_slots(argument) else argument

    @property
    def kind(self) -> str:
        """Kind of the current step's result: ``"b"``, ``"i"`` or ``"f"``."""
        assert self.step is not None
        return self.tape.values[self.step.out.index].dtype.kind

    def kind_of_argument(self, k: int) -> str:
        """Kind of a positional argument of the current step."""
        assert self.step is not None
        argument = self.step.args[k]
        if isinstance(argument, Ref):
            return self.tape.values[argument.index].dtype.kind
        return np.asarray(argument).dtype.kind

    def operand(self, value: Any) -> Any:
        """Return slots as they are, and constants as float64."""
        kind = type(value)
        if kind is np.int32 or kind is float or is_slots(value):
            return value
        if kind is int or kind is bool:
            return float(value)
        array = np.asarray(value)
        if array.dtype.kind not in "fbiu":
            raise self.unsupported(f"got a constant of type {array.dtype}", "Use real numbers.")
        return array.astype(np.float64)

    def slots(self, value: Any) -> Slots:
        """Turn any lowered value into slots."""
        return self.builder.slots(self.operand(value))

    @property
    def zero(self) -> int:
        """The slot of 0.0."""
        return self.builder.scalar(0.0)

    # ----- instructions -----

    def map(self, op: str, *values: Any) -> Any:
        """Apply a scalar operation elementwise."""
        return self.builder.map(op, *[self.operand(value) for value in values])

    def chain(self, op: str, values: list[Any]) -> Any:
        """Combine values pairwise from the left."""
        result = values[0]
        for value in values[1:]:
            result = self.map(op, result, value)
        return result

    def sum_rows(self, ids: Slots) -> Slots:
        """Sum the last axis of slots of shape (..., k); returns slots of shape (...)."""
        rows, k = ids.shape[:-1], ids.shape[-1]
        count = int(np.prod(rows, dtype=np.int64))
        if k == 0 or count == 0:
            return np.full(rows, self.zero, dtype=np.int32)
        if k == 1:
            return ids[..., 0]
        if k <= 16 and count >= 8:
            # a chain of maps fuses with what produced the terms and with what uses the sum
            return np.asarray(self.chain("add", [ids[..., j] for j in range(k)]), dtype=np.int32)
        segments = np.arange(count + 1, dtype=np.int64) * k
        return self.builder.reduce(ids, segments).reshape(rows)

    # ----- errors -----

    def unsupported(self, got: str, fix: str) -> UnsupportedOperation:
        """Build the error for an argument that the current step's rule cannot take."""
        name, where = (
            ("an operation", "") if self.step is None else (self.step.op, self.step.source)
        )
        at = f" at {where}" if where else ""
        return UnsupportedOperation(f"cannot lower `{name}`{at}: {got}. {fix}")
