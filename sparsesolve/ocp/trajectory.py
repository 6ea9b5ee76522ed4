"""`Trajectory`: what was found for one phase, as functions of time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from sparsesolve.ocp.curve import Curve
from sparsesolve.ocp.grid import Grid, Unknowns
from sparsesolve.ocp.quantities import Quantity

__all__ = ["Trajectory"]

Array = NDArray[np.float64]


class Trajectory:
    """One phase of a solution.

    Parameters
    ----------
    grid : Grid
        What it is a solution of.
    z : Unknowns
        At the solution.
    multipliers : ndarray
        Of the rows of the dynamics.

    Examples
    --------
    >>> from sparsesolve import ocp
    >>> decay = ocp.Phase(
    ...     lambda t, x, u, p: [-x[0]], time=(0, 1), states=["x"], controls=[], initial={"x": 1.0}
    ... )
    >>> trajectory = decay.solve(intervals=10).phases[""]
    >>> trajectory.state("x")([0.0])
    array([1.])
    """

    def __init__(self, grid: Grid, z: Unknowns, multipliers: Array) -> None:
        self._grid, self._z, self._multipliers = grid, z, multipliers
        self.mesh = z.mesh
        self.initial_time, self.final_time = float(z.t0), float(z.tf)

    @property
    def t(self) -> Array:
        """Ends of the intervals, shape (intervals + 1,)."""
        return np.asarray(self._z.t)

    @property
    def x(self) -> Array:
        """States at the ends of the intervals, shape (nx, intervals + 1)."""
        return np.asarray(self._z.x[:, :: self._grid.rule.stride])

    def state(self, name: str) -> Curve:
        """Return a state as a function of time: the polynomials that satisfy the equations."""
        quantity, rows = _rows_of(self._grid.phase.states, name, "state")
        return self._states.rows(rows, quantity.shape, -np.inf, np.inf)

    def control(self, name: str) -> Curve:
        """Return a control as a function of time, within its limits."""
        quantity, rows = _rows_of(self._grid.phase.controls, name, "control")
        return self._controls.rows(rows, quantity.shape, quantity.lower, quantity.upper)

    def costate(self, name: str) -> Curve:
        """Return by how much the cost changes with a state at each time, as a function of time.

        It is the derivative of the cost of what is left, from the multipliers of the equations, at
        the ends of intervals; cubics that do not overshoot lie between them.
        """
        quantity, rows = _rows_of(self._grid.phase.states, name, "state")
        return self._costates.rows(rows, quantity.shape, -np.inf, np.inf)

    @property
    def notes(self) -> tuple[str, ...]:
        """Which functions were called point by point, and why."""
        return tuple(
            f"{f.label} is called point by point, not once for all: {f.why_pointwise}"
            for f in self._grid.functions()
            if f.why_pointwise
        )

    def names(self, kind: str) -> list[str]:
        """Return the names of its states or controls; `kind`: "state", "control" or "costate"."""
        return list(self._grid.phase.controls if kind == "control" else self._grid.phase.states)

    def as_guess(self) -> dict[str, Any]:
        """Return it as users write guesses."""
        phase = self._grid.phase
        states = {name: self.state(name) for name in phase.states}
        controls = {name: self.control(name) for name in phase.controls}
        times = {name: getattr(self, name) for name in self._grid.free_times()}
        return {**states, **controls, **times}

    @cached_property
    def errors(self) -> Array:
        """Estimated error of each interval, relative to the largest state and slope.

        The integral of ``|x' - f|`` along the curves; of multiple shooting the change by half
        steps. Shape (intervals,). Betts (2010), "Practical Methods for Optimal Control", 4.7.
        """
        t, x, u, p = self._grid.evaluation(self._z)
        slopes = np.abs(np.asarray(self._grid.dynamics(t, x, u, p))).max(axis=1, initial=0.0)
        size = 1.0 + np.maximum(np.abs(self._z.x).max(axis=1), slopes)
        return np.asarray((self._grid.rule.errors(self._grid, self._z).T / size).max(axis=1))

    @cached_property
    def _states(self) -> Curve:
        return self._grid.rule.states(self._grid, self._z)

    @cached_property
    def _controls(self) -> Curve:
        return self._grid.rule.controls(self._grid, self._z)

    @cached_property
    def _costates(self) -> Curve:
        after, before = self._grid.rule.costates(self._grid, self._z, self._multipliers)
        inside = 0.5 * (after[:, 1:] + before[:, :-1])
        values = np.concatenate([after[:, :1], inside, before[:, -1:]], axis=1)
        between = PchipInterpolator(self.mesh, values, axis=1)
        powers = (np.diff(self.mesh) ** np.arange(4)[:, None])[:, :, None]
        return Curve(self.t, between.c[::-1] * powers, (self._grid.nx,))

    def __repr__(self) -> str:
        return (
            f"Trajectory({self.initial_time:.6g} to {self.final_time:.6g}, "
            f"{self._grid.intervals} intervals, {self._grid.rule.name})"
        )


def _rows_of(quantities: Mapping[str, Quantity], name: str, kind: str) -> tuple[Quantity, slice]:
    start = 0
    for quantity in quantities.values():
        if quantity.name == name:
            return quantity, slice(start, start + quantity.size)
        start += quantity.size
    raise KeyError(f"there is no {kind} {name!r}; there are {list(quantities)}.")
