"""Convex quadratic problems by HiGHS, whose method keeps a set of active limits.

Separate from `highs` because no function of SciPy takes them. The copy of HiGHS inside SciPy does,
by bindings that are the same as those of the package highspy; that is used where SciPy's are not
what they were. Threads of HiGHS would not live through a fork: it is asked for one.

HiGHS adds 1e-7 to the diagonal of the Hessian, which makes solutions inexact, and gives one to
problems that are unbounded: it is asked not to.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.adapters.ipopt_options import variants
from sparsesolve.adapters.nlp import Ended
from sparsesolve.adapters.recession import falling_direction, feasible_point, nearest_point
from sparsesolve.errors import SolverUnavailable
from sparsesolve.host.imports import importing
from sparsesolve.methods.convexity import is_positive_semidefinite
from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Status

__all__ = [
    "LEAST_TOLERANCE",
    "TOLERANCES",
    "find_highs",
    "is_contradicted",
    "is_convex_quadratic",
    "is_quadratic",
    "least_violation",
    "solve_quadratic",
    "without_solution",
]

Array = NDArray[np.float64]

_ENDS = {
    "kOptimal": (Status.SOLVED, "Solved: the point satisfies the tolerances."),
    "kInfeasible": (Status.INFEASIBLE, "The constraints contradict each other."),
    "kUnbounded": (Status.UNBOUNDED, "The objective falls without bound."),
    "kUnboundedOrInfeasible": (Status.FAILED, "The problem is unbounded or infeasible."),
    "kTimeLimit": (Status.TIME_LIMIT, "Reached the limit on time (`time_limit`)."),
    "kIterationLimit": (Status.ITERATION_LIMIT, "Reached the limit on iterations."),
}
TOLERANCES = ("primal_feasibility_tolerance", "dual_feasibility_tolerance")
"""What `tol` is."""

LEAST_TOLERANCE = 1e-10
"""HiGHS takes none below."""

# options of linprog by the names of HiGHS
_OF_LINPROG = {"disp": "output_flag", "maxiter": "qp_iteration_limit"}


# what is called here
_NAMES = ("HighsHessian", "HessianFormat", "HighsModel", "HighsStatus", "MatrixFormat", "_Highs")


def find_highs() -> tuple[str, Any] | None:
    """Return where bindings of HiGHS are from, and the module; None where there are none."""
    for name, source in (("scipy.optimize._highspy._core", "SciPy"), ("highspy", "highspy")):
        try:
            with importing():
                module = importlib.import_module(name)
        except ImportError:
            continue
        if all(hasattr(module, wanted) for wanted in _NAMES):
            return source, module
    return None


def require_highs() -> tuple[str, Any]:
    """Return where bindings of HiGHS are from, and the module.

    Raises
    ------
    SolverUnavailable
        If there are none.
    """
    found = find_highs()
    if found is None:
        raise SolverUnavailable(
            "quadratic problems by HiGHS need highspy here: pip install 'sparsesolve[highs]'."
        )
    return found


def is_quadratic(problem: Problem) -> bool:
    """Whether the objective is proven quadratic and all rows affine, of any curvature."""
    if not problem.second_order or problem.objective is None:
        return False
    derivatives = problem.derivatives
    rows = bool(np.all(derivatives.linear_rows))
    return rows and bool(derivatives.objective_is_quadratic)


def is_convex_quadratic(problem: Problem) -> bool:
    """Whether the objective is proven convex and quadratic, and all rows affine.

    Parameters
    ----------
    problem : Problem
        Its derivatives are prepared here if they were not before. That the Hessian is constant
        is known from its program; that it is positive semidefinite, by a factorization of it.
    """
    return is_quadratic(problem) and is_positive_semidefinite(_hessian(Evaluation(problem)))


def _hessian(evaluation: Evaluation) -> Any:
    none = np.zeros(evaluation.m)
    values = evaluation.hessian_values(evaluation.problem.start, none, 1.0)
    return evaluation.derivatives.hessian_full(values)


def solve_quadratic(
    evaluation: Evaluation, options: Mapping[str, Any], tol: float | None
) -> tuple[Ended, str]:
    """Solve a convex quadratic problem.

    Parameters
    ----------
    evaluation : Evaluation
        Of a problem that `is_convex_quadratic`.
    options : mapping
        HiGHS' own, and linprog's ``disp``, ``maxiter``, ``presolve``.
    tol : float, optional
        Of feasibility, primal and dual.

    Returns
    -------
    ended : Ended
        With multipliers of rows and bounds.
    backend : str
        Which HiGHS.

    Raises
    ------
    SolverUnavailable
        If there is no HiGHS that takes them.
    ValueError
        If an option is refused.
    """
    source, module = require_highs()
    model = _model(module, evaluation)
    limit = max(1000, _STEPS_A_LIMIT * (evaluation.n + evaluation.m))
    chosen: dict[str, Any] = {**_DEFAULTS, "qp_iteration_limit": limit}
    if tol is not None:
        chosen |= dict.fromkeys(TOLERANCES, max(tol, LEAST_TOLERANCE))
    solver = module._Highs()
    for name, value in (chosen | dict(options)).items():
        _set_option(module, solver, _OF_LINPROG.get(name, name), value)
    solver.passModel(model)
    solver.run()
    return _ended(solver, evaluation), f"HiGHS {solver.version()}, bindings of {source}"


def without_solution(evaluation: Evaluation, ended: Ended) -> Ended | None:
    """Return how a convex quadratic problem ends that is unbounded or infeasible; else None.

    Parameters
    ----------
    evaluation : Evaluation
        Of the problem.
    ended : Ended
        What HiGHS said of it.
    """
    slope, hessian = _quadratic(evaluation)
    rows, limits = _rows(evaluation)
    bounds = evaluation.lower, evaluation.upper
    if falling_direction(slope, hessian, rows, limits, bounds) is None:
        return None
    x = feasible_point(rows, limits, bounds)
    code = "kInfeasible" if x is None else "kUnbounded"
    at = least_violation(evaluation) if x is None else np.clip(x, *bounds)
    return Ended(at, *_ENDS[code], code=ended.code, iterations=ended.iterations)


def is_contradicted(evaluation: Evaluation, ended: Ended) -> bool:
    """Whether a convex quadratic problem is not infeasible or unbounded as HiGHS says.

    It takes small curvatures for none; so what is unbounded must have been proven before.

    Parameters
    ----------
    evaluation : Evaluation
        Of a problem that is not `without_solution`.
    ended : Ended
        What HiGHS said of it.
    """
    if ended.status is Status.UNBOUNDED:
        return True
    bounds = evaluation.lower, evaluation.upper
    return feasible_point(*_rows(evaluation), bounds) is not None


def least_violation(evaluation: Evaluation) -> Array:
    """Return a point within bounds that violates the rows least in sum; they are affine."""
    bounds = evaluation.lower, evaluation.upper
    x = nearest_point(*_rows(evaluation), bounds)
    return evaluation.problem.start if x is None else np.clip(x, *bounds)


_REGULARIZATION = "qp_regularization_value"
_DEFAULTS: dict[str, Any] = {"output_flag": False, "threads": 1, _REGULARIZATION: 0.0}
_STEPS_A_LIMIT = 50  # so that it ends where it would go round


def _set_option(module: Any, solver: Any, name: str, value: Any) -> None:
    kinds = variants(value)
    if isinstance(value, bool | np.bool_):
        kinds = ["on" if value else "off"] if name == "presolve" else [bool(value)]
    for kind in kinds:
        if solver.setOptionValue(name, kind) == module.HighsStatus.kOk:
            return
    raise ValueError(
        f"HiGHS refused the option {name!r} (value {value!r}): it has none of this name, or this "
        "is no value of it."
    )


def _quadratic(evaluation: Evaluation) -> tuple[Array, Any]:
    """Return c and H of 1/2 x'Hx + c'x, as they are at the start."""
    hessian, at = _hessian(evaluation), evaluation.problem.start
    return np.array(evaluation.gradient(at)) - hessian @ at, hessian


def _rows(evaluation: Evaluation) -> tuple[Any, tuple[Array, Array]]:
    """Return the coefficients of the rows, and their limits without what is constant."""
    at = evaluation.problem.start
    rows, offset = sp.csr_array((0, evaluation.n)), np.zeros(0)
    if evaluation.m:
        pattern = evaluation.derivatives.jacobian_pattern
        rows = pattern.to_scipy(np.array(evaluation.jacobian_values(at)))
        offset = np.array(evaluation.constraints(at)) - rows @ at
    return rows, (evaluation.row_lower - offset, evaluation.row_upper - offset)


def _model(module: Any, evaluation: Evaluation) -> Any:
    """Write the problem as HiGHS has it."""
    slope, hessian = _quadratic(evaluation)
    rows, limits = _rows(evaluation)
    model = module.HighsModel()
    lp = model.lp_
    lp.num_col_, lp.num_row_ = int(evaluation.n), int(evaluation.m)
    lp.col_cost_ = slope
    lp.col_lower_, lp.col_upper_ = evaluation.lower, evaluation.upper
    lp.a_matrix_.format_ = module.MatrixFormat.kRowwise
    lp.a_matrix_.num_col_, lp.a_matrix_.num_row_ = lp.num_col_, lp.num_row_
    lp.a_matrix_.start_, lp.a_matrix_.index_ = rows.indptr, rows.indices
    lp.a_matrix_.value_ = rows.data
    lp.row_lower_, lp.row_upper_ = limits
    model.lp_ = lp
    lower = sp.csc_array(sp.tril(hessian))
    lower.sort_indices()
    model.hessian_.dim_ = int(evaluation.n)
    model.hessian_.format_ = module.HessianFormat.kTriangular
    model.hessian_.start_, model.hessian_.index_ = lower.indptr, lower.indices
    model.hessian_.value_ = lower.data
    return model


def _ended(solver: Any, evaluation: Evaluation) -> Ended:
    code = solver.getModelStatus()
    other = (Status.FAILED, f"HiGHS ended with: {solver.modelStatusToString(code)}.")
    status, message = _ENDS.get(code.name, other)
    solution, info = solver.getSolution(), solver.getInfo()
    steps = (info.qp_iteration_count, info.simplex_iteration_count, info.ipm_iteration_count)
    ended = Ended(
        evaluation.problem.start,
        status,
        message,
        code=int(code.value),
        iterations=sum(max(0, int(count)) for count in steps),
    )
    if not solution.value_valid or len(solution.col_value) != evaluation.n:
        return ended
    x = np.clip(np.array(solution.col_value), evaluation.lower, evaluation.upper)
    prices = np.array(solution.col_dual if solution.dual_valid else np.zeros(evaluation.n))
    rows = np.array(solution.row_dual if solution.dual_valid else np.zeros(evaluation.m))
    bounds = (np.maximum(prices, 0.0), np.maximum(-prices, 0.0))
    return Ended(x, status, message, -rows, bounds, ended.code, ended.iterations)
