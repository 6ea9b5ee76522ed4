"""Wide sums as unknowns: the lifted problem is the same problem, with a sparse Hessian."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.derivatives.lifted import LiftedDerivatives, lifted_derivatives

Function = Callable[[Any], Any]


def squared_sum(x: Any) -> Any:
    return (np.sum(x) - 1.0) ** 2 + np.sum(x**4)


def of_a_mean(x: Any) -> Any:
    return np.sum(np.cosh(x - np.mean(x**2))) + np.exp(np.mean(np.sin(x)))


def nested(x: Any) -> Any:
    inner = np.sum(x**2)
    outer = np.sum(np.tanh(x / (1.0 + inner)))
    return np.log1p(inner) * outer**2 + x[0] * x[-1]


def parts(x: Any) -> Any:
    low, high = x[: x.size // 2], x[x.size // 2 :]
    return np.sum(low) * np.sum(high**2) + np.linalg.norm(x) + np.sum(x[1:] * x[:-1])


def rows(x: Any) -> Any:
    return np.stack([np.sum(x**2) * x[0], np.exp(np.mean(x)), x[1] * x[2]])


def chain(x: Any) -> Any:
    return x[1:] ** 2 + np.sum(np.sin(x)) * x[:-1]


FUNCTIONS = {
    "squared sum": (squared_sum, ()),
    "of a mean": (of_a_mean, (rows,)),
    "nested": (nested, (rows, chain)),
    "parts": (parts, (chain,)),
    "rows alone": (None, (rows, chain)),
    "a linear objective": (np.sum, (rows,)),
}


def posed(objective: Function | None, constraints: tuple[Function, ...], n: int) -> ss.Problem:
    limits = [ss.Constraint(c, None, 1.0, name=f"c{k}") for k, c in enumerate(constraints)]
    return ss.Problem(objective, np.linspace(0.1, 0.9, n), constraints=limits)


def lifted(problem: ss.Problem) -> LiftedDerivatives:
    found = lifted_derivatives(problem.derivatives)
    assert found is not None
    return found


@pytest.mark.slow_cases("nested-100")
@pytest.mark.every(4)
@pytest.mark.parametrize("n", [16, 33, 100])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_is_the_same_problem(name: str, n: int) -> None:
    """Values, gradient of the Lagrangian, and its Hessian with the sums put in."""
    problem = posed(*FUNCTIONS[name], n)
    found, rng = lifted(problem), np.random.default_rng(n)
    m, k = problem.m, found.k
    assert found.constraint_sizes == (*problem.derivatives.constraint_sizes, k)
    for _ in range(2):
        x, y = rng.normal(size=n), rng.normal(size=m)
        z = found.extended(x)
        assert found.objective(z) == pytest.approx(problem.objective_value(x), rel=1e-12)
        np.testing.assert_allclose(found.constraints(z)[:m], problem.constraint_values(x), 1e-11)
        np.testing.assert_allclose(found.constraints(z)[m:], 0.0, atol=1e-11)
        weights = np.append(y, found.sum_multipliers(z, y))
        J = found.jacobian(z).toarray()
        slopes = problem.gradient(x) + problem.jacobian(x).T @ y
        both = found.gradient(z) + J.T @ weights
        np.testing.assert_allclose(both, np.append(slopes, np.zeros(k)), atol=1e-9)
        moves = np.linalg.solve(J[m:, n:], -J[m:, :n])
        W = found.hessian_full(found.hessian_values(z, weights)).toarray()
        Z = np.vstack([np.eye(n), moves])
        H = problem.lagrangian_hessian(x, y).toarray()
        np.testing.assert_allclose(Z.T @ W @ Z, H, atol=1e-8 * max(1.0, np.abs(H).max()))


@pytest.mark.parametrize("name", ["squared sum", "of a mean", "nested"])
def test_it_is_sparse(name: str) -> None:
    n = 200
    problem = posed(*FUNCTIONS[name], n)
    found = lifted(problem)
    assert problem.derivatives.hessian_pattern.nnz == n * (n + 1) // 2
    assert found.hessian_pattern.nnz <= 4 * (n + found.k)
    assert found.nonzeros <= 16 * n


def test_rows_of_sums_that_are_linear_are_proven_linear() -> None:
    found = lifted(posed(squared_sum, (rows,), 20))
    assert found.k == 3
    assert sorted(found.linear_rows) == [False] * 4 + [True] * 2


def test_values_of_parameters() -> None:
    problem = ss.Problem(
        lambda x, p: (np.sum(p * x) - 1.0) ** 2 + np.sum(x**2) * p[0],
        np.ones(20),
        parameters=np.ones(20),
    )
    found, p = lifted(problem), np.linspace(1.0, 2.0, 20)
    calls = problem.derivatives.user_calls
    x = np.linspace(-1.0, 1.0, 20)
    moved = found.at(p)
    assert moved.extended(x)[-1] == pytest.approx(p @ x)
    assert moved.objective(moved.extended(x)) == pytest.approx((p @ x - 1.0) ** 2 + x @ x)
    assert problem.derivatives.user_calls == calls


def branching(x: Any) -> Any:
    return np.sum(x) ** 2 if x[0] > 0.0 else np.sum(x**2)


NOTHING = {
    "a narrow sum": (squared_sum, 15),
    "nothing but sums": (lambda x: np.sum(x) + np.sum(x**4), 50),
    "a chain": (lambda x: np.sum((x[1:] - x[:-1]) ** 2), 50),
    "branches": (branching, 50),
}


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_is_lifted(name: str) -> None:
    function, n = NOTHING[name]
    problem = ss.Problem(function, np.ones(n))
    assert lifted_derivatives(problem.derivatives) is None
