"""What stands against a solution: rows that contradict each other, rays without a bound.

It takes linear programs, on the problem linearized at one point, by HiGHS.

All rows are made elastic, and stretched as little as possible in all: the dual solution of that
program is a proof, and its rows and bounds contradict each other. If their rank is one less than
their number, each is needed; else what can be spared is left out, one after the other. Chinneck
(2008), "Feasibility and Infeasibility in Optimization", chapter 6; Gleeson, Ryan (1990),
"Identifying minimally infeasible subsystems of inequalities", ORSA Journal on Computing 2(1).
"""

from __future__ import annotations

import time
from dataclasses import field
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import linprog

from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.imports import importing
from sparsesolve.methods.diagnosis import Diagnosis, dependent_rows, diagnose_at
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

Side = tuple[int, int]  # a variable, and 0 for its lower or 1 for its upper bound

_STRETCH = 1e-7
_ZERO = 1e-9
_DENSE = 4_000_000  # entries up to which ranks are looked at
_SECONDS = 10.0  # for leaving out one after the other


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
    proof = search.proof()
    if proof is None:
        return Conflict((), worst=worst)
    rows, bounds = proof
    minimal = search.is_irreducible(rows, bounds)
    if not minimal:
        rows, minimal = search.spared(rows)
        bounds = search.needed_bounds(rows)
    names = tuple(f"{row_name(problem, i)} {search.limits(i)}" for i in rows)
    told = tuple(search.bound_name(j, side) for j, side in bounds)
    return Conflict(names, told, worst, minimal, tuple(rows))


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
        self.begun = time.perf_counter()

    def limits(self, i: int) -> str:
        low, high = self.row_limits[0][i], self.row_limits[1][i]
        if low == high:
            return f"= {low:g}"
        parts = ([f">= {low:g}"] if np.isfinite(low) else []) + (
            [f"<= {high:g}"] if np.isfinite(high) else []
        )
        return ", ".join(parts)

    def solve(self, rows: Any, steps: Array, *, elastic: bool) -> Any:
        """Solve for the step that stretches rows least, or for any where they do not stretch."""
        self.programs += 1
        A = self.J[rows]
        B = sp.csr_array(sp.vstack([-A, A]))  # A d >= low, A d <= high
        right = np.concatenate([-self.low[rows], self.high[rows]])
        held = np.flatnonzero(np.isfinite(right))
        B, right = B[held], right[held]
        cost, limits = np.zeros(self.n), steps
        if elastic:
            B = sp.csr_array(sp.hstack([B, -sp.eye_array(held.size)]))
            cost = np.concatenate([cost, np.ones(held.size)])
            limits = np.concatenate([steps, np.tile([0.0, np.inf], (held.size, 1))])
        found = linprog(cost, A_ub=B, b_ub=right, bounds=limits, method="highs")
        return found, held % max(1, len(rows))

    def proof(self) -> tuple[list[int], list[Side]] | None:
        """Rows, and bounds, that contradict each other; None where all can hold."""
        rows = np.arange(self.m)
        found, of = self.solve(rows, self.steps, elastic=True)
        scale = max(1.0, float(np.max(np.abs(self.J.data), initial=0.0)))
        if found.x is None or found.fun <= _STRETCH * scale:
            return None
        taken = np.zeros(self.m, dtype=bool)
        taken[of[np.abs(found.ineqlin.marginals) > _ZERO]] = True
        ends = np.column_stack([found.lower.marginals, found.upper.marginals])[: self.n]
        held = (np.abs(ends) > _ZERO) & np.isfinite(self.steps)
        chosen = [int(i) for i in np.flatnonzero(taken)]
        bounds = [(int(j), int(side)) for j, side in zip(*np.nonzero(held), strict=True)]
        if self.clash(chosen, self._only(bounds)):
            return chosen, bounds
        every = [(j, side) for j, side in zip(*np.nonzero(np.isfinite(self.steps)), strict=True)]
        return [int(i) for i in rows], [(int(j), int(side)) for j, side in every]

    def _only(self, bounds: list[Side]) -> Array:
        steps = np.tile([-np.inf, np.inf], (self.n, 1))
        for j, side in bounds:
            steps[j, side] = self.steps[j, side]
        return steps

    def is_irreducible(self, rows: list[int], bounds: list[Side]) -> bool:
        """Whether each is needed: whether there is one proof only, which needs all."""
        touched = np.unique(self.J[rows].indices)
        count = len(rows) + len(bounds)
        if count * touched.size > _DENSE:
            return False
        A = self.J[rows][:, touched].toarray()
        place = np.searchsorted(touched, [j for j, _ in bounds])
        rank, _ = dependent_rows(np.concatenate([A, np.eye(touched.size)[place]]))
        return rank == count - 1

    def clash(self, rows: list[int], steps: Array) -> bool:
        found, _ = self.solve(rows, steps, elastic=False)
        return bool(found.status == 2)

    def _is_tired(self) -> bool:
        return time.perf_counter() - self.begun > _SECONDS

    def spared(self, rows: list[int]) -> tuple[list[int], bool]:
        """Leave out each row without which the others clash still."""
        kept = list(rows)
        for i in rows:
            if self._is_tired():
                return kept, False
            fewer = [k for k in kept if k != i]
            if self.clash(fewer, self.steps):
                kept = fewer
        return kept, True

    def needed_bounds(self, rows: list[int]) -> list[Side]:
        """Bounds of the unknowns of these rows without which they do not clash."""
        steps = self._only([])
        touched = np.unique(self.J[rows].indices)
        steps[touched] = self.steps[touched]
        sides = [(int(j), side) for j in touched for side in (0, 1) if np.isfinite(steps[j, side])]
        needed = []
        for j, side in sides:
            free = steps.copy()
            free[j, side] = (-np.inf, np.inf)[side]
            if not self._is_tired() and self.clash(rows, free):
                steps = free
            else:
                needed.append((j, side))
        return needed

    def bound_name(self, j: int, side: int) -> str:
        sign = (">=", "<=")[side]
        return f"{variable_name(self.problem, j)} {sign} {self.problem.bounds[side][j]:g}"


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
