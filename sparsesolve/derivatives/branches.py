"""`Branches`: the programs of a function that branches on its values, one for each path.

Jacobians, Hessians, gradients and problems choose among programs in the same way.
A program is what it is without branches: prepared at one example, for one path. At each call the
guards of the program used last are evaluated first, in machine code; where one differs, those of
the others; where none holds, the function is traced at the point of the call.

The guards of a path are all looked at together. That is enough: where a guard is reached in vain,
on values that another path would not have made, one before it has failed already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import StructureMismatch
from sparsesolve.host.fork import forkable_lock
from sparsesolve.options import Options
from sparsesolve.structure.pattern import Pattern
from sparsesolve.trace import Path, unsealed

__all__ = [
    "MOST_PROGRAMS",
    "Branches",
    "Guarded",
    "OnePath",
    "Union",
    "report_rows",
    "with_branches",
]

Array = NDArray[np.float64]
Guarded: TypeAlias = Literal["never", "needed", "always"]
"""Whether branches on values are taken as at the example, where they are refused otherwise."""

MOST_PROGRAMS = 24
"""How many programs of one function are kept; what other paths need is traced when it is asked."""


class OnePath(Protocol):
    """Something prepared for the branches that were taken at one example."""

    def takes_same_path(self, args: Sequence[Any]) -> bool:
        """Whether a call with these arguments takes the same branches."""
        ...

    def paths(self) -> Sequence[Path]:
        """Return the branches, of each function that has any."""
        ...

    def point(self, args: Sequence[Any]) -> bytes:
        """Return the numbers among checked arguments."""
        ...


_T = TypeVar("_T", bound=OnePath)


class Branches(Generic[_T]):
    """Programs by path.

    Parameters
    ----------
    first : OnePath
        The program of the example.
    make : callable
        ``make(args, kept)`` prepares one at other arguments; `kept` says whether for many calls.
    joined : callable
        Gets each program before it is used.

    Attributes
    ----------
    programs : tuple of OnePath
        Those that are kept.
    latest : OnePath
        The one used last, to be tried first.
    passing : int
        How many were made for one call each.
    """

    def __init__(
        self,
        first: _T,
        make: Callable[[Sequence[Any], bool], _T],
        joined: Callable[[_T], None],
    ) -> None:
        self.programs: tuple[_T, ...] = (first,)
        self.passing = 0
        self._make, self._joined = make, joined
        self.latest = first
        self._here: tuple[bytes, _T] | None = None
        self._lock = forkable_lock()

    @property
    def notes(self) -> list[str]:
        """What a report should say."""
        if not self.passing:
            return []
        return [
            f"more than {MOST_PROGRAMS} paths: others ({self.passing} so far) are traced at their "
            "point and interpreted, which is slow. Choose with np.where where sides are alike"
        ]

    def at(self, args: Sequence[Any]) -> _T:
        """Return the program for these arguments; it is made where there is none."""
        latest = self.latest
        if _holds(latest, args):
            return latest
        return self._kept(args) or self._made(args)

    def _kept(self, args: Sequence[Any]) -> _T | None:
        for program in self.programs:
            if _holds(program, args):
                self.latest = program
                return program
        return None

    def _made(self, args: Sequence[Any]) -> _T:
        """Trace at these arguments; by their bytes, as rounding may let a guard fail there."""
        point = self.programs[0].point(args)
        here = self._here
        if here is not None and here[0] == point:
            return here[1]
        kept = len(self.programs) < MOST_PROGRAMS
        made = self._make(args, kept)  # no lock is held: another trace may wait for this one
        with self._lock:
            known = self._kept(args)  # from another thread
            if known is not None:
                return known
            self._joined(made)
            if kept:
                self.programs = (*self.programs, made)
                self.latest = made
            else:
                self.passing += 1
            self._here = point, made
        return made


def _holds(program: OnePath, args: Sequence[Any]) -> bool:
    try:
        return program.takes_same_path(args)
    except (StructureMismatch, TypeError):  # the arguments are to blame
        raise
    except Exception:  # on another path, an operation may have no value
        return False


def with_branches(
    prepare: Callable[[Sequence[Any], Options, Guarded], _T],
    example: Sequence[Any],
    options: Options,
    family: Callable[[_T, Callable[[Sequence[Any], bool], _T]], _T],
) -> _T:
    """Prepare something of a function that may branch on values.

    Parameters
    ----------
    prepare : callable
        Prepares it for one path.
    example : sequence
        Arguments.
    options : Options
        For all paths that are kept.
    family : callable
        Makes one object of the first and a function that makes others; where there are branches.
    """
    first = prepare(example, options, "needed")
    if not first.paths():
        return first
    passing = replace(options, method="interpreted", check=False)

    def make(args: Sequence[Any], kept: bool) -> _T:
        own = unsealed(args, example)
        return prepare(own, options if kept else passing, "always")

    return family(first, make)


class Union:
    """The entries that the programs seen so far need, and where each has its own among them.

    Parameters
    ----------
    pattern : Pattern
        Of the first program.
    """

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self._places: dict[int, tuple[Pattern, NDArray[np.int64]]] = {}

    def joined(self, other: Pattern) -> Union:
        """Return the union with one more pattern."""
        if other.shape != self.pattern.shape:
            raise StructureMismatch(
                f"expected a value of {self.pattern.shape[0]} elements on every branch, got one "
                f"of {other.shape[0]}. Return values of one shape."
            )
        union = self.pattern.union(other)
        return self if union == self.pattern else Union(other if union == other else union)

    def has_all(self, own: Pattern) -> bool:
        """Whether a pattern that has joined has every entry."""
        return own is self.pattern or own.nnz == self.pattern.nnz

    def spread(self, own: Pattern, values: Array) -> Array:
        """Return the values of a program in the order of the union; zero where it has none."""
        if self.has_all(own):
            return values
        whole = np.zeros(self.pattern.nnz)
        whole[self._places_of(own)] = values
        return whole

    def _places_of(self, own: Pattern) -> NDArray[np.int64]:
        known = self._places.get(id(own))
        if known is None:
            if len(self._places) > MOST_PROGRAMS:  # those of programs that were not kept
                self._places.clear()
            known = self._places[id(own)] = own, _places(own, self.pattern)
        return known[1]


def _places(own: Pattern, union: Pattern) -> NDArray[np.int64]:
    n = max(1, union.shape[1])
    keys = union.rows.astype(np.int64) * n + union.indices
    return np.searchsorted(keys, own.rows.astype(np.int64) * n + own.indices)


def report_rows(programs: Sequence[OnePath], notes: Sequence[str]) -> list[tuple[str, str]]:
    """Say how many programs there are, and what they ask, by source line."""
    asked: dict[str, int] = {}
    for program in programs:
        for path in program.paths():
            for guard in path.guards:
                asked[guard.source] = asked.get(guard.source, 0) + 1
    rows = [("programs, one for each path", str(len(programs)))]
    rows += [("guards", f"{count} at {line}") for line, count in asked.items()]
    return rows + [("note", note) for note in notes]
