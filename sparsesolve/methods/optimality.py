"""Is this point a solution? Our own measure, the same for every solver.

No solver is believed: "solved" is said only where the conditions of Karush, Kuhn
and Tucker hold at the point, with exact derivatives. With y the multipliers of the rows and
r = g + J'y, all residuals are without dimension:

- violation: of a row, divided by max(1, its limit, its largest derivative); of a bound, by
  max(1, the bound);
- stationarity: the largest min(r_j / S, r_j gap_j / F), gap_j the distance to the bound that r_j
  pushes against, S = max(1, |g|, |J'y|, |g| at the start up to 1e4), F = max(1, |f|);
- complementarity: the largest y_i gap_i / F, gap_i the distance to the limit that y_i pushes
  against.

Where the multipliers of a solver do not pass, or there are none, they are estimated by least
squares over the rows at their limits. Any multipliers prove such a point.
"""

from __future__ import annotations

from functools import cached_property
from math import isfinite, isnan

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.methods.evaluation import Evaluation

__all__ = [
    "ACCEPTABLE",
    "SOLVED",
    "Measure",
    "best_measure",
    "distance",
    "measure",
    "scaled_violation",
    "worst_rows",
]

Array = NDArray[np.float64]

SOLVED = {"violation": 1e-6, "stationarity": 1e-4, "complementarity": 1e-4}
ACCEPTABLE = {"violation": 1e-4, "stationarity": 1e-2, "complementarity": 1e-2}

_LARGEST_START = 1e4  # beyond it every point would do
_NEAR = 1e-5  # rows this near to a limit, scaled, may have a multiplier, and variables do not move
_DENSE = 4_000_000  # entries up to which least squares is dense, and so exact
_BEYOND = 1e300  # no gap that matters
_ROUNDS = 20  # of leaving out rows whose multiplier has the wrong sign


@dataclass(frozen=True, eq=False, slots=True)
class Measure:
    """How far a point is from a solution, and the multipliers that say so.

    Parameters
    ----------
    violation, stationarity, complementarity : float
        Residuals.
    multipliers : ndarray, shape (m,)
        Of the rows.
    slopes : ndarray, shape (n,), optional
        g + J'y with them, where all is finite.
    """

    violation: float
    stationarity: float
    complementarity: float
    multipliers: Array
    slopes: Array | None = None

    def within(self, limits: dict[str, float]) -> bool:
        """Whether all three residuals are within `limits`."""
        return all(getattr(self, name) <= limit for name, limit in limits.items())

    def __str__(self) -> str:
        return (
            f"violation {self.violation:.1e}, stationarity {self.stationarity:.1e}, "
            f"complementarity {self.complementarity:.1e}"
        )


def measure(evaluation: Evaluation, x: Array, multipliers: Array) -> Measure:
    """Return the residuals at `x` with these multipliers, infinite where a value is not finite.

    Parameters
    ----------
    evaluation : Evaluation
        Of this solve.
    x : ndarray, shape (n,)
        Point.
    multipliers : ndarray, shape (m,)
        In our convention; those against a limit that does not exist count as zero.
    """
    with np.errstate(all="ignore"):
        return _Local(evaluation, x).measure(multipliers)


def scaled_violation(evaluation: Evaluation, x: Array) -> float:
    """Return the violation at `x`, without dimension; infinite where it is not known."""
    with np.errstate(all="ignore"):
        return _Local(evaluation, x).violation()


def distance(evaluation: Evaluation, x: Array, multipliers: Array) -> float:
    """Return how far a point is from a solution, without dimension; infinite where unknown.

    The larger of the scaled violation and the largest slope along which a variable can move.

    Parameters
    ----------
    evaluation, x, multipliers
        As for `measure`.
    """
    with np.errstate(all="ignore"):
        return _Local(evaluation, x).distance(multipliers)


def best_measure(evaluation: Evaluation, x: Array, multipliers: Array) -> Measure:
    """Return the better of the residuals with given and with estimated multipliers.

    Parameters
    ----------
    evaluation, x, multipliers
        As for `measure`.
    """
    with np.errstate(all="ignore"):
        local = _Local(evaluation, x)
        first = local.measure(multipliers)
        if evaluation.m == 0 or first.within(SOLVED) or not local.is_finite:
            return first
        second = local.measure(local.estimate())
    # compared by what they decide, then by their worst
    grade = [(m.within(SOLVED), m.within(ACCEPTABLE), -m.stationarity) for m in (first, second)]
    return second if grade[1] > grade[0] else first


