"""A problem solved in its scales, and the answer in the user's units.

Whether the answer is a solution is judged in the user's units too, by the problem as it was given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from sparsesolve.methods.callback import as_callback
from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.methods.kkt import make_result
from sparsesolve.methods.monitor import Monitor
from sparsesolve.problem.history import History
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Result
from sparsesolve.problem.scaling import Scales, scaled_problem

__all__ = ["solve_scaled"]


def solve_scaled(
    problem: Problem,
    scales: Scales,
    solve: Callable[..., Result],
    *,
    callback: Callable[..., Any] | None,
    warm_start: Result | None,
    **given: Any,
) -> Result:
    """Solve a problem in its scales.

    Parameters
    ----------
    problem : Problem
        The user's.
    scales : Scales
        Its units.
    solve : callable
        Solves a problem without scales.
    callback, warm_start, **given
        As for `solve`.
    """
    posed = scaled_problem(problem, scales)
    result = solve(
        posed,
        callback=None if callback is None else _in_units(callback, scales),
        warm_start=None if warm_start is None else _to_scales(problem, warm_start, scales),
        **given,
    )
    return _from_scales(problem, result, scales)


def _in_units(callback: Callable[..., Any], scales: Scales) -> Callable[..., Any]:
    called = as_callback(callback)
    return lambda state: called(replace(state, x=state.x * scales.x, fun=state.fun * scales.f))


def _rows(problem: Problem, scales: Scales) -> Any:
    sizes = problem.derivatives.constraint_sizes if problem.constraints else ()
    return scales.of_rows(tuple(sizes))


def _to_scales(problem: Problem, result: Result, scales: Scales) -> Result:
    factor = scales.x / scales.f
    lower, upper = (np.asarray(part) * factor for part in result.bound_multipliers)
    return replace(
        result,
        x=np.asarray(result.x) / scales.x,
        multipliers=np.asarray(result.multipliers) * _rows(problem, scales) / scales.f,
        bound_multipliers=(lower, upper),
    )


def _from_scales(problem: Problem, result: Result, scales: Scales) -> Result:
    monitor = Monitor(result.solver)
    monitor.iterations = result.iterations
    factor = scales.f / scales.x
    multipliers, bound_multipliers = None, None
    if np.size(result.multipliers) == problem.m:
        multipliers = np.asarray(result.multipliers) * scales.f / _rows(problem, scales)
        lower, upper = result.bound_multipliers
        if np.size(lower) == problem.n:
            bound_multipliers = (np.asarray(lower) * factor, np.asarray(upper) * factor)
    made = make_result(
        Evaluation(problem),
        monitor,
        x=np.clip(np.asarray(result.x) * scales.x, *problem.bounds),
        status=result.status,
        message=result.message.split(" Violated most:")[0],  # told again, in the user's units
        multipliers=multipliers,
        bound_multipliers=bound_multipliers,
        solver_status=result.solver_status,
    )
    names = ("counts", "seconds_preparation", "seconds_derivatives", "seconds_solver", "backend",
             "seconds_linear_solver", "notes")  # fmt: skip
    spent = {name: getattr(result, name) for name in names}
    rows = [(k, f * scales.f, *more) for k, f, *more in result.history.rows]
    return replace(made, **spent, history=History(rows))
