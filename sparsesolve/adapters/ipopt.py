"""IPOPT through ``cyipopt.Problem``: fixed structures, one evaluation a point.

Separate because it is the only module that may import cyipopt, which stays optional.

What IPOPT expects, and what is done about it:

- structures are asked for several times: cached int32 arrays; the Hessian is the lower triangle;
- each callback gets its own copy of x: `Evaluation` compares points by their bytes;
- an exception in a callback would be reported at the next iteration and then again at each later
  solve: the first one is kept here, IPOPT is stopped, and it is raised once;
- NaN in f or c cuts the step (an evaluation error); NaN in J would be used silently, so it becomes
  an evaluation error with a message that names the entry;
- values go to IPOPT through cyipopt, or through its C interface where asked for (`ipopt_c`);
- options are checked by exact type: converted; a refused name or value is named.

Waechter, Biegler (2006), "On the implementation of an interior-point filter line-search algorithm
for large-scale nonlinear programming", Mathematical Programming 106(1).
"""

from __future__ import annotations

import functools
import importlib
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.ipopt_c import CProblem
from sparsesolve.adapters.ipopt_options import OptionValue, refusal, variants
from sparsesolve.errors import SolverUnavailable
from sparsesolve.host.imports import importing
from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.methods.freshness import refresh
from sparsesolve.methods.kkt import make_result
from sparsesolve.methods.monitor import Monitor
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Result, Status

__all__ = ["ipopt_available", "require_ipopt", "solve_ipopt", "to_cyipopt"]

Array = NDArray[np.float64]

_STATUS = {
    0: Status.SOLVED,
    1: Status.ACCEPTABLE,
    2: Status.INFEASIBLE,
    3: Status.STALLED,
    4: Status.UNBOUNDED,
    5: Status.STOPPED,
    6: Status.SOLVED,
    -1: Status.ITERATION_LIMIT,
    -2: Status.FAILED,
    -3: Status.STALLED,
    -4: Status.TIME_LIMIT,
    -5: Status.TIME_LIMIT,
    -13: Status.EVALUATION_ERROR,
}

_TRANSPORT = "cyipopt"
_HONOR = "honor_original_bounds"
_ROWS_SUFFER = 1e-6  # violation of a row up to which a point is moved back to its bounds
_WARM_START: dict[str, OptionValue] = {
    "warm_start_init_point": "yes",
    "warm_start_bound_push": 1e-9,
    "warm_start_bound_frac": 1e-9,
    "warm_start_slack_bound_push": 1e-9,
    "warm_start_slack_bound_frac": 1e-9,
    "warm_start_mult_bound_push": 1e-9,
    "mu_init": 1e-6,
}


def require_ipopt() -> Any:
    """Return the module cyipopt, or say how to install it.

    Returns
    -------
    module
        cyipopt.

    Raises
    ------
    SolverUnavailable
        If it cannot be imported; the message holds the command for this platform.
    """
    try:
        with importing():
            return importlib.import_module("cyipopt")
    except ImportError as error:
        raise SolverUnavailable(
            f"IPOPT needs cyipopt, which cannot be imported ({error}). Install it: "
            f"{install_command()}. Or use solver='trust-constr', which needs only scipy."
        ) from error


def install_command(platform: str = sys.platform) -> str:
    if platform.startswith("linux"):
        return (
            "`apt-get install coinor-libipopt-dev pkg-config gcc liblapack-dev && "
            "pip install cyipopt` (Debian, Ubuntu) or `conda install -c conda-forge cyipopt`"
        )
    if platform == "darwin":
        return (
            "`brew install ipopt pkg-config && pip install cyipopt` or "
            "`conda install -c conda-forge cyipopt`"
        )
    return "`conda install -c conda-forge cyipopt`"


def ipopt_available() -> bool:
    """Whether cyipopt and its library can be imported.

    Returns
    -------
    bool
        True where ``solver="ipopt"`` works.
    """
    try:
        require_ipopt()
    except SolverUnavailable:
        return False
    return True


