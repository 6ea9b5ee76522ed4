"""`Collocation`: states are polynomials that satisfy the equations at points of each interval.

Separate because Hermite-Simpson, Radau and the trapezoidal rule differ only in a table of numbers
for an interval of length one. With states ``X[j]`` at the points of an interval of length h, and
slopes ``F[j]`` at those that are collocated, each row of the table holds ``D @ X = h A @ F``, and
integrals are ``h weights @ L``.

Hairer, Wanner (1996), "Solving Ordinary Differential Equations II", section IV.5 (Radau IIA). Betts
(2010), "Practical Methods for Optimal Control", section 4.6 (separated Hermite-Simpson). Garg et
al. (2010), "A unified framework for the numerical solution of optimal control problems using
pseudospectral methods", Automatica 46(11).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.polynomial import Legendre
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray

from sparsesolve.derivatives import gradient
from sparsesolve.ocp.curve import Curve

if TYPE_CHECKING:
    from sparsesolve.ocp.grid import Grid, Unknowns

__all__ = ["Collocation", "hermite_simpson", "radau", "trapezoidal"]

Array = NDArray[np.float64]
_GAUSS = 7  # points an interval at which residuals are looked at


@dataclass(frozen=True, eq=False, slots=True)
class Collocation:
    """A rule of collocation.

    Parameters
    ----------
    name : str
        What users call it.
    offsets : ndarray, shape (s + 1,)
        Points of an interval, from 0 to 1; the last is the first of the next one.
    collocated : tuple of int
        Points, ascending, at which f is evaluated, and where there are controls.
    D : ndarray, shape (rows, s + 1)
        Factors of the states.
    A : ndarray, shape (rows, collocated)
        Factors of the slopes.
    weights : ndarray, shape (collocated,)
        Of the quadrature.
    order : int
        Of the error of one interval relative to its length, which halving divides by
        ``2**order``.

    Examples
    --------
    >>> rule = trapezoidal()
    >>> rule.name, rule.order, rule.offsets.tolist(), rule.weights.tolist()
    ('trapezoidal', 2, [0.0, 1.0], [0.5, 0.5])
    """

    name: str
    offsets: Array
    collocated: tuple[int, ...]
    D: Array
    A: Array
    weights: Array
    order: int

    @property
    def stride(self) -> int:
        """How many points an interval adds."""
        return len(self.offsets) - 1

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from others."""
        return self.name, self.stride

    @property
    def rows(self) -> int:
        """How many rows each state has in an interval."""
        return len(self.D)

    def control_points(self, intervals: int) -> NDArray[np.intp]:
        """Return the points at which there are controls."""
        starts = self.stride * np.arange(intervals)
        return np.unique([starts + j for j in self.collocated])

    def evaluated(self, intervals: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the points at which functions are called, and the control of each."""
        points = self.control_points(intervals)
        return points, np.arange(len(points))

    # ----- Rows and costs ------------------------------------------------------------------------

    def defects(self, grid: Grid, z: Unknowns) -> Any:
        """Return what the rows leave over, shape (rows, nx, intervals)."""
        return self._rows(self._states(grid, z), self._slopes(grid, z), z.h)

    def running_cost(self, grid: Grid, z: Unknowns) -> Any:
        """Return the integral of the running cost."""
        return np.sum(self._quadrature(self._costs(grid, z), z.h))

    def _rows(self, states: Sequence[Any], slopes: Sequence[Any], h: Any) -> Any:
        rows = zip(self.D, self.A, strict=True)
        return np.stack([_sum(d, states) - h * _sum(a, slopes) for d, a in rows])

    def _quadrature(self, values: Sequence[Any], h: Any) -> Any:
        return h * _sum(self.weights, values)

    def _starts(self, grid: Grid) -> Any:
        return self.stride * np.arange(grid.intervals)

    def _states(self, grid: Grid, z: Unknowns) -> list[Any]:
        """States at each point of the intervals, each of shape (nx, intervals)."""
        return [z.x[:, self._starts(grid) + j] for j in range(self.stride + 1)]

    def _at_stages(self, grid: Grid, values: Any) -> list[Any]:
        """Cut values at the collocated points, along the last axis, into stages."""
        points = self.control_points(grid.intervals)
        starts = self._starts(grid)
        return [values[..., np.searchsorted(points, starts + j)] for j in self.collocated]

    def _slopes(self, grid: Grid, z: Unknowns) -> list[Any]:
        return self._at_stages(grid, grid.dynamics(*grid.evaluation(z)))

    def _costs(self, grid: Grid, z: Unknowns) -> list[Any]:
        return self._at_stages(grid, grid.running_cost(*grid.evaluation(z))[0])

    # ----- What was found ------------------------------------------------------------------------

    def states(self, grid: Grid, z: Unknowns) -> Curve:
        """Return all states as one curve: the integral of the polynomial through the slopes."""
        rates = self._polynomials([z.h * slope for slope in self._slopes(grid, z)])
        rises = rates / np.arange(1, len(rates) + 1)[:, None, None]
        return Curve(z.t, np.concatenate([self._states(grid, z)[0].T[None], rises]), (grid.nx,))

    def controls(self, grid: Grid, z: Unknowns) -> Curve:
        """Return all controls as one curve: the polynomial through the collocated points."""
        return Curve(z.t, self._polynomials(self._at_stages(grid, z.u)), (grid.nu,))

    def _polynomials(self, values: Sequence[Array]) -> Array:
        """Return coefficients, by ascending powers, of polynomials through the points."""
        powers = np.vander(self.offsets[list(self.collocated)], increasing=True)
        columns = np.stack([value.T for value in values])
        return np.asarray(np.tensordot(np.linalg.inv(powers), columns, axes=1))

    def errors(self, grid: Grid, z: Unknowns) -> Array:
        """Return the integral of ``|x' - f|`` over each interval, shape (nx, intervals)."""
        nodes, weights = leggauss(_GAUSS)
        t = (z.t[:-1, None] + z.h[:, None] * (nodes + 1.0) / 2.0).ravel()
        states = self.states(grid, z)
        found = grid.dynamics(t, states(t), grid.within_limits(self.controls(grid, z)(t)), z.p)
        residual = np.abs(states.slope()(t) - found).reshape(grid.nx, grid.intervals, _GAUSS)
        integrals: Array = residual @ weights * z.h / 2.0
        return integrals

    def costates(self, grid: Grid, z: Unknowns, multipliers: Array) -> tuple[Array, Array]:
        """Return what a change of the states costs, at both ends of each interval.

        The derivative of the Lagrangian of what comes after the first point of an interval, and of
        what comes before its last one.
        """
        return (
            self._by_stage(0, grid, z, multipliers),
            -self._by_stage(self.stride, grid, z, multipliers),
        )

    def _by_stage(self, j: int, grid: Grid, z: Unknowns, multipliers: Array) -> Array:
        """Differentiate the Lagrangian of each interval by its states at point j."""
        states, slopes = self._states(grid, z), self._slopes(grid, z)
        costs = self._costs(grid, z) if grid.has_running_cost else []
        at = self._at_stages(grid, np.arange(len(self.control_points(grid.intervals))))
        t, _, u, p = grid.evaluation(z)
        place = self.collocated.index(j) if j in self.collocated else None

        def lagrangian(y: Any) -> Any:
            own_states, own_slopes, own_costs = list(states), list(slopes), list(costs)
            own_states[j] = y
            if place is not None:
                given = t[at[place]], y, u[:, at[place]], p
                own_slopes[place] = grid.dynamics(*given)
                if costs:
                    own_costs[place] = grid.running_cost(*given)[0]
            total = np.sum(multipliers * self._rows(own_states, own_slopes, z.h))
            return total + np.sum(self._quadrature(own_costs, z.h)) if costs else total

        return np.asarray(gradient(lagrangian, states[j])(states[j]))


def _sum(factors: Array, arrays: Sequence[Any]) -> Any:
    """Return a sum of multiples; what is multiplied by zero takes no part."""
    terms = [a if c == 1.0 else c * a for c, a in zip(factors, arrays, strict=True) if c]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def hermite_simpson() -> Collocation:
    """Return the Hermite-Simpson rule.

    Of order 4, with controls and path constraints at the ends and middles of intervals. Controls
    are parabolas, continuous from interval to interval.

    Returns
    -------
    Collocation
        For `scheme` of `solve`; the same as the word "hermite-simpson".

    Examples
    --------
    >>> hermite_simpson().order, hermite_simpson().offsets.tolist()
    (4, [0.0, 0.5, 1.0])
    """
    return Collocation(
        "hermite-simpson",
        np.array([0.0, 0.5, 1.0]),
        (0, 1, 2),
        np.array([[-1.0, 0.0, 1.0], [-0.5, 1.0, -0.5]]),
        np.array([[1.0, 4.0, 1.0], [0.75, 0.0, -0.75]]) / 6.0,
        np.array([1.0, 4.0, 1.0]) / 6.0,
        4,
    )


def trapezoidal() -> Collocation:
    """Return the trapezoidal rule.

    Of order 2, with controls and path constraints at the ends of intervals. Controls are lines.

    Returns
    -------
    Collocation
        For `scheme` of `solve`; the same as the word "trapezoidal".

    Examples
    --------
    >>> trapezoidal().order
    2
    """
    half = np.array([0.5, 0.5])
    ends = np.array([0.0, 1.0])
    return Collocation("trapezoidal", ends, (0, 1), np.array([[-1.0, 1.0]]), half[None], half, 2)


def radau(degree: int = 3) -> Collocation:
    """Return collocation at the Legendre-Gauss-Radau points, which hold the end of an interval.

    Controls jump between intervals; there is none, and no path constraint, at the initial time.

    Parameters
    ----------
    degree : int, default 3
        Points an interval, from 1 to 12, which is the degree of the states.

    Returns
    -------
    Collocation
        For `scheme` of `solve`; the word "radau" is that of degree 3. Of order ``2 degree - 1``.

    Examples
    --------
    >>> radau(2).order, radau(2).offsets.round(6).tolist()
    (3, [0.0, 0.333333, 1.0])
    """
    if isinstance(degree, bool) or not isinstance(degree, int) or not 1 <= degree <= 12:
        raise ValueError(f"`degree` must be a whole number from 1 to 12, got {degree!r}.")
    points = _radau_points(degree)
    offsets = np.concatenate([[0.0], points])
    exponents = np.arange(degree + 1)
    slopes = exponents * offsets[:, None] ** np.maximum(exponents - 1, 0)
    integrals = 1.0 / np.arange(1, degree + 1)
    return Collocation(
        "radau",
        offsets,
        tuple(range(1, degree + 1)),
        np.asarray(slopes @ np.linalg.inv(np.vander(offsets, increasing=True)))[1:],
        np.eye(degree),
        np.asarray(np.linalg.solve(np.vander(points, increasing=True).T, integrals), dtype=float),
        2 * degree - 1,
    )


def _radau_points(degree: int) -> Array:
    """Return the zeros of ``P_k - P_{k-1}``, moved to (0, 1]."""
    series = np.zeros(degree + 1)
    series[degree - 1 :] = -1.0, 1.0
    roots = np.sort(Legendre(series).roots().real)
    roots[-1] = 1.0
    return np.asarray(0.5 * (roots + 1.0))
