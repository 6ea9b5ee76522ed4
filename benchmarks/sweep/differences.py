"""``finite-difference``: what people do who write no derivatives.

Separate because nothing of ours takes part: scipy's 2-point differences of the plain functions,
dense, and the quasi-Newton Hessian that the solver has for this case (BFGS; limited memory for
IPOPT). The problem's functions are called as they are; their calls are counted and timed.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

import sparsesolve as ss
from sparsesolve.problem.result import Counts

from .attempt import OPTIONS, Attempt

__all__ = ["by_differences"]

Array = NDArray[np.float64]
_STEP = float(np.sqrt(np.finfo(float).eps))


class TimeIsUp(Exception):
    """The time limit passed inside a callback."""


class Plain:
    """The plain functions of a problem, counted and timed, until the time is up."""

    def __init__(self, problem: ss.Problem, seconds: float) -> None:
        self.problem = problem
        self.rows = [c.function for c in problem.constraints]
        self.begin = time.perf_counter()
        self.deadline = self.begin + seconds
        self.inside = 0.0
        self.function = self.constraint = self.gradients = self.jacobians = self.iterations = 0
        self.x = problem.x0

    def objective(self, x: Array) -> float:
        """Return f(x)."""
        self.function += 1
        return float(self._timed(self.problem.objective or _zero, x))

    def constraints(self, x: Array) -> Array:
        """Return the stacked constraints."""
        self.constraint += 1
        return np.asarray(self._timed(self._stacked, x))

    def reached(self, x: Array) -> None:
        """Remember an iterate."""
        self.x = np.array(x)
        self.iterations += 1

    def attempt(self, status: str, message: str, multipliers: Array | None) -> Attempt:
        """Write down how it ended."""
        points = self.problem.n + 1  # of one 2-point difference, the value itself included
        gradients = self.gradients or self.function // points
        jacobians = self.jacobians or self.constraint // points
        return Attempt(
            x=np.asarray(self.x, dtype=float),
            multipliers=multipliers,
            status=status,
            message=message,
            iterations=self.iterations,
            counts=Counts(self.function, gradients, self.constraint, jacobians, 0),
            preparation=0.0,
            derivatives=self.inside,
            seconds=time.perf_counter() - self.begin,
        )

    def _timed(self, function: Callable[[Array], Any], x: Array) -> Any:
        start = time.perf_counter()
        if start > self.deadline:
            raise TimeIsUp
        try:
            with np.errstate(all="ignore"):
                return function(np.asarray(x, dtype=float))
        finally:
            self.inside += time.perf_counter() - start

    def _stacked(self, x: Array) -> Array:
        return np.concatenate([np.ravel(row(x)) for row in self.rows])


def by_differences(problem: ss.Problem, solver: str, seconds: float) -> Attempt:
    """Solve with differences.

    Parameters
    ----------
    problem : Problem
        Only its plain functions, start and limits are used.
    solver : str
        Key of `OPTIONS` that can do without derivatives.
    seconds : float, s
        The solve is stopped after this time.

    Returns
    -------
    Attempt
        Also where the solver fails.
    """
    plain = Plain(problem, seconds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _ipopt(plain) if solver == "ipopt" else _scipy(plain, solver)
        except TimeIsUp:
            return plain.attempt("time-limit", f"stopped after {seconds:g} s", None)


def _scipy(plain: Plain, solver: str) -> Attempt:
    problem = plain.problem
    lower, upper = problem.bounds
    arguments: dict[str, Any] = {}
    if np.isfinite(lower).any() or np.isfinite(upper).any():
        arguments["bounds"] = scipy.optimize.Bounds(lower, upper)
    if problem.constraints:
        limits = _limits(problem)
        arguments["constraints"] = scipy.optimize.NonlinearConstraint(plain.constraints, *limits)

    def follow(*state: Any) -> None:
        plain.reached(state[0])

    try:
        raw = scipy.optimize.minimize(
            plain.objective,
            problem.x0,
            method=solver,
            callback=follow,
            options=OPTIONS[solver],
            **arguments,
        )
    except (ValueError, np.linalg.LinAlgError, ZeroDivisionError) as error:
        return plain.attempt("failed", f"{type(error).__name__}: {error}", None)
    plain.x = np.asarray(raw.x, dtype=float)
    plain.iterations = int(raw.nit)
    plain.gradients = int(raw.get("njev", 0))
    told = raw.get("v") if solver == "trust-constr" and problem.constraints else None
    plain.jacobians = int(max(raw.get("constr_njev", [0]) or [0])) if problem.constraints else 0
    status = "solved" if raw.success else "failed"
    return plain.attempt(status, str(raw.message), None if told is None else np.asarray(told[0]))


class IpoptByDifferences:
    """The callbacks of IPOPT; without a Hessian, so that it uses its limited memory."""

    wants_slopes = False  # `intermediate` is not told the slopes at an iterate

    def __init__(self, plain: Plain) -> None:
        self.plain = plain
        self.lower, self.upper = plain.problem.bounds

    def objective(self, x: Array) -> float:
        """Return f(x)."""
        return self.plain.objective(x)

    def constraints(self, x: Array) -> Array:
        """Return the stacked constraints."""
        return self.plain.constraints(x)

    def gradient(self, x: Array) -> Array:
        """Return the gradient by differences; every accepted iterate asks for it."""
        self.plain.gradients += 1
        self.plain.x = np.array(x)
        return np.asarray(scipy.optimize.approx_fprime(x, self.plain.objective, self._steps(x)))

    def jacobian(self, x: Array) -> Array:
        """Return the dense Jacobian by differences, row by row."""
        self.plain.jacobians += 1
        J = scipy.optimize.approx_fprime(x, self.plain.constraints, self._steps(x))
        return np.ravel(J)

    def jacobianstructure(self) -> tuple[Array, Array]:
        """Return all rows and columns."""
        m, n = _limits(self.plain.problem)[0].size, self.plain.problem.n
        rows, columns = np.divmod(np.arange(m * n, dtype=np.int32), np.int32(n))
        return rows, columns

    def hessianstructure(self) -> tuple[Array, Array]:
        """Return nothing."""
        return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32)

    def intermediate(self, alg_mod: int, iter_count: int, *_: float) -> bool:
        """Count; stop when the time is up."""
        self.plain.iterations = iter_count
        return time.perf_counter() < self.plain.deadline

    def _steps(self, x: Array) -> Array:
        """Forward, or backward where a bound is near: outside a function may be undefined."""
        steps = _STEP * np.maximum(1.0, np.abs(x))
        return np.where(x + steps > self.upper, -steps, steps)


def _ipopt(plain: Plain) -> Attempt:
    from sparsesolve.adapters.ipopt_c import CProblem
    from sparsesolve.adapters.ipopt_status import describe_status

    problem = plain.problem
    lower, upper = problem.bounds
    cl, cu = _limits(problem)
    nlp = CProblem(
        n=problem.n,
        m=cl.size,
        problem_obj=IpoptByDifferences(plain),
        lb=lower,
        ub=upper,
        cl=cl,
        cu=cu,
    )
    own = {"print_level": 0, "sb": "yes", "hessian_approximation": "limited-memory"}
    for name, value in {**own, **OPTIONS["ipopt"]}.items():
        nlp.add_option(name, value)
    plain.x, info = nlp.solve(problem.x0)
    status = {0: "solved", 1: "acceptable", 5: "time-limit", -1: "iteration-limit"}
    found = status.get(int(info["status"]), "failed")
    message = describe_status(int(info["status"]))[1]
    if found == "time-limit":
        message = f"stopped after {plain.deadline - plain.begin:g} s"
    return plain.attempt(found, message, np.asarray(info["mult_g"]))


def _limits(problem: ss.Problem) -> tuple[Array, Array]:
    """Stacked limits of the constraints, without tracing anything."""
    x0 = problem.x0
    pairs = [c.limits(int(np.size(c.function(x0)))) for c in problem.constraints]
    return (
        np.concatenate([np.empty(0), *(p[0] for p in pairs)]),
        np.concatenate([np.empty(0), *(p[1] for p in pairs)]),
    )


def _zero(x: Array) -> float:
    return 0.0
