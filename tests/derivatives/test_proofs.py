"""What is proven linear or quadratic is: steps and kinks have constant derivatives too."""

from __future__ import annotations

import numpy as np
import pytest

import sparsesolve as ss

A = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
AFFINE = {
    "sum": lambda x: np.sum(x),
    "matrix": lambda x: A @ x + 1.0,
    "difference": lambda x: np.diff(x),
    "loop": lambda x: np.array([2.0 * x[k] - 1.0 for k in range(3)]),
    "written": lambda x: np.concatenate([x[:1] / 3.0, -x[1:]]),
    "mean": lambda x: x - np.mean(x),
    "fft": lambda x: np.fft.rfft(x).real,
    "constant": lambda x: 0.0 * x + 2.0,
}
NOT = {
    "abs": lambda x: np.abs(x),
    "floor": lambda x: np.floor(x) + x,
    "sign": lambda x: np.sign(x) + x,
    "round": lambda x: np.round(x) - x,
    "maximum": lambda x: np.maximum(x, 0.0),
    "clip": lambda x: np.clip(x, -1.0, 1.0),
    "choice": lambda x: np.where(x > 0.0, x, 2.0 * x),
    "jump": lambda x: np.where(x > 0.5, x, x + 1.0),
    "indicator": lambda x: x + (x > 0.3),
    "quotient": lambda x: x // 0.5 + x,
    "remainder": lambda x: x % 1.0,
    "remainder of C": lambda x: np.fmod(x, 0.5),
    "phases": lambda x: np.unwrap(5.0 * x)[1:],
    "largest": lambda x: np.max(x),
    "sorted": lambda x: np.sort(x),
    "inside of a square": lambda x: x * np.floor(x),
    "branch": lambda x: x if x[0] > 0.0 else 2.0 * x,
}
QUADRATIC = {
    "square": (lambda x: np.sum(x**2), True),
    "form": (lambda x: x[:2] @ A @ x, True),
    "square and step": (lambda x: np.sum(x**2) + np.sum(np.floor(x)), False),
    "one-sided": (lambda x: np.sum(np.maximum(x, 0.0) ** 2), False),
    "signed": (lambda x: np.sum(x * np.abs(x)), False),
    "kink": (lambda x: np.sum(np.abs(x)), False),
    "cubic": (lambda x: np.sum(x**3), False),
}


def rows_of(function):
    problem = ss.Problem(None, np.array([0.4, 0.7, 1.2]), constraints=ss.Constraint(function, 0, 1))
    return problem.derivatives.linear_rows


@pytest.mark.parametrize("name", AFFINE)
def test_affine_rows_and_objectives(name):
    assert rows_of(AFFINE[name]).all()
    objective = ss.Problem(lambda x: np.sum(AFFINE[name](x)), np.array([0.4, 0.7, 1.2]))
    assert objective.derivatives.objective_is_linear


@pytest.mark.parametrize("name", NOT)
def test_steps_and_kinks_are_not_affine(name):
    assert not rows_of(NOT[name]).any()
    objective = ss.Problem(lambda x: np.sum(NOT[name](x)), np.array([0.4, 0.7, 1.2]))
    assert not objective.derivatives.objective_is_linear
    assert not objective.derivatives.objective_is_quadratic


@pytest.mark.parametrize("name", QUADRATIC)
def test_quadratic_objectives(name):
    function, expected = QUADRATIC[name]
    problem = ss.Problem(function, np.array([0.4, 0.7, 1.2]))
    assert problem.derivatives.objective_is_quadratic == expected
    assert not problem.derivatives.objective_is_linear


def test_only_the_rows_with_a_step_are_not_affine():
    def rows(x):
        return np.array([x[0] + x[1], np.floor(x[0]) + x[1], x[2], x[1] * x[2]])

    assert rows_of(rows).tolist() == [True, False, True, False]


def test_a_row_with_a_step_is_evaluated_where_the_solver_goes():
    """As a linear row it would be what it is at the start."""
    problem = ss.Problem(
        lambda x: (x[0] - 2.7) ** 2 + (x[1] - 1.0) ** 2,
        np.array([0.2, 3.6]),
        constraints=ss.Constraint(lambda x: np.floor(x[0]) + x[1], 3.5, None),
    )
    result = ss.minimize(problem, method="trust-constr", options={"maxiter": 300})
    assert np.floor(result.x[0]) + result.x[1] > 3.5 - 1e-6
