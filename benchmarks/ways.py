"""The ways to solve each problem: ours, the solver's default, and others.

Separate from `solve`, which times and shows them. A way takes the size and returns `n`, seconds of
set-up and of the solve, the value that identifies the solution, and the seconds in derivatives.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .again import (
    control_loop,
    control_loop_opti,
    data_sets,
    data_sets_opti,
    data_sets_rebuilt,
    data_stream,
    data_stream_opti,
    solved_again,
    solved_again_casadi,
)
from .collection import bratu, brusselator, luksan_vlcek, rosenbrock
from .measure import timed
from .power import flow_ours, flow_pypower
from .suite import TIME

__all__ = ["WAYS"]

Outcome = dict[str, float]
OURS, LEVENBERG = "sparsesolve", "sparsesolve-lm"
DEFAULT, PATTERN = "default", "jac_sparsity"
KRYLOV = "sparsesolve-krylov"
POUNCE, UNO = "sparsesolve-pounce", "sparsesolve-uno"
QUIET = {"print_level": 0, "sb": "yes"}
UNMATCHED = {"mumps_permuting_scaling": 0}
"""MUMPS without its weighted matching, which costs more than the factorization of a chain."""


def _outcome(
    n: int, setup: float, solve: float, value: float, derivatives: float = np.nan
) -> Outcome:
    return {
        "n": n,
        "setup": setup,
        "solve": solve,
        "value": float(value),
        "derivatives": derivatives,
    }


def _solved(result: Any) -> Any:
    """Return a result of scipy or cyipopt, unless the solver gave up."""
    if not result.success:
        raise RuntimeError(str(result.message))
    return result


def _quietly(function: Callable[..., Any], *args: Any, **options: Any) -> tuple[Any, float]:
    """Time a solver whose quasi-Newton updates complain about finite differences."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return timed(function, *args, **options)


# ----- Minimization --------------------------------------------------------------------------


def lukvle1_ours(size: int, *, solver: str, options: Mapping[str, Any] | None = None) -> Outcome:
    import sparsesolve as ss

    problem = luksan_vlcek.lukvle1(size).problem()
    _, setup = timed(lambda: problem.derivatives)
    result, solve = timed(ss.minimize, problem, solver=solver, options=options)
    result.raise_on_failure()
    return _outcome(size, setup, solve, result.fun, result.seconds_derivatives)


def lukvle1_ipopt_default(size: int) -> Outcome:
    from cyipopt import minimize_ipopt

    case = luksan_vlcek.lukvle1(size)
    equality = {"type": "eq", "fun": case.constraints[0].function}
    result, solve = _quietly(minimize_ipopt, case.objective, case.x0, constraints=equality)
    return _outcome(size, 0.0, solve, _solved(result).fun)


def lukvle1_trust_default(size: int) -> Outcome:
    from scipy.optimize import NonlinearConstraint, minimize

    case = luksan_vlcek.lukvle1(size)
    result, solve = _quietly(
        minimize,
        case.objective,
        case.x0,
        method="trust-constr",
        constraints=NonlinearConstraint(case.constraints[0].function, 0.0, 0.0),
    )
    return _outcome(size, 0.0, solve, _solved(result).fun)


def lukvle1_casadi(size: int, *, options: Mapping[str, Any] | None = None) -> Outcome:
    """CasADi's own derivatives, in the IPOPT that its wheel brings."""
    import casadi as ca

    from .peers.casadi_formulas import OBJECTIVES, VECTORS

    def build() -> Any:
        x = ca.SX.sym("x", size)
        f, g = OBJECTIVES["lukvle1"](x, n=size), VECTORS["lukvle1"](x, n=size)
        chosen = {"ipopt": {**QUIET, **(options or {})}, "print_time": False}
        return ca.nlpsol("solver", "ipopt", {"x": x, "f": f, "g": g}, chosen)

    solver, setup = timed(build)
    result, solve = timed(solver, x0=luksan_vlcek.lukvle1(size).x0, lbg=0.0, ubg=0.0)
    if not solver.stats()["success"]:
        raise RuntimeError(solver.stats()["return_status"])
    return _outcome(size, setup, solve, float(result["f"]))


