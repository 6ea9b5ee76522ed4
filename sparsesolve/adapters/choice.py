"""Which solver ``method="auto"`` stands for, by what is proven of a problem; and why.

Separate because it knows all solvers and calls none. What is proven comes from the program and,
of curvature, from a factorization; never from samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sparsesolve.adapters.highs import is_linear
from sparsesolve.adapters.highs_quadratic import find_highs, is_convex_quadratic
from sparsesolve.adapters.ipopt import ipopt_available
from sparsesolve.adapters.lifted import worth_lifting
from sparsesolve.adapters.pounce import pounce_available
from sparsesolve.adapters.uno import uno_available
from sparsesolve.host.dataclass import dataclass
from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.problem.problem import Problem

__all__ = ["ChosenSolver", "any_kept_feasible", "choose", "choose_solver"]

# names of options that users of scipy.optimize.minimize set most, and IPOPT does not have
_SCIPY_OPTIONS = frozenset(
    {"barrier_tol", "disp", "eps", "ftol", "gtol", "initial_constr_penalty", "initial_tr_radius"}
    | {"initial_trust_radius", "max_trust_radius", "maxcor", "maxfun", "maxiter", "maxls", "norm"}
    | {"return_all", "verbose", "xtol"}
)

# nonzeros of a Hessian that is sparse + low rank, from which on a solver of products is quicker
_LARGE = 2**21
_MOST_FORMED = 2**27  # more are never formed

# up to this many unknowns dense matrices cost little beside the calls of a black box
_FEW = 500

# up to this many unknowns and rows a method of active limits is quicker than an interior point
_FEW_LIMITS = 150

_INTERIOR: tuple[tuple[str, str, Callable[[], bool]], ...] = (
    ("pounce", "POUNCE", pounce_available),
    ("uno", "Uno", uno_available),
)


@dataclass(frozen=True, slots=True)
class ChosenSolver:
    """A solver, and why.

    Parameters
    ----------
    solver : str
        As ``method=`` takes it.
    why : str
        What was proven, or what else decided.
    certain : bool
        Whether it is asked alone; else another is, where it does not solve.
    """

    solver: str
    why: str
    certain: bool = True


def choose_solver(
    problem: Problem, options: Mapping[str, Any] | None = None, *, watched: bool = False
) -> str:
    """Return the solver that ``method="auto"`` stands for.

    Parameters
    ----------
    problem, options, watched
        As for `choose`.

    Returns
    -------
    str
        "highs" where all is proven linear, or convex, quadratic and small; else "ipopt" where it
        is installed, else another that is, or a method of scipy.
    """
    return choose(problem, options, watched=watched).solver


def choose(
    problem: Problem,
    options: Mapping[str, Any] | None = None,
    *,
    watched: bool = False,
    warm: bool = False,
    quadratic: bool = True,
) -> ChosenSolver:
    """Choose a solver.

    Parameters
    ----------
    problem : Problem
        What is proven of it, its bounds and constraints decide.
    options : mapping, optional
        Those that scipy alone knows keep IPOPT out; any keep HiGHS out.
    watched : bool, default False
        Whether somebody wants to see iterations, which HiGHS does not show.
    warm : bool, default False
        Whether it starts from another solution, which HiGHS does not take.
    quadratic : bool, default True
        Whether HiGHS may be asked for quadratic problems.

    Returns
    -------
    ChosenSolver
        The solver, and why.
    """
    if any_kept_feasible(problem):
        return ChosenSolver("trust-constr", "`keep_feasible` is known to trust-constr alone")
    if not (options or watched):
        if is_linear(problem):
            return ChosenSolver("highs", "the objective and all rows are proven linear: HiGHS")
        few = problem.n + problem.m <= _FEW_LIMITS
        if quadratic and few and not warm and is_convex_quadratic(problem) and find_highs():
            proof = "constant Hessian, positive semidefinite by a factorization"
            return ChosenSolver(
                "highs", f"proven convex and quadratic ({proof}): HiGHS", certain=False
            )
    kind = _kind(problem)
    if not problem.second_order:
        name = _first_order_solver(problem)
        return ChosenSolver(name, f"{kind}, first derivatives alone: {name}")
    name = _of_scipy(problem)
    lifts = problem.lift_sums or bool(problem.constraints)
    if _is_too_large(problem) and not (lifts and worth_lifting(problem)):
        return ChosenSolver(name, f"{kind}, with a Hessian that is too large to be formed: {name}")
    if _SCIPY_OPTIONS.intersection(options or ()):
        return ChosenSolver(name, f"{kind}, with options that are scipy's: {name}")
    if ipopt_available():
        return ChosenSolver("ipopt", f"{kind}: IPOPT")
    if problem.constraints:
        for other, title, available in _INTERIOR:
            if available():
                return ChosenSolver(other, f"{kind}: {title}, as IPOPT is not installed")
    return ChosenSolver(name, f"{kind}: {name}, as IPOPT is not installed")


def any_kept_feasible(problem: Problem) -> bool:
    """Whether any iterate must satisfy some limit."""
    kept = (c.keep_feasible for c in problem.constraints)
    rows = any(keep is not False and bool(np.any(keep)) for keep in kept)
    return rows or bool(problem.keep_feasible.any())


def _kind(problem: Problem) -> str:
    if problem.constraints:
        return "nonlinear, with constraints"
    return "nonlinear, with bounds" if _is_bounded(problem) else "nonlinear, without limits"


def _is_bounded(problem: Problem) -> bool:
    lower, upper = problem.bounds
    return bool(((np.isfinite(lower) | np.isfinite(upper)) & (lower != upper)).any())


def _of_scipy(problem: Problem) -> str:
    """Return a method of scipy that takes second derivatives where it can."""
    if problem.constraints:
        return "trust-constr"
    return "L-BFGS-B" if _is_bounded(problem) else "trust-krylov"


def _first_order_solver(problem: Problem) -> str:
    """Return a method for first derivatives alone; trust-constr takes many steps with them."""
    if not problem.constraints:
        return "L-BFGS-B"
    return "SLSQP" if problem.n <= _FEW else "trust-constr"


def _is_too_large(problem: Problem) -> bool:
    """Whether a Hessian would be large where products do without it, or cannot be formed at all."""
    nonzeros = Evaluation(problem).thin_hessian
    return nonzeros > (_MOST_FORMED if problem.constraints else _LARGE)
