"""Linear algebra inside of functions: derivatives of first and second order, without autograd."""

from __future__ import annotations

import autograd.core
import autograd.numpy as anp
import numpy as np
import pytest
import scipy.linalg
from autograd import hessian as dense_hessian
from autograd import jacobian as dense_jacobian
from branch_references import differences

import sparsesolve as ss

N = 4
R = np.random.default_rng(3)
A = R.normal(size=(N, N)) + N * np.eye(N)
B = R.normal(size=(N, 3))


def matrix(x, np=np):
    return A + np.outer(x, np.sin(x))


def definite(x, np=np):
    return np.dot(matrix(x, np), matrix(x, np).T)


def gaussian(x, np=np):
    """A likelihood with a covariance matrix, as Gaussian processes have it."""
    factor = np.linalg.cholesky(definite(x, np))
    z = np.linalg.solve(factor.T, np.linalg.solve(factor, np.cos(x)))
    return 0.5 * np.dot(np.cos(x), z) + np.sum(np.log(np.diag(factor)))


FUNCTIONS = {
    "solve": lambda x, np=np: np.linalg.solve(matrix(x, np), x**2),
    "solve, constant right side": lambda x, np=np: np.linalg.solve(matrix(x, np), np.ones(N)),
    "solve, constant matrix": lambda x, np=np: np.linalg.solve(A, x**2),
    "solve, several columns": lambda x, np=np: np.linalg.solve(
        matrix(x, np), np.exp(x)[:, None] * B
    ).ravel(),
    "solve, one column": lambda x, np=np: np.linalg.solve(matrix(x, np), x[:, None]).ravel(),
    "inv": lambda x, np=np: np.linalg.inv(matrix(x, np)).ravel(),
    "det": lambda x, np=np: np.linalg.det(matrix(x, np)) * x,
    "slogdet": lambda x, np=np: np.linalg.slogdet(matrix(x, np))[1] * x,
    "cholesky": lambda x, np=np: np.linalg.cholesky(definite(x, np)).ravel(),
    "a likelihood": lambda x, np=np: gaussian(x, np) * np.ones(1),
    "eigenvalues": lambda x, np=np: np.linalg.eigh(definite(x, np))[0],
    "eigenvalues of a triangle": lambda x, np=np: np.linalg.eigh(matrix(x, np), "U")[0],
    "stacks": lambda x, np=np: np.linalg.solve(
        np.stack([matrix(x, np), matrix(2 * x, np)]), np.stack([x, x**2])[:, :, None]
    ).ravel(),
    "stacks of inverses": lambda x, np=np: np.linalg.inv(
        np.stack([matrix(x, np), matrix(x**2, np)])
    ).ravel(),
}


def total(function, np):
    def summed(x):
        return np.sum(np.sin(function(x, np)))

    return summed


@pytest.mark.every(2)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_jacobians(name: str) -> None:
    function = FUNCTIONS[name]
    expected = dense_jacobian(lambda x: function(x, anp))
    x0 = R.normal(size=N)
    prepared = [ss.jacobian(function, x0, method=m) for m in ("auto", "interpreted", "colored")]
    for x in (x0, R.normal(size=N)):
        for J in prepared:
            np.testing.assert_allclose(J(x).toarray(), expected(x), rtol=1e-9, atol=1e-10)


@pytest.mark.every(2)
@pytest.mark.slow_cases("a likelihood", "eigenvalues")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_hessians(name: str) -> None:
    function = total(FUNCTIONS[name], np)
    expected = dense_hessian(total(FUNCTIONS[name], anp))
    x0 = R.normal(size=N)
    prepared = [ss.hessian(function, x0, method=m) for m in ("auto", "interpreted", "colored")]
    for x in (x0, R.normal(size=N)):
        for H in prepared:
            np.testing.assert_allclose(H(x).toarray(), expected(x), rtol=1e-8, atol=1e-8)