class Callbacks:
    """The callbacks of one solve, as cyipopt calls them.

    Parameters
    ----------
    evaluation : Evaluation
        Shared values of this solve.
    monitor : Monitor, optional
        Receives the iterations.
    """

    def __init__(self, evaluation: Evaluation, monitor: Monitor | None = None) -> None:
        self.evaluation = evaluation
        self.monitor = monitor
        self.error: BaseException | None = None
        self.complaint = ""
        self._refusal = require_ipopt().CyIpoptEvaluationError
        jacobian = evaluation.derivatives.jacobian_pattern
        hessian = evaluation.derivatives.hessian_pattern
        self._jacobian = (jacobian.rows, jacobian.indices)
        # Ipopt's C interface wants at least one entry where there are rows: a zero at (0, 0)
        self._padded = evaluation.m > 0 and jacobian.nnz == 0
        if self._padded:
            corner = np.zeros(1, dtype=np.int32)
            self._jacobian = (corner, corner)
        self._hessian = (hessian.rows, hessian.indices)

    def objective(self, x: Array) -> float:
        """Return f(x)."""
        value: float = self._guarded(self.evaluation.objective, x)
        if not np.isfinite(value):
            self._refuse(f"The objective is {value}.")
        return value

    def gradient(self, x: Array) -> Array:
        """Return the gradient of f."""
        value: Array = self._guarded(self.evaluation.gradient, x)
        self._check_finite(value, "The gradient is {value} at variable {k}.")
        return value

    def constraints(self, x: Array) -> Array:
        """Return the stacked constraints."""
        value: Array = self._guarded(self.evaluation.constraints, x)
        self._check_finite(value, "The constraints are {value} at row {k}.")
        return value

    def jacobianstructure(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return rows and columns of J."""
        return self._jacobian

    def jacobian(self, x: Array) -> Array:
        """Return the nonzeros of J."""
        value: Array = self._guarded(self.evaluation.jacobian_values, x)
        if self._padded:
            return np.zeros(1)
        self._check_finite(value, "The Jacobian is {value} at {place}.", self._jacobian)
        return value

    def hessianstructure(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return rows and columns of the lower triangle of H."""
        return self._hessian

    def hessian(self, x: Array, multipliers: Array, sigma: float) -> Array:
        """Return the lower triangle of the Hessian of the Lagrangian."""
        value: Array = self._guarded(self.evaluation.hessian_values, x, multipliers, sigma)
        self._check_finite(value, "The Hessian is {value} at {place}.", self._hessian)
        return value

    def intermediate(
        self,
        alg_mod: int,
        iter_count: int,
        obj_value: float,
        inf_pr: float,
        inf_du: float,
        mu: float,
        d_norm: float,
        regularization_size: float,
        alpha_du: float,
        alpha_pr: float,
        ls_trials: int,
    ) -> bool:
        """Report one iteration; False stops IPOPT."""
        if self.error is not None:
            return False
        if self.monitor is None:
            return True
        # The gradient is asked for at accepted iterates only, so its last point is the iterate
        # (Ipopt before 3.14 does not tell it). In the restoration phase it is the last one before.
        x = self.evaluation.newest
        try:
            return self.monitor.update(
                iter_count,
                x,
                self.evaluation.objective(x),
                constraint_violation=self.evaluation.violation(x),
                optimality=inf_du,
                step=d_norm,
                extra={
                    "mu": mu,
                    "regularization": regularization_size,
                    "alpha_dual": alpha_du,
                    "alpha_primal": alpha_pr,
                    "line_search_trials": ls_trials,
                    "restoration": alg_mod == 1,
                    "scaled_infeasibility": inf_pr,
                },
            )
        except BaseException as error:
            self.error = error
            return False

    def _guarded(self, function: Callable[..., Any], *args: Any) -> Any:
        if self.error is not None:
            raise self._refusal
        try:
            return function(*args)
        except BaseException as error:
            self.error = error
            raise self._refusal from error

    def _check_finite(
        self, values: Array, text: str, places: tuple[Array, Array] | Any = None
    ) -> None:
        if np.all(np.isfinite(values)):
            return
        k = int(np.flatnonzero(~np.isfinite(values))[0])
        place = f"row {places[0][k]}, column {places[1][k]}" if places is not None else ""
        self._refuse(text.format(value=values[k], k=k, place=place))

    def _refuse(self, complaint: str) -> None:
        self.complaint = complaint
        raise self._refusal(complaint)


def to_cyipopt(problem: Problem) -> Any:
    """Return a fresh ``cyipopt.Problem`` for `problem`.

    Parameters
    ----------
    problem : Problem
        The problem.

    Returns
    -------
    cyipopt.Problem
        With structures, callbacks, and the constant-derivative options that are proven.

    Raises
    ------
    SolverUnavailable
        If cyipopt cannot be imported.
    """
    kind = require_ipopt().Problem
    refresh(problem)
    return _build(Callbacks(Evaluation(problem)), {}, kind)


def _build(callbacks: Callbacks, options: Mapping[str, Any], kind: Any) -> Any:
    evaluation = callbacks.evaluation
    nlp = kind(
        n=int(evaluation.n),
        m=int(evaluation.m),
        problem_obj=callbacks,
        lb=evaluation.lower,
        ub=evaluation.upper,
        cl=evaluation.row_lower,
        cu=evaluation.row_upper,
    )
    exact = options.get("hessian_approximation", "exact") == "exact"
    for name, value in {**proven_constants(evaluation, exact=exact), **options}.items():
        _set_option(nlp, name, value)
    return nlp


def proven_constants(evaluation: Evaluation, *, exact: bool = True) -> dict[str, OptionValue]:
    """Return IPOPT's options for derivatives proven constant; a wrong one gives a wrong optimum.

    Parameters
    ----------
    evaluation : Evaluation
        Knows which rows are proven affine.
    exact : bool, optional
        Whether the exact Hessian is used. Default is True.

    Returns
    -------
    dict
        A subset of jac_c_constant, jac_d_constant, hessian_constant, each "yes".
    """
    linear = np.asarray(evaluation.derivatives.linear_rows, dtype=bool)
    equal = evaluation.row_lower == evaluation.row_upper
    constants: dict[str, OptionValue] = {}
    if equal.any() and linear[equal].all():
        constants["jac_c_constant"] = "yes"
    if (~equal).any() and linear[~equal].all():
        constants["jac_d_constant"] = "yes"
    if exact and linear.all() and bool(evaluation.derivatives.objective_is_quadratic):
        constants["hessian_constant"] = "yes"
    return constants


def _transport(name: Any) -> Any:
    """Return the class of problems that stands between IPOPT and us."""
    if name == "cyipopt":
        return require_ipopt().Problem
    if name == "c":
        return CProblem
    raise ValueError(f"`transport` must be 'cyipopt' or 'c', got {name!r}.")


def _set_option(nlp: Any, name: str, value: Any) -> None:
    """Set one option, trying the other types IPOPT may want for this value."""
    for candidate in variants(value):
        try:
            nlp.add_option(name, candidate)
        except (TypeError, OverflowError):  # the latter: no integer of C
            continue
        return
    raise ValueError(refusal(name, value))


@functools.cache
def _linear_solver_works(name: str) -> bool:
    """Try a linear solver in a process of its own: a missing one may end the process."""
    code = (
        "import sys, cyipopt, numpy as np\n"
        "class P:\n"
        "    objective = lambda s, x: float(x @ x)\n"
        "    gradient = lambda s, x: 2 * x\n"
        "    hessianstructure = lambda s: (np.arange(2), np.arange(2))\n"
        "    hessian = lambda s, x, l, f: 2 * f * np.ones(2)\n"
        "p = cyipopt.Problem(n=2, m=0, problem_obj=P(), lb=[-1, -1], ub=[1, 1])\n"
        "p.add_option('print_level', 0); p.add_option('sb', 'yes')\n"
        f"p.add_option('linear_solver', {name!r})\n"
        "sys.exit(0 if p.solve(np.ones(2))[1]['status'] == 0 else 1)\n"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _check_linear_solver(options: Mapping[str, Any]) -> None:
    name = options.get("linear_solver", "mumps")
    if name != "mumps" and not _linear_solver_works(str(name)):
        raise ValueError(
            f"`linear_solver` {name!r} does not work with this build of IPOPT (tried in a process "
            "of its own). Use 'mumps', or install a build that has it."
        )


def solve_ipopt(
    problem: Problem,
    monitor: Monitor,
    *,
    options: Mapping[str, Any] | None = None,
    tol: float | None = None,
    warm_start: Result | None = None,
) -> Result:
    """Solve by IPOPT.

    Parameters
    ----------
    problem : Problem
        The problem.
    monitor : Monitor
        Receives the iterations.
    options : mapping, optional
        IPOPT's own options; numbers are converted to the type IPOPT wants. Quiet unless
        ``print_level`` is given. And one of ours: ``transport``, "cyipopt" by default, or "c" for
        IPOPT's C interface, which saves time where there are many nonzeros.
    tol : float, optional
        IPOPT's ``tol``.
    warm_start : Result, optional
        Start from its point and multipliers.

    Returns
    -------
    Result
        Also where IPOPT fails.

    Raises
    ------
    SolverUnavailable
        If cyipopt cannot be imported.
    ValueError
        If an option is refused.
    """
    require_ipopt()
    given = dict(options or {})
    kind = _transport(given.pop("transport", _TRANSPORT))
    _check_linear_solver(given)
    defaults: dict[str, OptionValue] = {"print_level": 0, "sb": "yes", _HONOR: "no"}
    start: dict[str, Array] = {}
    x0 = problem.start
    if warm_start is not None:
        if warm_start.multipliers.shape != (problem.m,):
            raise ValueError(
                f"`warm_start` must come from a problem of {problem.m} constraint rows, got one of "
                f"{warm_start.multipliers.size}."
            )
        defaults |= _WARM_START
        x0 = np.clip(warm_start.x, *problem.bounds)
        lower, upper = warm_start.bound_multipliers
        start = {"lagrange": warm_start.multipliers, "zl": lower, "zu": upper}
    if tol is not None:
        defaults["tol"] = float(tol)
    callbacks = Callbacks(Evaluation(problem), monitor)
    nlp = _build(callbacks, defaults | given, kind)
    try:
        x, info = nlp.solve(x0, **start)
    except KeyboardInterrupt as interrupt:  # between callbacks, in cyipopt's own code
        callbacks.error = callbacks.error or interrupt
        x, info = callbacks.evaluation.newest, None
    if _HONOR not in given:
        x = _inside(callbacks.evaluation, np.asarray(x))
    return _result(callbacks, monitor, x, info)


def _inside(evaluation: Evaluation, x: Array) -> Array:
    """Move a point back to the bounds, which IPOPT relaxes a little, unless rows suffer by that.

    IPOPT before 3.14 moves it back in any case, and calls solved what then breaks equalities.
    """
    moved = np.clip(x, evaluation.lower, evaluation.upper)
    if evaluation.m == 0 or np.array_equal(moved, x):
        return moved
    suffers = evaluation.violation(moved) > max(evaluation.violation(x), _ROWS_SUFFER)
    return x if suffers else moved


def _result(callbacks: Callbacks, monitor: Monitor, x: Array, info: Any) -> Result:
    evaluation, error = callbacks.evaluation, callbacks.error
    if isinstance(error, KeyboardInterrupt):
        return make_result(
            evaluation,
            monitor,
            x=np.asarray(x),
            status=Status.INTERRUPTED,
            message="Interrupted from the keyboard; this is the best point so far.",
        )
    if error is not None:
        raise error
    code = int(info["status"])
    status = Status.STOPPED if monitor.stopped else _STATUS.get(code, Status.FAILED)
    message = info["status_msg"]
    message = message.decode() if isinstance(message, bytes) else str(message)
    if status is Status.EVALUATION_ERROR and callbacks.complaint:
        message = f"{message} {callbacks.complaint}"
    return make_result(
        evaluation,
        monitor,
        x=np.asarray(x),
        status=status,
        message=message,
        multipliers=np.asarray(info["mult_g"]),
        bound_multipliers=(np.asarray(info["mult_x_L"]), np.asarray(info["mult_x_U"])),
        solver_status=code,
    )
