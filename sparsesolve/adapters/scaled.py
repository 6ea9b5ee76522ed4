"""A problem solved in its scales, and the answer in the user's units.

Whether the answer is a solution is judged in the user's units too, by the problem as it was given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.methods.kkt import make_result
from sparsesolve.methods.monitor import Monitor
from sparsesolve.methods.units import Units
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Result
from sparsesolve.problem.scaling import Scales, scaled_problem

__all__ = ["solve_scaled"]


def solve_scaled(
    problem: Problem,
    scales: Scales,
    solve: Callable[..., Result],
    *,
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
    warm_start, **given
        As for `solve`.
    """
    units = Units(problem, scales)
    start = None if warm_start is None else _to_scales(warm_start, units)
    result = solve(scaled_problem(problem, scales), units=units, warm_start=start, **given)
    return _from_scales(problem, result, units)


def _to_scales(result: Result, units: Units) -> Result:
    scales = units.scales
    factor = scales.x / scales.f
    lower, upper = (np.asarray(part) * factor for part in result.bound_multipliers)
    return replace(
        result,
        x=np.asarray(result.x) / scales.x,
        multipliers=np.asarray(result.multipliers) * units.rows / scales.f,
        bound_multipliers=(lower, upper),
    )


def _from_scales(problem: Problem, result: Result, units: Units) -> Result:
    scales = units.scales
    monitor = Monitor(result.solver)
    monitor.iterations = result.iterations
    factor = scales.f / scales.x
    multipliers, bound_multipliers = None, None
    if np.size(result.multipliers) == problem.m:
        multipliers = np.asarray(result.multipliers) * scales.f / units.rows
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
             "seconds_linear_solver", "notes", "history", "choice")  # fmt: skip
    return replace(made, **{name: getattr(result, name) for name in names})
