"""Whether a convex quadratic problem falls without bound, proven by two linear ones.

Separate because a method of active sets does not end there: it follows the direction until numbers
overflow. Such a problem is unbounded just if it is feasible and has a direction without curvature
along which the objective falls and no limit is ever met: Frank and Wolfe (1956), "An algorithm for
quadratic programming", appendix (i).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse as sp
from numpy.typing import NDArray

__all__ = ["falling_direction", "feasible_point", "nearest_point"]

Array = NDArray[np.float64]

_FALLS = 1e-9  # by how much, relative to the largest slope, where a direction has size one


def feasible_point(rows: Any, limits: tuple[Array, Array], bounds: tuple[Array, Array]) -> Any:
    """Return a point within all limits; None where there is none, or none is found.

    Parameters
    ----------
    rows : sparse array, shape (m, n)
        Coefficients of the rows.
    limits, bounds : tuple of two ndarray
        Lower and upper limits of the rows, and of the variables.
    """
    return _solve(np.zeros(rows.shape[1]), rows, limits, bounds)


def nearest_point(rows: Any, limits: tuple[Array, Array], bounds: tuple[Array, Array]) -> Any:
    """Return a point within bounds where the rows are violated least in sum; None without one.

    Parameters
    ----------
    rows, limits, bounds
        As for `feasible_point`.
    """
    m, n = rows.shape
    one = sp.eye_array(m)
    slack = sp.hstack([sp.csr_array(rows), one, -one], format="csr")
    cost = np.concatenate([np.zeros(n), np.ones(2 * m)])
    box = np.append(bounds[0], np.zeros(2 * m)), np.append(bounds[1], np.full(2 * m, np.inf))
    found = _solve(cost, slack, limits, box)
    return None if found is None else found[:n]


def falling_direction(
    slope: Array,
    hessian: Any,
    rows: Any,
    limits: tuple[Array, Array],
    bounds: tuple[Array, Array],
) -> Any:
    """Return a direction along which a convex quadratic objective falls forever; None without one.

    Parameters
    ----------
    slope : ndarray, shape (n,)
        Gradient at zero.
    hessian : sparse array, shape (n, n)
        Positive semidefinite.
    rows, limits, bounds
        As for `feasible_point`.
    """
    n = slope.size
    low, high = (np.where(np.isfinite(side), 0.0, sign) for side, sign in _signed(limits, np.inf))
    box = tuple(np.where(np.isfinite(side), 0.0, sign) for side, sign in _signed(bounds, 1.0))
    both = sp.vstack([sp.csr_array(hessian), sp.csr_array(rows)], format="csr")
    flat = np.zeros(n)
    found = _solve(slope, both, (np.append(flat, low), np.append(flat, high)), box)
    if found is None or slope @ found >= -_FALLS * np.max(np.abs(slope), initial=0.0):
        return None
    return found


def _signed(sides: tuple[Array, Array], size: float) -> tuple[tuple[Array, float], ...]:
    return (sides[0], -size), (sides[1], size)


def _solve(cost: Array, rows: Any, limits: tuple[Array, Array], bounds: Any) -> Any:
    constraints = scipy.optimize.LinearConstraint(rows, *limits)
    given = scipy.optimize.Bounds(*bounds)
    found = scipy.optimize.milp(cost, constraints=constraints, bounds=given)
    return found.x if found.status == 0 else None
