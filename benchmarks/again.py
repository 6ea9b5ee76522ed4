"""One problem solved again and again: other data, a control loop, or nothing new.

Separate because set-up is paid once here, and what counts is the sum. A *data set* is a curve to be
smoothed between bounds: n unknowns, n - 2 rows that limit its curvature; those of a *data stream*
move on from one to the next, and each solve starts from the one before. The *control loop* steers
a pendulum: 60 unknowns, 40 equations, each solve from the state where the one before has led, and
started from its result. Nothing new is problem 71 of Hock and Schittkowski, from its solution.
Beside each stands CasADi.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .measure import timed

__all__ = [
    "control_loop",
    "control_loop_opti",
    "data_sets",
    "data_sets_opti",
    "data_sets_rebuilt",
    "data_stream",
    "data_stream_opti",
    "solved_again",
    "solved_again_casadi",
]

Array = NDArray[np.float64]
Outcome = dict[str, float]

SOLVES = 50
_STEPS, _STEP = 20, 0.1
_CURVATURE = 0.02
_QUIET = {"print_level": 0, "sb": "yes"}


def curves(n: int) -> Array:
    """Return noisy curves, one a row."""
    rng = np.random.default_rng(0)
    t = np.linspace(0.0, 1.0, n)
    phase = rng.uniform(0.0, 6.0, (SOLVES, 1))
    return np.asarray(np.sin(4.0 * t + phase) + 0.05 * rng.normal(size=(SOLVES, n)))


def misfit(x: Any, p: Any) -> Any:
    """Return how far a curve is from the data, robustly."""
    return np.sum(np.sqrt(1.0 + (x - p) ** 2)) + 10.0 * np.sum((x[1:] - x[:-1]) ** 2)


def curvature(x: Any, *_: Any) -> Any:
    """Return second differences, which nearly vanish where the curve is steep."""
    return (x[2:] - 2.0 * x[1:-1] + x[:-2]) * (1.0 + x[1:-1] ** 2)


def moving_curves(n: int) -> Array:
    """Return curves of which each is the one before, moved on a little under the same noise."""
    noise = 0.05 * np.random.default_rng(0).normal(size=n)
    phase = 0.01 * np.arange(SOLVES)[:, None]
    return np.asarray(np.sin(4.0 * np.linspace(0.0, 1.0, n) + phase) + noise)


def curve_problem(n: int, first: Array) -> Any:
    """Return the problem of all curves of n points."""
    import sparsesolve as ss

    limits = ss.Constraint(curvature, -_CURVATURE, _CURVATURE, name="curvature")
    return ss.Problem(misfit, np.zeros(n), bounds=(-0.9, 0.9), constraints=limits, parameters=first)


def data_sets(n: int) -> Outcome:
    """Solve for all curves by one problem with parameters."""
    data = curves(n)
    problem, setup = timed(curve_problem, n, data[0])
    values, solve = timed(
        lambda: [problem.solve(p=p, method="ipopt").raise_on_failure().fun for p in data]
    )
    return _outcome(n, setup, solve, float(np.sum(values)))


def data_stream(n: int) -> Outcome:
    """Solve for curves that move on, each from the solution before."""
    data, total, before = moving_curves(n), 0.0, None
    problem, setup = timed(curve_problem, n, data[0])
    begin = time.perf_counter()
    for p in data:
        before = problem.solve(p=p, method="ipopt", warm_start=before).raise_on_failure()
        total += before.fun
    return _outcome(n, setup, time.perf_counter() - begin, total)


def data_sets_rebuilt(n: int) -> Outcome:
    """Solve for all curves by a problem for each."""
    import sparsesolve as ss

    def one(p: Array) -> float:
        limits = ss.Constraint(curvature, -_CURVATURE, _CURVATURE, name="curvature")
        problem = ss.Problem(
            lambda x: misfit(x, p), np.zeros(n), bounds=(-0.9, 0.9), constraints=limits
        )
        return float(ss.minimize(problem, method="ipopt").raise_on_failure().fun)

    values, solve = timed(lambda: [one(p) for p in curves(n)])
    return _outcome(n, 0.0, solve, float(np.sum(values)))


def curve_opti(n: int) -> Any:
    """Return the same problem in CasADi's Opti, its unknowns and its parameters."""
    import casadi as ca

    opti = ca.Opti()
    x, p = opti.variable(n), opti.parameter(n)
    gaps = x[1:] - x[:-1]
    opti.minimize(ca.sum1(ca.sqrt(1.0 + (x - p) ** 2)) + 10.0 * ca.sum1(gaps**2))
    rows = (x[2:] - 2.0 * x[1:-1] + x[:-2]) * (1.0 + x[1:-1] ** 2)
    opti.subject_to(opti.bounded(-_CURVATURE, rows, _CURVATURE))
    opti.subject_to(opti.bounded(-0.9, x, 0.9))
    opti.solver("ipopt", {"expand": True, "print_time": False}, _QUIET)
    return opti, x, p


