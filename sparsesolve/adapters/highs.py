"""Problems proven linear or convex quadratic by HiGHS; the answer of a linear one is a vertex.

Separate because it takes only what is proven: the derivatives at one point are then the whole
problem. Linear ones go through ``scipy.optimize.linprog``.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from sparsesolve.adapters.highs_quadratic import (
    LEAST_TOLERANCE,
    TOLERANCES,
    is_contradicted,
    is_convex_quadratic,
    least_violation,
    solve_quadratic,
    without_solution,
)
from sparsesolve.adapters.ipopt_callbacks import Callbacks
from sparsesolve.adapters.nlp import Ended, read_end, result_of
from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.methods.monitor import Monitor
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Result, Status

__all__ = ["is_linear", "solve_highs"]

Array = NDArray[np.float64]

_STATUS = {
    0: Status.SOLVED,
    1: Status.ITERATION_LIMIT,
    2: Status.INFEASIBLE,
    3: Status.UNBOUNDED,
    4: Status.FAILED,
}
_UNCLEAR = (2, 4)  # what presolving says of a problem that is either unbounded or infeasible
_SLOPE = 1e-6  # ten times HiGHS' tolerance
_ROUNDING = 1e-11  # of the largest slope
_PROOFS = (Status.INFEASIBLE, Status.UNBOUNDED)
_DOUBT = "HiGHS ended with what linear problems contradict:"
_LEFT = "HiGHS ended where more of a slope is left than it allows."
_FINAL = (Status.SOLVED, Status.INFEASIBLE, Status.TIME_LIMIT)


def is_linear(problem: Problem) -> bool:
    """Whether the objective and all rows are proven affine in x.

    Parameters
    ----------
    problem : Problem
        Its derivatives are prepared here if they were not before.
    """
    if not problem.second_order:
        return False
    derivatives = problem.derivatives
    linear = problem.objective is None or bool(derivatives.objective_is_linear)
    return linear and bool(np.all(derivatives.linear_rows))


def solve_highs(
    problem: Problem, monitor: Monitor, *, options: Mapping[str, Any] | None, tol: float | None
) -> Result:
    """Solve a linear problem, or a convex quadratic one.

    Parameters
    ----------
    problem : Problem
        One that `is_linear`, or `is_convex_quadratic`.
    monitor : Monitor
        Receives the start and the end; HiGHS tells nothing between.
    options : mapping, optional
        Those of ``linprog(method="highs")``: presolve, time_limit, disp, maxiter, ...; for
        quadratic problems HiGHS' own as well.
    tol : float, optional
        Of feasibility, primal and dual.

    Returns
    -------
    Result
        With multipliers of rows and bounds.

    Raises
    ------
    ValueError
        If neither is proven.
    SolverUnavailable
        If it is quadratic, and there is no HiGHS for it.
    """
    linear = is_linear(problem)
    if not linear and not is_convex_quadratic(problem):
        raise ValueError(
            "method='highs' takes linear and convex quadratic problems; "
            f"{_what_is_not(problem)}. Use method='auto'."
        )
    evaluation = Evaluation(problem)
    program = _LinearProgram(evaluation)
    bad = program.first_bad_value()
    if bad:
        message = f"The {bad} is not finite at the start."
        return _ended(evaluation, monitor, Status.EVALUATION_ERROR, message)
    monitor.update(0, problem.start, evaluation.objective(problem.start))
    if monitor.stopped:
        return _ended(evaluation, monitor, Status.STOPPED, "The callback stopped the solve.")
    given = dict(options or {})
    if not linear:
        ended, backend = solve_quadratic(evaluation, given, tol)
        if ended.status is Status.INFEASIBLE:
            ended = replace(ended, x=least_violation(evaluation))
        found = read_end(Callbacks(evaluation), monitor, ended)
        final = found.status in _FINAL and not _is_steep(found)
        if not final and (other := without_solution(evaluation, ended)):
            found = read_end(Callbacks(evaluation), monitor, other)
        elif found.status in _PROOFS and is_contradicted(evaluation, ended):
            found = replace(found, status=Status.STALLED, message=f"{_DOUBT} {found.message}")
        elif _is_steep(found):
            found = replace(found, status=Status.STALLED, message=_LEFT)
        # along a flat direction that falls slowly it ends anywhere, and every slope is small
        short = found.status is Status.ACCEPTABLE
        return replace(found, backend=backend, status=Status.STALLED if short else found.status)
    if tol is not None:
        given |= dict.fromkeys(TOLERANCES, max(tol, LEAST_TOLERANCE))
    raw = program.solve(given)
    if raw.status in _UNCLEAR and raw.x is None:
        raw = program.solve(given | {"presolve": False})
    status = _STATUS.get(int(raw.status), Status.FAILED)
    if raw.x is None:
        return _ended(evaluation, monitor, status, str(raw.message), int(raw.status))
    prices = np.array(raw.lower.marginals), -np.array(raw.upper.marginals)
    told = int(raw.status), int(raw.nit)
    ended = Ended(raw.x, status, str(raw.message), program.multipliers(raw), prices, *told)
    return result_of(evaluation, monitor, ended)


class _LinearProgram:
    """A problem in linprog's form: rows at one limit, by which limit that is."""

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation
        at = evaluation.problem.start
        self.cost = np.array(evaluation.gradient(at))
        self.values = evaluation.jacobian_values(at)
        pattern = evaluation.derivatives.jacobian_pattern
        self.matrix = scipy.sparse.csr_array(
            (self.values, pattern.indices, pattern.indptr), shape=(evaluation.m, evaluation.n)
        )
        self.offset = np.array(evaluation.constraints(at)) - self.matrix @ at
        lower, upper = evaluation.row_lower, evaluation.row_upper
        equal = lower == upper
        self.equal = np.flatnonzero(equal)
        self.above = np.flatnonzero(~equal & np.isfinite(upper))
        self.below = np.flatnonzero(~equal & np.isfinite(lower))

    def first_bad_value(self) -> str:
        """Name what is not finite, or nothing."""
        parts = {"gradient": self.cost, "Jacobian": self.values, "constraints": self.offset}
        return next((name for name, part in parts.items() if not np.isfinite(part).all()), "")

    def solve(self, options: Mapping[str, Any]) -> Any:
        """Run HiGHS."""
        evaluation = self.evaluation
        lower, upper = evaluation.row_lower - self.offset, evaluation.row_upper - self.offset
        limits: dict[str, Any] = {}
        if self.equal.size:
            limits |= {"A_eq": self.matrix[self.equal], "b_eq": upper[self.equal]}
        if self.above.size or self.below.size:
            sides = self.matrix[self.above], -self.matrix[self.below]
            limits["A_ub"] = scipy.sparse.vstack(sides, format="csr")
            limits["b_ub"] = np.concatenate([upper[self.above], -lower[self.below]])
        limits["bounds"] = np.stack([evaluation.lower, evaluation.upper], axis=1)
        with warnings.catch_warnings():
            warnings.simplefilter("error", scipy.optimize.OptimizeWarning)
            try:
                return scipy.optimize.linprog(
                    self.cost, method="highs", options=dict(options), **limits
                )
            except scipy.optimize.OptimizeWarning as warning:
                raise ValueError(
                    f"HiGHS refused an option: {warning} Its options are listed by "
                    "scipy.optimize.show_options('linprog', 'highs')."
                ) from warning

    def multipliers(self, raw: Any) -> Array:
        """Return those of the rows: what a marginal calls a price has the other sign."""
        found = np.zeros(self.evaluation.m)
        if self.equal.size:
            found[self.equal] = -raw.eqlin.marginals
        if self.above.size or self.below.size:
            prices = raw.ineqlin.marginals
            found[self.above] -= prices[: self.above.size]
            found[self.below] += prices[self.above.size :]
        return found


def _is_steep(found: Result) -> bool:
    """Whether more of a slope is left than HiGHS leaves: it may be one without an end.

    Where units differ much, a slope that is small beside others may still lead far down.
    """
    least = max(_SLOPE, _ROUNDING * float(np.abs(found.gradient).max(initial=0.0)))
    return found.status is Status.SOLVED and found.optimality > least


def _ended(
    evaluation: Evaluation,
    monitor: Monitor,
    status: Status,
    message: str,
    solver_status: int | None = None,
) -> Result:
    """Return the result of a solve that gave no point."""
    infeasible = status is Status.INFEASIBLE
    x = least_violation(evaluation) if infeasible else evaluation.problem.start
    ended = Ended(x, status, message, code=solver_status)
    return result_of(evaluation, monitor, ended)


def _what_is_not(problem: Problem) -> str:
    if not problem.second_order:
        return "by differences nothing is proven linear"
    rows = int(np.sum(~np.asarray(problem.derivatives.linear_rows, dtype=bool)))
    if rows:
        return f"{rows} of {problem.m} rows are not proven linear"
    if not problem.derivatives.objective_is_quadratic:
        return "its objective is not proven linear or quadratic"
    return "its objective is quadratic and not proven convex"
