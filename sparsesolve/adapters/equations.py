"""Problems that are nothing but equations: a root or least squares in place of a minimizer.

Separate because neither knows of a `Problem`. Minimizers take Newton steps on the conditions of
optimality, which are singular where equations are as many as the unknowns or more; IPOPT refuses
more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sparsesolve.adapters.least_squares import solve_least_squares
from sparsesolve.adapters.root import solve_root
from sparsesolve.derivatives import jacobian
from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.methods.kkt import make_result
from sparsesolve.methods.monitor import Monitor
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Counts, Result, Status

__all__ = ["Equations", "is_final", "only_equations", "solve_equations"]

_FEASIBLE = 1e-6
_SECONDS = ("seconds_preparation", "seconds_derivatives", "seconds_solver")


def only_equations(problem: Problem) -> bool:
    """Whether there is no objective, and as many equations as unknowns or more, and no other rows.

    Parameters
    ----------
    problem : Problem
        It is traced where it has constraints and no objective.
    """
    if problem.objective is not None or not problem.constraints:
        return False
    lower, upper = problem.constraint_bounds
    return lower.size >= problem.n and np.array_equal(lower, upper)


def is_final(problem: Problem, result: Result) -> bool:
    """Whether no minimizer need be asked: one may find more in a square system, not in others."""
    ended = result.success or result.status in (Status.STOPPED, Status.INTERRUPTED)
    return ended or (result.status is Status.INFEASIBLE and problem.m > problem.n)


def solve_equations(
    problem: Problem,
    x0: Any,
    *,
    tol: float | None,
    progress: bool,
    callback: Callable[..., Any] | None,
) -> tuple[Result, tuple[str, ...]]:
    """Solve the equations of a problem, as well as they can be.

    Parameters
    ----------
    problem : Problem
        One that has `only_equations`.
    x0 : ndarray, shape (n,)
        Where to begin.
    tol, progress, callback
        See `sparsesolve.minimize`.

    Returns
    -------
    result : Result
        Infeasible where some least sum of squares is not zero.
    notes : tuple of str
        Who solved it, and why.
    """
    lower, upper = problem.bounds
    bounded = bool(np.any(np.isfinite(lower) | np.isfinite(upper)))
    args = (problem.constraint_bounds[0], *problem.parameter_vectors)
    residual, jac = _residual(problem, x0, args)
    shared: dict[str, Any] = {"args": args, "jac": jac, "derivatives": problem.method}
    shared |= {"tol": tol, "options": None, "progress": progress, "callback": callback}
    square = problem.m == problem.n
    if square and not bounded:
        name, found = "root", solve_root(residual, x0, method="newton", **shared)
    else:
        shared |= {"method": "auto", "loss": "linear", "f_scale": 1.0, "more": {}}
        name = "least_squares"
        found = solve_least_squares(residual, x0, bounds=(lower, upper), **shared)
    count = "as many equations as" if square else "more equations than"
    note = f"no objective and {count} unknowns ({problem.m}, {problem.n}): solved by ss.{name}"
    return _translated(problem, found), (note,)


class Equations:
    """The function of x, the target and parameters that is zero at a solution.

    Parameters
    ----------
    functions : sequence of callable
        The rows, of x and the parameters.
    """

    def __init__(self, functions: Sequence[Callable[..., Any]]) -> None:
        self.functions = tuple(functions)

    def __call__(self, x: Any, target: Any, *parameters: Any) -> Any:
        """Return the residuals."""
        values = [np.ravel(np.asarray(f(x, *parameters))) for f in self.functions]
        return np.concatenate(values) - target


def _residual(problem: Problem, x0: Any, args: tuple[Any, ...]) -> tuple[Equations, Any]:
    """Return the equations and their Jacobian, prepared once for a problem and its family."""
    if "equations" not in problem.kept:
        functions = [f for f in problem.functions[1:] if f is not None]
        equations, prepared = Equations(functions), None
        if problem.method != "differences":
            prepared = jacobian(equations, x0, *args, method=problem.method)
        problem.kept["equations"] = equations, prepared
    found: tuple[Equations, Any] = problem.kept["equations"]
    return found


def _translated(problem: Problem, found: Result) -> Result:
    """Return a result with the fields of a minimizer."""
    evaluation = Evaluation(problem)
    status, message = found.status, found.message
    if found.success and evaluation.violation(found.x) > _FEASIBLE:
        status = Status.INFEASIBLE
        message = "No solution was found: the sum of squares is least here."
    with Monitor(found.solver) as monitor:
        made = make_result(
            evaluation,
            monitor,
            x=found.x,
            status=status,
            message=message,
            iterations=found.iterations,
        )
    counts = Counts(constraints=found.counts.function, jacobian=found.counts.jacobian)
    seconds = {name: getattr(found, name) + getattr(made, name) for name in _SECONDS}
    return replace(made, counts=counts, **seconds)
