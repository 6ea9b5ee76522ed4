"""Positions in the result, and ranges of slots, as types of their own.

A slot of the program and a position in the result are both small integers that
index vectors of float64, and one taken for the other gives wrong numbers without an error. So
slots are arrays (`Slots`) and `Index`, as everywhere; positions are `Positions`, which no function
of slots takes, and single ones are `Position`. The type checker tells them apart.
"""

from __future__ import annotations

from typing import NamedTuple, NewType, TypeVar

import numpy as np
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.program import Index, Slots

__all__ = ["Flags", "Hull", "Layout", "Position", "Positions"]

_T = TypeVar("_T", bound=np.generic)

Position = NewType("Position", int)

_BETWEEN = np.arange(1, 13) * 0.6180339887498949 % 1.0  # spread evenly, but at no fixed stride


class Hull(NamedTuple):
    """The first and the last of a range of slots."""

    low: int
    high: int

    def meets(self, other: Hull) -> bool:
        """Whether both may share a slot."""
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """Places in the result.

    Parameters
    ----------
    numbers : ndarray of int32, shape (size,)
        Counted from the begin of the result; -1 where there is none.
    """

    numbers: NDArray[np.int32]

    @property
    def size(self) -> int:
        """How many there are, those that are nowhere included."""
        return self.numbers.size

    @property
    def exist(self) -> NDArray[np.bool_]:
        """Which of them are somewhere."""
        return self.numbers >= 0

    def where(self, mask: NDArray[np.bool_]) -> Positions:
        """Keep those that a mask of shape (size,) marks."""
        return Positions(self.numbers[mask])

    def of(self, per_position: NDArray[_T]) -> NDArray[_T]:
        """Return what an array with one element for each position of the result holds there."""
        return per_position[self.numbers]

    def run(self) -> tuple[Position, int] | None:
        """Return first and stride where they are a run, at least one of them; else None."""
        index = Index.of(self.numbers)  # which knows how to find runs of any integers
        return None if index.array is not None else (Position(index.start), index.stride)

    def some(self) -> NDArray[np.int32]:
        """Return the ends and a few between them, without those that are nowhere."""
        size = self.numbers.size
        chosen = np.concatenate([[0, 1, size - 2, size - 1], (size * _BETWEEN).astype(np.intp)])
        found = self.numbers.take(chosen, mode="clip")
        return found[found >= 0]

    def __str__(self) -> str:
        return str(Index.of(self.numbers))


class Layout:
    """The position of every slot: the last one, where a slot stands in the result repeatedly.

    Parameters
    ----------
    n_slots : int
        How many slots there are.
    outputs : ndarray of int32, shape (m,)
        The slot at each position of the result.
    constant : Flags
        Positions that nothing needs to be written to.
    """

    def __init__(self, n_slots: int, outputs: Slots, constant: Flags) -> None:
        varying = constant.missing()
        self._position = np.full(n_slots, -1, dtype=np.int32)
        self._position[varying.of(outputs)] = varying.numbers

    def within(self, start: int, stop: int) -> Positions:
        """Return the positions of the slots ``start .. stop - 1``; a view."""
        return Positions(self._position[start:stop])

    def of(self, slots: Slots) -> Positions:
        """Return the positions of slots."""
        return Positions(self._position[slots])


class Flags:
    """A truth value for each position of the result.

    Parameters
    ----------
    marked : ndarray of bool, shape (m,)
        Is changed by `mark`.
    """

    def __init__(self, marked: NDArray[np.bool_]) -> None:
        self.marked = marked

    def mark(self, positions: Positions) -> None:
        """Mark positions, all of which exist."""
        self.marked[positions.numbers] = True

    def at(self, positions: Positions) -> NDArray[np.bool_]:
        """Return the flags of positions."""
        return self.marked[positions.numbers]

    def missing(self) -> Positions:
        """Return the positions that are not marked."""
        return Positions(np.flatnonzero(~self.marked).astype(np.int32))
