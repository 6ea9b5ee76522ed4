"""`Multiphase`: phases one after the other, and how they are solved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ocp.grid import Grid
from sparsesolve.ocp.guess import start_of_parameters, start_on_grid
from sparsesolve.ocp.phase import Phase, read_data
from sparsesolve.ocp.scheme import Scheme, hermite_simpson, radau, trapezoidal
from sparsesolve.ocp.solution import Solution, Trajectory
from sparsesolve.ocp.transcription import Transcription

__all__ = ["Multiphase"]

Array = NDArray[np.float64]
SCHEMES: dict[str, Callable[..., Scheme]] = {
    "hermite-simpson": hermite_simpson,
    "radau": radau,
    "trapezoidal": trapezoidal,
}


class Multiphase:
    """Phases one after the other.

    Parameters
    ----------
    phases : mapping of str to Phase
        By name, in the order of time.
    """

    def __init__(self, phases: Mapping[str, Phase]) -> None:
        self.phases = dict(phases)
        self.parameters = {k: v for p in self.phases.values() for k, v in p.parameters.items()}
        self.data = {k: v for p in self.phases.values() for k, v in p.data.items()}
        self._kept: dict[Any, Transcription] = {}

    def solve(
        self,
        *,
        intervals: int = 40,
        scheme: str = "hermite-simpson",
        guess: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Solution:
        """Solve.

        Parameters
        ----------
        intervals, scheme, guess, data, options
            As said.
        """
        guess = guess or {}
        meshes = [np.linspace(0.0, 1.0, intervals + 1) for _ in self.phases]
        grids = [
            Grid(phase, SCHEMES[scheme](), intervals, name) for name, phase in self.phases.items()
        ]
        x0: dict[str, Any] = {}
        for grid, mesh in zip(grids, meshes, strict=True):
            own = start_on_grid(grid, mesh, guess.get(grid.name, {}) if grid.name else guess)
            x0 |= {grid.name: own} if grid.name else own
        x0 |= start_of_parameters(self.parameters, guess)
        values = {**self.data, **read_data(data)}
        key = scheme, intervals
        if key not in self._kept:
            self._kept[key] = Transcription(grids, self.parameters, values, (), None, x0, meshes)
        made = self._kept[key]
        p = made.given(values, meshes)
        result = made.problem.solve(p=p, x0=x0, **options)
        found = made.read(result.x, p)
        phases = {g.name: Trajectory(g, z) for g, z in zip(made.grids, found, strict=True)}
        return Solution(phases, {name: result.x[name] for name in self.parameters}, result)
