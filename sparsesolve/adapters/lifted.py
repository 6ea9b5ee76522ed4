"""A problem solved with its wide sums as unknowns, for solvers that factorize the Hessian.

Separate because it stands between any such solver and the problem: the solver sees (x, u) with rows
u = S(x, u) at the end (`derivatives.lifted`), the user x and his own rows; the answer is judged by
the problem as it was posed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.lifted import LiftedDerivatives, lifted_derivatives
from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.methods.kkt import make_result
from sparsesolve.methods.monitor import IterationState, Monitor
from sparsesolve.problem.constraint import Constraint
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Result, Status

__all__ = ["lifting", "solve_lifted", "worth_lifting"]

Array = NDArray[np.float64]
Solve = Callable[..., Result]

_WIDEST = 512  # unknowns that a sum reads, from which on it is lifted without being asked
_FEWER = 4  # times fewer nonzeros there must be
# MUMPS's matching takes time that grows with the square of the entries of a row
_UNMATCHED = {"mumps_permuting_scaling": 0}
_MOST_FORMED = 2**21  # nonzeros of a Hessian that is tried where lifting has failed
_ENDED = (Status.STOPPED, Status.INTERRUPTED, Status.ITERATION_LIMIT, Status.TIME_LIMIT)


def lifting(problem: Problem) -> LiftedDerivatives | None:
    """Return the derivatives of a problem with its sums as unknowns; None where there are none.

    Parameters
    ----------
    problem : Problem
        They are made once for it and its family.
    """
    kept = problem.kept
    if "lifted" not in kept:
        kept["lifted"] = lifted_derivatives(problem.derivatives), {}
    found: LiftedDerivatives | None = kept["lifted"][0]
    return found.at(*problem.parameter_vectors) if found and problem.parameter_vectors else found


def worth_lifting(problem: Problem) -> bool:
    """Whether a problem is to be solved with its sums as unknowns: asked for, or by its size.

    Parameters
    ----------
    problem : Problem
        Its `lift_sums` decides; None leaves it to the sizes.
    """
    if problem.lift_sums is False or not problem.second_order:
        return False
    if problem.lift_sums is None and problem.n < _WIDEST:
        return False
    found = lifting(problem)
    if found is None or not np.isfinite(found.extended(problem.start)).all():
        return False
    if problem.lift_sums:
        return True
    return found.widest >= _WIDEST and _FEWER * found.nonzeros <= _dense(found)


def _dense(found: LiftedDerivatives) -> float:
    """Return how many nonzeros the Hessian has if no sum is lifted, at least nearly."""
    return 0.5 * found.widest**2


def solve_lifted(
    problem: Problem, monitor: Monitor, solve: Solve, *, warm_start: Result | None, **given: Any
) -> Result:
    """Solve with the sums as unknowns; without being asked, once more as posed if that fails.

    Parameters
    ----------
    problem : Problem
        One that is `worth_lifting`.
    monitor : Monitor
        Receives the iterations, of x alone.
    solve : callable
        Solves a problem, given a monitor.
    warm_start, **given
        As for `solve`; with `options`.
    """
    found = lifting(problem)
    assert found is not None
    posed, n = _posed(problem, found), problem.n
    if monitor.solver == "ipopt":
        given["options"] = _UNMATCHED | dict(given["options"] or {})
    inner = Monitor(monitor.solver, callback=_told(monitor, n) if monitor.watched else None)
    with inner:
        start = None if warm_start is None else _extended(warm_start, found, problem)
        result = solve(posed, inner, warm_start=start, **given)
    monitor.follow(inner, n)
    result = _of_user(problem, monitor, result)
    asked = problem.lift_sums or _dense(found) > _MOST_FORMED
    if result.success or asked or result.status in _ENDED:
        return _noted(result, f"{found.k} sums were unknowns of the solver (`lift_sums`)")
    again = solve(problem, monitor, warm_start=warm_start, **given)
    best = again if again.success or again.constraint_violation < np.inf else result
    return _noted(best, f"with {found.k} sums as unknowns it ended as {result.status.value}")


def _noted(result: Result, note: str) -> Result:
    return replace(result, notes=(*result.notes, note))


def _posed(problem: Problem, found: LiftedDerivatives) -> Problem:
    """Return the problem that the solver sees."""
    free = np.full(found.k, np.inf)
    (lower, upper), (row_lower, row_upper) = problem.bounds, problem.constraint_bounds
    zeros = np.zeros(found.k)
    made: Any = object.__new__(type(problem))
    vars(made).update(vars(problem))
    made.form, made._family, made._derivatives = None, None, found
    made._x0 = found.extended(problem.start)
    made._lower, made._upper = np.append(lower, -free), np.append(upper, free)
    made._limits = np.append(row_lower, zeros), np.append(row_upper, zeros)
    made.constraints = (*problem.constraints, Constraint(found.extended, 0.0, 0.0, name="sums"))
    made.keep_feasible = np.zeros(found.n, dtype=bool)
    made.kept = problem.kept["lifted"][1]
    posed: Problem = made
    return posed


def _told(monitor: Monitor, n: int) -> Callable[[IterationState], bool]:
    """Return what hands iterations on, without the sums."""
    names = ("constraint_violation", "optimality", "step", "extra")

    def tell(state: IterationState) -> bool:
        told = {name: getattr(state, name) for name in names}
        return not monitor.update(state.iteration, state.x[:n], state.fun, **told)

    return tell


def _extended(result: Result, found: LiftedDerivatives, problem: Problem) -> Result:
    """Return a start of the solver from the result of another solve."""
    z = found.extended(np.clip(result.x, *problem.bounds))
    zeros, multipliers = np.zeros(found.k), np.asarray(result.multipliers)
    if multipliers.size == problem.m:
        multipliers = np.append(multipliers, found.sum_multipliers(z, multipliers))
    lower, upper = (np.append(part, zeros) for part in result.bound_multipliers)
    return replace(result, x=z, multipliers=multipliers, bound_multipliers=(lower, upper))


def _of_user(problem: Problem, monitor: Monitor, result: Result) -> Result:
    """Return the answer for x, judged by the problem as it was posed."""
    n, m = problem.n, problem.m
    lower, upper = result.bound_multipliers
    known = np.size(lower) >= n
    made = make_result(
        Evaluation(problem),
        monitor,
        x=np.clip(result.x[:n], *problem.bounds),
        status=result.status,
        message=_message(result, n, m),
        multipliers=result.multipliers[:m] if np.size(result.multipliers) >= m else None,
        bound_multipliers=(lower[:n], upper[:n]) if known else None,
        iterations=result.iterations,
        solver_status=result.solver_status,
    )
    names = ("counts", "seconds_preparation", "seconds_derivatives", "seconds_solver", "backend",
             "seconds_linear_solver", "notes")  # fmt: skip
    return replace(made, **{name: getattr(result, name) for name in names})


def _message(result: Result, n: int, m: int) -> str:
    """Return what the solver said; violated rows are told again, without the sums."""
    message = result.message.split(" Violated most:")[0]
    if result.status is not Status.EVALUATION_ERROR:
        return message
    return f"{message} Variables from {n} on and rows from {m} on are sums (`lift_sums`)."
