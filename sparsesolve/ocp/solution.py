"""`Solution`: what was found for all phases, as functions of time, and how it was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ocp.curve import Curve, Joined
from sparsesolve.ocp.trajectory import Trajectory
from sparsesolve.problem.result import Result

if TYPE_CHECKING:
    from sparsesolve.picture import CurvePanel

__all__ = ["Round", "Solution", "rows_named"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Round:
    """One solve on one mesh.

    Parameters
    ----------
    intervals : int
        Of all phases.
    cost : float
        The objective.
    error : float
        Largest of the estimated errors of the intervals.
    iterations : int
        Of the solver.

    Examples
    --------
    >>> Round(intervals=10, cost=2.5, error=1e-3, iterations=12).error
    0.001
    """

    intervals: int
    cost: float
    error: float
    iterations: int


def rows_named(result: Result, name: str) -> Array:
    """Return the multipliers of some rows, in their shape."""
    multipliers: Any = result.multipliers
    return np.asarray(multipliers[name])


def _fine(t: Array) -> Array:
    """Return times at which curves are drawn: several an interval, and both sides of its ends."""
    inside = t[:-1, None] + np.linspace(0.0, 1.0 - 1e-9, 12) * np.diff(t)[:, None]
    return np.append(inside.ravel(), t[-1])


def _drawn(curve: Curve, t: Array) -> tuple[Array, Array]:
    return t, np.reshape(curve(t), (-1, len(t)))


class Solution:
    """What was found.

    Parameters
    ----------
    phases : mapping of str to Trajectory
        By name; the name of one alone is empty.
    parameters : mapping of str to ndarray
        Those that were optimized.
    result : Result
        Of the solver, with the names of all blocks and rows.
    rounds : sequence of Round
        The solves on meshes before this one, if it was refined.
    made : Transcription, optional
        What was solved.

    Examples
    --------
    >>> from sparsesolve import ocp
    >>> decay = ocp.Phase(
    ...     lambda t, x, u, p: [-x[0]], time=(0, 1), states=["x"], controls=[], initial={"x": 1.0}
    ... )
    >>> solution = decay.solve(intervals=10)
    >>> solution.result.success, solution.state("x")([1.0]).round(6)
    (True, array([0.367879]))
    """

    def __init__(
        self,
        phases: Mapping[str, Trajectory],
        parameters: Mapping[str, Any],
        result: Result,
        rounds: Sequence[Round] = (),
        made: Any = None,
    ) -> None:
        self.phases, self.parameters, self.result = dict(phases), dict(parameters), result
        self.rounds = (*rounds, self.round()) if rounds else ()
        self._made = made

    @property
    def cost(self) -> float:
        """The objective."""
        return float(self.result.fun)

    @property
    def success(self) -> bool:
        """Whether the solver found a solution on its mesh."""
        return self.result.success

    @property
    def notes(self) -> tuple[str, ...]:
        """What else there is to know: functions that were called point by point, and why."""
        return (*self.result.notes, *dict.fromkeys(n for p in self._all for n in p.notes))

    @property
    def error(self) -> float:
        """Largest of the estimated errors of the intervals; see `Trajectory.errors`."""
        return float(max(phase.errors.max() for phase in self.phases.values()))

    @property
    def initial_time(self) -> float:
        """Time at which the first phase begins."""
        return self._all[0].initial_time

    @property
    def final_time(self) -> float:
        """Time at which the last phase ends."""
        return self._all[-1].final_time

    def state(self, name: str) -> Curve | Joined:
        """Return a state as a function of time, through all phases that have it."""
        return self._joined("state", name)

    def control(self, name: str) -> Curve | Joined:
        """Return a control as a function of time, through all phases that have it."""
        return self._joined("control", name)

    def costate(self, name: str) -> Curve | Joined:
        """Return the costate of a state as a function of time; see `Trajectory.costate`."""
        return self._joined("costate", name)

    def fits(self, made: Any, meshes: Sequence[Array]) -> bool:
        """Whether it is of this transcription, on these meshes."""
        pairs = zip(self._all, meshes, strict=False)
        return made is self._made and all(np.array_equal(a.mesh, mesh) for a, mesh in pairs)

    def as_guess(self) -> dict[str, Any]:
        """Return it as users write guesses; curves are stretched to the times of the guess."""
        phases = {name: phase.as_guess() for name, phase in self.phases.items()}
        return {**(phases[""] if list(phases) == [""] else phases), **self.parameters}

    def plot(self, axes: Any = None, *, costates: bool = False) -> Any:
        """Draw states and controls against time, a panel for each.

        Parameters
        ----------
        axes : sequence of matplotlib.axes.Axes, optional
            One for each; a new figure is made without them.
        costates : bool, optional
            Whether to draw costates too. Default is False.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        # only where a figure is drawn
        from sparsesolve.picture import plot_curves  # noqa: PLC0415

        kinds = ("state", "control", *(["costate"] if costates else []))
        panels = [panel for kind in kinds for panel in self._panels(kind)]
        return plot_curves(panels, f"cost {self.cost:.6g}, {self.result.status.value}", axes)

    def _panels(self, kind: str) -> list[CurvePanel]:
        from sparsesolve.picture import CurvePanel  # noqa: PLC0415

        names = dict.fromkeys(name for phase in self._all for name in phase.names(kind))
        made = []
        for name in names:
            curves = [getattr(p, kind)(name) for p in self._all if name in p.names(kind)]
            lines = [_drawn(curve, _fine(curve.t)) for curve in curves]
            marks = [_drawn(curve, curve.t) for curve in curves] if kind == "state" else []
            limits = [float(b) for b in np.ravel(curves[0].limits)]
            title = f"costate of {name}" if kind == "costate" else name
            made.append(CurvePanel(title, lines, marks, limits))
        return made

    def _joined(self, kind: str, name: str) -> Curve | Joined:
        curves = []
        for phase in self._all:
            try:
                curves.append(getattr(phase, kind)(name))
            except KeyError:
                if len(self._all) == 1:
                    raise
        if not curves:
            raise KeyError(f"there is no {kind} {name!r} in any phase of {list(self.phases)}.")
        return curves[0] if len(curves) == 1 else Joined(curves)

    @property
    def _all(self) -> list[Trajectory]:
        return list(self.phases.values())

    def round(self) -> Round:
        """Return sizes, cost and error in short."""
        intervals = sum(len(phase.mesh) - 1 for phase in self._all)
        return Round(intervals, self.cost, self.error, self.result.iterations)

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what was prepared: as a guess, a copy is interpolated."""
        return {**vars(self), "_made": None}

    def __repr__(self) -> str:
        return (
            f"Solution({self.result.status.value!r}, cost={self.cost:.10g}, "
            f"time={self.initial_time:.6g} to {self.final_time:.6g})"
        )
