"""What a solver tells of a scaled problem, and the tolerances that it is given, in user's units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.methods.units import Units
from sparsesolve.problem.scaling import Scales

SIZES = np.array([1e-2, 1.0, 1e3])
GOAL = 2.0 * SIZES
IPOPT = [
    pytest.param("ipopt", {"transport": t}, marks=[pytest.mark.ipopt, *more])
    for t, more in (("native", ()), ("c", ()), ("cyipopt", (pytest.mark.cyipopt,)))
]


def cost(x: Any) -> Any:
    return 1e4 * np.sum((x / SIZES - 2.0) ** 4 + (x / SIZES - 2.0) ** 2)


def slope(x: Any) -> Any:
    z = x / SIZES - 2.0
    return 1e4 * (4.0 * z**3 + 2.0 * z) / SIZES


def rows(x: Any) -> Any:
    return np.stack([x[0] * x[1], 1e5 * x[1] + x[2]])


def posed(*, rowed: bool = True, **units: Any) -> ss.Problem:
    limits = ss.Constraint(rows, None, [1e-2, 1e6], name="rows", scale=[1e-2, 1e5])
    return ss.Problem(
        cost,
        0.1 * SIZES,
        bounds=(0.0, [np.inf, np.inf, 1.5e3]),
        constraints=limits if rowed else (),
        **({"x_scale": SIZES, "f_scale": 1e4} | units),
    )


def excess(problem: ss.Problem, x: Any) -> float:
    bounds = max(np.max(-x), x[2] - 1.5e3)
    return max(0.0, bounds, *(rows(x) - [1e-2, 1e6] if problem.m else ()))


@pytest.mark.every(2)
@pytest.mark.parametrize("rowed", [True, False])
@pytest.mark.parametrize(("method", "options"), [*IPOPT, ("trust-constr", {}), ("SLSQP", {})])
def test_iterations_are_told_in_the_users_units(method: str, options: Any, rowed: bool) -> None:
    problem = posed(rowed=rowed)
    seen: list[Any] = []

    def keep(state: Any) -> None:
        seen.append(state)

    result = problem.solve(method=method, options=options, callback=keep)
    assert result.success
    before = None
    for state in seen:
        assert state.fun == pytest.approx(cost(state.x), rel=1e-12)
        assert state.constraint_violation == pytest.approx(
            excess(problem, state.x), rel=1e-12, abs=1e-9
        )
        if before is not None:
            assert state.step == np.max(np.abs(state.x - before))
        if not rowed and method == "SLSQP":
            moved = np.clip(state.x - slope(state.x), 0.0, [np.inf, np.inf, 1.5e3]) - state.x
            assert state.optimality == pytest.approx(np.max(np.abs(moved)), rel=1e-9)
        before = state.x
    last = {state.iteration: state for state in seen}
    np.testing.assert_array_equal(result.history.iteration, sorted(last))
    for name in ("constraint_violation", "optimality", "step"):
        told = [getattr(last[k], name) for k in sorted(last)]
        np.testing.assert_array_equal(getattr(result.history, name), told)
    alone = problem.solve(method=method, options=options)
    np.testing.assert_array_equal(alone.history.objective, result.history.objective)
    np.testing.assert_array_equal(alone.history.step, result.history.step)


def test_the_gradient_of_the_lagrangian_of_trust_constr() -> None:
    result = posed().solve(method="trust-constr")
    assert result.history.optimality[-1] == pytest.approx(result.optimality, rel=1e-2, abs=1e-6)
    free = ss.Problem(cost, 0.1 * SIZES, x_scale=SIZES, f_scale=1e4)
    first = free.solve(method="trust-constr").history.optimality[0]
    assert first == pytest.approx(np.max(np.abs(slope(0.1 * SIZES))), rel=1e-12)


@pytest.mark.ipopt
@pytest.mark.parametrize("transport", ["native", "c"])
def test_ipopt_tells_the_gradient_of_the_lagrangian_since_3_14(transport: str) -> None:
    seen: list[Any] = []

    def keep(state: Any) -> None:
        seen.append(state)

    problem = ss.Problem(
        lambda x: cost(x[:3]) + 1e4 * x[3] ** 2,
        np.append(0.1 * SIZES, 0.5),
        constraints=ss.Constraint(lambda x: x[3:], -1.0, 1.0),  # of another variable
        x_scale=np.append(SIZES, 1.0),
        f_scale=1e4,
    )
    result = problem.solve(method="ipopt", options={"transport": transport}, callback=keep)
    assert result.success
    if "IPOPT 3.11" in str(result.backend):
        assert np.isnan(result.history.optimality).all()
        return
    for state in seen[:4]:
        assert state.optimality == pytest.approx(np.max(np.abs(slope(state.x[:3]))), rel=1e-9)


@pytest.mark.parametrize("method", ["BFGS", "trust-exact", "Newton-CG", "L-BFGS-B"])
def test_a_tolerance_is_of_the_gradient_in_the_users_units(method: str) -> None:
    problem = ss.Problem(lambda x: 1e6 * np.sum((x / SIZES - 2.0) ** 4), GOAL * 1.5)
    problem.x_scale, problem.f_scale = SIZES, 1e6
    name, size = ("xtol", 1e3) if method == "Newton-CG" else ("gtol", 1e4)
    more = {"ftol": 0.0} if method == "L-BFGS-B" else {}
    loose = problem.solve(method=method, options={name: size, **more})
    close = problem.solve(method=method, options={name: 1e-3 * size, **more})
    assert close.iterations > loose.iterations
    if name == "gtol":
        for result, limit in ((loose, size), (close, 1e-3 * size)):
            assert np.max(np.abs(result.gradient)) <= limit
            assert np.max(np.abs(result.gradient)) >= 1e-9 * limit


def test_tolerances_hold_for_each_variable_and_row() -> None:
    units = Units(posed(), Scales(SIZES, 1e4, (np.array([1e-2, 1e5]),)))
    given = {"dual_inf_tol": 1.0, "constr_viol_tol": 1e-4, "compl_inf_tol": 2, "max_iter": 7}
    options, tol = units.tolerances("ipopt", given, 1e-9)
    assert tol == 1e-9
    assert options == pytest.approx(
        {
            "dual_inf_tol": 1e-2 / 1e4,
            "constr_viol_tol": 1e-4 / 1e5,
            "compl_inf_tol": 2.0 / 1e4,
            "max_iter": 7,
        }
    )
    assert given["dual_inf_tol"] == 1.0
    options, tol = units.tolerances("trust-constr", {"gtol": 1.0}, 1e-3)
    assert tol is None
    assert options == pytest.approx({"gtol": 1e-6, "xtol": 1e-6, "barrier_tol": 1e-7})
    # SLSQP's is of rows too
    options, _ = units.tolerances("SLSQP", None, 1e-2)
    assert options == pytest.approx({"ftol": 1e-7})
    options, _ = units.tolerances("L-BFGS-B", None, 1e-2)
    assert options == pytest.approx({"ftol": 1e-2, "gtol": 1e-8})  # the first is relative
    options, _ = units.tolerances("uno", None, 1e-2)
    assert options == pytest.approx({"primal_tolerance": 1e-7, "dual_tolerance": 1e-8})
    assert units.tolerances("pounce", None, 1e-2) == (None, 1e-2)
    options, _ = units.tolerances("highs", None, 1e-2)
    assert options == pytest.approx(
        {"primal_feasibility_tolerance": 1e-7, "dual_feasibility_tolerance": 1e-8}
    )
    assert units.tolerances("BFGS", None, None) == (None, None)


@pytest.mark.parametrize("square", [True, False])
def test_equations_are_told_in_the_users_units(square: bool) -> None:
    def residual(x: Any) -> Any:
        more = () if square else (x[:1] * 1e2 - 2.0,)
        return np.concatenate([(x / SIZES) ** 3 - 8.0 + 0.1 * np.roll(x / SIZES, 1) - 0.2, *more])

    seen: list[Any] = []

    def keep(state: Any) -> None:
        seen.append((state.x, state.fun))

    limits = ss.Constraint(residual, 0.0, 0.0, scale=10.0)
    problem = ss.Problem(None, 3.0 * SIZES, constraints=limits, x_scale=SIZES)
    result = problem.solve(callback=keep)
    np.testing.assert_allclose(result.x, GOAL, rtol=1e-6)
    assert len(seen) > 2
    for x, fun in seen:
        assert fun == pytest.approx(0.5 * np.sum(residual(x) ** 2), rel=1e-9, abs=1e-20)
