"""Calls of linear algebra whose derivatives are such calls again.

Separate because whoever differentiates a program writes these derivatives into it, with the values
that are there already, where any other call is given to autograd each time it is evaluated.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Opaque, Slots

__all__ = ["Called", "MatrixCall"]

Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Called:
    """Where the operands and the result of a call are: slots, in their shapes."""

    operands: tuple[Slots, ...]
    result: Slots

    @classmethod
    def of(cls, step: Opaque) -> Called:
        """Return those of an instruction."""
        parts = zip(step.operands, step.shapes, strict=True)
        result = np.arange(step.start, step.stop, dtype=np.int32).reshape(step.result_shape)
        return cls(tuple(index.to_array().reshape(shape) for index, shape in parts), result)


class MatrixCall(ABC):
    """A function of arrays, as an opaque call has it; autograd can differentiate it too.

    Attributes
    ----------
    name : str
        What it is, for messages.
    has_jacobian : bool
        Whether `jacobian` knows a closed form.
    """

    name: str
    has_jacobian = False

    @abstractmethod
    def __call__(self, *operands: Any) -> Any:
        """Return the value."""

    @abstractmethod
    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the result for operands of some shapes."""

    def on(self, b: Builder, *operands: Slots) -> Slots:
        """Append a call and return the slots of its result."""
        return b.opaque(self.name, self, operands, self.shape(*(ids.shape for ids in operands)))

    @abstractmethod
    def push(self, b: Builder, at: Called, moving: Sequence[Slots | None]) -> Slots:
        """Append the tangent of the result and return its slots.

        Parameters
        ----------
        b : Builder
            What to append to.
        at : Called
            The call.
        moving : sequence of (ndarray of int32 or None)
            Tangents of the operands; None where there is none.
        """

    @abstractmethod
    def pull(
        self, b: Builder, at: Called, bar: Slots, wanted: Sequence[bool]
    ) -> Sequence[Slots | None]:
        """Append the adjoints of the wanted operands, from the one of the result."""

    def jacobian(self, operand: int, *operands: Any) -> Any:
        """Return d result / d operand as a matrix, made of autograd's functions."""
        raise NotImplementedError