def lukvle1_pyoptinterface(size: int, *, options: Mapping[str, Any] | None = None) -> Outcome:
    """PyOptInterface, with the IPOPT of CasADi's wheel."""
    import casadi
    import pyoptinterface as poi
    from pyoptinterface import ipopt, nl

    if not ipopt.is_library_loaded():
        ipopt.load_library(str(Path(casadi.__file__).parent / "libipopt.so"))

    def build() -> Any:
        model = ipopt.Model()
        start = luksan_vlcek.lukvle1(size).x0
        x = [model.add_variable(start=value) for value in start.tolist()]
        for k in range(size - 2):
            with nl.graph():
                a, b, c = x[k], x[k + 1], x[k + 2]
                mixed = 3 * b**3 + 2 * c - 5 + nl.sin(b - c) * nl.sin(b + c)
                model.add_nl_constraint(mixed + 4 * b - a * nl.exp(a - b) - 3 == 0)
        for k in range(size - 1):
            with nl.graph():
                a, b = x[k], x[k + 1]
                model.add_nl_objective(100 * (a * a - b) ** 2 + (a - 1) ** 2)
        model.set_model_attribute(poi.ModelAttribute.Silent, True)
        for name, value in (options or {}).items():
            model.set_raw_parameter(name, value)
        return model

    model, setup = timed(build)
    _, solve = timed(model.optimize)
    value = model.get_model_attribute(poi.ModelAttribute.ObjectiveValue)
    return _outcome(size, setup, solve, value)


# ----- Stiff equations -----------------------------------------------------------------------


def brusselator_way(size: int, *, method: str, way: str) -> Outcome:
    """Integrate the first piece, 0 <= t <= 1.1, at scipy's default tolerances.

    The value is the mean of the final state.
    """
    from scipy.integrate import solve_ivp

    import sparsesolve as ss

    case = brusselator.brusselator_2d(size)
    span, source = case.stretches[0]
    arguments = (case.rhs, span, case.y0)
    if way in (OURS, KRYLOV):
        J, setup = timed(ss.jacobian, case.rhs, TIME, case.y0, *source, argnum=1)
        method = "krylov" if way == KRYLOV else method
        run, solve = timed(ss.solve_ivp, *arguments, method=method, args=source, jac=J)
    elif way == PATTERN:
        pattern, _ = timed(ss.jacobian_pattern, case.rhs, TIME, case.y0, *source, argnum=1)
        setup, sparsity = 0.0, pattern.to_scipy().astype(float)
        run, solve = timed(solve_ivp, *arguments, method=method, args=source, jac_sparsity=sparsity)
    else:
        setup = 0.0
        run, solve = timed(solve_ivp, *arguments, method=method, args=source)
    return _outcome(case.n, setup, solve, np.mean(_solved(run).y[:, -1]))


# ----- Roots and least squares ---------------------------------------------------------------


def bratu_way(size: int, *, way: str) -> Outcome:
    import scipy.optimize

    import sparsesolve as ss

    case = bratu.bratu(size)
    if way == OURS:
        J, setup = timed(ss.jacobian, case.residual, case.x0)
        result, solve = timed(ss.root, case.residual, case.x0, jac=J)
    else:
        setup, method = 0.0, "hybr" if way == DEFAULT else way
        result, solve = _quietly(scipy.optimize.root, case.residual, case.x0, method=method)
    return _outcome(case.n, setup, solve, case.measure(_solved(result).x))


