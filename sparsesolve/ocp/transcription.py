"""`Transcription`: the `Problem` that a scheme makes of phases, with a block for each quantity.

Separate because it is where names meet: unknowns are blocks by the names of states, controls, times
and parameters, inside of one block a phase where there are several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ocp.grid import Grid, Unknowns
from sparsesolve.ocp.phase import TIMES, Ends
from sparsesolve.ocp.pointwise import PointFunction
from sparsesolve.ocp.quantities import Named, Quantity, block_limits
from sparsesolve.ocp.units import block_units, filled, row_units, unit_of
from sparsesolve.problem.problem import Constraint, Problem

__all__ = ["ReadAll", "Transcription"]

Array = NDArray[np.float64]
Meshes = Sequence[Array]


class ReadAll:
    """What all functions begin with: the unknowns of each phase, out of ``(x, p)``.

    Parameters
    ----------
    grids : sequence of Grid
        One a phase.
    parameters : iterable of str
        Names of the parameters that are optimized.
    """

    def __init__(self, grids: Sequence[Grid], parameters: Sequence[str]) -> None:
        self.grids = list(grids)
        self.parameters = list(parameters)

    def __call__(self, x: Mapping[str, Any], p: Mapping[str, Any]) -> list[Unknowns]:
        """Return the unknowns of all phases."""
        both = Named({**{name: x[name] for name in self.parameters}, **p.get("data", {})})
        return [
            grid.read(x[grid.name] if grid.name else x, p["phases"][grid.name], both)
            for grid in self.grids
        ]


class Of:
    """A function of the unknowns of one phase, as one of ``(x, p)``."""

    def __init__(self, read: ReadAll, phase: int, function: Callable[[Unknowns], Any]) -> None:
        self.read, self.phase, self.function = read, phase, function
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def __call__(self, x: Any, p: Any) -> Any:
        """Return its value."""
        return self.function(self.read(x, p)[self.phase])


class PathRows:
    """A path constraint at all points, shape (rows, points)."""

    def __init__(self, grid: Grid, function: PointFunction) -> None:
        self.grid, self.function = grid, function

    def __call__(self, z: Unknowns) -> Any:
        """Return its values."""
        return self.function(*self.grid.evaluation(z))


class BoundaryRows:
    """A boundary constraint."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, z: Unknowns) -> Any:
        """Return its values."""
        return self.function(*z.ends, z.p)


def duration(z: Unknowns) -> Any:
    """Return how long a phase is."""
    return z.tf - z.t0


class TotalCost:
    """The costs of all phases, and one of their ends."""

    def __init__(self, read: ReadAll, end_cost: Callable[..., Any] | None) -> None:
        self.read, self.end_cost = read, end_cost

    def __call__(self, x: Any, p: Any) -> Any:
        """Return the objective."""
        all_phases = self.read(x, p)
        total: Any = 0.0
        for grid, z in zip(self.read.grids, all_phases, strict=True):
            total = total + grid.cost(z)
        if self.end_cost is not None:
            total = total + self.end_cost(_all_ends(self.read.grids, all_phases), all_phases[0].p)
        return total


class LinkRows:
    """A function of the ends of all phases."""

    def __init__(self, read: ReadAll, function: Callable[..., Any]) -> None:
        self.read, self.function = read, function

    def __call__(self, x: Any, p: Any) -> Any:
        """Return its values."""
        all_phases = self.read(x, p)
        return self.function(_all_ends(self.read.grids, all_phases), all_phases[0].p)


def _all_ends(grids: Sequence[Grid], all_phases: Sequence[Unknowns]) -> dict[str, Ends]:
    return {grid.name: z.ends for grid, z in zip(grids, all_phases, strict=True)}


