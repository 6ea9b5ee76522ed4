"""What is the same for all solvers that take the callbacks of a nonlinear program.

A solver tells its end as an `Ended`; what was kept from the callbacks decides whether that counts.
Where a branch needs a larger structure than the solver was told of, it is called once more from
where it was.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.ipopt_callbacks import Callbacks, StructureGrown
from sparsesolve.adapters.ipopt_status import describe_status
from sparsesolve.host.dataclass import dataclass
from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.methods.failure import INTERRUPTED
from sparsesolve.methods.kkt import make_result
from sparsesolve.methods.monitor import Monitor
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Result, Status

__all__ = [
    "Ended",
    "Start",
    "continued_note",
    "ended_by_info",
    "inside",
    "interrupts_kept",
    "read_end",
    "result_of",
    "solve_nlp",
    "warm_point",
]

Array = NDArray[np.float64]

_ROWS_SUFFER = 1e-6  # violation of a row up to which a point is moved back to its bounds


@dataclass(frozen=True, eq=False, slots=True)
class Start:
    """Where a solve begins.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Point.
    multipliers : ndarray, shape (m,), optional
        Of the rows, in our convention.
    bound_multipliers : tuple of ndarray, optional
        ``(lower, upper)``.
    """

    x: Array
    multipliers: Array | None = None
    bound_multipliers: tuple[Array, Array] | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Ended:
    """How a solver ended, in our words and signs.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Its last point.
    status, message : Status, str
        What it says.
    multipliers : ndarray, shape (m,), optional
        Of the rows.
    bound_multipliers : tuple of ndarray, optional
        ``(lower, upper)``.
    code : int, optional
        Its own status.
    iterations : int, optional
        As it counts them.
    optimality : float, optional
        As it measures it.
    backend : str, optional
        Which library it is.
    seconds_linear_solver : float, optional
        As it tells.
    """

    x: Array
    status: Status
    message: str
    multipliers: Array | None = None
    bound_multipliers: tuple[Array, Array] | None = None
    code: int | None = None
    iterations: int | None = None
    optimality: float = float("nan")
    backend: str = ""
    seconds_linear_solver: float | None = None


def warm_point(problem: Problem, warm_start: Result) -> Array:
    """Return the point of another solve, within the bounds; raise where its rows do not fit."""
    if warm_start.multipliers.shape != (problem.m,):
        raise ValueError(
            f"`warm_start` must come from a problem of {problem.m} constraint rows, got one of "
            f"{warm_start.multipliers.size}."
        )
    lower, upper = problem.bounds
    x: Array = np.minimum(np.maximum(warm_start.x, lower), upper)
    return x


def solve_nlp(
    problem: Problem,
    monitor: Monitor,
    run: Callable[[Callbacks, Start], Ended],
    warm_start: Result | None = None,
) -> Result:
    """Solve by a function that runs a solver once.

    Parameters
    ----------
    problem : Problem
        The problem.
    monitor : Monitor
        Receives the iterations.
    run : callable
        ``run(callbacks, start)``: one call of the solver, which raises nothing of the user's.
    warm_start : Result, optional
        Start from its point and multipliers.

    Returns
    -------
    Result
        Also where the solver fails.
    """
    start = Start(problem.start)
    if warm_start is not None:
        x = warm_point(problem, warm_start)
        start = Start(x, warm_start.multipliers, warm_start.bound_multipliers)
    callbacks = Callbacks(Evaluation(problem), monitor)
    ended = _run(run, callbacks, start)
    growths = 0
    while isinstance(callbacks.error, StructureGrown):
        growths += 1
        x = np.clip(callbacks.evaluation.newest, *problem.bounds)
        callbacks = Callbacks(callbacks.evaluation, monitor)
        callbacks.iterations_before = monitor.iterations
        ended = _run(run, callbacks, Start(x))
    return continued_note(read_end(callbacks, monitor, ended), growths)


def _run(run: Callable[[Callbacks, Start], Ended], callbacks: Callbacks, start: Start) -> Ended:
    """Run a solver; a Ctrl-C leaves a mark that the next callback finds."""

    def keep(error: BaseException) -> None:
        callbacks.error = callbacks.error or error

    with interrupts_kept(keep):
        return run(callbacks, start)


def continued_note(result: Result, growths: int) -> Result:
    """Say in a note how often a solve went on with a larger structure."""
    if not growths:
        return result
    note = f"continued {growths} times with a larger structure, which another branch needed"
    return replace(result, notes=(*result.notes, note))


def inside(evaluation: Evaluation, x: Array) -> Array:
    """Move a point back to the bounds, which barrier methods relax, unless rows suffer by that.

    IPOPT before 3.14 moves it back in any case, and calls solved what then breaks equalities.
    """
    moved: Array = np.minimum(np.maximum(x, evaluation.lower), evaluation.upper)
    if evaluation.m == 0 or np.array_equal(moved, x):
        return moved
    violation = evaluation.violation(moved)
    return x if violation > _ROWS_SUFFER and violation > evaluation.violation(x) else moved


def ended_by_info(
    x: Array,
    info: Mapping[str, Any],
    name: str = "IPOPT",
    iterations: int | None = None,
    **more: Any,
) -> Ended:
    """Read what IPOPT, or a twin of it, tells beside its point.

    Parameters
    ----------
    x : ndarray, shape (n,)
        The point.
    info : mapping
        ``status``, ``mult_g``, ``mult_x_L``, ``mult_x_U``.
    name : str, optional
        What the solver is called.
    iterations : int, optional
        As it counts them.
    **more
        Other fields of `Ended`.
    """
    code = int(info["status"])
    bounds = np.asarray(info["mult_x_L"]), np.asarray(info["mult_x_U"])
    multipliers = np.asarray(info["mult_g"])
    told = describe_status(code, name)
    return Ended(np.asarray(x), *told, multipliers, bounds, code, iterations, **more)


def read_end(callbacks: Callbacks, monitor: Monitor, ended: Ended) -> Result:
    """Write the result of a solve; an exception of a callback is raised, a Ctrl-C is a status.

    Parameters
    ----------
    callbacks, monitor : Callbacks, Monitor
        Of the solve.
    ended : Ended
        What the solver says.
    """
    status, message = ended.status, ended.message
    if isinstance(callbacks.error, KeyboardInterrupt):
        status = Status.INTERRUPTED
        message = INTERRUPTED
        ended = replace(ended, multipliers=None, bound_multipliers=None, code=None, iterations=None)
    elif callbacks.error is not None:
        raise callbacks.error
    elif monitor.stopped:
        status = Status.STOPPED
    elif status is Status.EVALUATION_ERROR and callbacks.complaint:
        message = f"{message} {callbacks.complaint}"
    if status is not ended.status or message is not ended.message:
        ended = replace(ended, status=status, message=message)
    return result_of(callbacks.evaluation, monitor, ended)


def result_of(evaluation: Evaluation, monitor: Monitor, ended: Ended) -> Result:
    """Write the result of a solve: the one place for all solvers, with callbacks or without.

    Parameters
    ----------
    evaluation, monitor : Evaluation, Monitor
        Of the solve.
    ended : Ended
        What the solver says.
    """
    return make_result(
        evaluation,
        monitor,
        x=np.asarray(ended.x, dtype=float),
        status=ended.status,
        message=ended.message,
        multipliers=ended.multipliers,
        bound_multipliers=ended.bound_multipliers,
        iterations=ended.iterations,
        solver_status=ended.code,
        backend=ended.backend,
        seconds_linear_solver=ended.seconds_linear_solver,
    )


@contextmanager
def interrupts_kept(keep: Callable[[BaseException], None]) -> Iterator[None]:
    """Give a Ctrl-C to `keep` instead of raising it anywhere, where Python's own handler is set."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: keep(KeyboardInterrupt()))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