class _Local:
    """Values, derivatives, scales and distances to limits at one point: of x, then of the rows."""

    def __init__(self, evaluation: Evaluation, x: Array) -> None:
        e = self.evaluation = evaluation
        self.x = x
        self.c = e.constraints(x)
        self.norms = e.row_norms(x)
        at = np.concatenate((x, self.c)) if e.m else x
        limits = e.limits
        self.above, self.below = at - limits.lower, limits.upper - at
        self.scale_lower, self.scale_upper = limits.scale_lower, limits.scale_upper
        if e.m:
            known = _all_finite(self.norms)
            norms = self.norms if known else np.where(np.isfinite(self.norms), self.norms, 1.0)
            self.scale_lower, self.scale_upper = self.scale_lower.copy(), self.scale_upper.copy()
            for scale in (self.scale_lower, self.scale_upper):
                np.maximum(scale[e.n :], norms, out=scale[e.n :])

    @cached_property
    def f(self) -> float:
        return self.evaluation.objective(self.x)

    @cached_property
    def g(self) -> Array:
        return self.evaluation.gradient(self.x)

    @cached_property
    def is_finite(self) -> bool:
        parts = (self.g, self.c, self.evaluation.jacobian_values(self.x))
        return isfinite(self.f) and all(map(_all_finite, parts))

    def measure(self, multipliers: Array) -> Measure:
        e = self.evaluation
        y = e.limits.possible(multipliers)
        violation = self.violation()
        if not self.is_finite or not _all_finite(y):
            return Measure(violation, np.inf, np.inf, multipliers)
        pull = e.jacobian_transposed_product(self.x, y)
        start = min(e.first_gradient, _LARGEST_START)
        # not its single terms: multipliers of dependent rows may be huge and cancel
        S = max(1.0, start, float(np.abs(self.g).max()), float(np.abs(pull).max()))
        r = self.g + pull
        pushes = np.concatenate((r, -y)) if e.m else r  # down where positive
        gap = np.maximum(np.where(pushes > 0.0, self.above, self.below), 0.0)
        gap /= max(1.0, abs(self.f))
        np.minimum(gap[: e.n], 1.0 / S, out=gap[: e.n])
        np.minimum(gap, _BEYOND, out=gap)  # infinite where nothing pushes
        residuals = np.abs(pushes) * gap
        complementarity = float(residuals[e.n :].max()) if e.m else 0.0
        known = multipliers if (y == multipliers).all() else y
        return Measure(violation, float(residuals[: e.n].max()), complementarity, known, r)

    def distance(self, multipliers: Array) -> float:
        e = self.evaluation
        pull = e.jacobian_transposed_product(self.x, multipliers)
        r = self.g + pull
        gap = np.where(r > 0.0, self.above[: e.n], self.below[: e.n])
        moves = gap > _NEAR * np.maximum(1.0, np.abs(self.x))
        scale = max(1.0, float(np.abs(self.g).max()), float(np.abs(pull).max()))
        slope = float(np.abs(r[moves]).max(initial=0.0)) / scale
        return np.inf if isnan(slope) else max(slope, self.violation())

    def violation(self) -> float:
        scaled = np.minimum(self.above / self.scale_lower, self.below / self.scale_upper)
        worst = 0.0 - float(scaled.min(initial=0.0))
        return np.inf if isnan(worst) else worst

    def estimate(self) -> Array:
        """Multipliers by least squares over the rows and variables at their limits."""
        e = self.evaluation
        near = _NEAR * self.scale_lower[e.n :]
        at_upper = e.row_upper - self.c <= near
        at_lower = self.c - e.row_lower <= near
        gap = np.minimum(self.x - e.lower, e.upper - self.x)
        free = np.flatnonzero(gap > _NEAR * np.maximum(1.0, np.abs(self.x)))
        rows = np.flatnonzero(at_upper | at_lower)
        J = e.derivatives.jacobian_pattern.to_scipy(np.array(e.jacobian_values(self.x)))
        y = np.zeros(self.c.size)
        for _ in range(_ROUNDS):
            y[:] = 0.0
            if not rows.size or not free.size:
                break
            scale = np.where(self.norms[rows] > 0.0, self.norms[rows], 1.0)
            A = (sp.diags_array(1.0 / scale) @ J[rows])[:, free].T
            y[rows] = _least_squares(A, -self.g[free]) / scale
            wrong = ((y > 0) & ~at_upper) | ((y < 0) & ~at_lower)
            if not wrong.any():
                break
            rows = rows[~wrong[rows]]
        return y


def _all_finite(values: Array) -> bool:
    """Whether all are finite; most often their sum says so, which NumPy finds in half the time."""
    return isfinite(values.sum()) or bool(np.isfinite(values).all())


def _least_squares(A: sp.sparray, b: Array) -> Array:
    if A.shape[0] * A.shape[1] <= _DENSE:
        return np.asarray(np.linalg.lstsq(A.toarray(), b)[0])
    from scipy.sparse.linalg import lsmr  # noqa: PLC0415 - slow to import

    return np.asarray(lsmr(A, b, atol=1e-13, btol=1e-13, maxiter=2000)[0])


def row_excess(evaluation: Evaluation, x: Array) -> Array:
    """Return by how much each constraint row is beyond its limit, shape (m,); NaN is infinite."""
    if evaluation.m == 0:
        return np.empty(0)
    c = evaluation.constraints(x)
    with np.errstate(all="ignore"):
        excess = np.maximum(np.maximum(evaluation.row_lower - c, c - evaluation.row_upper), 0.0)
    return np.where(np.isnan(excess), np.inf, excess)


def worst_rows(evaluation: Evaluation, x: Array, count: int = 3) -> str:
    """Name the rows that are violated most, with the amount; empty where none is.

    Parameters
    ----------
    evaluation : Evaluation
        Of this solve.
    x : ndarray, shape (n,)
        Point.
    count : int, optional
        How many at most. Default is 3.
    """
    excess = row_excess(evaluation, x)
    order = np.argsort(-excess, kind="stable")[:count]
    c = evaluation.constraints(x)
    sizes = evaluation.derivatives.constraint_sizes if evaluation.m else ()
    ends = np.cumsum(sizes)
    texts = []
    for i in order[excess[order] > 0.0]:
        which = int(np.searchsorted(ends, i, side="right"))
        label = evaluation.problem.constraints[which].label
        row = int(i - ends[which] + sizes[which])
        low = evaluation.row_lower[i] - c[i] > 0.0
        limit = evaluation.row_lower[i] if low else evaluation.row_upper[i]
        side = "below its lower" if low else "above its upper"
        texts.append(f"row {row} of {label!r} is {excess[i]:.3g} {side} limit {limit:g}")
    return f"Violated most: {'; '.join(texts)}." if texts else ""
