"""From a solver's answer to a `Result`: residuals and multipliers in one sign convention.

Separate because the convention (see `sparsesolve.problem.result`) must be the same for all solvers:
gradient f + J^T multipliers - lower + upper = 0 with ``lower, upper >= 0``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.methods.monitor import Monitor
from sparsesolve.methods.optimality import (
    ACCEPTABLE,
    SOLVED,
    Measure,
    best_measure,
    worst_rows,
)
from sparsesolve.problem.result import Result, Status

__all__ = ["bound_multipliers_from", "judged", "make_result"]

Array = NDArray[np.float64]

# what a solver may claim that we look at; one that gave up may have arrived without knowing
_CLAIMS = (Status.SOLVED, Status.ACCEPTABLE, Status.STALLED)
_TIGHT = dict.fromkeys(SOLVED, 1e-6)
_FEASIBLE = 1e-6
_UNBOUNDED = 1e20


def lagrangian_gradient(evaluation: Evaluation, x: Array, multipliers: Array) -> Array:
    """Return gradient f + J^T multipliers at `x`, shape (n,)."""
    return evaluation.gradient(x) + evaluation.jacobian_transposed_product(x, multipliers)


def bound_multipliers_from(evaluation: Evaluation, x: Array, reduced: Array) -> tuple[Array, Array]:
    """Return the bound multipliers that cancel `reduced` at the bounds that hold.

    Parameters
    ----------
    evaluation : Evaluation
        Gives the bounds.
    x : ndarray, shape (n,)
        Point.
    reduced : ndarray, shape (n,)
        gradient f + J^T multipliers.

    Returns
    -------
    tuple of ndarray, each of shape (n,)
        ``(lower, upper)``, zero at variables away from their bounds.
    """
    near = 1e-6 * np.maximum(1.0, np.abs(x))
    at_lower = x - evaluation.lower <= near
    at_upper = evaluation.upper - x <= near
    return (
        np.where(at_lower, np.maximum(reduced, 0.0), 0.0),
        np.where(at_upper, np.maximum(-reduced, 0.0), 0.0),
    )


def make_result(
    evaluation: Evaluation,
    monitor: Monitor,
    *,
    x: Array,
    status: Status,
    message: str,
    multipliers: Array | None = None,
    bound_multipliers: tuple[Array, Array] | None = None,
    iterations: int | None = None,
    solver_status: int | None = None,
    backend: str = "",
    seconds_linear_solver: float | None = None,
) -> Result:
    """Write the `Result` of a solve.

    Parameters
    ----------
    evaluation, monitor : Evaluation, Monitor
        Of this solve.
    x : ndarray, shape (n,)
        The solver's last point; the best point seen replaces it where the solve did not succeed.
    status : Status
        How it ended.
    message : str
        In words.
    multipliers : ndarray, shape (m,), optional
        Of the constraints, in our convention; zeros where the solver has none.
    bound_multipliers : tuple of ndarray, optional
        ``(lower, upper)``; derived from the gradient where the solver has none.
    iterations, solver_status, backend, seconds_linear_solver : optional
        As the solver tells.

    Returns
    -------
    Result
        With residuals evaluated at `x`.
    """
    final = evaluation.objective(x)
    if not np.isfinite(final) and status in (Status.SOLVED, Status.ACCEPTABLE, Status.STALLED):
        status, message = Status.EVALUATION_ERROR, f"The objective is {final} at the last point."
    if status in (Status.STOPPED, Status.INTERRUPTED, Status.EVALUATION_ERROR, Status.FAILED):
        x, multipliers, bound_multipliers = _better(monitor, x, multipliers, bound_multipliers)
    elapsed = monitor.seconds
    inside = evaluation.seconds + evaluation.seconds_preparation
    lam = np.zeros(evaluation.m) if multipliers is None else np.asarray(multipliers, dtype=float)
    slopes = None
    if status in _CLAIMS:
        found = best_measure(evaluation, x, lam)
        if found.multipliers is not lam:
            lam, bound_multipliers = found.multipliers, None
        slopes = found.slopes
        status, message = judged(status, message, found, evaluation.objective(x))
    message = _with_rows(evaluation, x, status, message)
    with np.errstate(all="ignore"):
        fun = evaluation.objective(x)
        gradient = np.array(evaluation.gradient(x))
        reduced = lagrangian_gradient(evaluation, x, lam) if slopes is None else slopes
        if bound_multipliers is None:
            bound_multipliers = bound_multipliers_from(evaluation, x, reduced)
        lower, upper = (np.array(part, dtype=float) for part in bound_multipliers)
        # A fixed variable has no equation of its own in most solvers: its multiplier is what is
        # left over there.
        fixed = evaluation.lower == evaluation.upper
        if fixed.any():
            lower[fixed] = np.maximum(reduced[fixed], 0.0)
            upper[fixed] = np.maximum(-reduced[fixed], 0.0)
        optimality = float(np.abs(reduced - lower + upper).max(initial=0.0))
    return Result(
        x=np.array(x),
        fun=fun,
        status=status,
        message=message,
        solver=monitor.solver,
        constraints=np.array(evaluation.constraints(x)),
        multipliers=lam,
        bound_multipliers=(lower, upper),
        cost=fun,
        optimality=optimality,
        constraint_violation=evaluation.violation(x),
        iterations=monitor.iterations if iterations is None else int(iterations),
        counts=evaluation.counts,
        seconds_preparation=evaluation.seconds_preparation,
        seconds_derivatives=evaluation.seconds,
        seconds_solver=max(0.0, elapsed - inside),
        gradient=gradient,
        solver_status=solver_status,
        name=evaluation.problem.name,
        history=monitor.history,
        backend=backend,
        seconds_linear_solver=seconds_linear_solver,
    )


def judged(status: Status, message: str, found: Measure, fun: float) -> tuple[Status, str]:
    """Return the status and message of a solver, or what is true where its claim does not hold.

    Parameters
    ----------
    status, message : Status, str
        As the solver says.
    found : Measure
        Ours.
    fun : float
        Objective.
    """
    if status is Status.STALLED:
        return (Status.ACCEPTABLE if found.within(_TIGHT) else status), message
    if found.within(SOLVED):
        return status, message
    text = f"{message.rstrip('. ')}; but by our own measure this is not a solution: {found}."
    if found.within(ACCEPTABLE):
        return Status.ACCEPTABLE, text
    if not np.isfinite(found.stationarity):
        return Status.EVALUATION_ERROR, f"{text} A derivative is not finite there."
    return (Status.UNBOUNDED if fun < -_UNBOUNDED else Status.STALLED), text


def _with_rows(evaluation: Evaluation, x: Array, status: Status, message: str) -> str:
    """Name the violated rows where the result is not a solution."""
    if status in (Status.SOLVED, Status.ACCEPTABLE) or evaluation.violation(x) <= _FEASIBLE:
        return message
    rows = worst_rows(evaluation, x)
    return f"{message.rstrip('. ')}. {rows}" if rows else message


def _better(
    monitor: Monitor,
    x: Array,
    multipliers: Array | None,
    bound_multipliers: tuple[Array, Array] | None,
) -> tuple[Array, Array | None, tuple[Array, Array] | None]:
    """Take the best iterate where there is one; multipliers of another point are dropped."""
    if monitor.best is None or np.array_equal(monitor.best.x, x):
        return x, multipliers, bound_multipliers
    return monitor.best.x, None, None
