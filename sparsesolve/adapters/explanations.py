"""What stands against a solution: rows that contradict each other, rays without a bound.

It takes linear programs, on the problem linearized at one point, by HiGHS.

Chinneck (2008), "Feasibility and Infeasibility in Optimization", chapter 6: all rows are made
elastic; those that stretch are made stiff, one round after the other, until the stiff ones alone
contradict each other; of these each that can be spared is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import linprog

from sparsesolve.host.imports import importing
from sparsesolve.methods.diagnosis import Diagnosis, diagnose_at
from sparsesolve.problem.history import COLUMNS, History
from sparsesolve.problem.names import listed, row_name, variable_name
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Result, Status

__all__ = [
    "Conflict",
    "Ray",
    "diagnose",
    "explain",
    "find_conflict",
    "find_ray",
    "plot_history",
]

Array = NDArray[np.float64]

_STRETCH = 1e-7
_MOST_PROGRAMS = 400


@dataclass(frozen=True, eq=False, slots=True)
class Conflict:
    """Rows and bounds of which, linearized, not all can hold.

    Parameters
    ----------
    rows : tuple of str
        Names of the rows; empty where the linearized problem has a solution.
    bounds : tuple of str
        Bounds that take part.
    worst : tuple of str
        Rows that are violated most here, with the amounts.
    is_minimal : bool
        Whether each of them is needed.
    indices : tuple of int
        The rows by number.
    """

    rows: tuple[str, ...]
    bounds: tuple[str, ...] = ()
    worst: tuple[str, ...] = ()
    is_minimal: bool = True
    indices: tuple[int, ...] = field(default=())

    def __str__(self) -> str:
        lines = ["Violated most: " + (listed(self.worst) or "nothing")]
        if not self.rows:
            lines.append("Linearized here, all rows and bounds can hold: try another start.")
            return "\n".join(lines)
        kind = "each is needed for that" if self.is_minimal else "perhaps not all are needed"
        lines.append(f"Linearized here, these cannot all hold ({kind}):")
        lines += [f"  {name}" for name in (*self.rows[:20], *self.bounds[:20])]
        more = max(0, len(self.rows) - 20) + max(0, len(self.bounds) - 20)
        return "\n".join(lines + ([f"  ... and {more} more"] if more else []))

    __repr__ = __str__


@dataclass(frozen=True, eq=False, slots=True)
class Ray:
    """A direction along which the objective falls, and rows and bounds hold, to first order.

    Parameters
    ----------
    direction : ndarray, shape (n,)
        Largest entry 1; zeros where there is none.
    steps, values : tuple of float
        The objective at so many times the direction, from the point.
    text : str
        The largest entries by name.
    """

    direction: Array
    steps: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    text: str = ""

    def __str__(self) -> str:
        if not self.direction.any():
            return "Linearized here, the objective is bounded by rows and bounds."
        told = ", ".join(f"{v:.4g} at {s:g}" for s, v in zip(self.steps, self.values, strict=True))
        return f"The objective falls along {self.text}: {told}. A bound or a row is missing there."

    __repr__ = __str__


def diagnose(problem: Problem, x: Any = None) -> Diagnosis:
    """Look at a problem at one point, the start if not given; see `Problem.diagnose`."""
    return diagnose_at(problem, problem.start if x is None else problem.as_point(x))


def explain(problem: Problem, result: Result) -> Conflict | Ray | Diagnosis:
    """Say why a result is as it is: see `Result.explain`."""
    x = np.asarray(result.x if result.vector is None else result.vector)
    if result.status is Status.UNBOUNDED:
        return find_ray(problem, x)
    scale = np.maximum(1.0, np.max(np.abs(x), initial=0.0))
    if result.status is Status.INFEASIBLE or result.constraint_violation > 1e-6 * scale:
        return find_conflict(problem, x)
    return diagnose_at(problem, x)


def find_conflict(problem: Problem, x: Array) -> Conflict:
    """Find rows and bounds that contradict each other, linearized at a point.

    Parameters
    ----------
    problem : Problem
        Any.
    x : ndarray, shape (n,)
        Where.
    """
    search = _Elastic(problem, x)
    excess = np.maximum(np.maximum(search.low, -search.high), 0.0)  # of d = 0
    order = np.argsort(-excess, kind="stable")
    worst = tuple(f"{row_name(problem, i)} by {excess[i]:.3g}" for i in order[:6] if excess[i] > 0)
    rows = search.stiff_rows()
    if not rows:
        return Conflict((), worst=worst)
    rows, minimal = search.spared(rows)
    bounds = search.needed_bounds(rows)
    names = tuple(f"{row_name(problem, i)} {search.limits(i)}" for i in rows)
    return Conflict(names, tuple(bounds), worst, minimal, tuple(rows))


class _Elastic:
    """Linear programs in the step d from one point, of some of the rows."""

    def __init__(self, problem: Problem, x: Array) -> None:
        self.problem, self.x = problem, x
        self.J = sp.csr_array(problem.jacobian(x))
        self.m, self.n = self.J.shape
        c = problem.constraint_values(x)
        self.row_limits = problem.constraint_bounds
        self.low, self.high = self.row_limits[0] - c, self.row_limits[1] - c
        lower, upper = problem.bounds
        self.steps = np.column_stack([np.minimum(lower - x, 0.0), np.maximum(upper - x, 0.0)])
        self.programs = 0

    def limits(self, i: int) -> str:
        low, high = self.row_limits[0][i], self.row_limits[1][i]
        if low == high:
            return f"= {low:g}"
        parts = ([f">= {low:g}"] if np.isfinite(low) else []) + (
            [f"<= {high:g}"] if np.isfinite(high) else []
        )
        return ", ".join(parts)

    def stretch(self, elastic: Array, rows: Any, steps: Array) -> Array | None:
        """Return by how much elastic rows stretch at least, in all; None if the others clash."""
        self.programs += 1
        k = len(rows)
        A = self.J[rows]
        out = sp.diags_array(elastic[rows].astype(float))
        # A d + up >= low and A d - down <= high
        blocks = [[-A, -out, sp.csr_array((k, k))], [A, sp.csr_array((k, k)), -out]]
        right = np.concatenate([-self.low[rows], self.high[rows]])
        held = np.isfinite(right)
        cost = np.concatenate([np.zeros(self.n), np.ones(2 * k)])
        slack = np.tile([0.0, np.inf], (2 * k, 1))
        found = linprog(
            cost,
            A_ub=sp.csr_array(sp.block_array(blocks, format="csr"))[np.flatnonzero(held)],
            b_ub=right[held],
            bounds=np.concatenate([steps, slack]),
            method="highs",
        )
        if found.status == 2 or found.x is None:
            return None
        return np.asarray(found.x[self.n : self.n + k] + found.x[self.n + k :])

    def stiff_rows(self) -> list[int]:
        """Rows that contradict each other, perhaps with others that do not; empty without."""
        elastic = np.ones(self.m, dtype=bool)
        rows = np.arange(self.m)
        for _ in range(self.m):
            amounts = self.stretch(elastic, rows, self.steps)
            if amounts is None:
                break
            scale = np.maximum(1.0, np.abs(self.J).max(axis=1).toarray().reshape(-1))
            stretched = elastic & (amounts > _STRETCH * scale)
            if not stretched.any():
                return []
            elastic[stretched] = False
        return [int(i) for i in np.flatnonzero(~elastic)]

    def clash(self, rows: list[int], steps: Array) -> bool:
        amounts = self.stretch(np.zeros(self.m, dtype=bool), rows, steps)
        return amounts is None

    def spared(self, rows: list[int]) -> tuple[list[int], bool]:
        """Leave out each row without which the others clash still."""
        kept = list(rows)
        for i in rows:
            if self.programs > _MOST_PROGRAMS:
                return kept, False
            fewer = [k for k in kept if k != i]
            if self.clash(fewer, self.steps):
                kept = fewer
        return kept, True

    def needed_bounds(self, rows: list[int]) -> list[str]:
        """Bounds of the unknowns of these rows without which they do not clash."""
        steps = self.steps.copy()
        touched = np.unique(self.J[rows].indices)
        others = np.setdiff1d(np.arange(self.n), touched)
        steps[others] = [-np.inf, np.inf]
        lower, upper = self.problem.bounds
        names = []
        for j in touched:
            for side, (bound, sign) in enumerate(((lower, ">="), (upper, "<="))):
                if not np.isfinite(bound[j]) or self.programs > _MOST_PROGRAMS:
                    continue
                free = steps.copy()
                free[j, side] = (-np.inf, np.inf)[side]
                if self.clash(rows, free):
                    steps = free
                else:
                    names.append(f"{variable_name(self.problem, j)} {sign} {bound[j]:g}")
        return names


def find_ray(problem: Problem, x: Array) -> Ray:
    """Find a direction along which nothing bounds the objective, linearized at a point.

    Parameters
    ----------
    problem : Problem
        Any.
    x : ndarray, shape (n,)
        Where.
    """
    g = problem.gradient(x)
    lower, upper = problem.bounds
    steps = np.column_stack([np.where(np.isfinite(lower), 0.0, -1.0), np.isfinite(upper) < 1])
    rows: dict[str, Any] = {}
    if problem.m:
        J = sp.csr_array(problem.jacobian(x))
        low, high = (np.flatnonzero(np.isfinite(limit)) for limit in problem.constraint_bounds)
        A = sp.csr_array(sp.vstack([J[high], -J[low]]))
        rows = {"A_ub": A, "b_ub": np.zeros(A.shape[0])}
    found = linprog(g, bounds=steps, method="highs", **rows)
    scale = float(np.max(np.abs(g), initial=0.0))
    if found.x is None or not found.fun < -1e-9 * scale:
        return Ray(np.zeros(x.size))
    direction = np.asarray(found.x) / np.max(np.abs(found.x))
    with np.errstate(all="ignore"):
        lengths = (1.0, 1e2, 1e4)
        values = tuple(float(problem.objective_value(x + t * direction)) for t in lengths)
    order = [j for j in np.argsort(-np.abs(direction), kind="stable") if direction[j]]
    text = listed(f"{direction[j]:+.3g} {variable_name(problem, j)}" for j in order)
    return Ray(direction, lengths, values, text)


def plot_history(history: History, title: str, ax: Any = None) -> Any:
    """Draw the iterations of a solve; see `Result.plot`."""
    with importing():
        from sparsesolve.picture import plot_iterations  # noqa: PLC0415

    rows = {name: getattr(history, name) for name in COLUMNS}
    return plot_iterations(rows, title, ax)
