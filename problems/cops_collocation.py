"""COPS: catalyst mixing and two parameter estimations, discretized by Gauss collocation.

Separate from the trapezoidal problems because each interval carries a polynomial: the state starts
at ``v[i]`` and has derivatives ``w[i, k]``, so at a point rho in (0, 1] of interval i it is
``v[i] + h sum_k w[i, k] rho^k / k!``. States and derivatives at the collocation points are
expressions here (they are further variables in COPSBenchmark.jl).

Data layout. ``x = (parameters or controls, v, w)`` with v of shape (intervals, states) and w of
shape (intervals, stages, states).

Dolan, Moré, Munson (2004), "Benchmarking optimization software with COPS 3.0", Argonne National
Laboratory, ANL/MCS-TM-273. Data and starting points as in COPSBenchmark.jl (MIT licence).
The best values in docstrings are the report's; the longer ones in the code are own runs of IPOPT,
which agree with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray

from .cases import Block, MinimizeCase, Vector

__all__ = ["catmix", "marine", "pinene"]

GAUSS = {1: (0.5,), 3: (0.5 - np.sqrt(15) / 10, 0.5, 0.5 + np.sqrt(15) / 10)}
"""Collocation points in the unit interval by number of stages."""


@dataclass(frozen=True, eq=False)
class _Collocation:
    """Piecewise polynomial states on a uniform grid, after `head` other variables."""

    head: int
    intervals: int
    stages: int
    states: int
    final: float

    @property
    def step(self) -> float:
        return self.final / self.intervals

    @property
    def size(self) -> int:
        return self.head + self.intervals * self.states * (1 + self.stages)

    def split(self, x: Vector) -> tuple[Vector, Vector]:
        """Values at the left ends, and derivatives."""
        middle = self.head + self.intervals * self.states
        v = np.reshape(x[self.head : middle], (self.intervals, self.states))
        return v, np.reshape(x[middle:], (self.intervals, self.stages, self.states))

    def powers(self, rho: Vector, shift: int = 0) -> Vector:
        """``rho^(k - shift) / (k - shift)!`` for k = 1 .. stages, along a last axis."""
        k = np.arange(1, self.stages + 1) - shift
        return rho[:, None] ** k / np.array([float(factorial(int(p))) for p in k])

    def at_points(self, x: Vector) -> tuple[Vector, Vector]:
        """States and their derivatives at the collocation points, (intervals, stages, states)."""
        v, w = self.split(x)
        rho = np.array(GAUSS[self.stages])
        state = v[:, None, :] + self.step * np.matmul(self.powers(rho), w)
        return state, np.matmul(self.powers(rho, 1), w)

    def right_ends(self, x: Vector) -> Vector:
        """States at the right end of each interval, (intervals, states)."""
        v, w = self.split(x)
        weights = self.step * self.powers(np.ones(1))[0]
        return v + np.sum(w * weights[:, None], axis=1)

    def gaps(self, x: Vector) -> Vector:
        """Jumps between intervals."""
        v, _ = self.split(x)
        return np.reshape(self.right_ends(x)[:-1] - v[1:], -1)

    def at_times(self, x: Vector, interval: NDArray[np.int64], time: Vector) -> Vector:
        """States at given times, (times, states)."""
        v, w = self.split(x)
        rho = (time - interval * self.step) / self.step
        weights = self.step * self.powers(rho)
        return v[interval] + np.sum(w[interval] * weights[:, :, None], axis=1)

    def interval_of(self, time: Vector) -> NDArray[np.int64]:
        """Interval in which each time lies; the last interval is closed."""
        index = np.floor(time / self.step + 1e-9).astype(np.int64)
        return np.minimum(index, self.intervals - 1)


def _step_start(grid: _Collocation, time: Vector, data: Vector, first: Vector) -> Vector:
    """Start the estimations: v is the next observation, w is zero."""
    interval = grid.interval_of(time)
    following = np.searchsorted(interval, np.arange(grid.intervals))
    values = np.concatenate([first[None, :], data[1:]])[np.minimum(following, len(time) - 1)]
    zeros = np.zeros(grid.size - grid.head - values.size)
    return np.concatenate([np.zeros(grid.head), np.reshape(values, -1), zeros])


def catmix(intervals: int = 50) -> MinimizeCase:
    """Optimal mixing of two catalysts along a tubular reactor.

    Minimize ``-1 + x1(1) + x2(1)`` where ``x1' = u (10 x2 - x1)``,
    ``x2' = u (x1 - 10 x2) - (1 - u) x2``, x(0) = (1, 0), ``0 <= u <= 1`` at every point.

    Notes
    -----
    n = 11 intervals, m = 8 intervals. Three-stage Gauss collocation. Start: u = 0, x = (1, 0).
    Best value -4.80556e-2 for 100 intervals. Nonconvex. COPS 3, problem 14; von Stryk (1999).
    """
    grid = _Collocation(3 * intervals, intervals, 3, 2, 1.0)

    def objective(x: Vector) -> Vector:
        return np.sum(grid.right_ends(x)[-1]) - 1

    def dynamics(x: Vector) -> Vector:
        u = np.reshape(x[: grid.head], (intervals, 3))
        state, rate = grid.at_points(x)
        exchange = u * (10 * state[:, :, 1] - state[:, :, 0])
        first = rate[:, :, 0] - exchange
        second = rate[:, :, 1] + exchange + (1 - u) * state[:, :, 1]
        return np.reshape(np.stack([first, second], axis=2), -1)

    def start(x: Vector) -> Vector:
        return grid.split(x)[0][0]

    initial = np.array([1.0, 0.0])
    head = grid.head
    free = np.full(grid.size - head, np.inf)
    return MinimizeCase(
        objective=objective,
        x0=np.concatenate([np.zeros(head), np.tile(initial, intervals), np.zeros(6 * intervals)]),
        bounds=(np.concatenate([np.zeros(head), -free]), np.concatenate([np.ones(head), free])),
        constraints=(
            Block(dynamics, 0.0, 0.0, "dynamics"),
            Block(grid.gaps, 0.0, 0.0, "continuity"),
            Block(start, initial, initial, "start"),
        ),
        best={20: -0.0480568128548, 100: -0.048055382997}.get(intervals),
    )


MARINE_DATA = """
20000 17000 10000 15000 12000 9000 7000 3000
12445 15411 13040 13338 13484 8426 6615 4022
7705 13074 14623 11976 12453 9272 6891 5020
4664 8579 12434 12603 11738 9710 6821 5722
2977 7053 11219 11340 13665 8534 6242 5695
1769 5054 10065 11232 12112 9600 6647 7034
943 3907 9473 10334 11115 8826 6842 7348
581 2624 7421 10297 12427 8747 7199 7684
355 1744 5369 7748 10057 8698 6542 7410
223 1272 4713 6869 9564 8766 6810 6961
137 821 3451 6050 8671 8291 6827 7525
87 577 2649 5454 8430 7411 6423 8388
49 337 2058 4115 7435 7627 6268 7189
32 228 1440 3790 6474 6658 5859 7467
17 168 1178 3087 6524 5880 5562 7144
11 99 919 2596 5360 5762 4480 7256
7 65 647 1873 4556 5058 4944 7538
4 44 509 1571 4009 4527 4233 6649
2 27 345 1227 3677 4229 3805 6378
1 20 231 934 3197 3695 3159 6454
1 12 198 707 2562 3163 3232 5566
"""


def marine(intervals: int = 20) -> MinimizeCase:
    """Estimate growth and mortality of a marine species from counts of its eight stages.

    Minimize the sum of squared deviations from 21 observations on 0 <= t <= 10 where
    ``y_j' = g_{j-1} y_{j-1} - (m_j + g_j) y_j`` with g_0 = g_8 = 0, and rates g, m >= 0.

    Notes
    -----
    n = 15 + 16 intervals, m = 8 (2 intervals - 1). One-stage Gauss collocation (midpoint rule).
    Start: rates 0, the observations. Best value 1.97462e7 for 100 intervals. Nonconvex. COPS 3,
    problem 6; Rothschild, Sharov, Kearsley, Bondarenko (1997).
    """
    grid = _Collocation(15, intervals, 1, 8, 10.0)
    data = np.array([[float(v) for v in row.split()] for row in MARINE_DATA.split("\n") if row])
    time = np.linspace(0.0, 10.0, 21)
    interval = grid.interval_of(time)

    def objective(x: Vector) -> Vector:
        return np.sum((grid.at_times(x, interval, time) - data) ** 2)

    def dynamics(x: Vector) -> Vector:
        growth = np.pad(x[:7], 1)
        state, rate = grid.at_points(x)
        gain = np.pad(state, ((0, 0), (0, 0), (1, 0)))[:, :, :-1] * growth[:-1]
        return np.reshape(rate - gain + (x[7:15] + growth[1:]) * state, -1)

    return MinimizeCase(
        objective=objective,
        x0=_step_start(grid, time, data, data[0]),
        bounds=_rates_not_negative(grid),
        constraints=(
            Block(dynamics, 0.0, 0.0, "dynamics"),
            Block(grid.gaps, 0.0, 0.0, "continuity"),
        ),
        best={20: 19747842.2765, 100: 19746262.7822}.get(intervals),
    )


def pinene(intervals: int = 20) -> MinimizeCase:
    """Estimate five reaction rates of the thermal isomerization of alpha-pinene.

    Minimize the sum of squared deviations from 8 observations up to t = 36420 s where
    ``y1' = -(p1 + p2) y1``, ``y2' = p1 y1``, ``y3' = p2 y1 - (p3 + p4) y3 + p5 y5``,
    ``y4' = p3 y3``, ``y5' = p4 y3 - p5 y5``, y(0) = (100, 0, 0, 0, 0), p >= 0.

    Notes
    -----
    n = 5 + 20 intervals, m = 20 intervals. Three-stage Gauss collocation. Start: p = 0, the
    observations. Best value 19.8721 for 100 intervals. Nonconvex. COPS 3, problem 5; Box, Hunter,
    MacGregor, Erjavec (1973).
    """
    time = np.array([1230.0, 3060.0, 4920.0, 7800.0, 10680.0, 15030.0, 22620.0, 36420.0])
    data = np.array(
        [
            [88.35, 7.3, 2.3, 0.4, 1.75],
            [76.4, 15.6, 4.5, 0.7, 2.8],
            [65.1, 23.1, 5.3, 1.1, 5.8],
            [50.4, 32.9, 6.0, 1.5, 9.3],
            [37.5, 42.7, 6.0, 1.9, 12.0],
            [25.9, 49.1, 5.9, 2.2, 17.0],
            [14.0, 57.4, 5.1, 2.6, 21.0],
            [4.5, 63.1, 3.8, 2.9, 25.7],
        ]
    )
    grid = _Collocation(5, intervals, 3, 5, 36420.0)
    interval = grid.interval_of(time)
    initial = np.array([100.0, 0.0, 0.0, 0.0, 0.0])

    def objective(x: Vector) -> Vector:
        return np.sum((grid.at_times(x, interval, time) - data) ** 2)

    def dynamics(x: Vector) -> Vector:
        p = x[:5]
        state, rate = grid.at_points(x)
        y1, y3, y5 = state[:, :, 0], state[:, :, 2], state[:, :, 4]
        back = p[3] * y3 - p[4] * y5
        speeds = [
            -(p[0] + p[1]) * y1,
            p[0] * y1,
            p[1] * y1 - p[2] * y3 - back,
            p[2] * y3,
            back,
        ]
        return np.reshape(rate - np.stack(speeds, axis=2), -1)

    def start(x: Vector) -> Vector:
        return grid.split(x)[0][0]

    return MinimizeCase(
        objective=objective,
        x0=_step_start(grid, time, data, initial),
        bounds=_rates_not_negative(grid),
        constraints=(
            Block(dynamics, 0.0, 0.0, "dynamics"),
            Block(grid.gaps, 0.0, 0.0, "continuity"),
            Block(start, initial, initial, "start"),
        ),
        best={50: 19.8721655238, 100: 19.8721701453}.get(intervals),
    )


def _rates_not_negative(grid: _Collocation) -> tuple[Vector, Vector]:
    """Bounds: rates >= 0, everything else free."""
    lower = np.full(grid.size, -np.inf)
    lower[: grid.head] = 0.0
    return lower, np.full(grid.size, np.inf)
