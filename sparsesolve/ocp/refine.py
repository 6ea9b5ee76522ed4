"""Meshes: read as users give them, and refined where the error is too large."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_mesh", "refined"]

Array = NDArray[np.float64]
_MOST_PARTS = 4
_SHARE = 0.2  # of all intervals, that are divided at least if their errors are near the tolerance
_NEAR = 0.1


def read_mesh(intervals: Any) -> Array:
    """Return ends of intervals from 0 to 1.

    Parameters
    ----------
    intervals : int or array_like, shape (k + 1,)
        How many of equal length, or their ends, ascending, in any unit.

    Raises
    ------
    TypeError, ValueError
        If it is neither.
    """
    if isinstance(intervals, int | np.integer) and not isinstance(intervals, bool):
        if intervals < 1:
            raise ValueError(f"`intervals` must be at least 1, got {intervals}.")
        return np.linspace(0.0, 1.0, int(intervals) + 1)
    try:
        ends = np.asarray(intervals, dtype=float)
    except (TypeError, ValueError):
        ends = np.empty(0)
    if ends.ndim != 1 or ends.size < 2:
        raise TypeError(
            "`intervals` must be a whole number, or an array of ascending ends of intervals, got "
            f"{intervals!r}."
        )
    if not np.all(np.isfinite(ends)) or not np.all(np.diff(ends) > 0.0):
        raise ValueError(f"`intervals` must be ascending ends, and finite, got {intervals!r}.")
    places: Array = (ends - ends[0]) / (ends[-1] - ends[0])
    return places


def refined(mesh: Array, errors: Array, tolerance: float, order: int) -> Array:
    """Return a mesh on which intervals of too large an error are divided.

    Parameters
    ----------
    mesh : ndarray, shape (k + 1,)
        Ends of the intervals.
    errors : ndarray, shape (k,)
        Estimated error of each interval.
    tolerance : float
        What they should be below.
    order : int
        An interval divided in q parts has errors of about ``q**-(order + 1)`` each.

    Examples
    --------
    >>> refined(np.array([0.0, 0.5, 1.0]), np.array([1e-8, 1e-5]), 1e-6, 4)
    array([0.  , 0.5 , 0.75, 1.  ])
    """
    # errors wander where a control is hardly determined: the worst ones near the tolerance as well
    some = float(np.quantile(errors, 1.0 - _SHARE))
    limit = min(tolerance, max(some, _NEAR * tolerance))
    needed = np.maximum(errors / tolerance, 1.0) ** (1.0 / (order + 1))
    parts = np.where(errors > limit, np.clip(np.ceil(needed), 2, _MOST_PARTS), 1).astype(int)
    starts = np.repeat(mesh[:-1], parts)
    widths = np.repeat(np.diff(mesh) / parts, parts)
    first = np.repeat(np.cumsum(parts) - parts, parts)
    return np.append(starts + (np.arange(len(starts)) - first) * widths, 1.0)
