"""Uno: SQP and interior-point methods from common parts, by its Python package unopy.

What it does that surprises, and what is done about it:

- Callbacks write into arrays. One that raises is an evaluation error, from which it steps back; a
  NaN in a Hessian would keep its QP solver busy for ever, so that is raised too.
- Variables of an interior-point method include slacks, behind ours.
- BQPD and the printing keep state of their own: one solve at a time in a process.
- Some values of options end the process: see `uno_options`.

Vanaret, Leyffer (2024), "Implementing a unified solver for nonlinearly constrained optimization",
arXiv 2406.13454.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.ipopt_callbacks import Callbacks, Refused
from sparsesolve.adapters.nlp import Ended, Start, inside, solve_nlp
from sparsesolve.adapters.uno_options import PRESETS, check_options, set_options
from sparsesolve.errors import SolverUnavailable
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.fork import forkable_lock
from sparsesolve.host.imports import importing
from sparsesolve.methods.monitor import Monitor
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Result, Status

__all__ = ["require_uno", "solve_uno", "uno_available", "uno_version"]

Array = NDArray[np.float64]

_ONE_AT_A_TIME = forkable_lock()  # reentrant: an objective may solve a problem of its own
_ENDS = {
    "ITERATION_LIMIT": (Status.ITERATION_LIMIT, "Reached the limit (`max_iterations`)."),
    "TIME_LIMIT": (Status.TIME_LIMIT, "Reached the limit on time (`time_limit`)."),
    "EVALUATION_ERROR": (
        Status.EVALUATION_ERROR,
        "A value or a derivative could not be evaluated.",
    ),
    "ALGORITHMIC_ERROR": (Status.STALLED, "No acceptable step could be computed."),
    "USER_TERMINATION": (Status.STOPPED, "Stopped by the callback."),
    "USER_INTERRUPTION": (Status.INTERRUPTED, "Interrupted from the keyboard."),
}
_POINTS = {
    "FEASIBLE_KKT_POINT": (Status.SOLVED, "Solved: the point satisfies the tolerances."),
    "FEASIBLE_FJ_POINT": (
        Status.ACCEPTABLE,
        "Converged to a point where the constraints are degenerate.",
    ),
    "INFEASIBLE_STATIONARY_POINT": (
        Status.INFEASIBLE,
        "Converged to a point of local infeasibility.",
    ),
    "FEASIBLE_SMALL_STEP": (Status.STALLED, "The steps have become too small."),
    "INFEASIBLE_SMALL_STEP": (
        Status.STALLED,
        "The steps have become too small, where the constraints do not hold.",
    ),
    "DIVERGING_ITERATE": (
        Status.UNBOUNDED,
        "The iterates diverge: the problem may be unbounded.",
    ),
    "UNBOUNDED_OBJECTIVE": (Status.UNBOUNDED, "The objective falls without bound."),
    "NOT_OPTIMAL": (Status.STALLED, "Ended at a point that is not optimal."),
}


def uno_available() -> bool:
    """Whether ``solver="uno"`` works."""
    return importlib.util.find_spec("unopy") is not None


def uno_version() -> str:
    """Return the version of Uno itself."""
    module = require_uno()
    return f"{module.VERSION_MAJOR}.{module.VERSION_MINOR}.{module.VERSION_PATCH}"


def require_uno() -> Any:
    """Return the module unopy.

    Raises
    ------
    SolverUnavailable
        If it cannot be imported.
    """
    try:
        with importing():
            return importlib.import_module("unopy")
    except ImportError as error:
        raise SolverUnavailable(
            f"unopy cannot be imported ({error}). Install it: pip install 'sparsesolve[uno]'."
        ) from error


def solve_uno(
    problem: Problem,
    monitor: Monitor,
    *,
    options: Mapping[str, Any] | None = None,
    tol: float | None = None,
    warm_start: Result | None = None,
) -> Result:
    """Solve by Uno.

    Parameters
    ----------
    problem : Problem
        The problem.
    monitor : Monitor
        Receives the iterations.
    options : mapping, optional
        Its own; and ``preset``, which of its methods: "ipopt", "filtersqp", "funnelsqp",
        "filterslp", or "auto", filtersqp for up to some 2000 variables and rows.
    tol : float, optional
        Its ``primal_tolerance`` and ``dual_tolerance``.
    warm_start : Result, optional
        Start from its point and multipliers.

    Returns
    -------
    Result
        Also where it fails.

    Raises
    ------
    SolverUnavailable
        If it is not installed.
    ValueError
        If an option is refused.
    """
    module = require_uno()
    given = dict(options or {})
    preset = given.pop("preset", "auto")
    if preset not in PRESETS:
        raise ValueError(f"`preset` must be one of {', '.join(PRESETS)}, got {preset!r}.")
    if tol is not None:
        given = {"primal_tolerance": float(tol), "dual_tolerance": float(tol)} | given
    check_options(preset, given)
    call = _Call(module, preset, given)
    result = solve_nlp(problem, monitor, call, warm_start)
    return replace(result, backend=f"Uno {uno_version()}, preset {preset}{call.described}")


@dataclass(slots=True)
class _Call:
    """Runs Uno once.

    Parameters
    ----------
    module : module
        unopy.
    preset : str
        Which method.
    options : mapping
        Its other options.
    described : str
        What it calls that method, afterwards.
    """

    module: Any
    preset: str
    options: Mapping[str, Any]
    described: str = ""

    def __call__(self, callbacks: Callbacks, start: Start) -> Ended:
        written = _Written(callbacks)
        solver = self.module.UnoSolver()
        solver.set_preset(self.preset)
        solver.set_option("logger", "SILENT")
        options = dict(self.options)
        if start.multipliers is not None:
            options.setdefault("barrier_initial_parameter", _WARM_BARRIER)
        before = callbacks.iterations_before
        if before and "max_iterations" in options:
            options["max_iterations"] = max(0, int(options["max_iterations"]) - before)
        set_options(solver, options)
        solver.set_termination_callback(written.stops)
        if not before and not written.begins(start.x):
            return Ended(start.x, *_ENDS["USER_TERMINATION"])
        model = self._model(written, start)
        try:
            with _ONE_AT_A_TIME:
                raw = solver.optimize(model)
        except KeyboardInterrupt as interrupt:
            callbacks.error = callbacks.error or interrupt
            return Ended(callbacks.evaluation.newest, *_ENDS["USER_INTERRUPTION"])
        self.described = f" ({solver.get_method_description()})"
        ended = _ended(callbacks, raw)
        written.ends(ended)
        return ended

    def _model(self, written: _Written, start: Start) -> Any:
        module, evaluation = self.module, written.callbacks.evaluation
        base = module.ZERO_BASED_INDEXING
        limits = (evaluation.lower, evaluation.upper)
        model = module.Model(module.PROBLEM_NONLINEAR, int(evaluation.n), *limits, base)
        model.set_objective(module.MINIMIZE, written.objective, written.gradient)
        if evaluation.m:
            rows, columns = written.callbacks.jacobianstructure()
            limits = (evaluation.row_lower, evaluation.row_upper)
            places = (int(rows.size), rows, columns)
            m = int(evaluation.m)
            model.set_constraints(m, written.constraints, *limits, *places, written.jacobian)
        rows, columns = written.callbacks.hessianstructure()
        triangle = module.LOWER_TRIANGLE
        model.set_lagrangian_hessian(int(rows.size), triangle, rows, columns, written.hessian)
        model.set_lagrangian_sign_convention(module.MULTIPLIER_POSITIVE)
        model.set_initial_primal_iterate(start.x)
        if start.multipliers is not None and evaluation.m:
            model.set_initial_dual_iterate(start.multipliers)
        return model


_WARM_BARRIER = 1e-6


def _ended(callbacks: Callbacks, raw: Any) -> Ended:
    evaluation = callbacks.evaluation
    n, m = evaluation.n, evaluation.m
    how, where = raw.optimization_status.name, raw.solution_status.name
    status, message = _POINTS[where] if how == "SUCCESS" else _ENDS[how]
    lower = np.maximum(-np.asarray(raw.lower_bound_dual_solution)[:n], 0.0)
    upper = np.maximum(np.asarray(raw.upper_bound_dual_solution)[:n], 0.0)
    x = inside(evaluation, np.array(raw.primal_solution)[:n])
    return Ended(
        x,
        status,
        message,
        np.asarray(raw.constraint_dual_solution)[:m],
        (lower, upper),
        int(raw.optimization_status.value),
        callbacks.iterations_before + int(raw.number_iterations),
        float(raw.solution_stationarity),
    )


class _Written:
    """Callbacks that write into arrays.

    Parameters
    ----------
    callbacks : Callbacks
        Of the solve.
    """

    def __init__(self, callbacks: Callbacks) -> None:
        self.callbacks = callbacks
        self._iteration = callbacks.iterations_before
        self._last: Array | None = None

    def objective(self, x: Array) -> float:
        return float(self._kept(self.callbacks.objective, x))

    def gradient(self, x: Array, out: Array) -> None:
        out[:] = self._kept(self.callbacks.gradient, x)

    def constraints(self, x: Array, out: Array) -> None:
        out[:] = self._kept(self.callbacks.constraints, x)

    def jacobian(self, x: Array, out: Array) -> None:
        out[:] = self._kept(self.callbacks.jacobian, x)

    def hessian(self, x: Array, sigma: float, multipliers: Array, out: Array) -> None:
        out[:] = self._kept(self.callbacks.hessian, x, multipliers, sigma)

    def begins(self, x: Array) -> bool:
        """Tell the start; False stops."""
        return self._tell(x, float("nan"))

    def stops(self, x: Array, *values: Any) -> bool:
        """Tell an iterate; True stops Uno."""
        if self.callbacks.error is not None:
            return True
        self._iteration += 1
        slopes = self._slopes(x, values) if self.callbacks.wants_slopes else None
        return not self._tell(x[: self.callbacks.evaluation.n], float(values[5]), slopes)

    def _slopes(self, x: Array, values: tuple[Any, ...]) -> Array:
        """Return the gradient of the Lagrangian; multipliers are told with the opposite sign."""
        n, m = self.callbacks.evaluation.n, self.callbacks.evaluation.m
        low, high, rows = (np.asarray(part) for part in values[:3])
        return np.asarray(self._gradient_of(x[:n], -rows[:m]) - low[:n] - high[:n])

    def _gradient_of(self, x: Array, multipliers: Array) -> Array:
        evaluation = self.callbacks.evaluation
        pull = evaluation.jacobian_transposed_product(x, multipliers)
        return np.asarray(evaluation.gradient(x) + pull)

    def ends(self, ended: Ended) -> None:
        """Tell the last iterate, of which Uno does not ask whether to go on."""
        monitor = self.callbacks.monitor
        if ended.status is not Status.SOLVED or self.callbacks.error is not None:
            return
        if monitor is not None and not monitor.stopped:
            self._iteration = ended.iterations or 0
            slopes = None
            if self.callbacks.wants_slopes and ended.multipliers is not None:
                lower, upper = ended.bound_multipliers or (0.0, 0.0)
                slopes = self._gradient_of(ended.x, ended.multipliers) - lower + upper
            self._tell(ended.x, ended.optimality, slopes)

    def _tell(self, x: Array, optimality: float, slopes: Array | None = None) -> bool:
        evaluation, monitor = self.callbacks.evaluation, self.callbacks.monitor
        if monitor is None:
            return True
        try:
            step = 0.0 if self._last is None else float(np.max(np.abs(x - self._last), initial=0.0))
            self._last = np.array(x)
            return monitor.update(
                self._iteration,
                x,
                evaluation.objective(x),
                constraint_violation=evaluation.violation(x),
                optimality=optimality,
                step=step,
                slopes=slopes,
            )
        except BaseException as error:
            self.callbacks.error = error
            return False

    def _kept(self, function: Callable[..., Any], *args: Any) -> Any:
        try:
            return function(*args)
        except Refused:
            raise
        except BaseException as error:  # a Ctrl-C between two lines of ours
            self.callbacks.error = self.callbacks.error or error
            raise Refused from error
