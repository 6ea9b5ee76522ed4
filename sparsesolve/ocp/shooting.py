"""`Shooting`: multiple shooting, where a Runge-Kutta method carries the states through an interval.

Separate because states within an interval are no unknowns: there is one row for each state and
interval, which says that the next interval begins where this one ends. Bock, Plitt (1984), "A
multiple shooting algorithm for direct solution of optimal control problems", IFAC World Congress.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives import gradient
from sparsesolve.derivatives.scan import scan
from sparsesolve.ocp.curve import Curve

if TYPE_CHECKING:
    from sparsesolve.ocp.grid import Grid, Unknowns

__all__ = ["Shooting", "multiple_shooting"]

Array = NDArray[np.float64]


class _Flow(NamedTuple):
    """Where states end, what that costs, and the states before each step."""

    last: Any
    cost: Any
    way: Any


@dataclass(frozen=True, slots=True)
class Shooting:
    """Multiple shooting with the classical Runge-Kutta method, and controls constant by interval.

    Parameters
    ----------
    steps : int
        How many an interval.

    Examples
    --------
    >>> multiple_shooting(5)
    Shooting(steps=5)
    """

    steps: int
    name = "multiple-shooting"
    order = 4
    stride = 1
    rows = 1
    offsets = np.array([0.0, 1.0])

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from others."""
        return self.name, self.steps

    def control_points(self, intervals: int) -> NDArray[np.intp]:
        """Return the points at which controls begin."""
        return np.arange(intervals)

    def evaluated(self, intervals: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the points at which path constraints hold, and the control of each."""
        points = np.arange(intervals + 1)
        return points, np.minimum(points, intervals - 1)

    def defects(self, grid: Grid, z: Unknowns) -> Any:
        """Return by how much intervals begin elsewhere than the last ended, (nx, intervals)."""
        return z.x[:, 1:] - self._flow(grid, z, z.x[:, :-1], self.steps).last

    def running_cost(self, grid: Grid, z: Unknowns) -> Any:
        """Return the integral of the running cost."""
        return np.sum(self._flow(grid, z, z.x[:, :-1], self.steps, costs=True).cost)

    def _flow(
        self, grid: Grid, z: Unknowns, first: Any, steps: int, *, costs: bool = False
    ) -> _Flow:
        """Carry states through all intervals at once."""
        start, length = z.t0 + (z.tf - z.t0) * z.mesh[:-1], z.h
        h = length / steps

        with_cost = costs and grid.has_running_cost

        def slopes(t: Any, x: Any) -> tuple[Any, Any]:
            cost = grid.running_cost(t, x, z.u, z.p)[0] if with_cost else 0.0
            return grid.dynamics(t, x, z.u, z.p), cost

        def step(carry: Any, done: Any) -> Any:
            x, cost = carry
            t = start + done * length
            k1, c1 = slopes(t, x)
            k2, c2 = slopes(t + 0.5 * h, x + 0.5 * h * k1)
            k3, c3 = slopes(t + 0.5 * h, x + 0.5 * h * k2)
            k4, c4 = slopes(t + h, x + h * k3)
            after = x + h / 6.0 * (k1 + 2.0 * (k2 + k3) + k4)
            return (after, cost + h / 6.0 * (c1 + 2.0 * (c2 + c3) + c4)), x

        carry = first, np.zeros(grid.intervals)
        (last, cost), way = scan(step, carry, np.arange(steps) / steps)
        return _Flow(last, cost, way)

    # ----- What was found ------------------------------------------------------------------------

    def states(self, grid: Grid, z: Unknowns) -> Curve:
        """Return all states as one curve: cubics through the steps and their slopes."""
        flow = self._flow(grid, z, z.x[:, :-1], self.steps)
        fractions = np.arange(self.steps + 1) / self.steps
        points = np.concatenate([flow.way, flow.last[None]])  # (steps + 1, nx, intervals)
        times = z.t[:-1] + fractions[:, None] * z.h
        slopes = np.stack(
            [grid.dynamics(t, x, z.u, z.p) for t, x in zip(times, points, strict=True)]
        )
        rise = points[1:] - points[:-1]
        begin, end = slopes[:-1] * z.h / self.steps, slopes[1:] * z.h / self.steps
        parts = [points[:-1], begin, 3.0 * rise - 2.0 * begin - end, begin + end - 2.0 * rise]
        ends = np.append(times[:-1].T.ravel(), z.t[-1])
        return Curve(ends, np.stack([_in_time(part) for part in parts]), (grid.nx,))

    def controls(self, grid: Grid, z: Unknowns) -> Curve:
        """Return all controls as one curve of steps."""
        return Curve(z.t, z.u.T[None], (grid.nu,))

    def errors(self, grid: Grid, z: Unknowns) -> Array:
        """Return what twice as many steps change at the end of each interval, (nx, intervals)."""
        once, twice = (self._flow(grid, z, z.x[:, :-1], k * self.steps).last for k in (1, 2))
        change: Array = np.abs(once - twice)
        return change

    def costates(self, grid: Grid, z: Unknowns, multipliers: Array) -> tuple[Array, Array]:
        """Return what a change of the states costs, at both ends of each interval."""

        def lagrangian(first: Any) -> Any:
            flow = self._flow(grid, z, first, self.steps, costs=True)
            return np.sum(flow.cost) - np.sum(multipliers * flow.last)

        first = z.x[:, :-1]
        return np.asarray(gradient(lagrangian, first)(first)), -multipliers


def _in_time(values: Array) -> Array:
    """Return values of shape (steps, nx, intervals) in the order of time, (., nx)."""
    flat: Array = values.transpose(2, 0, 1).reshape(-1, values.shape[1])
    return flat


def multiple_shooting(steps: int = 3) -> Shooting:
    """Return multiple shooting.

    States at the ends of intervals are unknowns, and the classical Runge-Kutta method of order 4
    carries them through. Controls are constant in an interval; path constraints and limits of
    states hold at the ends of intervals.

    Parameters
    ----------
    steps : int, default 3
        Steps an interval, from 1 to 1000. Preparing takes time in proportion.

    Returns
    -------
    Shooting
        For `scheme` of `solve`; the word "multiple-shooting" is that of 3 steps.

    Examples
    --------
    >>> multiple_shooting().steps
    3
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= 1000:
        raise ValueError(f"`steps` must be a whole number from 1 to 1000, got {steps!r}.")
    return Shooting(steps)
