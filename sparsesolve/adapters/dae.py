"""``F(t, y, y') = 0`` by scipy's driver and our Radau IIA, with the derivatives of F found by us.

Separate from right-hand sides: F is traced as a function of state and slope together, so that what
both derivatives share is computed once, and the two parts of its Jacobian are taken apart here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from sparsesolve.adapters.adjoint_implicit import ImplicitAdjoint
from sparsesolve.adapters.finite_values import FiniteValues
from sparsesolve.adapters.first_states import events_of_first, keep_first
from sparsesolve.adapters.implicit_radau import ImplicitRadau
from sparsesolve.adapters.index_reduction import ReducedSystem
from sparsesolve.adapters.ode_arguments import check_given, checked_span
from sparsesolve.adapters.sensitivity import with_float_parameters
from sparsesolve.adapters.sundials import Ida, checked_linear_solver
from sparsesolve.host.words import check_call, refuse_words
from sparsesolve.methods.consistent import consistent_start
from sparsesolve.methods.freshness import during, find_change, seal
from sparsesolve.methods.prepared_jacobian import prepare_jacobian
from sparsesolve.methods.radau import Point
from sparsesolve.methods.residual import CscOrder
from sparsesolve.methods.structural_index import named_differentiations, offsets
from sparsesolve.options import TRACED, SolverDerivatives
from sparsesolve.problem.start import start_point

__all__ = ["WITH_SYSTEMS", "MassFunction", "integrate_implicit"]

Array = NDArray[np.float64]

WITH_SYSTEMS = ("t_eval", "dense_output", "events", "first_step", "max_step", "rtol", "atol")
"""Options that go with implicit systems."""

_WORDS = (
    "residual", "t_span", "y0", "yp0", "method", "args", "kwargs", "derivatives",
    "linear_solver", "index_reduction", "sensitivity", "adjoint", *WITH_SYSTEMS,
)  # fmt: skip

# scipy's defaults
_ATOL, _RTOL = 1e-6, 1e-3

# which part of the span away from its end a function is compared: not where a term is zero
_NEAR = 1e-3


class _OfPair:
    """``F(t, y, y', *args)`` as a function of t and the pair of y and y'."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def __call__(self, t: Any, pair: Any, *args: Any) -> Any:
        """Return F."""
        return self.function(t, pair[0], pair[1], *args)


class MassFunction:
    """``M(t, y, *args) y' - f(t, y, *args)``.

    Parameters
    ----------
    mass, function : callable
        M and f.
    """

    def __init__(self, mass: Callable[..., Any], function: Callable[..., Any]) -> None:
        self.mass, self.function = mass, function
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def __call__(self, t: Any, y: Any, slope: Any, *args: Any) -> Any:
        """Return the residual."""
        mass = self.mass(t, y, *args)
        shape = getattr(mass, "shape", None) or np.shape(mass)
        if shape != (y.size, y.size):
            raise ValueError(
                f"`mass_matrix` must return an array of shape ({y.size}, {y.size}), got {shape}."
            )
        return mass @ slope - np.ravel(self.function(t, y, *args))


class TracedSystem:
    """F with its derivatives by y' and y, as `ImplicitSystem` has them.

    Parameters
    ----------
    function : callable
        ``F(t, y, y', *args)``.
    t, y, slope, args : float, ndarray, ndarray, tuple
        An example.
    atol : float or ndarray
        Size below which a state counts as zero, for what is differenced.
    derivatives : str
        See `sparsesolve.solve_dae`.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        t: float,
        y: Array,
        slope: Array,
        args: tuple[Any, ...],
        atol: Any,
        derivatives: SolverDerivatives,
    ) -> None:
        self.function, self.given = _OfPair(function), args
        example = [t, np.stack([y, slope]), *args]
        self.prepared, self.notes = prepare_jacobian(self.function, example, 1, None, derivatives)
        self.traced_method: Any = derivatives
        n = y.size
        if self.prepared.pattern.shape != (n, 2 * n):
            raise ValueError(
                f"The residual must return {n} values for {n} unknowns, got "
                f"{self.prepared.pattern.shape[0]}."
            )
        self._args = seal(self.prepared, example)[2:]
        self._is_traced = getattr(self.prepared, "method", "") in TRACED
        by_state = np.broadcast_to(np.asarray(atol, dtype=np.float64), n)
        self._values = FiniteValues(self.prepared, np.concatenate([by_state, np.zeros(n)]))
        self._split()

    def _split(self) -> None:
        self._pattern = self._values.pattern
        n = self._pattern.shape[0]
        rows, columns = self._pattern.rows, self._pattern.indices
        self._of_state = columns < n
        self._state, self._slope = (
            CscOrder.of_entries((n, n), rows[part], columns[part] % max(n, 1))
            for part in (self._of_state, ~self._of_state)
        )

    @property
    def structures(self) -> tuple[sp.csc_array, sp.csc_array]:
        """Ones where the residual depends on slopes and states."""
        ones = np.ones(self._pattern.nnz)
        return self._slope.matrix(ones[~self._of_state]), self._state.matrix(ones[self._of_state])

    @property
    def all_notes(self) -> tuple[str, ...]:
        """What the result should tell of the derivatives."""
        return self.notes + self._values.notes

    def residual(self, t: float, y: Array, slope: Array) -> Array:
        """Return F, by machine code where it was compiled."""
        return self._of(t, np.array((y, slope)))

    def _of(self, t: float, pair: Array) -> Array:
        if self._is_traced:
            return np.ravel(self.prepared.value(t, pair, *self._args))
        with np.errstate(all="ignore"):
            return np.ravel(np.asarray(self.function(t, pair, *self.given), dtype=np.float64))

    def linearize(self, t: float, y: Array, slope: Array) -> tuple[sp.csc_array, sp.csc_array]:
        """Return the derivative by y', and minus that by y."""
        pair = np.stack([y, slope])
        values = self._values.at(lambda at: self._of(t, at), t, pair, self._args)
        if self._values.pattern is not self._pattern:
            self._split()
        return (
            self._slope.matrix(values[~self._of_state]),
            self._state.matrix(-values[self._of_state]),
        )

    def change(self, t: float, y: Array, slope: Array, success: bool) -> str:
        """Say how F differs at the end from what was integrated; empty if not."""
        at = [t, np.stack([y, slope]), *self.given]
        return find_change(self.function, self.prepared, at, 1, self._args, success)


def integrate_implicit(
    residual: Callable[..., Any],
    t_span: tuple[float, float],
    y0: Any,
    slope: Any,
    *,
    method: Any,
    args: tuple[Any, ...],
    derivatives: SolverDerivatives,
    options: Mapping[str, Any],
) -> Any:
    """Integrate; the arguments are those of `sparsesolve.solve_dae`.

    Parameters
    ----------
    residual, t_span, y0, method, args, derivatives, options
        See `sparsesolve.solve_dae`.
    slope : array_like or None
        There `yp0`.

    Returns
    -------
    OdeResult
        As scipy returns it.

    Raises
    ------
    ValueError, TypeError
        If an argument is wrong or the index is greater than one.
    """
    if method not in ("Radau", "ida"):
        raise ValueError(f"`method` must be 'Radau' or 'ida', got {method!r}.")
    options = dict(options)
    reduces, wanted = _taken(options, method, derivatives)
    linear = checked_linear_solver(options.pop("linear_solver", None), method, "ida")
    refuse_words("solve_dae", sorted(set(options) - set(WITH_SYSTEMS)), _WORDS)
    t_span = checked_span(t_span)
    t, y = t_span[0], start_point(y0, "y0")
    check_given(options, y.size)
    check_call(residual, [t, y, y, *args])
    told = slope is not None
    slope = start_point(slope, "yp0") if told else np.zeros(y.size)
    if slope.shape != y.shape:
        raise ValueError(f"`yp0` must have as many values as `y0`, {y.size}, got {slope.size}.")
    if wanted is not None:
        args = with_float_parameters(args, wanted)
    atol, kept = options.get("atol", _ATOL), bool(options.get("dense_output"))
    options |= {} if wanted is None else {"dense_output": True}
    system = TracedSystem(residual, t, y, slope, args, atol, derivatives)
    with np.errstate(all="ignore"):
        trouble = _trouble(system.residual(t, y, slope))
    if trouble:
        return _not_begun(t, y, slope, system.all_notes, trouble)
    allowed = atol + options.get("rtol", _RTOL) * np.abs(y)
    span = abs(float(t_span[1]) - t)
    start = _Start(Point(t, y, slope), allowed, span, told)
    found = offsets(*system.structures) if reduces else None
    if found is not None and found[0].any():
        run = _integrate_reduced(residual, system, start, t_span, args, found, options)
    else:
        run = _integrate_as_given(system, start, t_span, args, method, linear, options)
    run.update(notes=system.all_notes + run.notes)
    end = float(run.t[-1]) if len(run.t) else t
    last = run.y[:, -1] if len(run.t) else y
    stale = system.change(end - _NEAR * (end - t), np.asarray(last), run.yp0, run.success)
    if stale:
        run.update(status=-1, success=False, message=during("residual", stale))
    if wanted is not None:
        example = [t, np.stack([y, run.yp0]), *args]
        run.vjp = ImplicitAdjoint(run, system, example, wanted, options.get("rtol", _RTOL))
        run.sol = run.sol if kept else None
    return run


def _taken(
    options: dict[str, Any], method: str, derivatives: SolverDerivatives
) -> tuple[bool, Any]:
    """Take out of the options whether the index is reduced, and what the adjoint is wanted of."""
    reduces = bool(options.pop("index_reduction", False))
    if reduces and (method == "ida" or derivatives == "differences"):
        raise ValueError(
            "`index_reduction` needs method='Radau', and equations that can be traced: "
            "`derivatives` must not be 'differences'."
        )
    wanted, adjoint = options.pop("sensitivity", None), bool(options.pop("adjoint", False))
    if adjoint != (wanted is not None):
        raise ValueError(
            "`sensitivity` of implicit systems needs `adjoint=True`, and `adjoint` needs "
            "`sensitivity`: positions in `args`, or 'y0'."
        )
    if adjoint and reduces:
        raise ValueError("`adjoint` needs a system of index one, got `index_reduction`.")
    return reduces, wanted


class _Start(NamedTuple):
    """Where the integration begins, and what counts as an error of one."""

    at: Point
    allowed: Array
    span: float
    told: bool


def _integrate_as_given(
    system: TracedSystem,
    start: _Start,
    t_span: tuple[float, float],
    args: tuple[Any, ...],
    method: str,
    linear: str,
    options: Mapping[str, Any],
) -> Any:
    """Integrate a system of index one."""
    given, allowed, span, told = start
    with np.errstate(all="ignore"):
        at, notes = consistent_start(system, given, allowed, span, told=told)
    ida = {"method": Ida, "linear_solver": linear}
    run = solve_ivp(
        _not_called,
        t_span,
        at.y,
        system=system,
        slope=at.slope,
        **({"method": ImplicitRadau} if method == "Radau" else ida),
        **options,
        **({"args": args} if args else {}),
    )
    run.update(notes=notes, yp0=at.slope)
    return run


def _integrate_reduced(
    residual: Callable[..., Any],
    system: TracedSystem,
    start: _Start,
    t_span: tuple[float, float],
    args: tuple[Any, ...],
    found: tuple[Any, Any],
    options: Mapping[str, Any],
) -> Any:
    """Integrate a system of greater index by one of index one."""
    given, allowed, span, _ = start
    reduced = ReducedSystem(residual, given.t, given.y, args, found, system.traced_method)
    passed = dict(options)
    atol = np.broadcast_to(np.asarray(passed.get("atol", _ATOL), dtype=np.float64), given.y.size)
    passed["atol"] = reduced.spread(atol)
    if "events" in passed:
        passed["events"] = events_of_first(passed["events"], given.y.size, args)
    with np.errstate(all="ignore"):
        at, moved = reduced.start(given, allowed, span)
    method = {"method": ImplicitRadau, "project": reduced.project}
    run = solve_ivp(_not_called, t_span, at.y, system=reduced, slope=at.slope, **method, **passed)
    index = f"the index was reduced: {named_differentiations(reduced.times)} differentiated by t"
    run.update(notes=(index, moved) if moved else (index,))
    run.update(yp0=at.slope[: given.y.size])
    return keep_first(run, given.y.size)


def _not_called(t: float, y: Array, *_: Any) -> Array:
    """Stand where scipy wants a function; the system takes its place."""
    return y


def _trouble(value: Array) -> str:
    """Say what is not finite at the start; empty if all is."""
    bad = np.flatnonzero(~np.isfinite(value))
    if not bad.size:
        return ""
    return (
        f"The residual is {value[bad[0]]} in row {bad[0]} at the start ({bad.size} such rows). "
        "Start where it is finite."
    )


def _not_begun(t: float, y: Array, slope: Array, notes: tuple[str, ...], trouble: str) -> Any:
    run = solve_ivp(lambda t, y: np.zeros(y.size), (t, t), y)
    run.update(t=run.t[:1], y=run.y[:, :1], notes=notes, yp0=slope)
    run.update(status=-1, success=False, message=trouble)
    return run
