"""Solvers on functions that branch on their values, so that structure grows on the way."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize

import sparsesolve as ss
from sparsesolve.derivatives import LagrangianHessian, problem_derivatives


def huber(x):
    """Once differentiable; the far side couples neighbors."""
    total = 0.0
    for i in range(x.size - 1):
        d = x[i + 1] - x[i] - 1.0
        total = total + (d * d if abs(d) <= 1.0 else 2.0 * abs(d) - 1.0)
    return total + 0.5 * np.sum((x - 2.0) ** 2)


def side(x):
    return x[0] * x[1] + x[2] if x[0] + x[1] > 4.0 else 2.0 * (x[0] + x[1]) - 4.0 + x[2]


def posed(n=5, start=-3.0):
    limit = ss.Constraint(side, None, 3.0)
    return ss.Problem(huber, np.full(n, start) * np.arange(1, n + 1), constraints=[limit])


def reference(problem):
    return scipy.optimize.minimize(
        huber,
        problem.x0,
        method="SLSQP",
        constraints={"type": "ineq", "fun": lambda x: 3.0 - side(x)},
        options={"ftol": 1e-14, "maxiter": 500},
    )


@pytest.mark.parametrize("x", [np.linspace(-3, 9, 5), np.linspace(2, 1, 5), np.arange(5.0) + 3])
def test_derivatives_of_a_problem(x):
    problem = posed()
    assert problem.objective_value(x) == pytest.approx(huber(x), rel=1e-14)
    assert problem.constraint_values(x) == pytest.approx([side(x)], rel=1e-14)
    gradient, jacobian = ss.gradient(huber, x)(x), ss.jacobian(side, x)(x).toarray()
    np.testing.assert_allclose(problem.gradient(x), gradient, rtol=1e-13)
    np.testing.assert_allclose(problem.jacobian(x).toarray(), jacobian, rtol=1e-13)
    expected = 0.5 * ss.hessian(huber, x)(x) + 3.0 * ss.hessian(side, x)(x)
    found = problem.lagrangian_hessian(x, [3.0], 0.5)
    np.testing.assert_allclose(found.toarray(), expected.toarray(), rtol=1e-13)
    H = LagrangianHessian(huber, [side], problem.x0)
    np.testing.assert_allclose(H(x, np.array([3.0]), 0.5).toarray(), expected.toarray())
    assert H(x, np.array([3.0])).nnz == H.pattern.nnz


def test_structure_of_a_problem_is_that_of_the_paths_so_far():
    d = problem_derivatives(huber, [side], np.linspace(2, 1, 5))
    before = d.jacobian_pattern.nnz, d.hessian_pattern.nnz
    d.explore([np.arange(5.0) + 3, -3.0 * np.arange(5)])
    assert (d.jacobian_pattern.nnz, d.hessian_pattern.nnz) > before
    assert d.growths > 0
    assert not d.linear_rows.any()
    assert "programs, one for each path" in d.report()


@pytest.mark.parametrize("transport", ["native", "c", "cyipopt"])
def test_ipopt_continues_with_a_larger_structure(transport):
    pytest.importorskip("cyipopt")
    problem = posed()
    result = ss.minimize(problem, solver="ipopt", options={"transport": transport})
    expected = reference(problem)
    assert result.success, result.message
    assert result.fun == pytest.approx(expected.fun, abs=1e-6)
    np.testing.assert_allclose(result.x, expected.x, atol=1e-3)
    assert any("larger structure" in note for note in result.notes)


@pytest.mark.parametrize("solver", ["trust-constr", "SLSQP"])
def test_scipy_minimize(solver):
    problem = posed()
    result = ss.minimize(problem, solver=solver)
    assert result.fun == pytest.approx(reference(problem).fun, abs=1e-5)


@pytest.mark.parametrize("solver", ["L-BFGS-B", "Newton-CG", "trust-ncg"])
def test_scipy_minimize_without_constraints(solver):
    result = ss.minimize(huber, np.linspace(-9, 9, 6), solver=solver)
    expected = scipy.optimize.minimize(huber, np.linspace(-9, 9, 6), tol=1e-12)
    assert result.fun == pytest.approx(expected.fun, abs=1e-7)


@pytest.mark.parametrize("solver", ["trust-constr", "ipopt"])
def test_fixed_variables(solver):
    if solver == "ipopt":
        pytest.importorskip("cyipopt")
    lower, upper = np.full(5, -20.0), np.full(5, 20.0)
    lower[1] = upper[1] = 7.0
    result = ss.minimize(huber, np.linspace(-9, 9, 5), bounds=(lower, upper), solver=solver)
    free = [0, 2, 3, 4]

    def rest(z):
        return huber(np.insert(z, 1, 7.0))

    expected = scipy.optimize.minimize(rest, np.linspace(-9, 9, 5)[free], tol=1e-12)
    assert result.fun == pytest.approx(expected.fun, abs=1e-5)


def bent(x):
    """Monotone; the coupling is there on one side of each kink only."""
    left = np.concatenate([[0.0], x[:-1]])
    return np.array([3 * v + (np.sin(w) if v < 1.0 else v**2) - 2.0 * k - 2.5 for k, (v, w) in
                     enumerate(zip(x, left, strict=True))])  # fmt: skip


def test_root():
    x0 = np.full(4, 5.0)
    result = ss.root(bent, x0)
    assert result.success
    np.testing.assert_allclose(bent(result.x), 0.0, atol=1e-9)


@pytest.mark.parametrize("method", ["lm", "trf", "dogbox"])
def test_least_squares(method):
    x0 = np.full(4, 5.0)

    def r(x):
        return np.concatenate([bent(x), 0.1 * x])

    result = ss.least_squares(r, x0, method=method)
    expected = scipy.optimize.least_squares(r, x0, xtol=1e-14, ftol=1e-14, gtol=1e-14)
    assert 0.5 * np.sum(r(result.x) ** 2) == pytest.approx(expected.cost, rel=1e-6)


@pytest.mark.every(4)
@pytest.mark.parametrize("n", [3, 60])
@pytest.mark.parametrize("method", ["BDF", "Radau", "LSODA"])
def test_solve_ivp(n, method):
    def rhs(t, y):
        inflow = 1.0 if t < 0.5 else 0.0
        left = np.concatenate([[inflow], y[:-1]])
        return 50.0 * (left - y) if y[0] < 0.9 else 50.0 * (left - y) - 5.0 * np.roll(y, -1) * y

    y0 = np.zeros(n)
    found = ss.solve_ivp(rhs, (0.0, 1.0), y0, method=method, rtol=1e-8, atol=1e-10)
    expected = scipy.integrate.solve_ivp(
        rhs, (0.0, 1.0), y0, method="LSODA", rtol=1e-10, atol=1e-12
    )
    assert found.success
    np.testing.assert_allclose(found.y[:, -1], expected.y[:, -1], atol=2e-5)
