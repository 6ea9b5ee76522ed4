"""A start outside of its bounds is moved inside before any function is called there."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from needs import skip_without_ipopt

from sparsesolve import Problem, least_squares, minimize

SOLVERS = ["SLSQP", "L-BFGS-B", "TNC", "trust-constr", "ipopt"]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("prepared", [False, True])
def test_no_function_is_called_outside_of_the_bounds_at_the_start(solver, prepared) -> None:
    if solver == "ipopt":
        skip_without_ipopt()
    problem = Problem(lambda x: np.sum(np.sqrt(x)), [-1.0, 2.0, 0.7], bounds=(0.5, None))
    if prepared:
        problem.gradient(problem.start)
    result = minimize(problem, solver=solver)
    assert result.success
    np.testing.assert_allclose(result.x, 0.5, atol=1e-6)
    assert "1 variables (the first: -1 at index 0, bounds 0.5 and inf)" in result.notes[0]
    assert "moved inside" in str(result)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_warm_start_outside_is_moved_too(solver) -> None:
    if solver == "ipopt":
        skip_without_ipopt()
    problem = Problem(lambda x: np.sum(np.sqrt(x)), np.full(3, 0.7), bounds=(0.5, None))
    first = minimize(problem, solver=solver)
    assert not first.notes
    moved = dataclasses.replace(first, x=np.array([-3.0, 0.5, 1.0]))
    again = minimize(problem, solver=solver, warm_start=moved)
    np.testing.assert_allclose(again.x, 0.5, atol=1e-6)
    assert again.notes


def test_the_problem_keeps_the_start_as_given() -> None:
    problem = Problem(np.sum, [-1.0, 2.0], bounds=(0.0, 1.0))
    assert problem.x0.tolist() == [-1.0, 2.0]
    assert problem.start.tolist() == [0.0, 1.0]
    assert problem.to_scipy(solver="SLSQP")["x0"].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("method", ["trf", "dogbox"])
def test_least_squares_starts_inside(method) -> None:
    seen = []

    def residual(x):
        seen.append(np.min(np.asarray(x)) if type(x) is np.ndarray else 1.0)
        return np.sqrt(x) - 0.5

    fit = least_squares(residual, [-1.0, 3.0, 5.0], bounds=(1.0, 4.0), method=method)
    np.testing.assert_allclose(fit.x, 1.0, atol=1e-6)
    assert "2 variables" in fit.notes[0]
    assert min(seen) >= 0.5