def rosenbrock_way(size: int, *, way: str) -> Outcome:
    """Least squares by scipy's trf, and by our own Levenberg-Marquardt; the value is the cost.

    Either follows the valley for about n iterations, so ours is allowed more than its default.
    """
    import scipy.optimize

    import sparsesolve as ss

    case = rosenbrock.chained_rosenbrock_least_squares(size)
    if way in (OURS, LEVENBERG):
        J, setup = timed(ss.jacobian, case.residual, case.x0)
        how = (
            {"method": "trf"}
            if way == OURS
            else {"method": "lm", "options": {"max_iterations": 100 * size}}
        )
        result, solve = timed(ss.least_squares, case.residual, case.x0, jac=J, **how)
        return _outcome(case.n, setup, solve, result.raise_on_failure().cost)
    options: dict[str, Any] = {}
    if way == PATTERN:
        pattern = ss.jacobian_pattern(case.residual, case.x0)
        options["jac_sparsity"] = pattern.to_scipy().astype(float)
    result, solve = timed(scipy.optimize.least_squares, case.residual, case.x0, **options)
    return _outcome(case.n, 0.0, solve, _solved(result).cost)


WAYS: dict[tuple[str, str, str], Callable[[int], Outcome]] = {
    ("lukvle1", "ipopt", OURS): partial(lukvle1_ours, solver="ipopt"),
    ("lukvle1", "ipopt", "sparsesolve-debian"): partial(
        lukvle1_ours, solver="ipopt", options={"library": "system"}
    ),
    ("lukvle1", "ipopt", "sparsesolve-cyipopt"): partial(
        lukvle1_ours, solver="ipopt", options={"transport": "cyipopt"}
    ),
    ("lukvle1", "ipopt", POUNCE): partial(lukvle1_ours, solver="pounce"),
    ("lukvle1", "ipopt", UNO): partial(lukvle1_ours, solver="uno", options={"preset": "ipopt"}),
    ("lukvle1", "ipopt", DEFAULT): lukvle1_ipopt_default,
    ("lukvle1", "ipopt", "casadi"): lukvle1_casadi,
    ("lukvle1", "ipopt", "pyoptinterface"): lukvle1_pyoptinterface,
    **{
        ("lukvle1", "ipopt-unmatched", way): partial(run, options=UNMATCHED)
        for way, run in (
            (OURS, partial(lukvle1_ours, solver="ipopt")),
            ("casadi", lukvle1_casadi),
            ("pyoptinterface", lukvle1_pyoptinterface),
        )
    },
    ("lukvle1", "trust-constr", OURS): partial(lukvle1_ours, solver="trust-constr"),
    ("lukvle1", "trust-constr", DEFAULT): lukvle1_trust_default,
    **{
        ("brusselator", method.lower(), way): partial(brusselator_way, method=method, way=way)
        for method in ("BDF", "Radau")
        for way in (OURS, DEFAULT, PATTERN, KRYLOV)
    },
    **{("bratu", "root", way): partial(bratu_way, way=way) for way in (OURS, DEFAULT, "krylov")},
    **{
        ("rosenbrock", "least-squares", way): partial(rosenbrock_way, way=way)
        for way in (OURS, LEVENBERG, DEFAULT, PATTERN)
    },
    ("data sets", "ipopt", OURS): data_sets,
    ("data sets", "ipopt", "casadi-opti"): data_sets_opti,
    ("data sets", "ipopt", "rebuilt"): data_sets_rebuilt,
    ("data stream", "ipopt", OURS): data_stream,
    ("data stream", "ipopt", "casadi-opti"): data_stream_opti,
    ("control loop", "ipopt", OURS): control_loop,
    ("control loop", "ipopt", "casadi-opti"): control_loop_opti,
    ("control loop", "ipopt", "beyond IPOPT"): partial(control_loop, beyond=True),
    ("hs71 again", "ipopt", OURS): solved_again,
    ("hs71 again", "ipopt", "casadi"): solved_again_casadi,
    ("hs71 again", "ipopt", "beyond IPOPT"): partial(solved_again, beyond=True),
    ("power flow", "ipopt", OURS): partial(flow_ours, solver="ipopt"),
    ("power flow", "ipopt", POUNCE): partial(flow_ours, solver="pounce"),
    ("power flow", "ipopt", UNO): partial(flow_ours, solver="uno"),
    ("power flow", "ipopt", "pypower"): flow_pypower,
}
