"""Constraints and multipliers in SLSQP's form: dense rows, equalities first, c(x) >= 0.

It is an older form than the rest of scipy takes, with the other sign: SLSQP's
Lagrangian is f - multipliers . c.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.reduction import Reduction

__all__ = ["slsqp_constraints", "slsqp_multipliers"]

Array = NDArray[np.float64]


def _rows(reduction: Reduction) -> tuple[NDArray[np.intp], NDArray[np.intp], Array, Array]:
    """Return the equalities, and row, sign and limit of each row of SLSQP, equalities first."""
    lower, upper = reduction.evaluation.row_lower, reduction.evaluation.row_upper
    equal = np.flatnonzero(lower == upper)
    low = np.flatnonzero((lower != upper) & np.isfinite(lower))
    high = np.flatnonzero((lower != upper) & np.isfinite(upper))
    rows = np.concatenate([equal, low, high])
    sign = np.concatenate([np.ones(equal.size + low.size), -np.ones(high.size)])
    limit = np.concatenate([lower[equal], lower[low], upper[high]])
    return equal, rows, sign, limit


def slsqp_constraints(reduction: Reduction) -> list[dict[str, Any]]:
    """Return at most two dictionaries: all equalities, all inequalities.

    Parameters
    ----------
    reduction : Reduction
        The problem.

    Returns
    -------
    list of dict
        Each with `type`, `fun` and a dense `jac`.
    """
    if reduction.evaluation.m == 0:
        return []
    equal, rows, sign, limit = _rows(reduction)
    everything = reduction.rows(np.arange(reduction.evaluation.m))

    def part(kind: str, where: slice) -> dict[str, Any]:
        def values(z: Array) -> Array:
            return sign[where] * (reduction.constraints(z)[rows[where]] - limit[where])

        def jacobian(z: Array) -> Array:
            dense = reduction.jacobian(z, everything).toarray()
            return np.asarray(sign[where, None] * dense[rows[where]])

        return {"type": kind, "fun": values, "jac": jacobian}

    parts = []
    if equal.size:
        parts.append(part("eq", slice(0, equal.size)))
    if rows.size > equal.size:
        parts.append(part("ineq", slice(equal.size, rows.size)))
    return parts


def slsqp_multipliers(reduction: Reduction, raw: Array) -> Array:
    """Return SLSQP's multipliers in our convention, L = f + multipliers . c.

    Parameters
    ----------
    reduction : Reduction
        The problem.
    raw : ndarray
        As SLSQP orders them.

    Returns
    -------
    ndarray, shape (m,)
        One for each constraint row.
    """
    _, rows, sign, _ = _rows(reduction)
    multipliers = np.zeros(reduction.evaluation.m)
    np.add.at(multipliers, rows, -sign * np.asarray(raw)[: rows.size])
    return multipliers
