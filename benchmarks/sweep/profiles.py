"""Performance profiles and data profiles: which share of the problems is solved at which cost.

Separate because it is arithmetic on tables: no solver, no file, no picture.

- Performance profile (Dolan, Moré 2002, "Benchmarking optimization software with performance
  profiles", Mathematical Programming 91(2), section 2): with t(p, s) the cost of solver s on
  problem p, infinite where it is not solved, r(p, s) = t(p, s) / min_s t(p, s) and
  rho_s(tau) = share of problems with r(p, s) <= tau.
- Data profile (Moré, Wild 2009, "Benchmarking derivative-free optimization algorithms", SIAM
  Journal on Optimization 20(1), equation 2.3): d_s(alpha) = share of problems with
  t(p, s) / (n_p + 1) <= alpha, t in evaluations: the budget in simplex gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .verdict import Verdict

__all__ = [
    "MEASURES", "Costs", "Curve", "Measure", "contestant", "costs", "data_profile",
    "evaluations", "performance_profile",
]  # fmt: skip

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measure:
    """A cost.

    Parameters
    ----------
    name, title : str
        For files and for readers.
    of : callable
        Takes a row, returns the cost.
    floor : float
        Costs below count as this: differences there are noise.
    """

    name: str
    title: str
    of: Callable[[Mapping[str, Any]], float]
    floor: float


@dataclass(frozen=True, eq=False, slots=True)
class Costs:
    """Costs of all contestants on all problems.

    Parameters
    ----------
    problems, contestants : tuple of str
        Names of rows and columns.
    sizes : ndarray, shape (problems,)
        Number of variables.
    table : ndarray, shape (problems, contestants)
        Infinite where a cell is not solved.
    """

    problems: tuple[str, ...]
    contestants: tuple[str, ...]
    sizes: Array
    table: Array


@dataclass(frozen=True, eq=False, slots=True)
class Curve:
    """A share that grows in steps.

    Parameters
    ----------
    name : str
        Contestant.
    steps : ndarray, shape (k,)
        Where it grows, ascending.
    shares : ndarray, shape (k,)
        Its value from there on, 0 .. 1.
    """

    name: str
    steps: Array
    shares: Array

    def at(self, position: float) -> float:
        """Return the share at a position."""
        k = int(np.searchsorted(self.steps, position, side="right"))
        return float(self.shares[k - 1]) if k else 0.0


def contestant(row: Mapping[str, Any]) -> str:
    """Return who competes: a solver with one way to get derivatives."""
    return f"{row['solver']}, {row['way']}"


def _sum(*names: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda row: float(sum(row[name] or 0 for name in names))


def evaluations(row: Mapping[str, Any]) -> float:
    """Return evaluations of f, those for differences included, and exact gradients."""
    exact = 0 if row["way"] == "finite-difference" else row["calls_gradient"] or 0
    return float((row["calls_function"] or 0) + exact)


MEASURES = (
    Measure("seconds", "time, preparation included", _sum("seconds"), 1e-3),
    Measure("iterations", "iterations", _sum("iterations"), 1.0),
    Measure("functions", "evaluations of f", _sum("calls_function"), 1.0),
    Measure(
        "derivatives",
        "evaluations of derivatives (gradient, J, H)",
        _sum("calls_gradient", "calls_jacobian", "calls_hessian"),
        1.0,
    ),
)


def costs(verdicts: Iterable[Verdict], measure: Measure) -> Costs:
    """Arrange the costs of solved cells in a table.

    Parameters
    ----------
    verdicts : iterable of Verdict
        Of a run; seeds count as problems of their own.
    measure : Measure
        Which cost.

    Returns
    -------
    Costs
        Without problems that nobody can take.
    """
    verdicts = [v for v in verdicts if v.verdict != "not-applicable"]
    problems = tuple(dict.fromkeys(_instance(v.row) for v in verdicts))
    names = tuple(dict.fromkeys(contestant(v.row) for v in verdicts))
    table = np.full((len(problems), len(names)), np.inf)
    sizes = np.zeros(len(problems))
    place = {name: k for k, name in enumerate(problems)}
    column = {name: k for k, name in enumerate(names)}
    for v in verdicts:
        i, j = place[_instance(v.row)], column[contestant(v.row)]
        sizes[i] = v.row["n"]
        if v.solved:
            table[i, j] = max(measure.of(v.row), measure.floor)
    return Costs(problems, names, sizes, table)


def _instance(row: Mapping[str, Any]) -> str:
    return f"{row['problem']} (seed {row['seed']})" if row["seed"] else str(row["problem"])


def performance_profile(found: Costs) -> list[Curve]:
    """Return one curve a contestant over the ratio to the best, from 1 on.

    Parameters
    ----------
    found : Costs
        Positive costs.

    Returns
    -------
    list of Curve
        The share at ratio 1 is that of wins, ties included; problems that nobody solves count.
    """
    best = found.table.min(axis=1, keepdims=True, initial=np.inf)
    with np.errstate(invalid="ignore"):
        ratios = np.where(np.isfinite(found.table), found.table / best, np.inf)
    return _curves(found, ratios)


def data_profile(found: Costs) -> list[Curve]:
    """Return one curve a contestant over the budget in groups of n + 1 evaluations.

    Parameters
    ----------
    found : Costs
        In evaluations.

    Returns
    -------
    list of Curve
        From 0 on.
    """
    return _curves(found, found.table / (found.sizes[:, None] + 1.0))


def _curves(found: Costs, positions: Array) -> list[Curve]:
    count = max(1, len(found.problems))
    curves = []
    for j, name in enumerate(found.contestants):
        finite = np.sort(positions[np.isfinite(positions[:, j]), j])
        steps, counts = np.unique(finite, return_counts=True)
        curves.append(Curve(name, steps, np.cumsum(counts) / count))
    return curves
