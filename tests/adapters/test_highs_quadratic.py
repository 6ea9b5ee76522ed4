"""Convex quadratic problems: proven so, solved by HiGHS, with multipliers in our convention."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.adapters import highs_quadratic
from sparsesolve.adapters.choice import choose_solver
from sparsesolve.errors import SolverUnavailable
from sparsesolve.problem.result import Status


def random_problem(n: int, m: int, rank: int, seed: int) -> ss.Problem:
    """Rows of every kind, a fixed variable, and a Hessian of this rank."""
    draw = np.random.default_rng(seed)
    B, A, inside = draw.normal(size=(rank, n)), draw.normal(size=(m, n)), draw.normal(size=n)
    b, t = A @ inside, draw.normal(size=n)
    lower = np.where(draw.random(m) < 0.6, b - draw.random(m), -np.inf)
    upper = np.where(draw.random(m) < 0.6, b + draw.random(m), np.inf)
    low, high = inside - 1.0, inside + 1.0
    if m:
        lower[0] = upper[0] = b[0]
    if n > 1:
        low[1] = high[1] = inside[1]
    rows = [ss.Constraint(lambda x: A @ x + 2.0, lower + 2.0, upper + 2.0)] if m else []
    return ss.Problem(
        lambda x: np.sum((B @ (x - t)) ** 2) + t @ x + 7.0, inside, bounds=(low, high),
        constraints=rows,
    )  # fmt: skip


CASES = [(1, 0, 1), (2, 1, 2), (2, 3, 1), (8, 5, 8), (8, 5, 3), (31, 0, 31), (32, 9, 40),
         (33, 40, 7), (100, 20, 50)]  # fmt: skip


@pytest.mark.every(3)
@pytest.mark.parametrize(("n", "m", "rank"), CASES)
def test_the_conditions_of_optimality_hold(n: int, m: int, rank: int) -> None:
    problem = random_problem(n, m, rank, n + m)
    result = ss.minimize(problem)
    assert (result.solver, result.status) == ("highs", Status.SOLVED)
    assert "proven convex and quadratic" in result.choice
    assert "HiGHS" in result.backend
    y, (lower, upper) = np.asarray(result.multipliers), result.bound_multipliers
    pull = problem.jacobian(result.x).T @ y if m else 0.0
    left = problem.gradient(result.x) + pull - lower + upper
    np.testing.assert_allclose(left, 0.0, atol=1e-6 * (1.0 + np.abs(y).max(initial=0.0)))
    assert (lower >= 0.0).all()
    assert (upper >= 0.0).all()
    assert result.constraint_violation < 1e-7
    low, high = problem.constraint_bounds
    assert (y[np.isinf(high)] <= 1e-9).all()
    assert (y[np.isinf(low)] >= -1e-9).all()
    gap = np.minimum(result.x - problem.bounds[0], problem.bounds[1] - result.x)
    assert np.abs((lower + upper) * gap).max() < 1e-5
    other = ss.minimize(problem, method="trust-constr", tol=1e-9)
    assert result.fun <= other.fun + 1e-5 * (1.0 + abs(other.fun))


def test_signs_of_multipliers() -> None:
    rows = [
        ss.Constraint(lambda x: x[0] + x[1], None, 1.0, name="above"),
        ss.Constraint(lambda x: x[2] - x[1], 2.0, None, name="below"),
    ]
    result = ss.minimize(
        lambda x: np.sum((x - 1.0) ** 2), np.zeros(3), bounds=(None, [9, 9, 1.5]), constraints=rows
    )
    assert result.solver == "highs"
    np.testing.assert_allclose(result.x, [1.0, -0.5, 1.5], atol=1e-9)
    np.testing.assert_allclose(result.multipliers["above"], 0.0, atol=1e-9)
    np.testing.assert_allclose(result.multipliers["below"], -3.0)
    np.testing.assert_allclose(result.bound_multipliers[1], [0.0, 0.0, 2.0], atol=1e-9)


@pytest.mark.parametrize(
    "objective",
    [
        lambda x: x[0] * x[1] + x[2] ** 2,
        lambda x: np.sum(x**2) - 1.01 * x[0] ** 2,
        lambda x: np.sum(x**2) + np.abs(x[0]),
        lambda x: np.sum(x**2) + np.floor(x[0]),
        lambda x: np.sum(x**2) * x[0],
        lambda x: np.sum(np.where(x > 0.5, x**2, 2.0 * x**2)),
    ],
)
def test_what_is_not_proven_convex_goes_elsewhere(objective: Any) -> None:
    assert choose_solver(ss.Problem(objective, np.full(3, 0.2), bounds=(-1.0, 1.0))) != "highs"
    with pytest.raises(ValueError, match="linear and convex quadratic problems; its objective is"):
        ss.minimize(objective, np.full(3, 0.2), bounds=(-1.0, 1.0), method="highs")


def test_rows_that_are_not_linear_go_elsewhere() -> None:
    rows = ss.Constraint(lambda x: np.sum(x**2), None, 1.0)
    problem = ss.Problem(lambda x: np.sum((x - 1.0) ** 2), np.zeros(3), constraints=rows)
    assert ss.minimize(problem).solver != "highs"
    with pytest.raises(ValueError, match="1 of 1 rows are not proven linear"):
        ss.minimize(problem, method="highs")


def test_larger_problems_go_to_an_interior_point() -> None:
    problem = ss.Problem(lambda x: np.sum((x - 1.0) ** 2), np.zeros(200), bounds=(0.0, 0.5))
    assert ss.minimize(problem).solver != "highs"
    np.testing.assert_allclose(ss.minimize(problem, method="highs").x, 0.5)


def test_where_it_does_not_solve_another_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    fails = highs_quadratic.Ended(np.zeros(3), Status.FAILED, "no")
    monkeypatch.setattr("sparsesolve.adapters.highs.solve_quadratic", lambda *args: (fails, "none"))
    result = ss.minimize(lambda x: np.sum((x - 1.0) ** 2), np.zeros(3), bounds=(0.0, 0.5))
    assert result.solver != "highs"
    np.testing.assert_allclose(result.x, 0.5, atol=1e-6)
    assert "which ended as failed" in result.notes[0]
    assert result.choice.startswith("nonlinear, with bounds")


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        (ss.Constraint(lambda x: np.stack([x[0], -x[0]]), 1.0, None), Status.INFEASIBLE),
        (ss.Constraint(lambda x: x[0] + x[1], 5.0, None), Status.UNBOUNDED),
    ],
)
def test_without_a_solution(rows: ss.Constraint, status: Status) -> None:
    problem = ss.Problem(lambda x: x[0] ** 2 - x[1], np.zeros(2), constraints=rows)
    assert ss.minimize(problem, method="highs").status is status
    if status is Status.INFEASIBLE:
        assert ss.minimize(problem).status is status


@pytest.mark.slow
def test_flat_directions_that_fall_are_no_solution() -> None:
    """Also not far away, where the slope is small beside the objective."""
    for seed in range(3):
        draw = np.random.default_rng(seed)
        B, A = draw.normal(size=(3, 9)), draw.normal(size=(4, 9))
        g = draw.normal(size=9)
        rows = ss.Constraint(lambda x, A=A: A @ x, -1.0, 1.0)
        objective = lambda x, B=B, g=g: np.sum((B @ x) ** 2) + 1e-3 * (g @ x)
        problem = ss.Problem(objective, np.zeros(9), constraints=rows)
        assert not ss.minimize(problem, method="highs").success


def test_options_and_tolerance() -> None:
    problem = random_problem(6, 4, 6, 1)
    expected = ss.minimize(problem).fun
    options = {"presolve": False, "disp": False, "qp_regularization_value": 0.0, "time_limit": 9}
    found = ss.minimize(problem, method="highs", tol=1e-12, options=options)
    assert found.fun == pytest.approx(expected)
    for name, value in (("no_such_option", 1), ("time_limit", "long"), ("time_limit", [1])):
        with pytest.raises(ValueError, match=f"HiGHS refused the option '{name}'"):
            ss.minimize(problem, method="highs", options={name: value})


def test_parameters_change_the_curvature() -> None:
    problem = ss.Problem(
        lambda x, p: p * x[0] ** 2 + (x[1] - p) ** 2, np.ones(2), bounds=(-1.0, 2.0), parameters=1.0
    )
    assert problem.solve(p=2.0).solver == "highs"
    other = problem.solve(p=-1.0)
    assert other.solver != "highs"
    assert problem.solve(p=0.5).x == pytest.approx([0.0, 0.5], abs=1e-9)


def test_who_watches_or_starts_warm_gets_another() -> None:
    problem = random_problem(4, 2, 4, 5)
    first = ss.minimize(problem)
    assert ss.minimize(problem, callback=lambda state: None).solver != "highs"
    assert ss.minimize(problem, warm_start=first).solver != "highs"


def test_bindings_of_highspy(monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    pytest.importorskip("highspy")
    found = importlib.import_module
    monkeypatch.setattr(
        highs_quadratic.importlib,
        "import_module",
        lambda name: object() if name.startswith("scipy") else found(name),
    )
    result = ss.minimize(random_problem(6, 4, 6, 1), method="highs")
    assert result.status is Status.SOLVED
    assert "highspy" in result.backend


def test_without_bindings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(highs_quadratic.importlib, "import_module", lambda name: object())
    problem = random_problem(6, 4, 6, 1)
    assert ss.minimize(problem).solver != "highs"
    with pytest.raises(SolverUnavailable, match="sparsesolve\\[highs\\]"):
        ss.minimize(problem, method="highs")


def test_a_slope_that_is_small_beside_others_may_lead_far_down() -> None:
    """Units from 1e-3 to 1e4: HiGHS ends at 1.17, with a slope of 2e-3 left in one of 1000."""
    unit = np.array([1e-2, 1e-3, 1e3, 1e4, 1e3])
    half = np.array([20.0, 1600.0, 0.0, 3e-5, 8e-4])
    c = np.array([10.0, 800.0, 5e-4, 4e-5, -1.5e-3])
    A = np.array([[40.0, 0.0, -8e-4, 2e-5, 1.3e-3], [20.0, 800.0, -7e-4, 0.0, 1.1e-3],
                  [0.0, 900.0, -1e-3, 0.0, 1e-4], [110.0, -500.0, -1.3e-3, -3e-5, 0.0],
                  [0.0, 1000.0, 1e-4, 0.0, 4e-4]])  # fmt: skip
    lower = np.array([-1.61, -np.inf, 0.39, -1.76117904, -np.inf])
    upper = np.array([0.39, 1.06412963, 0.39, np.inf, 1.07490182])
    low, high = np.array([-1.7, -0.3, -0.8, -1.4, 0.0]), np.array([-1.7, *[np.inf] * 4])

    def problem(s: np.ndarray) -> ss.Problem:
        rows = [ss.Constraint(lambda y: A @ (s * y), lower, upper)]
        bounds = low * unit / s, high * unit / s
        return ss.Problem(lambda y: 0.5 * (half @ (s * y)) ** 2 + c @ (s * y), np.zeros(5),
                          bounds=bounds, constraints=rows)  # fmt: skip

    known = ss.minimize(problem(unit)).fun
    found = ss.minimize(problem(np.ones(5)))
    assert found.success
    np.testing.assert_allclose(found.fun, known, rtol=0, atol=1e-5)
    assert ss.minimize(problem(np.ones(5)), method="highs").status is Status.STALLED
