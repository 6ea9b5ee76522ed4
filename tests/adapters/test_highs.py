"""Linear problems: proven so, solved by HiGHS, with multipliers in our convention."""

from __future__ import annotations

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.problem.result import Status

rng = np.random.default_rng(0)


def random_problem(seed: int, n: int = 7, m: int = 9) -> ss.Problem:
    """Rows with limits of every kind, and a bounded feasible set."""
    draw = np.random.default_rng(seed)
    A, c, inside = draw.normal(size=(m, n)), draw.normal(size=n), draw.normal(size=n)
    b = A @ inside
    lower = np.where(draw.random(m) < 0.6, b - draw.random(m), -np.inf)
    upper = np.where(draw.random(m) < 0.6, b + draw.random(m), np.inf)
    lower[0] = upper[0] = b[0]
    bounds = inside - 1.0, inside + 1.0
    bounds[0][1] = bounds[1][1] = inside[1]
    rows = ss.Constraint(lambda x: A @ x + 3.0, lower + 3.0, upper + 3.0)
    return ss.Problem(lambda x: c @ x - 5.0, inside, bounds=bounds, constraints=rows)


@pytest.mark.every(4)
@pytest.mark.parametrize("seed", range(8))
def test_the_conditions_of_optimality_hold(seed: int) -> None:
    result = ss.minimize(random_problem(seed))
    assert (result.solver, result.status) == ("highs", Status.SOLVED)
    assert result.optimality < 1e-9
    assert result.constraint_violation < 1e-9
    lower, upper = result.bound_multipliers
    assert (lower >= 0).all()
    assert (upper >= 0).all()
    assert any("proven linear" in note for note in result.notes)
    other = ss.minimize(random_problem(seed), method="trust-constr", tol=1e-9)
    np.testing.assert_allclose(result.fun, other.fun, rtol=1e-4, atol=1e-4)


def test_signs_of_multipliers() -> None:
    rows = [
        ss.Constraint(lambda x: x[0] + x[1], None, 4.0, name="above"),
        ss.Constraint(lambda x: x[1] - x[2], -1.0, None, name="below"),
        ss.Constraint(lambda x: x[2], 2.0, 2.0, name="equal"),
    ]
    result = ss.minimize(lambda x: -2.0 * x[0] + x[1], np.zeros(3), constraints=rows)
    np.testing.assert_allclose(result.x, [3.0, 1.0, 2.0], atol=1e-9)
    np.testing.assert_allclose(result.multipliers["above"], 2.0)
    np.testing.assert_allclose(result.multipliers["below"], -3.0)
    np.testing.assert_allclose(result.multipliers["equal"], -3.0)


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        (ss.Constraint(lambda x: x[0] + x[1], 5.0, None), Status.UNBOUNDED),
        (ss.Constraint(lambda x: np.array([x[0], -x[0]]), 1.0, None), Status.INFEASIBLE),
    ],
)
def test_without_a_solution(rows: ss.Constraint, status: Status) -> None:
    result = ss.minimize(lambda x: -np.sum(x), np.zeros(2), constraints=rows)
    assert (result.solver, result.status) == ("highs", status)


def test_what_is_not_linear_goes_elsewhere() -> None:
    for function in (
        lambda x: np.sum(np.abs(x - 2.0)),
        lambda x: x @ x**2,
        lambda x: np.sum(np.floor(x)),
    ):
        assert ss.minimize(function, np.full(3, 0.2), bounds=(-1, 1)).solver != "highs"
        with pytest.raises(ValueError, match="its objective is not proven linear or quadratic"):
            ss.minimize(function, np.ones(3), method="highs")
    rows = ss.Constraint(lambda x: np.array([x[0] * x[1], x[1]]), 0, 1)
    with pytest.raises(ValueError, match="1 of 2 rows are not proven linear"):
        ss.minimize(np.sum, np.ones(3), constraints=rows, method="highs")


def test_who_watches_gets_a_solver_that_shows_iterations() -> None:
    seen: list[float] = []
    result = ss.minimize(
        np.sum, np.zeros(3), bounds=(-1, 1), callback=lambda state: seen.append(state.fun)
    )
    assert result.solver != "highs"
    assert seen


def test_options_and_tolerance() -> None:
    problem = random_problem(3)
    exact = ss.minimize(problem, method="highs", tol=1e-10, options={"presolve": False})
    np.testing.assert_allclose(exact.fun, ss.minimize(problem).fun)
    with pytest.raises(ValueError, match="HiGHS refused an option"):
        ss.minimize(problem, method="highs", options={"max_iter": 3})


def test_a_value_that_is_not_finite_is_named() -> None:
    c = np.array([1.0, np.inf])
    with np.errstate(all="ignore"):
        result = ss.minimize(lambda x: c @ x, np.ones(2), bounds=(0, 1), method="highs")
    assert result.status is Status.EVALUATION_ERROR


def test_sizes_and_no_rows() -> None:
    for n in (1, 2, 400):
        result = ss.minimize(lambda x: np.sum(x) + x[0], np.zeros(n), bounds=(-1.0, 2.0))
        assert (result.solver, result.fun) == ("highs", -float(n) - 1.0)
