"""What holds between phases: that one begins where and when the last ended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from sparsesolve.ocp.phase import TIMES, Ends, Phase
from sparsesolve.ocp.quantities import Quantity
from sparsesolve.problem.problem import Constraint

__all__ = ["continuity"]

AllEnds = Mapping[str, Ends]


class Continuous:
    """By how much one phase begins elsewhere than another ends.

    Parameters
    ----------
    before, after : str
        Names of the phases.
    time : bool
        Whether time is one of the rows.
    rows : list of (int, int)
        Rows of the states, of each phase.
    """

    def __init__(self, before: str, after: str, time: bool, rows: list[tuple[int, int]]) -> None:
        self.before, self.after, self.time, self.rows = before, after, time, rows

    def __call__(self, ends: AllEnds, p: Any) -> Any:
        """Return the differences."""
        last, first = ends[self.before].last, ends[self.after].first
        times = [first.t - last.t] if self.time else []
        return np.stack([*times, *(first.x[b] - last.x[a] for a, b in self.rows)])


def continuity(phases: Mapping[str, Phase], jumps: Collection[str]) -> list[Constraint]:
    """Return one constraint for each two phases that follow each other.

    Parameters
    ----------
    phases : mapping of str to Phase
        In the order of time.
    jumps : collection of str
        States that need not be continuous.

    Raises
    ------
    ValueError
        If what is fixed on both sides differs.
    """
    made = []
    for (before, one), (after, other) in pairwise(phases.items()):
        time = _is_linked(one.times[TIMES[1]], other.times[TIMES[0]], f"{before} and {after}")
        rows = []
        for name in one.states:
            if name in other.states and name not in jumps:
                ends = one.final.get(name, one.states[name]), other.initial.get(name)
                start = ends[1] or other.states[name]
                if _is_linked(ends[0], start, f"{before} and {after}"):
                    rows += list(zip(one.rows_of(name), other.rows_of(name), strict=True))
        if time or rows:
            function: Callable[..., Any] = Continuous(before, after, time, rows)
            made.append(Constraint(function, 0.0, 0.0, name=f"{before} to {after}"))
    return made


def _is_linked(last: Quantity, first: Quantity, where: str) -> bool:
    """Whether a row is needed: it is not where both sides are fixed at one value."""
    if last.shape != first.shape:
        raise ValueError(
            f"{last.name!r} must have one shape in {where}, got {last.shape} and {first.shape}."
        )
    if np.any(last.lower > first.upper) or np.any(first.lower > last.upper):
        raise ValueError(
            f"{last.name!r} ends within {last.lower} to {last.upper} and begins within "
            f"{first.lower} to {first.upper}, in {where}. Let these meet, or name it in `jumps`."
        )
    fixed = np.all(last.lower == last.upper) and np.all(first.lower == first.upper)
    return not fixed