def data_sets_opti(n: int) -> Outcome:
    """Solve for all curves by CasADi's Opti with a parameter."""
    (opti, x, p), setup = timed(curve_opti, n)

    def one(curve: Array) -> float:
        opti.set_value(p, curve)
        opti.set_initial(x, np.zeros(n))
        return float(opti.solve().value(opti.f))

    values, solve = timed(lambda: [one(curve) for curve in curves(n)])
    return _outcome(n, setup, solve, float(np.sum(values)))


def data_stream_opti(n: int) -> Outcome:
    """Solve for curves that move on by Opti, from the unknowns and multipliers before."""
    (opti, _, p), setup = timed(curve_opti, n)
    data, total = moving_curves(n), 0.0
    begin = time.perf_counter()
    for curve in data:
        opti.set_value(p, curve)
        found = opti.solve()
        opti.set_initial(found.value_variables())
        opti.set_initial(opti.lam_g, found.value(opti.lam_g))
        total += float(found.value(opti.f))
    return _outcome(n, setup, time.perf_counter() - begin, total)


# ----- A control loop ------------------------------------------------------------------------


def pendulum(state: Any, force: Any) -> list[Any]:
    """Return where a pendulum is after one step, by its angle and speed."""
    return [state[0] + _STEP * state[1], state[1] + _STEP * (np.sin(state[0]) + force)]


def loop_problem() -> Any:
    """Return the problem of one step of the loop; the state is its parameter."""
    import sparsesolve as ss

    def dynamics(z: Any, start: Any) -> Any:
        before = np.concatenate([start[None], z["x"][:-1]])
        after = pendulum(before.T, z["u"])
        return z["x"] - np.stack(after, axis=1)

    return ss.Problem(
        lambda z, start: np.sum(z["x"] ** 2) + 0.1 * np.sum(z["u"] ** 2),
        {"x": np.zeros((_STEPS, 2)), "u": np.zeros(_STEPS)},
        bounds={"u": (-2.0, 2.0)},
        constraints=ss.Constraint(dynamics, 0.0, 0.0, name="dynamics"),
        parameters=np.array([1.0, 0.0]),
    )


def control_loop(_: int, *, beyond: bool = False) -> Outcome:
    """Steer, `SOLVES` steps; `beyond`: the time outside of IPOPT alone."""
    problem, setup = timed(loop_problem)
    state, warm, inside = np.array([1.0, 0.0]), None, [0.0]
    first, more = timed(problem.solve, method="ipopt")
    with _ipopt_timed(inside):
        begin = time.perf_counter()
        for _ in range(SOLVES):
            warm = problem.solve(p=state, method="ipopt", warm_start=warm).raise_on_failure()
            state = np.array(pendulum(state, warm.x["u"][0]))
        solve = time.perf_counter() - begin
    spent = solve - inside[0] if beyond else solve
    return _outcome(problem.n, setup + more, spent, state[0] + first.fun)


@contextmanager
def _ipopt_timed(inside: list[float]) -> Iterator[None]:
    """Add up the seconds that IPOPT has control, its callbacks included."""
    from sparsesolve.adapters.ipopt_c import CProblem

    plain: Callable[..., Any] = CProblem.solve

    def timing(self: Any, *args: Any, **options: Any) -> Any:
        result, seconds = timed(plain, self, *args, **options)
        inside[0] += seconds
        return result

    CProblem.solve = timing  # type: ignore[method-assign]
    try:
        yield
    finally:
        CProblem.solve = plain  # type: ignore[method-assign]


