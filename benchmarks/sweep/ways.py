"""Ways to get derivatives, and which solver takes which problem with which of them.

Separate because it is the table that says what a cell is: one row a solver, one branch a way.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

import sparsesolve as ss

from .attempt import OPTIONS, Attempt
from .posed import Description

__all__ = ["SOLVERS", "WAYS", "refusal", "solve"]

WAYS = ("compiled", "colored", "dense-autograd", "finite-difference")
"""Ours twice, autograd's dense matrices, and 2-point differences with a quasi-Newton Hessian."""


@dataclass(frozen=True, slots=True)
class Solver:
    """What a solver takes.

    Parameters
    ----------
    bounds, constraints : bool
        Whether it takes them.
    needs_gradient : bool
        Whether it cannot work with differences of its own.
    method : str
        What `minimize` calls it, where that is not its name here.
    """

    bounds: bool
    constraints: bool
    needs_gradient: bool = False
    method: str = ""


SOLVERS: Mapping[str, Solver] = {
    "ipopt": Solver(True, True),
    "pounce": Solver(True, True, needs_gradient=True),
    "uno-ipopt": Solver(True, True, needs_gradient=True, method="uno"),
    "uno-filtersqp": Solver(True, True, needs_gradient=True, method="uno"),
    "uno-filterslp": Solver(True, True, needs_gradient=True, method="uno"),
    "trust-constr": Solver(True, True),
    "slsqp": Solver(True, True),
    "l-bfgs-b": Solver(True, False),
    "tnc": Solver(True, False),
    "newton-cg": Solver(False, False, needs_gradient=True),
    "trust-ncg": Solver(False, False, needs_gradient=True),
    "trust-krylov": Solver(False, False, needs_gradient=True),
    "trust-exact": Solver(False, False, needs_gradient=True),
    "dogleg": Solver(False, False, needs_gradient=True),
    "bfgs": Solver(False, False),
    "cg": Solver(False, False),
}


def refusal(solver: str, way: str, problem: Description) -> str:
    """Say why a solver cannot take a problem in this way; "" where it can."""
    takes = SOLVERS[solver]
    if problem.m and not takes.constraints:
        return f"{solver} takes no constraints"
    if problem.bounded and not takes.bounds:
        return f"{solver} takes no bounds"
    if problem.fixed and not takes.bounds and way == "finite-difference":
        return f"{solver} takes no fixed variables"
    if takes.needs_gradient and way == "finite-difference":
        return f"{solver} needs a gradient"
    return ""


def solve(problem: ss.Problem, solver: str, way: str, seconds: float) -> Attempt:
    """Solve a problem in one way.

    Parameters
    ----------
    problem : Problem
        Not prepared yet.
    solver, way : str
        Of `SOLVERS` and `WAYS`.
    seconds : float, s
        The solve is stopped at the first iteration after this time.

    Returns
    -------
    Attempt
        Its clock begins before anything is traced.
    """
    if way == "finite-difference":
        from .differences import by_differences

        return by_differences(problem, solver, seconds)
    if way == "dense-autograd":
        from .dense import DenseProblem

        problem = DenseProblem(problem)
    begin = time.perf_counter()
    result = ss.minimize(
        problem,
        solver=SOLVERS[solver].method or solver,
        options=OPTIONS[solver],
        callback=lambda state: time.perf_counter() - begin > seconds,
    )
    elapsed = time.perf_counter() - begin
    stopped = result.status is ss.Status.STOPPED
    told = np.asarray(result.multipliers)
    return Attempt(
        x=result.x,
        multipliers=told if told.size and np.any(told) else None,
        status="time-limit" if stopped else result.status.value,
        message=f"stopped after {seconds:g} s" if stopped else result.message,
        iterations=result.iterations,
        counts=result.counts,
        preparation=result.seconds_preparation,
        derivatives=result.seconds_derivatives,
        seconds=elapsed,
        note="" if way == "dense-autograd" else "; ".join(problem.derivatives.log.notes),
    )
