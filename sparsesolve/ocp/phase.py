"""`Phase`: an optimal control problem on one interval of time, as its user poses it.

Separate because it knows nothing of meshes: what is made of it for a solver is `Transcription`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ocp.quantities import Quantity, read_limits, read_quantities, size_of
from sparsesolve.problem.problem import Constraint, Problem

if TYPE_CHECKING:
    from sparsesolve.ocp.multiphase import Multiphase
    from sparsesolve.ocp.solution import Solution

__all__ = ["TIMES", "EndPoint", "Ends", "Phase", "read_constraints", "read_data"]

Array = NDArray[np.float64]
TIMES = ("initial_time", "final_time")


class EndPoint(NamedTuple):
    """One end of a phase, as end costs and boundary constraints get it.

    Parameters
    ----------
    t : float
        Time.
    x : array, shape (nx,)
        States.

    Examples
    --------
    >>> EndPoint(2.0, np.array([1.0])).t
    2.0
    """

    t: Any
    x: Any


class Ends(NamedTuple):
    """Both ends of a phase.

    Parameters
    ----------
    first, last : EndPoint
        Where it begins, and where it ends.

    Examples
    --------
    >>> ends = Ends(EndPoint(0.0, np.array([0.0])), EndPoint(2.0, np.array([1.0])))
    >>> ends.last.t - ends.first.t
    2.0
    """

    first: EndPoint
    last: EndPoint


class Phase:
    """States that follow ``x' = f(t, x, u, p)`` between two times, and what they cost.

    Parameters
    ----------
    dynamics : callable
        ``f(t, x, u, p)`` returns the derivatives of the states, as a list or an array. x and u hold
        one row for each state and control, in the order of their names: ``h, v = x``. It is called
        for all points of a mesh at once, when rows are arrays; see Notes.
    time : tuple
        ``(initial, final)``, each a number, or a pair ``(lower, upper)`` where it is free.
    states, controls : mapping or iterable of str
        Limits by name, ``{"h": (1.0, None), "v": None}``; an int k for k free numbers, arrays in a
        pair for several with limits; or names alone.
    initial, final : mapping, optional
        Values of states at the ends, or tuples ``(lower, upper)``; what is missing is free.
    running_cost : callable, optional
        ``L(t, x, u, p)``, whose integral is minimized.
    end_cost : callable, optional
        ``M(first, last, p)``, which is added; `first` and `last` have ``t`` and ``x``.
    path : Constraint or sequence of Constraint, optional
        Of functions of ``(t, x, u, p)``, held at all points of a mesh.
    boundary : Constraint or sequence of Constraint, optional
        Of functions of ``(first, last, p)``.
    parameters : mapping, optional
        Limits by name of numbers that are optimized besides, in p.
    data : mapping, optional
        Numbers and arrays by name that are given, in p as well; `solve` takes others without
        tracing anything again.
    guess : mapping, optional
        By name: a number, a function of t, or ``(times, values)``; ``initial_time`` and
        ``final_time`` too. What is missing is a line between the ends, or the middle of the limits.
    scale : mapping or "auto", optional
        By name, as `guess`: the unit in which a solver sees a quantity, about its size. Rows of the
        dynamics have the units of their states. What is missing has unit 1. "auto": by the guess
        of the first solve, or limits where that is zero.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong kind, shape or value.

    Notes
    -----
    A function is written for one instant and called for many where that gives the same: with
    elementwise operations, ``np.where`` instead of ``if``, and lists of results. ``A @ x`` with a
    constant matrix works as well. Both ways are compared at some points first; one that does not
    fit (``if x[0] > 0``, ``x @ x``) is called point by point, which takes longer to prepare.

    Examples
    --------
    A unit mass from rest to rest, a distance of 1, with a force of at most 1, in least time:

    >>> from sparsesolve import ocp
    >>> phase = ocp.Phase(
    ...     lambda t, x, u, p: [x[1], u[0]],
    ...     time=(0.0, (0.1, 10.0)),
    ...     states=["position", "speed"],
    ...     controls={"force": (-1.0, 1.0)},
    ...     initial={"position": 0.0, "speed": 0.0},
    ...     final={"position": 1.0, "speed": 0.0},
    ...     end_cost=lambda first, last, p: last.t,
    ... )
    >>> solution = phase.solve(intervals=20)
    >>> round(solution.final_time, 5), solution.control("force")([0.5, 1.5]).round(5)
    (2.0, array([ 1., -1.]))
    """

    def __init__(
        self,
        dynamics: Callable[..., Any],
        *,
        time: tuple[Any, Any],
        states: Any,
        controls: Any = (),
        initial: Mapping[str, Any] | None = None,
        final: Mapping[str, Any] | None = None,
        running_cost: Callable[..., Any] | None = None,
        end_cost: Callable[..., Any] | None = None,
        path: Constraint | Sequence[Constraint] = (),
        boundary: Constraint | Sequence[Constraint] = (),
        parameters: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        guess: Mapping[str, Any] | None = None,
        scale: Mapping[str, Any] | str | None = None,
    ) -> None:
        for name, function in (("running_cost", running_cost), ("end_cost", end_cost)):
            if function is not None:
                require_function(name, function)
        self.dynamics = require_function("dynamics", dynamics)
        self.running_cost, self.end_cost = running_cost, end_cost
        self.states = read_quantities("states", states)
        self.controls = read_quantities("controls", controls)
        self.parameters = read_quantities("parameters", parameters or {})
        self.times = read_times(time)
        self.initial = read_limits("initial", initial, self.states)
        self.final = read_limits("final", final, self.states)
        self.path = read_constraints("path", path)
        self.boundary = read_constraints("boundary", boundary)
        self.data = read_data(data)
        self.guess = dict(guess or {})
        self.scale = read_scale(scale)
        self._alone: Multiphase | None = None
        self._check_names()

    @property
    def nx(self) -> int:
        """Number of rows of the states."""
        return size_of(self.states)

    @property
    def nu(self) -> int:
        """Number of rows of the controls."""
        return size_of(self.controls)

    def solve(self, **options: Any) -> Solution:
        """Transcribe to a `Problem`, and solve it.

        Parameters
        ----------
        **options
            As for `Multiphase.solve`: `intervals`, `scheme`, `guess`, `data`, `initial`, `final`,
            `tolerance`, and those of `Problem.solve`.

        Returns
        -------
        Solution
            Curves, and the result of the solver.
        """
        return self._as_only().solve(**options)

    def transcribe(self, **options: Any) -> Problem:
        """Return the `Problem` that `solve` solves.

        Parameters
        ----------
        **options
            As for `Multiphase.transcribe`: `intervals`, `scheme`, `guess`.

        Returns
        -------
        Problem
            With a block for each state, control, free time and parameter.
        """
        return self._as_only().transcribe(**options)

    def _as_only(self) -> Multiphase:
        from sparsesolve.ocp.multiphase import Multiphase  # noqa: PLC0415 - is made of phases

        if self._alone is None:
            self._alone = Multiphase({"": self})
        return self._alone

    def rows_of(self, name: str) -> range:
        """Return the rows of x that a state has."""
        names = list(self.states)
        start = sum(self.states[before].size for before in names[: names.index(name)])
        return range(start, start + self.states[name].size)

    @property
    def names(self) -> tuple[str, ...]:
        """What a guess may name."""
        return (*self.states, *self.controls, *self.parameters, *TIMES)

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what was prepared: a copy prepares its own."""
        return {**vars(self), "_alone": None}

    def __repr__(self) -> str:
        return f"Phase(states={list(self.states)}, controls={list(self.controls)})"

    def _check_names(self) -> None:
        if not self.states:
            raise ValueError("`states` must name at least one state, got none.")
        names = [*self.states, *self.controls, *self.parameters, *self.data, *TIMES]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                "states, controls, parameters and data must have different names, and none of "
                f"{list(TIMES)}, got {twice} twice."
            )
        units = {} if isinstance(self.scale, str) else self.scale
        for word, given in (("guess", self.guess), ("scale", units)):
            unknown = sorted(set(given) - set(self.names))
            if unknown:
                raise ValueError(f"`{word}` must name some of {list(self.names)}, got {unknown}.")


