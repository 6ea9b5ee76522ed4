"""`Multiphase`: phases one after the other, and how they are solved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ocp.collocation import Collocation, hermite_simpson, radau, trapezoidal
from sparsesolve.ocp.grid import Grid, Rule
from sparsesolve.ocp.guess import start_of_parameters, start_on_grid
from sparsesolve.ocp.links import continuity
from sparsesolve.ocp.phase import Phase, read_constraints, read_data, require_function
from sparsesolve.ocp.quantities import Quantity, read_limits
from sparsesolve.ocp.refine import read_mesh, refined
from sparsesolve.ocp.shooting import Shooting, multiple_shooting
from sparsesolve.ocp.solution import Solution, rows_named
from sparsesolve.ocp.trajectory import Trajectory
from sparsesolve.ocp.transcription import Transcription
from sparsesolve.problem.problem import Constraint, Problem

__all__ = ["Multiphase"]

Array = NDArray[np.float64]
SCHEMES: dict[str, Callable[[], Rule]] = {
    "hermite-simpson": hermite_simpson,
    "radau": radau,
    "trapezoidal": trapezoidal,
    "multiple-shooting": multiple_shooting,
}


_OURS = (
    "intervals", "scheme", "guess", "data", "initial", "final", "tolerance", "refinements",
)  # fmt: skip
_OF_SOLVERS = ("method", "tol", "options", "callback", "progress")


@dataclass(frozen=True, eq=False, slots=True)
class _Given:
    """What may change from solve to solve, besides meshes."""

    data: dict[str, Array]
    ends: Sequence[tuple[Mapping[str, Quantity], Mapping[str, Quantity]]]


class Multiphase:
    """Phases one after the other.

    Each begins when the one before ends, and where it ends: states of the same name are
    continuous. Parameters and data of one name are the same in all phases.

    Parameters
    ----------
    phases : mapping of str to Phase
        By name, in the order of time.
    jumps : collection of str, optional
        States that may jump between phases.
    links : Constraint or sequence of Constraint, optional
        Of functions of ``(ends, p)``: ``ends["ascent"].last.x`` are the states at the end of that
        phase, ``ends["coast"].first.t`` is a time.
    end_cost : callable, optional
        ``M(ends, p)``, added to the costs of the phases.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong kind, or phases do not fit to each other.

    Examples
    --------
    The least effort for a distance of 1 in time 1, by way of height 1 at some time:

    >>> from sparsesolve import ocp
    >>> def leg(time, **ends):
    ...     return ocp.Phase(
    ...         lambda t, x, u, p: [u[0]],
    ...         time=time,
    ...         states=["x"],
    ...         controls=["speed"],
    ...         running_cost=lambda t, x, u, p: u[0] ** 2,
    ...         **ends,
    ...     )
    >>> way = ocp.Multiphase(
    ...     {
    ...         "up": leg((0.0, (0.1, 0.9)), initial={"x": 0.0}, final={"x": 1.0}),
    ...         "down": leg(((0.1, 0.9), 1.0), final={"x": -1.0}),
    ...     }
    ... )
    >>> solution = way.solve(intervals=5)
    >>> round(solution.cost, 4), round(solution.phases["up"].final_time, 4)
    (9.0, 0.3333)
    """

    def __init__(
        self,
        phases: Mapping[str, Phase],
        *,
        jumps: Collection[str] = (),
        links: Constraint | Sequence[Constraint] = (),
        end_cost: Callable[..., Any] | None = None,
    ) -> None:
        self.phases = _read_phases(phases)
        self.parameters: dict[str, Quantity] = {}
        self.data: dict[str, Array] = {}
        for phase in self.phases.values():
            self._add(phase)
        unknown = sorted(set(jumps) - {name for p in self.phases.values() for name in p.states})
        if unknown or isinstance(jumps, str):
            raise ValueError(f"`jumps` must be a list of names of states, got {jumps!r}.")
        self.links = [*continuity(self.phases, jumps), *read_constraints("links", links)]
        self.end_cost = None if end_cost is None else require_function("end_cost", end_cost)
        self._kept: dict[Any, Transcription] = {}

    def solve(
        self,
        *,
        intervals: Any = 40,
        scheme: str | Rule = "hermite-simpson",
        guess: Mapping[str, Any] | Solution | None = None,
        data: Mapping[str, Any] | None = None,
        initial: Mapping[str, Any] | None = None,
        final: Mapping[str, Any] | None = None,
        tolerance: float | None = None,
        refinements: int = 12,
        **options: Any,
    ) -> Solution:
        """Transcribe to a `Problem`, and solve it.

        Parameters
        ----------
        intervals : int, array_like or mapping, optional
            How many intervals of equal length a phase has, or their ends in any unit; by the names
            of phases if they differ. Default is 40.
        scheme : str or rule, optional
            "hermite-simpson", "radau", "trapezoidal", "multiple-shooting"; or what `radau(degree)`
            and `multiple_shooting(steps)` return.
        guess : mapping or Solution, optional
            Like that of `Phase`, before which it counts; by the names of phases, with parameters
            beside them, if there are several. A solution on the same mesh is a warm start, with its
            multipliers; on another it is interpolated.
        data : mapping, optional
            Other values of data, of the same shapes.
        initial, final : mapping, optional
            Other values of states at the ends, by the names of phases if there are several.
        tolerance : float, optional
            Divide intervals, and solve again, until the estimated error of each is below it.
        refinements : int, optional
            How often at most. Default is 12.
        **options
            Of `Problem.solve`: `method`, `tol`, `options`, `callback`, `progress`.

        Returns
        -------
        Solution
            Curves, and the result of the solver.

        Raises
        ------
        TypeError, ValueError
            If an argument has the wrong kind, shape or value.

        Notes
        -----
        What was traced for a scheme and a number of intervals serves all later solves with these,
        whatever the mesh, data, ends and guess.
        """
        if tolerance is not None and not tolerance > 0.0:
            raise ValueError(f"`tolerance` must be positive, got {tolerance!r}.")
        _check_words(options)
        rule = _read_scheme(scheme)
        given = self._given(data, initial, final)
        meshes = [read_mesh(part) for part in self._by_phase("intervals", intervals)]
        solution = self._solve_on(rule, meshes, guess, given, (), options)
        if tolerance is None:
            return solution
        rounds = [solution.round()]
        for _ in range(refinements):
            if solution.error <= tolerance or not solution.success:
                break
            meshes = [
                refined(phase.mesh, phase.errors, tolerance, rule.order)
                for phase in solution.phases.values()
            ]
            solution = self._solve_on(rule, meshes, solution, given, rounds, options)
            rounds.append(solution.round())
        return solution

    def transcribe(
        self,
        *,
        intervals: Any = 40,
        scheme: str | Rule = "hermite-simpson",
        guess: Mapping[str, Any] | Solution | None = None,
    ) -> Problem:
        """Return the `Problem` that `solve` solves.

        Parameters
        ----------
        intervals, scheme, guess
            As for `solve`.

        Returns
        -------
        Problem
            With a block for each state, control, free time and parameter; for each phase a block of
            such blocks if there are several.
        """
        meshes = [read_mesh(part) for part in self._by_phase("intervals", intervals)]
        given = self._given(None, None, None)
        made, x0 = self._transcribed(_read_scheme(scheme), meshes, guess, given)
        return made.problem.at(made.given(given.data, meshes), x0=x0)

    def _solve_on(
        self,
        rule: Rule,
        meshes: Sequence[Array],
        guess: Any,
        given: _Given,
        rounds: Sequence[Any],
        options: Mapping[str, Any],
    ) -> Solution:
        made, x0 = self._transcribed(rule, meshes, guess, given)
        p = made.given(given.data, meshes)
        warm = isinstance(guess, Solution) and guess.fits(made, meshes)
        start = {"warm_start": guess.result} if warm else {"x0": x0}
        result = made.problem.solve(p=p, bounds=made.bounds(given.ends), **start, **options)
        phases = {
            grid.name: Trajectory(grid, z, rows_named(result, grid.label("dynamics")))
            for grid, z in zip(made.grids, made.read(result.x, p), strict=True)
        }
        parameters = {name: result.x[name] for name in self.parameters}
        return Solution(phases, parameters, result, rounds, made)

    def _transcribed(
        self, rule: Rule, meshes: Sequence[Array], guess: Any, given: _Given
    ) -> tuple[Transcription, dict[str, Any]]:
        sizes = tuple(len(mesh) - 1 for mesh in meshes)
        known = self._kept.get((rule.key, sizes))
        grids = known.grids if known else self._grids(rule, sizes)
        x0 = self._start(grids, meshes, guess, given)
        if known is None:
            known = Transcription(
                grids, self.parameters, given.data, self.links, self.end_cost, x0, meshes
            )
            self._kept[rule.key, sizes] = known
            while len(self._kept) > _MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
        return known, x0

    def _grids(self, rule: Rule, sizes: Sequence[int]) -> list[Grid]:
        pairs = zip(self.phases.items(), sizes, strict=True)
        return [Grid(phase, rule, size, name) for (name, phase), size in pairs]

    def _start(
        self, grids: Sequence[Grid], meshes: Sequence[Array], guess: Any, given: _Given
    ) -> dict[str, Any]:
        known = guess.as_guess() if isinstance(guess, Solution) else dict(guess or {})
        several = list(self.phases) != [""]
        self._check_guess(known, several=several)
        x0: dict[str, Any] = {}
        for grid, mesh, ends in zip(grids, meshes, given.ends, strict=True):
            own = known.get(grid.name, {}) if several else known
            block = start_on_grid(grid, mesh, own, ends)
            x0 |= {grid.name: block} if several else block
        defaults = {k: v for phase in self.phases.values() for k, v in phase.guess.items()}
        return x0 | start_of_parameters(self.parameters, {**defaults, **known})

    def _check_guess(self, guess: Mapping[str, Any], *, several: bool) -> None:
        names = set(self.parameters) | set(self.phases if several else self.phases[""].names)
        unknown = sorted(map(str, set(guess) - names))
        if unknown:
            raise ValueError(f"`guess` must name some of {sorted(names)}, got {unknown}.")

    def _given(self, data: Any, initial: Any, final: Any) -> _Given:
        values = read_data(data)
        for name, value in values.items():
            if name not in self.data or value.shape != self.data[name].shape:
                known = {k: v.shape for k, v in self.data.items()}
                raise ValueError(
                    f"`data` must hold some of the names and shapes {known}, got {name!r} of shape "
                    f"{value.shape}."
                )
        sides = zip(
            self.phases.values(),
            self._by_phase("initial", initial or {}),
            self._by_phase("final", final or {}),
            strict=True,
        )
        ends = [
            (
                {**phase.initial, **read_limits("initial", first, phase.states)},
                {**phase.final, **read_limits("final", last, phase.states)},
            )
            for phase, first, last in sides
        ]
        return _Given({**self.data, **values}, ends)

    def _by_phase(self, word: str, value: Any) -> list[Any]:
        """Return what is given for each phase."""
        if list(self.phases) == [""]:
            return [value]
        if not isinstance(value, Mapping):
            return [value for _ in self.phases]
        unknown = sorted(map(str, set(value) - set(self.phases)))
        if unknown or (word == "intervals" and set(value) != set(self.phases)):
            raise ValueError(
                f"`{word}` must be by the names of phases, {list(self.phases)}, got {list(value)}."
            )
        return [value.get(name, {}) for name in self.phases]

    def _add(self, phase: Phase) -> None:
        """Take over the parameters and data of a phase."""
        for name, quantity in phase.parameters.items():
            known = self.parameters.setdefault(name, quantity)
            same = known.shape == quantity.shape and np.array_equal(known.lower, quantity.lower)
            if not same or not np.array_equal(known.upper, quantity.upper):
                raise ValueError(f"parameter {name!r} must have the same limits in all phases.")
        for name, value in phase.data.items():
            if not np.array_equal(self.data.setdefault(name, value), value):
                raise ValueError(f"data {name!r} must have the same value in all phases.")

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what was prepared: a copy prepares its own."""
        return {**vars(self), "_kept": {}}

    def __repr__(self) -> str:
        return f"Multiphase({', '.join(map(repr, self.phases))})"


