"""Is this point a least squares solution, or a root? Our own measure, whatever the units.

A sum of squares has what a general objective has not: a measure that depends on
no unit of the residual. A tolerance for the gradient alone calls a residual in small units solved
at the start, and one for the fall of the cost does so where large units keep the steps short.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.methods.low_rank import column_squares, reach, scaled_rows

__all__ = ["ResidualMeasure", "measure_residual"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ResidualMeasure:
    """How far a point is from a solution.

    Parameters
    ----------
    cosine : float
        Largest cosine of the angle between a column of J, of a variable that may move, and r. NaN
        where all of J is zero, as at a peak, in a plain, or at a solution.
    relative : float
        Largest entry of r, each over what a change of all variables by their own size, at least 1,
        makes of it.
    """

    cosine: float
    relative: float

    @property
    def is_solved(self) -> bool:
        """Whether one of the two is small."""
        return self.cosine <= 1e-3 or self.relative <= 1e-6

    @property
    def is_acceptable(self) -> bool:
        """Whether one of the two is rather small."""
        return self.cosine <= 3e-2 or self.relative <= 1e-4

    def __str__(self) -> str:
        if np.isnan(self.cosine):
            return "all derivatives are zero here, so that it may be a peak or a plain"
        return f"cosine {self.cosine:.1e}, relative residual {self.relative:.1e}"


def measure_residual(
    r: Array, J: Any, x: Array, bounds: tuple[Array, Array] | None = None
) -> ResidualMeasure:
    """Return how far `x` is from a solution; infinite where a value is not finite.

    Parameters
    ----------
    r : ndarray, shape (m,)
        Residual, weighted by its loss.
    J : csc_array or LowRankSum, shape (m, n)
        Its Jacobian, with the same weights.
    x : ndarray, shape (n,)
        Point.
    bounds : tuple of ndarray, optional
        ``(lower, upper)``.
    """
    with np.errstate(all="ignore"):
        top = float(np.max(np.abs(r), initial=0.0))
        if top == 0.0:
            return ResidualMeasure(0.0, 0.0)
        if not np.isfinite(top) or not np.all(np.isfinite(J.data)):
            return ResidualMeasure(np.inf, np.inf)
        size = float(np.linalg.norm(r / top))
        largest = float(np.max(np.abs(J.data), initial=0.0))
        if largest == 0.0:
            return ResidualMeasure(np.nan, np.inf)
        unit = scaled_rows(J, np.full(r.size, 1.0 / largest))
        columns = np.sqrt(column_squares(unit))
        gradient = np.asarray(unit.T @ (r / top))
        cosine = np.where(columns > 0.0, np.abs(gradient) / (columns * size), 0.0)
        if bounds is not None:  # a variable that is pushed against its bound cannot follow
            gap = np.where(gradient > 0.0, x - bounds[0], bounds[1] - x)
            gain = np.where(gap <= 0.0, 0.0, gap * columns * (largest / top) / size)
            cosine = np.fmin(cosine, gain)  # no slope times an infinite gap is NaN
        change = reach(unit, np.maximum(np.abs(x), 1.0)) * (largest / top)
        relative = np.where(r == 0.0, 0.0, np.abs(r) / top / change)
    return ResidualMeasure(float(np.max(cosine)), float(np.max(relative)))