class Transcription:
    """Phases on meshes of so many intervals, as one `Problem`.

    Parameters
    ----------
    grids : sequence of Grid
        One a phase.
    parameters : mapping of str to Quantity
        Those of all phases.
    data : mapping of str to ndarray
        Example of what is given.
    links : sequence of Constraint
        Of functions of ``(ends, p)``.
    end_cost : callable or None
        ``end_cost(ends, p)``.
    x0, meshes
        A start, and the meshes that it is on.
    """

    def __init__(
        self,
        grids: Sequence[Grid],
        parameters: Mapping[str, Quantity],
        data: Mapping[str, Array],
        links: Sequence[Constraint],
        end_cost: Callable[..., Any] | None,
        x0: Mapping[str, Any],
        meshes: Meshes,
    ) -> None:
        self.grids = list(grids)
        self.parameters = parameters
        self.read = ReadAll(grids, list(parameters))
        p = self.given(data, meshes)
        for grid, z in zip(grids, self.read(x0, p), strict=True):
            grid.prepare(z)
        rows = [row for k in range(len(grids)) for row in self._constraints(k, x0)]
        rows += [_renamed(c, LinkRows(self.read, c.function), c.label) for c in links]
        objective: Callable[..., Any] = TotalCost(self.read, end_cost)
        self.problem = Problem(
            objective,
            dict(x0),
            bounds=self.bounds([(g.phase.initial, g.phase.final) for g in grids]),
            constraints=rows,
            parameters=p,
            x_scale=self._units(x0),
        )

    def given(self, data: Mapping[str, Array], meshes: Meshes) -> dict[str, Any]:
        """Return the parameters of the problem: meshes and times of the phases, and data."""
        pairs = zip(self.grids, meshes, strict=True)
        phases = {grid.name: grid.given(mesh) for grid, mesh in pairs}
        return {"phases": phases, **({"data": dict(data)} if data else {})}

    def bounds(self, ends: Sequence[tuple[Mapping[str, Quantity], Any]]) -> dict[str, Any]:
        """Return bounds by block, with those of the ends of each phase."""
        found: dict[str, Any] = {name: (q.lower, q.upper) for name, q in self.parameters.items()}
        for grid, (initial, final) in zip(self.grids, ends, strict=True):
            own = {
                name: block_limits(q, points, initial.get(name), final.get(name))
                for name, (q, points) in grid.blocks().items()
            }
            found |= {grid.name: own} if grid.name else own
        return found

    def _units(self, x0: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the unit of each number of the blocks; None if all are 1."""
        if not any(grid.phase.scale for grid in self.grids):
            return None
        found: dict[str, Any] = {}
        for name, quantity in self.parameters.items():
            scales = [g.phase.scale for g in self.grids if name in g.phase.parameters]
            scale = next((s for s in scales if s), {})
            found[name] = filled(unit_of(quantity, scale, x0[name]), quantity.shape)
        for grid in self.grids:
            own = block_units(grid, x0[grid.name] if grid.name else x0)
            found |= {grid.name: own} if grid.name else own
        return found

    def _constraints(self, k: int, x0: Mapping[str, Any]) -> list[Constraint]:
        grid = self.grids[k]
        dynamics: Callable[..., Any] = Of(self.read, k, grid.defects)
        units = row_units(grid, x0[grid.name] if grid.name else x0)
        made = [Constraint(dynamics, 0.0, 0.0, name=grid.label("dynamics"), scale=units)]
        first, last = (grid.phase.times[name] for name in TIMES)
        if last.lower < first.upper:  # the bounds alone would let it run backward
            forward: Callable[..., Any] = Of(self.read, k, duration)
            made.append(Constraint(forward, 0.0, None, name=grid.label("duration")))
        for one, function in zip(grid.phase.path, grid.path, strict=True):
            of = Of(self.read, k, PathRows(grid, function))
            made.append(_renamed(one, of, grid.label(one.label), along=True))
        for one in grid.phase.boundary:
            of = Of(self.read, k, BoundaryRows(one.function))
            made.append(_renamed(one, of, grid.label(one.label)))
        return made


def _renamed(
    one: Constraint, function: Callable[..., Any], name: str, *, along: bool = False
) -> Constraint:
    """Return a constraint of another function; `along`: of rows at many points."""
    lower, upper = (
        np.asarray(limit)[:, None] if along and np.asarray(limit).ndim == 1 else limit
        for limit in (one.lower, one.upper)
    )
    return Constraint(function, lower, upper, name=name, scale=one.scale)
