"""``scipy.optimize.minimize`` with exact derivatives, in the form that each of its methods takes.

Each method wants something else (see `_METHODS`): Newton-CG and trust-constr take
sparse Hessians; trust-ncg and trust-krylov fail on them and take products; trust-exact and dogleg
take dense ones; the others take a gradient only. This module is imported on use.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from sparsesolve.adapters.nlp import Ended, result_of
from sparsesolve.adapters.reduction import Reduction
from sparsesolve.adapters.scipy_methods import SCIPY_METHODS, Method, find_method
from sparsesolve.adapters.slsqp import slsqp_constraints, slsqp_multipliers
from sparsesolve.adapters.trust_constr import RowBlock, scipy_constraints
from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.methods.failure import INTERRUPTED, NUMERICAL, describe_failure
from sparsesolve.methods.freshness import refresh
from sparsesolve.methods.monitor import Monitor
from sparsesolve.options import count
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Result, Status

__all__ = ["SCIPY_METHODS", "find_method", "solve_scipy", "to_scipy"]

Array = NDArray[np.float64]


# scipy's default for trust-constr
_BARRIER_TOL = 1e-8

# tolerance of a second run, where the default one of a method stopped it short of a solution
_TIGHTER = 1e-10

# an objective below its negative has no minimum
_UNBOUNDED = 1e20

# 2 GB of doubles
_DENSE_LIMIT = 2.5e8


def solve_scipy(
    problem: Problem,
    monitor: Monitor,
    *,
    solver: str,
    options: Mapping[str, Any] | None = None,
    tol: float | None = None,
    warm_start: Result | None = None,
) -> Result:
    """Solve by a method of ``scipy.optimize.minimize``.

    Parameters
    ----------
    problem : Problem
        The problem.
    monitor : Monitor
        Receives the iterations.
    solver : str
        One of `SCIPY_METHODS`, in any case.
    options : mapping, optional
        The method's own options.
    tol : float, optional
        As scipy understands it for this method.
    warm_start : Result, optional
        Its point is the start; scipy takes no multipliers.

    Returns
    -------
    Result
        Also where the method fails.

    Raises
    ------
    ValueError
        If the method cannot take the problem, or an option is unknown.
    """
    method = find_method(solver)
    for name in ("maxiter", "maxfun", "maxfev"):
        if (options or {}).get(name):
            count(name, (options or {})[name], 2**62)
    _check_fit(method, problem)
    evaluation = Evaluation(problem)
    reduction = Reduction(evaluation)
    x0 = problem.start if warm_start is None else np.clip(warm_start.x, *problem.bounds)
    call = _Call(method, reduction, monitor, reduction.restrict(x0))
    call.barrier_tol = float(
        (options or {}).get("barrier_tol", _BARRIER_TOL if tol is None else tol)
    )
    bad = call.first_bad_value()
    if bad:
        return call.ended(Status.EVALUATION_ERROR, bad)
    arguments = call.arguments()
    result = None
    try:
        call.report_start()
        raw = call.minimize(arguments, tol, options)
        result = call.result(raw)
        if call.stopped_early(raw, result) and tol is None and not options:
            again = call.result(call.minimize(arguments | {"x0": raw.x}, _TIGHTER, None))
            improved = again.success or again.optimality < result.optimality
            result = replace(again if improved else result, iterations=monitor.iterations)
    except scipy.optimize.OptimizeWarning as warning:
        raise ValueError(
            f"{method.name} refused an option: {warning}. Given: {sorted(options or {})}."
        ) from warning
    except KeyboardInterrupt:
        return call.ended(Status.INTERRUPTED, INTERRUPTED)
    except StopIteration:  # at the start; and TNC lets it through
        return call.ended(Status.STOPPED, "The callback stopped the solve.")
    except NUMERICAL as failure:
        own = (evaluation.error, monitor.error)
        text = describe_failure(failure, own, options, method.name)
        if not text:
            raise
        return result or call.failed(text)
    return result


def to_scipy(problem: Problem, solver: str) -> dict[str, Any]:
    """Return keyword arguments of ``scipy.optimize.minimize``; fixed variables stay in.

    Parameters
    ----------
    problem : Problem
        The problem; without fixed variables.
    solver : str
        One of `SCIPY_METHODS`.

    Returns
    -------
    dict
        Ready to be passed on.

    Raises
    ------
    ValueError
        If the method cannot take the problem, or variables are fixed (then x has another size).
    """
    method = find_method(solver)
    _check_fit(method, problem)
    refresh(problem)
    reduction = Reduction(Evaluation(problem))
    if reduction.any_fixed:
        raise ValueError(
            f"{problem.n - reduction.k} variables are fixed by equal bounds, which scipy handles "
            "badly. Use sparsesolve.minimize, which removes and restores them."
        )
    return _Call(method, reduction, Monitor(method.name), problem.start).arguments()


def _check_fit(method: Method, problem: Problem) -> None:
    lower, upper = problem.bounds
    bounded = (np.isfinite(lower) | np.isfinite(upper)) & (lower != upper)
    if problem.constraints and not method.constraints:
        raise ValueError(
            f"{method.name} takes no constraints, and this problem has "
            f"{len(problem.constraints)}. Use solver='ipopt' or 'trust-constr' (or 'SLSQP' when "
            "small)."
        )
    if bounded.any() and not method.bounds:
        raise ValueError(
            f"{method.name} takes no bounds, and {int(bounded.sum())} variables have some. Use "
            "solver='ipopt', 'L-BFGS-B', 'TNC' or 'trust-constr'."
        )
    n = float(problem.n)
    doubles = method.dense * n * n
    if method.name == "SLSQP" and doubles <= _DENSE_LIMIT:
        doubles += 3.0 * problem.m * n
    if doubles > _DENSE_LIMIT:
        raise ValueError(
            f"{method.name} stores dense matrices: n = {problem.n} needs about "
            f"{doubles * 8e-9:.0f} GB. Use solver='ipopt', 'trust-constr', 'L-BFGS-B' or "
            "'trust-krylov', which do not."
        )


class _Call:
    """One call of scipy: its arguments, its callback, and how to read its answer."""

    def __init__(
        self, method: Method, reduction: Reduction, monitor: Monitor, start: Array
    ) -> None:
        self.method = method
        self.reduction = reduction
        self.monitor = monitor
        self.start = start
        self.barrier_tol = _BARRIER_TOL
        self.blocks: list[tuple[RowBlock, Any]] = []
        self._previous = start

    def first_bad_value(self) -> str:
        """Say what is not finite at the start, where some methods then report success."""
        evaluation, x = self.reduction.evaluation, self.reduction.expand(self.start)
        for name, function in (
            ("objective", evaluation.objective),
            ("gradient", evaluation.gradient),
            ("constraints", evaluation.constraints),
            ("Jacobian", evaluation.jacobian_values),
        ):
            values = np.atleast_1d(function(x))
            if not np.all(np.isfinite(values)):
                value = values[~np.isfinite(values)][0]
                why = evaluation.derivatives.explain_nonfinite(x)
                return f"The {name} is {value} at the start, or has such an entry. {why}".strip()
        return ""

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of scipy.optimize.minimize."""
        reduction, method = self.reduction, self.method
        arguments: dict[str, Any] = {
            "fun": reduction.objective,
            "x0": self.start,
            "jac": reduction.gradient,
            "method": method.name,
        }
        arguments |= self._second_derivatives()
        bounded = np.isfinite(reduction.lower).any() or np.isfinite(reduction.upper).any()
        if method.bounds and bounded:
            kept = reduction.evaluation.problem.keep_feasible[reduction.free]
            limits = reduction.lower, reduction.upper
            arguments["bounds"] = scipy.optimize.Bounds(*limits, keep_feasible=kept)
        if method.name == "trust-constr":
            self.blocks = scipy_constraints(reduction, self.start)
            arguments["constraints"] = [c for _, c in self.blocks]
        elif method.name == "SLSQP":
            arguments["constraints"] = slsqp_constraints(reduction)
        return arguments

    def _second_derivatives(self) -> dict[str, Callable[..., Any]]:
        none = np.zeros(self.reduction.evaluation.m)
        matrix = self.reduction.hessian
        if not self.reduction.derivatives.second_order:
            quasi = self.method.name == "trust-constr"
            return {"hess": scipy.optimize.BFGS()} if quasi else {}
        if self.method.hessian == "sparse":
            return {"hess": self.reduction.objective_hessian}
        if self.method.hessian == "product":
            return {"hessp": lambda z, p: self.reduction.objective_hessian(z) @ p}
        if self.method.hessian == "dense":
            return {"hess": lambda z: matrix(z, none, 1.0).toarray()}
        return {}

    def minimize(
        self, arguments: dict[str, Any], tol: float | None, options: Mapping[str, Any] | None
    ) -> Any:
        """Run scipy's method; an option that it does not know is an error."""
        with warnings.catch_warnings():
            warnings.simplefilter("error", scipy.optimize.OptimizeWarning)
            if not self.reduction.derivatives.second_order:  # of quasi-Newton and linear rows
                warnings.filterwarnings("ignore", "delta_grad == 0.0", UserWarning)
            try:
                return scipy.optimize.minimize(
                    **arguments, tol=tol, options=dict(options or {}), callback=self.callback()
                )
            except TypeError as error:
                if "_minimize" not in str(error) or "unexpected keyword" not in str(error):
                    raise
                raise ValueError(
                    f"{self.method.name} does not know the option {str(error).split()[-1]}. Its "
                    f"options are listed by scipy.optimize.show_options('minimize', "
                    f"{self.method.name!r})."
                ) from None

    def stopped_early(self, raw: Any, result: Result) -> bool:
        """Whether the method says solved by its default tolerance, and our measure does not."""
        claims = self.method.status.get(int(raw.status)) is Status.SOLVED
        numbered = self.method.name != "trust-constr"  # counts its iterations by itself
        return claims and numbered and result.status in (Status.ACCEPTABLE, Status.STALLED)

    def callback(self) -> Callable[..., Any]:
        """In the form of the method; one that stops raises StopIteration."""
        if self.method.name == "trust-constr":
            return self._trust_constr_callback
        return self._point_callback

    def report_start(self) -> None:
        """Report iteration 0, as IPOPT does; trust-constr reports the start itself."""
        if self.method.name != "trust-constr":
            self._report(0, self.start)

    def _trust_constr_callback(self, z: Array, state: Any) -> bool:
        # The interior-point method measures optimality without complementarity, and stops where
        # one barrier problem is solved very well although its barrier is still high. The state is
        # tested against `gtol` after this callback: so long as the barrier is high, it fails.
        barrier = float(getattr(state, "barrier_parameter", 0.0))
        if barrier > self.barrier_tol:
            state.optimality = max(float(state.optimality), barrier)
        return not self.monitor.update(
            int(state.nit),
            self.reduction.expand(z),
            float(state.fun),
            constraint_violation=float(state.constr_violation),
            optimality=float(state.optimality),
            step=float(state.tr_radius),
            slopes=self._slopes(state),
            extra={"cg_iterations": int(state.cg_niter)},
        )

    def _slopes(self, state: Any) -> Array:
        slopes = np.zeros(self.reduction.evaluation.n)
        slopes[self.reduction.free] = state.lagrangian_grad
        return slopes

    def _point_callback(self, xk: Array) -> None:
        self._report(self.monitor.iterations + 1, np.array(xk))

    def _report(self, iteration: int, z: Array) -> None:
        x = self.reduction.expand(z)
        evaluation = self.reduction.evaluation
        going = self.monitor.update(
            iteration,
            x,
            evaluation.objective(x),
            constraint_violation=evaluation.violation(x),
            optimality=self._projected_gradient(z),
            step=float(np.max(np.abs(z - self._previous), initial=0.0)),
        )
        self._previous = z
        if not going:
            raise StopIteration

    def _projected_gradient(self, z: Array) -> float:
        if self.reduction.evaluation.m:
            return float("nan")  # needs multipliers, which no method with rows tells here
        step = z - self.reduction.gradient(z)
        moved = np.clip(step, self.reduction.lower, self.reduction.upper) - z
        return float(np.max(np.abs(moved), initial=0.0))

    def ended(self, status: Status, message: str) -> Result:
        """Return the result of a solve that gave no answer: the best point seen."""
        best = self.monitor.best
        x = self.reduction.expand(self.start) if best is None else best.x
        return result_of(self.reduction.evaluation, self.monitor, Ended(x, status, message))

    def failed(self, message: str) -> Result:
        """Return the result of a solve that an exception ended."""
        evaluation = self.reduction.evaluation
        bad = evaluation.describe_nonfinite()
        if bad:
            return self.ended(Status.EVALUATION_ERROR, f"{message.rstrip('. ')}. {bad}")
        best = self.monitor.best
        if best is not None and best.fun < -_UNBOUNDED:
            return self.ended(Status.UNBOUNDED, f"The objective falls without bound. {message}")
        return self.ended(Status.FAILED, message)

    def result(self, raw: Any) -> Result:
        """Read scipy's answer."""
        status = self.method.status.get(int(raw.status), Status.FAILED)
        message = str(raw.message)
        if self.monitor.stopped:
            status, message = Status.STOPPED, "The callback stopped the solve."
        ended = Ended(
            self.reduction.expand(raw.x),
            status,
            message,
            self._multipliers(raw),
            self._bound_multipliers(raw),
            int(raw.status),
            int(raw.nit),
        )
        return result_of(self.reduction.evaluation, self.monitor, ended)

    def _bound_multipliers(self, raw: Any) -> tuple[Array, Array] | None:
        if self.method.name != "trust-constr" or len(raw.v) == len(self.blocks):
            return None
        lower, upper = (np.zeros(self.reduction.evaluation.n) for _ in range(2))
        lower[self.reduction.free] = np.maximum(-raw.v[-1], 0.0)
        upper[self.reduction.free] = np.maximum(raw.v[-1], 0.0)
        return lower, upper

    def _multipliers(self, raw: Any) -> Array | None:
        m = self.reduction.evaluation.m
        if m == 0:
            return None
        if self.method.name == "SLSQP":
            return slsqp_multipliers(self.reduction, raw.multipliers)
        multipliers = np.zeros(m)
        for (block, _), v in zip(self.blocks, raw.v, strict=False):  # bounds come last
            multipliers[block.rows] += v
        return multipliers
