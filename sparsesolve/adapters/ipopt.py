"""IPOPT: choose a library and a way to call it, set options, translate the answer.

Separate because it is the one place that knows all ways to IPOPT (`transport`): its C interface
calling machine code of ours (`ipopt_native`) or Python (`ipopt_c`), and cyipopt, which stays
optional. All take the same steps.

Waechter, Biegler (2006), "On the implementation of an interior-point filter line-search algorithm
for large-scale nonlinear programming", Mathematical Programming 106(1).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.ipopt_c import ONE_AT_A_TIME, CProblem
from sparsesolve.adapters.ipopt_callbacks import Callbacks, Refused, StructureGrown
from sparsesolve.adapters.ipopt_kept import give_back, key_of, take
from sparsesolve.adapters.ipopt_native import NativeProblem
from sparsesolve.adapters.ipopt_options import OptionValue, refusal, variants
from sparsesolve.adapters.ipopt_probe import SPRAL_VARIABLES, known_options, probe
from sparsesolve.adapters.ipopt_status import describe_status
from sparsesolve.adapters.ipopt_timing import linear_seconds, statistics_file
from sparsesolve.adapters.ipopt_warm import NEAR, warm_options
from sparsesolve.adapters.ipopt_way import (
    Way,
    ipopt_available,
    prepare_ipopt,
    require_cyipopt,
    require_ipopt,
)
from sparsesolve.adapters.nlp import (
    Ended,
    continued_note,
    ended_by_info,
    inside,
    read_end,
    warm_point,
)
from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.methods.freshness import refresh
from sparsesolve.methods.monitor import Monitor
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Result

__all__ = [
    "ipopt_available",
    "prepare_ipopt",
    "require_cyipopt",
    "require_ipopt",
    "solve_ipopt",
    "to_cyipopt",
]

Array = NDArray[np.float64]

_MOST_ITERATIONS = 3000  # IPOPT's default
_HONOR = "honor_original_bounds"
_NOTHING = -101  # where it was interrupted, and told nothing


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
    module = require_cyipopt()
    refresh(problem)
    callbacks = Callbacks(Evaluation(problem), refused=module.CyIpoptEvaluationError)
    options = _with_constants(callbacks.evaluation, {})
    return _build(callbacks, options, Way("cyipopt", None))


def _callbacks(way: Way, problem: Problem, monitor: Monitor) -> Callbacks:
    """Return the callbacks of a solve; cyipopt knows its own exception only."""
    own = way.transport == "cyipopt"
    refused = require_cyipopt().CyIpoptEvaluationError if own else Refused
    return Callbacks(Evaluation(problem), monitor, refused)


def _with_constants(evaluation: Evaluation, options: Mapping[str, Any]) -> dict[str, Any]:
    exact = options.get("hessian_approximation", "exact") == "exact"
    return {**proven_constants(evaluation, exact=exact), **options}


def _build(callbacks: Callbacks, options: Mapping[str, Any], way: Way) -> Any:
    """Make an object for a solve, with these options."""
    evaluation = callbacks.evaluation
    given: dict[str, Any] = {
        "n": int(evaluation.n),
        "m": int(evaluation.m),
        "problem_obj": callbacks,
        "lb": evaluation.lower,
        "ub": evaluation.upper,
        "cl": evaluation.row_lower,
        "cu": evaluation.row_upper,
    }
    nlp = _KINDS[way.transport](given, way)
    _set_options(nlp, options, way)
    return nlp


_KINDS: dict[str, Callable[[dict[str, Any], Way], Any]] = {
    "native": lambda given, way: NativeProblem(**given, library=way.path),
    "c": lambda given, way: CProblem(**given, library=way.path),
    "cyipopt": lambda given, way: require_cyipopt().Problem(**given),
}


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
    if linear.size and not linear.any():
        return {}
    equal = evaluation.row_lower == evaluation.row_upper
    constants: dict[str, OptionValue] = {}
    if equal.any() and linear[equal].all():
        constants["jac_c_constant"] = "yes"
    if (~equal).any() and linear[~equal].all():
        constants["jac_d_constant"] = "yes"
    if exact and linear.all() and bool(evaluation.derivatives.objective_is_quadratic):
        constants["hessian_constant"] = "yes"
    return constants


def _set_options(nlp: Any, options: Mapping[str, Any], way: Way) -> None:
    """Set those that have another value than before."""
    known = getattr(nlp, "options", {})  # not of cyipopt's
    for name, value in options.items():
        if type(known.get(name)) is not type(value) or known[name] != value:
            _set_option(nlp, name, value, way)


def _set_option(nlp: Any, name: str, value: Any, way: Way) -> None:
    """Set one option, trying the other types IPOPT may want for this value."""
    for candidate in variants(value):
        try:
            nlp.add_option(name, candidate)
        except (TypeError, OverflowError):  # the latter: no integer of C
            continue
        return
    raise ValueError(refusal(name, value, known_options(way.path) if way.path else {}))


def _check_linear_solver(options: Mapping[str, Any], way: Way) -> None:
    """Try a linear solver in a process of its own: a missing one may end the process."""
    name = str(options.get("linear_solver", "mumps"))
    if name == "mumps" or not way.path:
        return
    more = tuple(f"{k}={options[k]}" for k in ("hsllib", "pardisolib") if k in options)
    tried = probe(way.path, name, more)
    if not tried.works:
        raise ValueError(
            f"`linear_solver` {name!r} does not work with this build of IPOPT (tried in a process "
            f"of its own: {tried.reason}). Use 'mumps', or a library that has it: "
            "`python -m sparsesolve solvers` lists what each has."
        )


def _spral_needs(options: Mapping[str, Any]) -> str:
    """Name the variables without which SPRAL may fail; empty where it has them, or is not used."""
    if options.get("linear_solver") != "spral":
        return ""
    missing = [k for k in SPRAL_VARIABLES if os.environ.get(k, "").upper() not in ("TRUE", "1")]
    settings = " ".join(f"{name}=TRUE" for name in missing)
    return f"SPRAL wants these set before Python starts: {settings}." if missing else ""


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
        ``print_level`` is given. And three of ours. ``transport``: "native", machine code of ours
        that IPOPT calls, the default; "c" or "cyipopt", where it calls Python. ``library``: which
        IPOPT, "wheel", "cyipopt", "conda", "system" or a path; the newest by default. ``timing``:
        whether to tell the time of the linear solver.
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
        If there is no IPOPT.
    ValueError
        If an option is refused.
    """
    given = dict(options or {})
    way = require_ipopt(given.pop("transport", ""), given.pop("library", None))
    if given.pop("timing", False):
        way = replace(way, timed=True)
    if way.timed and way.transport == "cyipopt":
        raise ValueError("`timing` needs transport='native' or 'c', got 'cyipopt'.")
    _check_linear_solver(given, way)
    defaults: dict[str, OptionValue] = {"print_level": 0, "sb": "yes", _HONOR: "no"}
    start: dict[str, Array] = {}
    x0 = problem.start
    callbacks = _callbacks(way, problem, monitor)
    if warm_start is not None:
        x0 = warm_point(problem, warm_start)
        defaults |= warm_options(callbacks.evaluation, x0, warm_start.multipliers)
        lower, upper = warm_start.bound_multipliers
        start = {"lagrange": warm_start.multipliers, "zl": lower, "zu": upper}
    if tol is not None:
        defaults["tol"] = float(tol)
    x, info = _run(callbacks, defaults | given, way, x0, start)
    growths, linear = 0, _linear(info)
    while isinstance(callbacks.error, StructureGrown):
        growths += 1
        callbacks, again = _continued(callbacks, _callbacks(way, problem, monitor), given)
        start = {"lagrange": info["mult_g"], "zl": info["mult_x_L"], "zu": info["mult_x_U"]}
        x, info = _run(callbacks, defaults | again, way, np.clip(x, *problem.bounds), start)
        linear += _linear(info)
    if _HONOR not in given:
        x = inside(callbacks.evaluation, np.asarray(x))
    ended = _ended(x, info, way.describe(), linear if way.timed else None)
    result = continued_note(read_end(callbacks, monitor, ended), growths)
    if not result.success and _spral_needs(given):
        result = replace(result, message=f"{result.message} {_spral_needs(given)}")
    return result


