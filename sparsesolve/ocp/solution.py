"""`Solution`: what was found, as functions of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsesolve.ocp.grid import Grid, Unknowns
from sparsesolve.ocp.quantities import Quantity
from sparsesolve.problem.result import Result

__all__ = ["Curve", "Solution", "Trajectory"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Curve:
    """A piecewise polynomial, called with times.

    Parameters
    ----------
    t : ndarray, shape (intervals + 1,)
        Ends of the intervals.
    coefficients : ndarray, shape (degree + 1, intervals, k)
        By ascending powers of the place in the interval, from 0 to 1.
    shape : tuple of int
        Of a value.
    lower, upper : ndarray, optional
        Limits that values are held within.
    """

    t: Array
    coefficients: Array
    shape: tuple[int, ...]
    lower: Any = -np.inf
    upper: Any = np.inf

    def __call__(self, t: ArrayLike) -> Any:
        """Return values at times, of shape (*shape, *t.shape); beyond the ends those there."""
        times = np.clip(np.asarray(t, dtype=float), self.t[0], self.t[-1])
        last = len(self.t) - 2
        k = np.clip(np.searchsorted(self.t, times, side="right") - 1, 0, last)
        width = self.t[k + 1] - self.t[k]
        s = (times - self.t[k]) / np.where(width > 0.0, width, 1.0)
        value = np.zeros((*times.shape, self.coefficients.shape[2]))
        for coefficient in self.coefficients[::-1]:
            value = value * s[..., None] + coefficient[k]
        value = np.moveaxis(value, -1, 0)
        value = value.reshape((*self.shape, *times.shape))
        bounds = (np.reshape(b, np.shape(b) + (1,) * times.ndim) for b in (self.lower, self.upper))
        return np.clip(value, *bounds)[()]


class Trajectory:
    """One phase of a solution.

    Parameters
    ----------
    grid : Grid
        What it is a solution of.
    z : Unknowns
        At the solution.
    """

    def __init__(self, grid: Grid, z: Unknowns) -> None:
        self._grid, self._z = grid, z
        self.initial_time, self.final_time = float(z.t0), float(z.tf)
        self.t = z.t0 + (z.tf - z.t0) * z.mesh
        self.mesh = z.mesh

    @property
    def x(self) -> Array:
        """States at the ends of the intervals, shape (nx, intervals + 1)."""
        return np.asarray(self._z.x[:, :: self._grid.scheme.stride])

    def state(self, name: str) -> Curve:
        """Return a state as a function of time: the polynomial that satisfies the equations."""
        quantity, rows = _rows_of(self._grid.phase.states, name, "state")
        return Curve(self.t, self._states()[:, :, rows], quantity.shape)

    def control(self, name: str) -> Curve:
        """Return a control as a function of time."""
        quantity, rows = _rows_of(self._grid.phase.controls, name, "control")
        coefficients = self._polynomials(self._z.u[rows])
        return Curve(self.t, coefficients, quantity.shape, quantity.lower, quantity.upper)

    def _polynomials(self, values: Array) -> Array:
        """Coefficients of polynomials through values at the collocated points."""
        at_stages = np.stack([values[:, at].T for at in self._grid.at_stage])
        return np.tensordot(self._grid.scheme.slope_basis(), at_stages, axes=1)

    def _states(self) -> Array:
        slopes = np.asarray(self._grid.dynamics(*self._grid.collocation(self._z)))
        rates = self._polynomials(slopes) * self._z.h[:, None]
        rises = rates / np.arange(1, len(rates) + 1)[:, None, None]
        return np.concatenate([self.x[:, :-1].T[None], rises])


def _rows_of(quantities: Mapping[str, Quantity], name: str, kind: str) -> tuple[Quantity, slice]:
    start = 0
    for quantity in quantities.values():
        if quantity.name == name:
            return quantity, slice(start, start + quantity.size)
        start += quantity.size
    raise KeyError(f"there is no {kind} {name!r}; there are {list(quantities)}.")


class Solution:
    """What was found for all phases.

    Parameters
    ----------
    phases : mapping of str to Trajectory
        By name; the name of one alone is empty.
    parameters : mapping of str to ndarray
        Those that were optimized.
    result : Result
        Of the solver.
    """

    def __init__(
        self,
        phases: Mapping[str, Trajectory],
        parameters: Mapping[str, Any],
        result: Result,
    ) -> None:
        self.phases, self.parameters, self.result = dict(phases), dict(parameters), result

    @property
    def cost(self) -> float:
        """The objective."""
        return float(self.result.fun)

    @property
    def success(self) -> bool:
        """Whether the solver found a solution."""
        return self.result.success

    @property
    def initial_time(self) -> float:
        """Time at which the first phase begins."""
        return next(iter(self.phases.values())).initial_time

    @property
    def final_time(self) -> float:
        """Time at which the last phase ends."""
        return list(self.phases.values())[-1].final_time

    def state(self, name: str) -> Curve:
        """Return a state as a function of time."""
        return self._only().state(name)

    def control(self, name: str) -> Curve:
        """Return a control as a function of time."""
        return self._only().control(name)

    def _only(self) -> Trajectory:
        return next(iter(self.phases.values()))
