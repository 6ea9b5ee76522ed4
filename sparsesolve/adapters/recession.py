"""Whether a convex quadratic problem falls without bound, proven by two linear ones.

Separate because a method of active sets does not end there: it follows the direction until numbers
overflow. Such a problem is unbounded just if it is feasible and has a direction without curvature
along which the objective falls and no limit is ever met: Frank and Wolfe (1956), "An algorithm for
quadratic programming", appendix (i).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
import scipy.sparse as sp
from numpy.typing import NDArray

__all__ = ["falling_direction", "feasible_point", "nearest_point"]

Array = NDArray[np.float64]

_FALLS = 1e-9  # by how much, relative to the largest slope, where a direction has size one
_EXACT = 1e-10  # of the largest entry of a row: what HiGHS lets pass may be a small curvature
_NONE = 1e-14  # of the largest entry of all: rounding


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
    both = sp.vstack([_scaled(hessian), _scaled(rows)], format="csr")
    low, high = np.append(np.zeros(n), low), np.append(np.zeros(n), high)
    found = _solve(slope, both, (low, high), box)
    if found is None or slope @ found >= -_FALLS * np.max(np.abs(slope), initial=0.0):
        return None
    along = both @ found
    is_exact = np.all(along >= low - _EXACT) and np.all(along <= high + _EXACT)
    return found if is_exact else None


def _scaled(rows: Any) -> Any:
    """Let the largest entry of each row be one: a curvature of 1e-8 is no rounding error."""
    made = sp.csr_array(rows)
    size = abs(made).max(axis=1).toarray().ravel() if made.nnz else np.zeros(made.shape[0])
    some = size > _NONE * np.max(size, initial=0.0)
    return sp.diags_array(np.divide(1.0, size, out=np.zeros_like(size), where=some)) @ made


def _signed(sides: tuple[Array, Array], size: float) -> tuple[tuple[Array, float], ...]:
    return (sides[0], -size), (sides[1], size)


def _solve(cost: Array, rows: Any, limits: tuple[Array, Array], bounds: Any) -> Any:
    constraints = scipy.optimize.LinearConstraint(rows, *limits)
    given = scipy.optimize.Bounds(*bounds)
    found = scipy.optimize.milp(cost, constraints=constraints, bounds=given)
    return found.x if found.status == 0 else None