def _linear(info: Any) -> float:
    return float((info or {}).get("linear_seconds") or 0.0)


def _run(
    callbacks: Callbacks,
    options: Mapping[str, Any],
    way: Way,
    x0: Array,
    start: Mapping[str, Array],
) -> tuple[Array, Any]:
    turn = ONE_AT_A_TIME if way.transport == "cyipopt" else nullcontext()
    chosen = _with_constants(callbacks.evaluation, options)
    key = key_of(callbacks.evaluation, chosen, way)
    with statistics_file(wanted=way.timed) as file:
        nlp = take(callbacks.evaluation, key)
        if nlp is None:
            nlp = _build(callbacks, chosen, way)
        else:
            nlp.renew(callbacks)
            _set_options(nlp, chosen, way)
        if file:
            nlp.write_statistics(file)
        try:
            with turn:
                x, info = nlp.solve(x0, **start)
        except KeyboardInterrupt as interrupt:  # between callbacks, in cyipopt's own code
            callbacks.error = callbacks.error or interrupt
            x, info = callbacks.evaluation.newest, None
        if info is not None and callbacks.error is None:
            give_back(callbacks.evaluation, key, nlp)
        del nlp  # closes the file
        if file and info is not None:
            info["linear_seconds"] = linear_seconds(file)
    return np.asarray(x), info


def _continued(
    before: Callbacks, after: Callbacks, given: Mapping[str, Any]
) -> tuple[Callbacks, dict[str, Any]]:
    """Return callbacks of the larger structure, and the options of a solve that goes on."""
    after.evaluation = before.evaluation
    after.iterations_before = before.monitor.iterations if before.monitor else 0
    limit = int(given.get("max_iter", _MOST_ITERATIONS))
    options: dict[str, Any] = dict(NEAR) | dict(given)
    options["max_iter"] = max(0, limit - after.iterations_before)
    if before.last_mu and "mu_init" not in given:
        options["mu_init"] = before.last_mu
    return after, options


def _ended(x: Array, info: Any, backend: str, linear: float | None) -> Ended:
    more: dict[str, Any] = {"backend": backend, "seconds_linear_solver": linear}
    if info is None:
        return Ended(x, *describe_status(_NOTHING), code=_NOTHING, **more)
    return ended_by_info(x, info, **more)