_MOST_KEPT = 32


def _read_phases(phases: Any) -> dict[str, Phase]:
    if not isinstance(phases, Mapping) or not phases:
        raise TypeError(f"`phases` must be a dictionary of phases by name, got {phases!r}.")
    for name, phase in phases.items():
        if not isinstance(name, str) or not isinstance(phase, Phase):
            raise TypeError(f"`phases` must hold phases by name, got {name!r}: {phase!r}.")
    parameters = {name for phase in phases.values() for name in [*phase.parameters, *phase.data]}
    twice = sorted(parameters & set(phases))
    if twice:
        raise ValueError(f"phases must not be called like parameters or data, got {twice}.")
    return dict(phases)


def _read_scheme(scheme: Any) -> Rule:
    if isinstance(scheme, Collocation | Shooting):
        return scheme
    if scheme not in SCHEMES:
        raise ValueError(f"`scheme` must be one of {', '.join(SCHEMES)}, got {scheme!r}.")
    return SCHEMES[scheme]()


def _check_words(options: Mapping[str, Any]) -> None:
    """Say what `solve` takes where it is called with something else."""
    unknown = [word for word in options if word not in _OF_SOLVERS]
    if unknown:
        raise TypeError(
            f"solve() got an unexpected keyword argument {unknown[0]!r}. It takes "
            f"{', '.join(_OURS)}, and of solvers {', '.join(_OF_SOLVERS)}."
        )
    if options.get("method") in SCHEMES:
        raise ValueError(
            f"`method` must be a solver, such as 'ipopt', got {options['method']!r}. Write "
            f"scheme={options['method']!r}."
        )
