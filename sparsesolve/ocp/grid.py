"""`Grid`: the unknowns of one phase on a mesh of so many intervals, and the functions of them.

Separate because a grid knows sizes only: where the points lie is a parameter of the problem, so
that a mesh may move without anything being traced again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ocp.collocation import Collocation
from sparsesolve.ocp.phase import TIMES, EndPoint, Ends, Phase
from sparsesolve.ocp.pointwise import PointFunction, Points, sample_size
from sparsesolve.ocp.quantities import Quantity, join
from sparsesolve.ocp.shooting import Shooting

__all__ = ["Grid", "Rule", "Unknowns"]

Array = NDArray[np.float64]
Rule: TypeAlias = Collocation | Shooting


class Unknowns(NamedTuple):
    """What a phase is made of, in arrays or in what stands for them while a function is traced.

    Parameters
    ----------
    t0, tf : float
        Its times.
    mesh : array, shape (intervals + 1,)
        Ends of the intervals, from 0 to 1.
    x : array, shape (nx, points)
        States.
    u : array, shape (nu, .)
        Controls.
    p : dict
        Parameters and data by name.
    """

    t0: Any
    tf: Any
    mesh: Any
    x: Any
    u: Any
    p: dict[str, Any]

    @property
    def ends(self) -> Ends:
        """Both ends."""
        return Ends(EndPoint(self.t0, self.x[:, 0]), EndPoint(self.tf, self.x[:, -1]))

    @property
    def t(self) -> Any:
        """Ends of the intervals in time, shape (intervals + 1,)."""
        return self.t0 + (self.tf - self.t0) * self.mesh

    @property
    def h(self) -> Any:
        """Lengths of the intervals, shape (intervals,)."""
        return (self.tf - self.t0) * (self.mesh[1:] - self.mesh[:-1])


class Grid:
    """One phase on a mesh.

    Parameters
    ----------
    phase : Phase
        The user's.
    rule : Collocation or Shooting
        What makes rows of it.
    intervals : int
        How many there are.
    name : str
        Of the phase, if there are several.
    """

    def __init__(self, phase: Phase, rule: Rule, intervals: int, name: str = "") -> None:
        self.phase, self.rule, self.intervals, self.name = phase, rule, intervals, name
        self.nx, self.nu = phase.nx, phase.nu
        self.points = rule.stride * intervals + 1
        self.control_points = rule.control_points(intervals)
        self._at, self._controls_at = rule.evaluated(intervals)
        self._interval = np.minimum(np.arange(self.points) // rule.stride, intervals - 1)
        self._offset = rule.offsets[np.arange(self.points) - rule.stride * self._interval]

    @property
    def has_running_cost(self) -> bool:
        """Whether there is one."""
        return self.phase.running_cost is not None

    def label(self, name: str) -> str:
        """Return the name of some rows of this phase."""
        return f"{self.name} {name}" if self.name else name

    def places(self, mesh: Any) -> Any:
        """Return where all points lie between the times, from 0 to 1, shape (points,)."""
        widths = mesh[1:] - mesh[:-1]
        return mesh[self._interval] + self._offset * widths[self._interval]

    # ----- Unknowns ------------------------------------------------------------------------------

    def blocks(self) -> dict[str, tuple[Quantity, int]]:
        """Return each quantity that has unknowns, and at how many points; 0 for one number."""
        states = {name: (q, self.points) for name, q in self.phase.states.items()}
        ncontrols = len(self.control_points)
        controls = {name: (q, ncontrols) for name, q in self.phase.controls.items()}
        return states | controls | {name: (q, 0) for name, q in self.free_times().items()}

    def free_times(self) -> dict[str, Quantity]:
        """Return the times that are not given."""
        return {name: q for name, q in self.phase.times.items() if q.lower < q.upper}

    def given(self, mesh: Array) -> dict[str, Any]:
        """Return what is given to the functions besides unknowns and data."""
        free = self.free_times()
        times = {name: float(q.lower) for name, q in self.phase.times.items() if name not in free}
        return {"mesh": mesh, **times}

    def read(self, x: Mapping[str, Any], given: Mapping[str, Any], p: dict[str, Any]) -> Unknowns:
        """Return the unknowns out of nests of this phase."""
        t0, tf = (x[name] if name in x else given[name] for name in TIMES)
        states = join(x, self.phase.states, self.points)
        controls = join(x, self.phase.controls, len(self.control_points))
        return Unknowns(t0, tf, given["mesh"], states, controls, p)

    def evaluation(self, z: Unknowns) -> Points:
        """Return all points at which functions are called."""
        t = z.t0 + (z.tf - z.t0) * self.places(z.mesh)
        return t[self._at], z.x[:, self._at], z.u[:, self._controls_at], z.p

    def within_limits(self, u: Array) -> Array:
        """Return controls moved within their limits, shape (nu, .)."""
        return _clipped(u, self.phase.controls)

    # ----- Functions -----------------------------------------------------------------------------

    def prepare(self, z: Unknowns) -> None:
        """Decide how the user's functions are called, at points near those of a guess."""
        phase = self.phase
        samples = self._sample(z, 1e-3), self._sample(z, 10.0)
        self.dynamics = PointFunction(phase.dynamics, "dynamics", *samples, self.nx)
        if phase.running_cost is not None:
            self.running_cost = PointFunction(phase.running_cost, "running_cost", *samples, 1)
        self.path = [PointFunction(c.function, f"path {c.label}", *samples) for c in phase.path]

    def functions(self) -> list[PointFunction]:
        """Return the user's functions of points."""
        costs = [self.running_cost] if self.has_running_cost else []
        return [self.dynamics, *costs, *self.path]

    def _sample(self, z: Unknowns, spread: float) -> Points:
        """Return some points near those of a guess, or in a range so many times their size."""
        phase = self.phase
        count = sample_size([self.nx, self.nu, *(k for d in z.p.values() for k in np.shape(d))])
        rng = np.random.default_rng(0)
        t, x, u, p = self.evaluation(z)
        at = np.sort(rng.integers(len(t), size=count))
        states = _moved(x[:, at], phase.states, spread, rng)
        return t[at], states, _moved(u[:, at], phase.controls, spread, rng), p

    def defects(self, z: Unknowns) -> Any:
        """Return what the rows of the rule leave over."""
        return self.rule.defects(self, z)

    def cost(self, z: Unknowns) -> Any:
        """Return what this phase costs."""
        total: Any = self.rule.running_cost(self, z) if self.has_running_cost else 0.0
        if self.phase.end_cost is not None:
            total = total + self.phase.end_cost(*z.ends, z.p)
        return total


def _moved(
    values: Array, quantities: Mapping[str, Quantity], spread: float, rng: np.random.Generator
) -> Array:
    """Return values moved within their limits, so that none is zero by chance; of all sizes."""
    size = spread * np.maximum(np.abs(values), 1.0) * rng.uniform(0.0, 1.0, values.shape) ** 2
    return _clipped(values + size * rng.choice([-1.0, 1.0], values.shape), quantities)


def _clipped(values: Array, quantities: Mapping[str, Quantity]) -> Array:
    if not quantities:
        return values
    lower = np.concatenate([np.atleast_1d(q.lower) for q in quantities.values()])[:, None]
    upper = np.concatenate([np.atleast_1d(q.upper) for q in quantities.values()])[:, None]
    return np.asarray(np.clip(values, lower, upper))
