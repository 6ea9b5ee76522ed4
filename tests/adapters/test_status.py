"""A status says what is true: "solved" only where our own measure holds; and nothing escapes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from needs import skip_without_ipopt

from sparsesolve import Constraint, Problem, Status, minimize
from sparsesolve.derivatives import ProblemDerivatives
from sparsesolve.errors import StructureTooLarge
from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.methods.optimality import SOLVED, best_measure, measure

UNCONSTRAINED = [
    "trust-constr", "SLSQP", "L-BFGS-B", "TNC", "Newton-CG", "trust-ncg", "trust-krylov",
    "trust-exact", "dogleg", "BFGS", "CG", "ipopt",
]  # fmt: skip


def solve(objective, x0, solver: str, **arguments):
    if solver == "ipopt":
        skip_without_ipopt()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return minimize(objective, x0, solver=solver, **arguments)


@pytest.mark.slow_cases("trust-constr")
@pytest.mark.every(9)
@pytest.mark.parametrize("solver", UNCONSTRAINED)
def test_nothing_unbounded_is_solved(solver: str) -> None:
    for objective in (np.sum, lambda x: x[0] ** 3 - np.sum(x), lambda x: -np.sum(x**2)):
        result = solve(objective, [0.1, 0.2], solver)
        assert not result.success, result.status
        assert result.message


@pytest.mark.parametrize("solver", UNCONSTRAINED)
def test_a_derivative_that_ends_is_a_status(solver: str) -> None:
    with np.errstate(all="ignore"):
        result = solve(lambda x: np.sum(np.sqrt(x - 1.0)), [2.0, 2.0], solver)
    assert not result.success
    assert isinstance(result.status, Status)


@pytest.mark.parametrize("solver", UNCONSTRAINED)
def test_what_is_solved_stays_solved(solver: str) -> None:
    target = np.array([1.0, -2.0, 0.5])
    for factor in (1.0, 1e3):
        result = solve(lambda x, k=factor: k * np.sum((x - target) ** 2 + x), np.zeros(3), solver)
        assert result.status is Status.SOLVED
        np.testing.assert_allclose(result.x, target - 0.5, atol=1e-4)


@pytest.mark.parametrize("solver", ["ipopt", "trust-constr", "SLSQP"])
def test_a_row_twice(solver: str) -> None:
    total = Constraint(np.sum, 1, 1)
    linear = solve(lambda x: np.sum(x**2), [1.0, 0.0], solver, constraints=[total, total])
    assert not linear.success or abs(linear.fun - 0.5) < 1e-6
    circle = Constraint(lambda x: np.sum(x**2), 1, 1)
    curved = solve(lambda x: x[0] + 2, [0.6, 0.7], solver, constraints=[circle, circle])
    assert not curved.success or abs(curved.fun - 1.0) < 1e-5
    if "IPOPT 3.11" in linear.backend:  # 3.14 ends at the solution
        assert "our own measure" in linear.message


def test_a_wrong_claim_shows_the_numbers() -> None:
    result = solve(lambda x: np.sum(x), [0.0, 0.0], "Newton-CG")
    assert result.status is Status.STALLED
    assert "stationarity 1.0e+00" in result.message


@pytest.mark.every(2)
@pytest.mark.parametrize("solver", ["ipopt", "trust-constr", "SLSQP"])
def test_an_infeasible_result_names_the_worst_rows(solver: str) -> None:
    rows = [
        Constraint(lambda x: x[:2] + x[2], -9.0, 9.0, name="easy"),
        Constraint(
            lambda x: np.array([x[0], np.sum(x**2)]), [-5.0, -np.inf], [5.0, -2.0], name="no"
        ),
    ]
    result = solve(lambda x: np.sum(x), [1.0, 1.0, 1.0], solver, constraints=rows)
    assert not result.success
    assert "row 1 of 'no' is 2" in result.message
    assert "above its upper limit -2" in result.message
    assert "easy" not in result.message


@pytest.mark.parametrize("transport", ["native", "c"])
@pytest.mark.parametrize("value", [10**12, 1e12, -(2**40)])
def test_an_integer_too_large_for_ipopt_is_named(transport: str, value) -> None:
    options = {"max_iter": value, "transport": transport}
    with pytest.raises(ValueError, match="max_iter"):
        solve(np.sum, [0.0, 0.0], "ipopt", bounds=(0, 1), options=options)


def test_exceptions_of_the_user_pass() -> None:
    def stop(state):
        raise ValueError("not finite, says mine")

    for solver in ("trust-constr", "trust-ncg", "SLSQP", "L-BFGS-B"):
        with pytest.raises(ValueError, match="says mine"):
            solve(lambda x: np.sum((x - 1.0) ** 4), np.zeros(2), solver, callback=stop)


@pytest.mark.slow
def test_a_hessian_too_large_to_store_is_used_by_products() -> None:
    n = 60_000
    problem = Problem(lambda x: (np.sum(x) - 1) ** 2 + np.sum((x - 1) ** 4), np.zeros(n))
    with pytest.raises(StructureTooLarge, match="products"):
        problem.lagrangian_hessian(problem.x0)
    for solver in ("trust-ncg", "Newton-CG"):
        result = solve(problem, None, solver)
        assert result.status is Status.SOLVED
        assert result.optimality < 1e-4
    lifted = solve(problem, None, "ipopt")  # with the sum as an unknown
    assert lifted.status is Status.SOLVED
    plain = Problem(problem.objective, np.zeros(n), lift_sums=False)
    refused = solve(plain, None, "ipopt")
    assert refused.status is Status.FAILED
    assert "trust-ncg" in refused.message


def test_products_equal_the_hessian(rng) -> None:
    objective = lambda x: np.sum(np.sin(x[1:] * x[:-1])) + np.sum(x) ** 3
    derivatives = ProblemDerivatives(objective, [], np.ones(33))
    x, v = rng.normal(size=33), rng.normal(size=33)
    H = derivatives.hessian_full(derivatives.hessian_values(x, np.empty(0)))
    np.testing.assert_allclose(derivatives.objective_hessian_product(x, v), H @ v, rtol=1e-10)


def test_the_measure_knows_multipliers_and_estimates_them() -> None:
    problem = Problem(
        lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2],
        [1.0, 5.0, 5.0, 1.0],
        bounds=(1.0, 5.0),
        constraints=[
            Constraint(np.prod, 25.0, None, name="product"),
            Constraint(lambda x: np.sum(x**2), 40.0, 40.0, name="sphere"),
        ],
    )
    evaluation = Evaluation(problem)
    x = np.array([1.0, 4.742999637, 3.821149979, 1.379408294])
    y = np.array([-0.5522936599, 0.1614685676])
    assert measure(evaluation, x, y).within(SOLVED)
    assert not measure(evaluation, x, np.zeros(2)).within(SOLVED)
    wrong_sign = measure(evaluation, x, np.array([0.5, 0.1614685676]))
    assert wrong_sign.stationarity > 1e-2
    estimated = best_measure(evaluation, x, np.zeros(2))
    assert estimated.within(SOLVED)
    np.testing.assert_allclose(estimated.multipliers, y, rtol=1e-5)
    assert not best_measure(evaluation, problem.x0, np.zeros(2)).within(SOLVED)


def test_a_bound_that_holds_needs_no_stationarity() -> None:
    problem = Problem(lambda x: np.sum(np.sqrt(x)), np.ones(2), bounds=(0.25, None))
    found = measure(Evaluation(problem), np.full(2, 0.25), np.empty(0))
    assert found.stationarity == 0.0
    assert measure(Evaluation(problem), np.full(2, 0.5), np.empty(0)).stationarity > 0.1


def test_a_method_that_stops_early_goes_on() -> None:
    """SLSQP's default tolerance stops here with a gradient of 2e-4."""
    start = np.array([0.7, 1.9, 2.5])
    result = solve(lambda x: np.sum(x - np.log(x)), start, "SLSQP")
    assert result.status is Status.SOLVED
    assert result.optimality < 1e-6
    asked = solve(lambda x: np.sum(x - np.log(x)), start, "SLSQP", options={"ftol": 1e-6})
    assert asked.status is Status.ACCEPTABLE
    assert "our own measure" in asked.message