def control_loop_opti(_: int) -> Outcome:
    """Steer with CasADi's Opti, started from the solution before."""
    import casadi as ca

    def build() -> Any:
        opti = ca.Opti()
        x, u, start = opti.variable(2, _STEPS), opti.variable(_STEPS), opti.parameter(2)
        before = start
        for k in range(_STEPS):
            angle = before[0] + _STEP * before[1]
            speed = before[1] + _STEP * (ca.sin(before[0]) + u[k])
            opti.subject_to(x[:, k] == ca.vertcat(angle, speed))
            before = x[:, k]
        opti.subject_to(opti.bounded(-2.0, u, 2.0))
        opti.minimize(ca.sumsqr(x) + 0.1 * ca.sumsqr(u))
        opti.solver("ipopt", {"expand": True, "print_time": False}, _QUIET)
        return opti, u, start

    (opti, u, start), setup = timed(build)
    opti.set_value(start, [1.0, 0.0])
    first, more = timed(opti.solve)
    state = np.array([1.0, 0.0])
    value = float(first.value(opti.f))
    begin = time.perf_counter()
    for _ in range(SOLVES):
        opti.set_value(start, state)
        found = opti.solve()
        opti.set_initial(found.value_variables())
        state = np.array(pendulum(state, float(found.value(u)[0])))
    return _outcome(3 * _STEPS, setup + more, time.perf_counter() - begin, state[0] + value)


# ----- Nothing new ---------------------------------------------------------------------------


def hs71() -> Any:
    """Return four unknowns, a product and a sum of squares."""
    import sparsesolve as ss

    return ss.Problem(
        lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2],
        [1.0, 5.0, 5.0, 1.0],
        bounds=(1.0, 5.0),
        constraints=[
            ss.Constraint(lambda x: x[0] * x[1] * x[2] * x[3], 25.0),
            ss.Constraint(lambda x: np.sum(x**2), 40.0, 40.0),
        ],
    )


def solved_again(_: int, *, solver: str = "ipopt", beyond: bool = False) -> Outcome:
    """Solve once, then `SOLVES` times from that solution; `beyond`: outside of IPOPT alone."""
    import sparsesolve as ss

    problem, inside = hs71(), [0.0]
    first, setup = timed(ss.minimize, problem, method=solver)
    ss.minimize(problem, method=solver, warm_start=first)
    with _ipopt_timed(inside):
        begin = time.perf_counter()
        for _ in range(SOLVES):
            found = ss.minimize(problem, method=solver, warm_start=first).raise_on_failure()
        solve = time.perf_counter() - begin
    return _outcome(4, setup, solve - inside[0] if beyond else solve, found.fun)


def solved_again_casadi(_: int) -> Outcome:
    """Solve it by CasADi's own function, with IPOPT's options for a start that is a solution."""
    import casadi as ca

    from sparsesolve.adapters.ipopt_warm import NEAR

    def build(options: dict[str, Any]) -> Any:
        x = ca.SX.sym("x", 4)
        f = x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2]
        g = ca.vertcat(x[0] * x[1] * x[2] * x[3], ca.sumsqr(x))
        chosen = {"ipopt": {**_QUIET, **options}, "print_time": False}
        return ca.nlpsol("solver", "ipopt", {"x": x, "f": f, "g": g}, chosen)

    limits = {"lbx": 1.0, "ubx": 5.0, "lbg": [25.0, 40.0], "ubg": [np.inf, 40.0]}
    (cold, warm), setup = timed(lambda: (build({}), build(dict(NEAR))))
    first, more = timed(cold, x0=[1.0, 5.0, 5.0, 1.0], **limits)
    start = {"x0": first["x"], "lam_x0": first["lam_x"], "lam_g0": first["lam_g"]}
    found, solve = timed(lambda: [warm(**start, **limits) for _ in range(SOLVES)])
    return _outcome(4, setup + more, solve, float(found[-1]["f"]))


def _outcome(n: int, setup: float, solve: float, value: float) -> Outcome:
    return {"n": n, "setup": setup, "solve": solve, "value": value, "derivatives": float("nan")}
