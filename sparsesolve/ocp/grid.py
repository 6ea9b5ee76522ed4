"""`Grid`: the unknowns of one phase on a mesh of so many intervals, and the functions of them.

Separate because a grid knows sizes only: where the points lie is a parameter of the problem, so
that a mesh may move without anything being traced again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ocp.phase import TIMES, EndPoint, Phase
from sparsesolve.ocp.pointwise import PointFunction, Points, sample_size
from sparsesolve.ocp.quantities import Quantity, join
from sparsesolve.ocp.scheme import Scheme

__all__ = ["Grid", "Unknowns"]

Array = NDArray[np.float64]


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
    u : array, shape (nu, collocated)
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
    def ends(self) -> tuple[EndPoint, EndPoint]:
        """Both ends."""
        return EndPoint(self.t0, self.x[:, 0]), EndPoint(self.tf, self.x[:, -1])

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
    scheme : Scheme
        The rule.
    intervals : int
        How many there are.
    name : str
        Of the phase, if there are several.
    """

    def __init__(self, phase: Phase, scheme: Scheme, intervals: int, name: str = "") -> None:
        self.phase, self.scheme, self.intervals, self.name = phase, scheme, intervals, name
        s = scheme.stride
        self.points = s * intervals + 1
        starts = s * np.arange(intervals)
        self.stages = [starts + j for j in range(s + 1)]
        self.collocated = np.unique([self.stages[j] for j in scheme.collocated])
        self.at_stage = [
            np.searchsorted(self.collocated, self.stages[j]) for j in scheme.collocated
        ]
        interval = np.minimum(np.arange(self.points) // s, intervals - 1)
        self.interval = interval
        self.offset = scheme.offsets[np.arange(self.points) - s * interval]

    def places(self, mesh: Any) -> Any:
        """Return where all points lie between the times, from 0 to 1, shape (points,)."""
        widths = mesh[1:] - mesh[:-1]
        return mesh[self.interval] + self.offset * widths[self.interval]

    # ----- Unknowns ------------------------------------------------------------------------------

    def blocks(self) -> dict[str, tuple[Quantity, int]]:
        """Return each quantity that has unknowns, and at how many points; 0 for one number."""
        states = {name: (q, self.points) for name, q in self.phase.states.items()}
        controls = {name: (q, len(self.collocated)) for name, q in self.phase.controls.items()}
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
        controls = join(x, self.phase.controls, len(self.collocated))
        return Unknowns(t0, tf, given["mesh"], states, controls, p)

    def collocation(self, z: Unknowns) -> Points:
        """Return all points at which functions are called."""
        t = z.t0 + (z.tf - z.t0) * self.places(z.mesh)[self.collocated]
        return t, z.x[:, self.collocated], z.u, z.p

    # ----- Functions -----------------------------------------------------------------------------

    def prepare(self, z: Unknowns) -> None:
        """Decide how the user's functions are called, at points near those of a guess."""
        phase, sample = self.phase, self._sample(z)
        self.dynamics = PointFunction(phase.dynamics, "dynamics", sample, phase.nx)
        self.running_cost = phase.running_cost and PointFunction(
            phase.running_cost, "running_cost", sample, 1
        )
        self.path = [PointFunction(c.function, f"path {c.label}", sample) for c in phase.path]

    def _sample(self, z: Unknowns) -> Points:
        phase = self.phase
        count = sample_size([phase.nx, phase.nu, *(k for d in z.p.values() for k in np.shape(d))])
        rng = np.random.default_rng(0)
        t, x, u, p = self.collocation(z)
        at = np.sort(rng.integers(len(t), size=count))
        states = _moved(x[:, at], phase.states, rng)
        return t[at], states, _moved(u[:, at], phase.controls, rng), p

    def defects(self, z: Unknowns) -> Any:
        """Return what the rows of the scheme leave over, shape (rows, nx, intervals)."""
        slopes = self.dynamics(*self.collocation(z))
        return self.scheme.defects(
            [z.x[:, at] for at in self.stages], [slopes[:, at] for at in self.at_stage], z.h
        )

    def cost(self, z: Unknowns) -> Any:
        """Return what this phase costs."""
        total: Any = 0.0
        if self.running_cost:
            values = self.running_cost(*self.collocation(z))[0]
            total = total + np.sum(
                self.scheme.quadrature([values[at] for at in self.at_stage], z.h)
            )
        if self.phase.end_cost is not None:
            total = total + self.phase.end_cost(*z.ends, z.p)
        return total


def _moved(values: Array, quantities: Mapping[str, Quantity], rng: np.random.Generator) -> Array:
    """Return values moved a little within their limits, so that none is zero by chance."""
    if not quantities:
        return values
    lower = np.concatenate([np.atleast_1d(q.lower) for q in quantities.values()])[:, None]
    upper = np.concatenate([np.atleast_1d(q.upper) for q in quantities.values()])[:, None]
    size = np.maximum(1e-3 * np.abs(values), 1e-3 * np.minimum(upper - lower, 1.0))
    moved = values + size * rng.uniform(-1.0, 1.0, values.shape)
    return np.asarray(np.clip(moved, lower, upper))