@pytest.mark.slow_cases("33")
@pytest.mark.parametrize("n", [1, 2, 3, 7, 33])
def test_sizes(n: int) -> None:
    shift = n * np.eye(n)

    def f(x):
        root = np.linalg.cholesky(shift + np.outer(x, x))
        return np.sum(np.linalg.solve(root, x)) + np.linalg.slogdet(shift + np.diag(x))[1]

    x = R.normal(size=n)
    gradient, H = ss.gradient(f, x), ss.hessian(f, x)
    z = R.normal(size=n)
    np.testing.assert_allclose(
        gradient(z), differences(lambda x: f(x) * np.ones(1), z)[0], atol=1e-6
    )
    np.testing.assert_allclose(H(z).toarray(), differences(gradient, z), atol=1e-6)


@pytest.mark.slow_cases("12")
@pytest.mark.parametrize("n", [1, 3, 12])
def test_exponentials(n: int) -> None:
    C = 0.3 * R.normal(size=(n, n))

    def f(x):
        return scipy.linalg.expm(C + np.diag(x)) @ np.cos(x)

    x, z = R.normal(size=(2, n)) * 0.3
    for method in ("auto", "interpreted", "colored"):
        J = ss.jacobian(f, x, method=method)
        np.testing.assert_allclose(J(z).toarray(), differences(f, z), atol=1e-6)
    gradient = ss.gradient(lambda x: np.sum(f(x) ** 2), x)
    H = ss.hessian(lambda x: np.sum(f(x) ** 2), x)
    np.testing.assert_allclose(H(z).toarray(), differences(gradient, z), atol=1e-5)


def test_rows_of_a_large_call_are_not_found_one_by_one() -> None:
    C = 0.1 * R.normal(size=(12, 12))
    J = ss.jacobian(
        lambda x: scipy.linalg.expm(C + x[0] * np.eye(12)) @ np.ones(12) * x[1], [0.1, 1.0]
    )
    assert J.method == "colored"
    assert "rows of `expm`" in J.report()


def test_autograd_has_no_part_in_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    x = R.normal(size=N)
    gradient, H = ss.gradient(gaussian, x), ss.hessian(gaussian, x)
    J = ss.jacobian(FUNCTIONS["solve, several columns"], x)
    calls = [
        lambda: gradient(x),
        lambda: H(x).toarray(),
        lambda: H.hvp(x, x),
        lambda: J(x).toarray(),
    ]
    expected = [call() for call in calls]

    def refuse(*_):
        raise AssertionError("a sweep of autograd")

    monkeypatch.setattr("sparsesolve.differentiate.opaque.backward_pass", refuse)
    monkeypatch.setattr(autograd.core, "backward_pass", refuse)
    for call, value in zip(calls, expected, strict=True):
        np.testing.assert_array_equal(call(), value)


def test_singular_matrices_raise_as_in_a_plain_call() -> None:
    J = ss.jacobian(
        lambda x: np.linalg.solve(np.diag(x) + np.zeros((N, N)), np.ones(N)), np.ones(N)
    )
    with pytest.raises(np.linalg.LinAlgError):
        J(np.zeros(N))


@pytest.mark.slow_cases("3", "2")
@pytest.mark.parametrize("n", [1, 2, 3])
def test_small_systems_in_a_loop_are_written_out(n: int) -> None:
    """A filter: calls would keep its steps from being one loop."""

    def filtered(x, steps):
        P, total = np.eye(n), 0.0
        for _ in range(steps):
            S = P + np.diag(1.0 + x**2)
            P = P - P @ np.linalg.solve(S, P) + np.outer(x, x) + 0.1 * np.linalg.inv(S)
            total = total + np.log(np.linalg.det(S))
        return total

    x, z = R.normal(size=(2, n))
    H = ss.hessian(lambda x: filtered(x, 6), x)
    gradient = ss.gradient(lambda x: filtered(x, 6), x)
    assert "linalg" not in gradient.kernels()
    assert "linalg.inv" in ss.gradient(lambda x: filtered(x, 2), x).kernels()
    np.testing.assert_allclose(H(z).toarray(), differences(gradient, z), atol=1e-6)
    slopes = differences(lambda x: filtered(x, 6) * np.ones(1), z)[0]
    np.testing.assert_allclose(gradient(z), slopes, atol=1e-6)
