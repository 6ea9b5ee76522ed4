"""Where the time goes, and what exact derivatives gain: numbers over all problems of a run.

Separate because the page, the Markdown and the pictures show the same numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .profiles import contestant
from .verdict import Verdict

__all__ = ["Gain", "Share", "Tally", "gains", "shares", "tallies"]


@dataclass(frozen=True, slots=True)
class Share:
    """How a contestant spends its time; means over the cells that ended by themselves.

    Parameters
    ----------
    name : str
        Contestant.
    preparation, callbacks, solver : float
        Shares, together 1: tracing and compiling; values and derivatives; all the rest.
    seconds : float, s
        Sum over the cells.
    """

    name: str
    preparation: float
    callbacks: float
    solver: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Tally:
    """How the cells of a contestant ended.

    Parameters
    ----------
    name : str
        Contestant.
    total, solved : int
        Cells that it can take; of these solved.
    others : tuple of (str, int)
        Every other verdict with its count, the most frequent first.
    fastest : int
        Problems on which nobody was faster.
    seconds : float, s
        Median time of the solved ones; nan where there are none.
    """

    name: str
    total: int
    solved: int
    others: tuple[tuple[str, int], ...]
    fastest: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Gain:
    """What one way costs against another with the same solver, where both solve the problem.

    Parameters
    ----------
    solver, way, other : str
        ``other`` over ``way``.
    count : int
        Problems that both solve.
    median, largest : float
        Quotient of times; of the medians and at most.
    only, only_other : int
        Problems that one of the two alone solves.
    """

    solver: str
    way: str
    other: str
    count: int
    median: float
    largest: float
    only: int
    only_other: int


def shares(verdicts: Sequence[Verdict]) -> list[Share]:
    """Return the shares of time of each contestant, in order of appearance."""
    found = []
    for name, cells in _by_contestant(verdicts).items():
        rows = [v.row for v in cells if v.row["outcome"] == "ok" and (v.row["seconds"] or 0) > 0]
        if not rows:
            continue
        total = np.array([row["seconds"] for row in rows])
        prepared = np.array([row["seconds_preparation"] or 0.0 for row in rows])
        inside = np.array([row["seconds_derivatives"] or 0.0 for row in rows])
        a = float(np.mean(prepared / total))
        b = float(np.mean(inside / total))
        found.append(Share(name, a, b, max(0.0, 1.0 - a - b), float(total.sum())))
    return found


def tallies(verdicts: Sequence[Verdict]) -> list[Tally]:
    """Return how the cells of each contestant ended, in order of appearance."""
    best: dict[tuple[str, int], float] = {}
    for v in verdicts:
        if v.solved:
            key = (v.row["problem"], v.row["seed"])
            best[key] = min(best.get(key, np.inf), v.row["seconds"])
    found = []
    for name, cells in _by_contestant(verdicts).items():
        solved = [v for v in cells if v.solved]
        others = Counter(v.verdict for v in cells if not v.solved)
        times = [v.row["seconds"] for v in solved]
        first = sum(v.row["seconds"] <= best[v.row["problem"], v.row["seed"]] for v in solved)
        found.append(
            Tally(
                name,
                len(cells),
                len(solved),
                tuple(others.most_common()),
                first,
                float(np.median(times)) if times else float("nan"),
            )
        )
    return found


def gains(verdicts: Sequence[Verdict]) -> list[Gain]:
    """Compare the first way of the run with each other one, solver by solver."""
    times: dict[tuple[str, str], dict[tuple[str, int], float]] = {}
    for v in verdicts:
        if v.verdict != "not-applicable":
            solved = times.setdefault((v.row["solver"], v.row["way"]), {})
            if v.solved:
                solved[v.row["problem"], v.row["seed"]] = max(v.row["seconds"], 1e-6)
    found = []
    for (solver, other), theirs in times.items():
        way = next(w for s, w in times if s == solver)
        ours = times[solver, way]
        if way == other:
            continue
        both = [theirs[key] / ours[key] for key in ours if key in theirs]
        found.append(
            Gain(
                solver,
                way,
                other,
                len(both),
                float(np.median(both)) if both else float("nan"),
                max(both, default=float("nan")),
                len(set(ours) - set(theirs)),
                len(set(theirs) - set(ours)),
            )
        )
    return found


def _by_contestant(verdicts: Sequence[Verdict]) -> dict[str, list[Verdict]]:
    groups: dict[str, list[Verdict]] = {}
    for v in verdicts:
        if v.verdict != "not-applicable":
            groups.setdefault(contestant(v.row), []).append(v)
    return groups