def require_function(name: str, function: Any) -> Callable[..., Any]:
    """Return a function; raise where it is none."""
    if not callable(function):
        raise TypeError(f"`{name}` must be callable, got {type(function).__name__}.")
    return function  # type: ignore[no-any-return]


def read_times(time: Any) -> dict[str, Quantity]:
    """Return limits of both times."""
    if not isinstance(time, tuple | list) or len(time) != 2:
        raise TypeError(
            f"`time` must be (initial, final), each a number or a pair (lower, upper), got {time!r}"
        )
    given = {name: t if np.ndim(t) else (t, t) for name, t in zip(TIMES, time, strict=True)}
    if None in time:
        raise ValueError(
            f"`time` must hold numbers or pairs, got {time!r}. Write (lower, upper) for a free one."
        )
    times = read_quantities("time", given)
    if not times[TIMES[1]].upper > times[TIMES[0]].lower:
        raise ValueError(f"`time` must go forward, and not end where it begins, got {time!r}.")
    return times


def read_scale(scale: Any) -> dict[str, Any] | str:
    """Return units by name, or "auto"."""
    if isinstance(scale, str) and scale == "auto":
        return scale
    if not isinstance(scale, Mapping | None):
        raise TypeError(f"`scale` must be 'auto' or a dictionary of units, got {scale!r}.")
    for name, unit in (scale or {}).items():
        if not np.all(np.asarray(unit, dtype=float) > 0.0):
            raise ValueError(f"`scale[{name!r}]` must be positive, got {unit!r}.")
    return dict(scale or {})


def read_constraints(word: str, given: Any) -> tuple[Constraint, ...]:
    """Return constraints; raise where one is of another kind."""
    found = tuple(given) if isinstance(given, Iterable) else (given,)
    for one in found:
        if not isinstance(one, Constraint):
            raise TypeError(
                f"`{word}` must hold Constraint objects, got {type(one).__name__}. Write "
                "Constraint(function, lower, upper, name=...)."
            )
    return found


def read_data(data: Mapping[str, Any] | None) -> dict[str, Array]:
    """Return data as arrays by name."""
    if not isinstance(data, Mapping | None):
        raise TypeError(f"`data` must be a dictionary of numbers and arrays, got {data!r}.")
    found = {}
    for name, value in (data or {}).items():
        try:
            found[str(name)] = np.array(value, dtype=float)
        except (TypeError, ValueError):
            raise TypeError(
                f"`data[{name!r}]` must be a number or an array of numbers, got "
                f"{type(value).__name__}. What is no number can be enclosed by the functions."
            ) from None
    return found
