"""Is this point a solution? Residuals of the KKT conditions from exact derivatives, by us.

Separate because no solver judges itself here. With g, J exact at x, multipliers y of the rows
cl <= c(x) <= cu, bounds lo <= x <= hi, all residuals are dimensionless:

- violation: the largest of ``excess_i / max(1, |limit_i|, |J_i|)`` over rows (``|J_i|`` the largest
  entry of row i, so that a row multiplied by a large number is the same row), and of
  ``excess_j / max(1, |bound_j|)`` over variables;
- the scale of gradients ``S = max(1, min(1e4, |g(x0)|), |g(x)|, max_ij |J_ij y_i|)`` and of
  objectives ``F = max(1, |f(x)|)``;
- multipliers of the wrong sign (against a limit that does not exist) are set to zero;
- stationarity: with ``r = g + J'y``, the largest over j of ``min(|r_j| / S, |r_j| gap_j / F)``,
  where ``gap_j`` is the distance to the bound that r_j pushes against (infinite where there is
  none): the better of counting r_j as a residual and as a bound multiplier;
- complementarity: the largest over rows of ``|y_i| gap_i / F``, gap_i to the limit that y_i pushes
  against.

Where the solver gives no multipliers, or they do not pass, multipliers are estimated: the signed
least squares solution of ``g + J'y - zl + zu = 0`` over the rows and bounds within a small distance
of their limits. The best counts, since any multipliers prove a KKT point.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse as sp
from numpy.typing import NDArray

import sparsesolve as ss

__all__ = ["TOLERANCE", "Residuals", "estimate_multipliers", "judge", "residuals"]

Array = NDArray[np.float64]

TOLERANCE = 1e-6
"""Largest violation, stationarity and complementarity of a solution."""

_NEAR = (1e-5, 1e-3, 1e-8)
"""Rows and bounds this near to a limit, scaled as the violation is, may have a multiplier: tried in
this order, since interior points keep away from weakly active limits."""

_START = 1e4
"""Largest gradient at the start that counts as a scale: beyond it every point would do."""

_DENSE = 4_000_000
"""Entries up to which the least squares problem is solved by a dense, exact method."""


@dataclass(frozen=True, slots=True)
class Residuals:
    """How far a point is from a KKT point.

    Parameters
    ----------
    objective : float
        f(x), by the exact program.
    violation, stationarity, complementarity : float, dimensionless
        As the module says; infinite where a value is not finite.
    multipliers : str
        ``"solver"``, ``"estimated"`` or ``"none needed"``.
    """

    objective: float
    violation: float
    stationarity: float
    complementarity: float
    multipliers: str

    @property
    def worst(self) -> float:
        """The largest of the three."""
        return max(self.violation, self.stationarity, self.complementarity)


@dataclass(frozen=True, eq=False, slots=True)
class Local:
    """Values, derivatives and limits at one point."""

    x: Array
    f: float
    g: Array
    c: Array
    J: sp.csr_array
    start_gradient: float
    lower: Array
    upper: Array
    row_lower: Array
    row_upper: Array

    @classmethod
    def of(cls, problem: ss.Problem, x: Array) -> Local:
        """Evaluate everything at `x`."""
        lower, upper = problem.bounds
        row_lower, row_upper = problem.constraint_bounds
        start = np.clip(problem.x0, lower, upper)
        g0 = problem.gradient(start)
        J = problem.jacobian(x) if problem.m else sp.csr_array((0, problem.n))
        return cls(
            x=x,
            f=problem.objective_value(x),
            g=problem.gradient(x),
            c=problem.constraint_values(x),
            J=J,
            start_gradient=float(np.max(np.abs(g0[np.isfinite(g0)]), initial=0.0)),
            lower=lower,
            upper=upper,
            row_lower=row_lower,
            row_upper=row_upper,
        )

    @property
    def finite(self) -> bool:
        """Whether all values are."""
        parts = (np.array([self.f]), self.g, self.c, self.J.data)
        return all(bool(np.all(np.isfinite(part))) for part in parts)

    @property
    def row_norms(self) -> Array:
        """Largest entry of each row of J, shape (m,)."""
        if not self.c.size:
            return np.empty(0)
        return np.asarray(abs(self.J).max(axis=1).toarray()).reshape(-1)


def judge(problem: ss.Problem, x: Array, multipliers: Array | None) -> Residuals:
    """Return the residuals at `x`, with the better of given and estimated multipliers.

    Parameters
    ----------
    problem : Problem
        With exact derivatives.
    x : ndarray, shape (n,)
        The point to judge.
    multipliers : ndarray or None, shape (m,)
        Of the solver, L = f + multipliers . c.

    Returns
    -------
    Residuals
        Infinite ones where the point or a value there is not finite.
    """
    if not np.all(np.isfinite(x)):
        return Residuals(np.nan, np.inf, np.inf, np.inf, "none needed")
    with np.errstate(all="ignore"):
        local = Local.of(problem, np.asarray(x, dtype=float))
        if not local.finite:
            return Residuals(local.f, np.inf, np.inf, np.inf, "none needed")
        if not local.c.size:
            return residuals(local, np.empty(0), "none needed")
        told = None
        if multipliers is not None and np.all(np.isfinite(multipliers)):
            told = residuals(local, np.asarray(multipliers, dtype=float), "solver")
            if told.worst <= TOLERANCE:
                return told
        found = [told] if told is not None else []
        for near in _NEAR:
            found.append(residuals(local, estimate_multipliers(local, near), "estimated"))
            if found[-1].worst <= TOLERANCE:
                break
    return min(found, key=lambda one: one.worst)


def residuals(local: Local, y: Array, source: str) -> Residuals:
    """Return the residuals for these multipliers."""
    y = np.where(np.isinf(local.row_upper), np.minimum(y, 0.0), y)
    y = np.where(np.isinf(local.row_lower), np.maximum(y, 0.0), y)
    norms = local.row_norms
    S = max(
        1.0,
        min(_START, local.start_gradient),
        float(np.max(np.abs(local.g), initial=0.0)),
        float(np.max(np.abs(y) * norms, initial=0.0)),
    )
    F = max(1.0, abs(local.f))
    r = local.g + local.J.T @ y
    gap = np.where(r > 0, local.x - local.lower, local.upper - local.x)
    gap = np.maximum(gap, 0.0)
    pushed = np.abs(r)
    as_multiplier = np.where(pushed > 0, pushed * np.where(np.isinf(gap), np.inf, gap), 0.0) / F
    row_gap = np.where(y > 0, local.row_upper - local.c, local.c - local.row_lower)
    row_gap = np.where(y != 0, np.maximum(row_gap, 0.0), 0.0)
    return Residuals(
        objective=local.f,
        violation=_violation(local, norms),
        stationarity=float(np.max(np.minimum(pushed / S, as_multiplier), initial=0.0)),
        complementarity=float(np.max(np.abs(y) * row_gap, initial=0.0)) / F,
        multipliers=source,
    )


def _violation(local: Local, norms: Array) -> float:
    worst = 0.0
    for values, low, high, norm in (
        (local.c, local.row_lower, local.row_upper, norms),
        (local.x, local.lower, local.upper, np.zeros(local.x.size)),
    ):
        for excess, limit in ((low - values, low), (values - high, high)):
            scale = np.maximum(np.maximum(1.0, norm), np.where(np.isinf(limit), 1.0, abs(limit)))
            worst = max(worst, float(np.max(excess / scale, initial=0.0)))
    return worst


def estimate_multipliers(local: Local, near: float) -> Array:
    """Return multipliers of the rows near their limits by signed least squares, shape (m,).

    Parameters
    ----------
    local : Local
        Values and derivatives at the point.
    near : float, dimensionless
        Largest scaled distance from a limit of a row or bound that may have a multiplier.

    Returns
    -------
    ndarray, shape (m,)
        Zero for rows away from their limits.

    Notes
    -----
    Variables near a bound contribute columns of the identity with a sign, so that their equations
    may keep a residual of the right sign. Columns are scaled to unit size. Small problems are
    solved exactly (Lawson, Hanson 1974, chapter 23), larger ones by LSMR inside a trust region.
    """
    scale = np.maximum(1.0, local.row_norms)
    at_upper = _is_near(local.row_upper - local.c, local.row_upper, near * scale, near)
    at_lower = _is_near(local.c - local.row_lower, local.row_lower, near * scale, near)
    rows = np.flatnonzero(at_upper | at_lower)
    x_upper = np.flatnonzero(_is_near(local.upper - local.x, local.upper, near, near))
    x_lower = np.flatnonzero(_is_near(local.x - local.lower, local.lower, near, near))
    if not rows.size:
        return np.zeros(local.c.size)
    identity = sp.eye_array(local.x.size, format="csc")
    norms = np.where(local.row_norms[rows] > 0, local.row_norms[rows], 1.0)
    A = sp.hstack(
        [
            (sp.diags_array(1.0 / norms) @ local.J[rows]).T,
            identity[:, x_upper],
            -identity[:, x_lower],
        ],
        format="csc",
    )
    bounds = x_upper.size + x_lower.size
    low = np.concatenate([np.where(at_lower[rows], -np.inf, 0.0), np.zeros(bounds)])
    high = np.concatenate([np.where(at_upper[rows], np.inf, 0.0), np.full(bounds, np.inf)])
    y = np.zeros(local.c.size)
    y[rows] = _least_squares(A, -local.g, low, high)[: rows.size] / norms
    return y


def _is_near(gap: Array, limit: Array, least: Any, near: float) -> NDArray[np.bool_]:
    finite = np.where(np.isinf(limit), 0.0, np.abs(limit))
    return np.asarray(np.isfinite(limit) & (gap <= np.maximum(least, near * finite)))


def _least_squares(A: Any, b: Array, low: Array, high: Array) -> Array:
    small = A.shape[0] * A.shape[1] <= _DENSE
    free = np.isinf(low) & np.isinf(high)
    if free.all():
        if small:
            return np.asarray(np.linalg.lstsq(A.toarray(), b)[0])
        return np.asarray(sp.linalg.lsmr(A, b, atol=1e-13, btol=1e-13)[0])
    if small:
        # every unknown as a difference of two that are >= 0, where its limits allow both
        up, down = np.flatnonzero(np.isinf(high)), np.flatnonzero(np.isinf(low))
        with contextlib.suppress(RuntimeError):  # too many iterations
            z = scipy.optimize.nnls(np.hstack([A[:, up].toarray(), -A[:, down].toarray()]), b)[0]
            solution = np.zeros(A.shape[1])
            solution[up] += z[: up.size]
            solution[down] -= z[up.size :]
            return solution
    solved = scipy.optimize.lsq_linear(A, b, bounds=(low, high), tol=1e-13, lsmr_tol=1e-13)
    return np.asarray(solved.x)
