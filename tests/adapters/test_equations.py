"""Problems of equations alone: a root or least squares, chosen by "auto", and told."""

from __future__ import annotations

import numpy as np
import pytest
from needs import has_ipopt

from sparsesolve.adapters.equations import only_equations
from sparsesolve.front import minimize
from sparsesolve.problem.problem import Constraint, Problem
from sparsesolve.problem.result import Status


def circle_and_hyperbola(x0=(2.0, 0.5), **kwargs) -> Problem:
    rows = [Constraint(lambda x: x @ x, 4.0, 4.0), Constraint(lambda x: x[0] * x[1], 1.0, 1.0)]
    return Problem(None, x0, constraints=rows, **kwargs)


def test_a_square_system_is_a_root() -> None:
    problem = circle_and_hyperbola()
    result = minimize(problem)
    assert result.status is Status.SOLVED
    np.testing.assert_allclose(problem.constraint_values(result.x), [4.0, 1.0], atol=1e-9)
    assert result.solver == "newton"
    assert result.notes == (
        "no objective and as many equations as unknowns (2, 2): solved by ss.root",
    )
    assert result.fun == 0.0
    np.testing.assert_array_equal(result.multipliers, [0.0, 0.0])
    assert result.counts.constraints > 1
    assert result.counts.jacobian > 1
    again = minimize(problem, warm_start=result)
    assert again.iterations == 0


def test_bounds_are_kept() -> None:
    result = minimize(circle_and_hyperbola([0.7, 1.8], bounds=([0.0, 1.0], 3.0)))
    assert result.success
    np.testing.assert_allclose(result.x, [0.51763809, 1.93185165], atol=1e-7)
    assert "solved by ss.least_squares" in result.notes[0]


@pytest.mark.parametrize("n", [1, 2, 31, 32, 33, 100])
def test_more_equations_than_unknowns(n: int) -> None:
    target = np.linspace(0.5, 2.0, n)
    rows = [
        Constraint(lambda x: x**2, target**2, target**2),
        Constraint(lambda x: x * np.exp(x), target * np.exp(target), target * np.exp(target)),
    ]
    problem = Problem(None, np.ones(n), constraints=rows)
    result = minimize(problem)
    assert result.status is Status.SOLVED
    np.testing.assert_allclose(result.x, target, rtol=1e-6)
    assert f"more equations than unknowns ({2 * n}, {n})" in result.notes[0]


def test_equations_that_contradict_each_other_are_infeasible() -> None:
    problem = Problem(
        None, [1.0], constraints=Constraint(lambda x: np.array([x[0], 2 * x[0]]), 1, 1)
    )
    result = minimize(problem)
    assert result.status is Status.INFEASIBLE
    assert result.x[0] == pytest.approx(0.6)  # the least sum of squares
    assert "the sum of squares is least here" in result.message
    assert "Violated most: row 0" in result.message


def test_a_root_that_is_not_found_is_left_to_the_minimizer() -> None:
    problem = Problem(None, [2.0], constraints=Constraint(lambda x: x**2, -1.0, -1.0))
    result = minimize(problem)
    assert not result.success
    assert any("solved by ss.root, which ended as" in note for note in result.notes)
    assert result.solver == ("ipopt" if has_ipopt() else "trust-constr")


def test_what_is_no_system_of_equations() -> None:
    row = Constraint(lambda x: x, 0.0, 0.0)
    assert only_equations(Problem(None, np.ones(3), constraints=row))
    for problem in (
        Problem(lambda x: x @ x, np.ones(3), constraints=row),
        Problem(None, np.ones(3), constraints=Constraint(lambda x: x[:2], 0.0, 0.0)),
        Problem(None, np.ones(3), constraints=Constraint(lambda x: x, 0.0, [0.0, 0.0, 1.0])),
        Problem(None, np.ones(3)),
    ):
        assert not only_equations(problem)


def test_options_or_a_name_choose_the_minimizer() -> None:
    result = minimize(circle_and_hyperbola(), method="SLSQP")
    assert result.solver == "SLSQP"
    assert not result.notes


def test_a_callback_may_stop_it() -> None:
    result = minimize(circle_and_hyperbola(), callback=lambda state: True)
    assert result.status is Status.STOPPED
