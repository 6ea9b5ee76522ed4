"""Roots inside of functions, by the implicit function theorem."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from branch_references import differences

import sparsesolve as ss
from sparsesolve.errors import TraceError


def cubic(y, x):
    return y**3 + y - x


def by_brentq(x):
    return scipy.optimize.brentq(lambda y: cubic(y, x), -10.0, 10.0, xtol=1e-15, rtol=1e-14)


def chain(y, x, k):
    return k * y**3 + 3.0 * y - np.roll(y, 1) - x


def by_root(x, k):
    return scipy.optimize.root(lambda y: chain(y, x, k), np.zeros(x.size), tol=1e-14).x


@pytest.mark.parametrize("method", ["compiled", "interpreted", "colored"])
def test_a_number(method):
    root = ss.implicit(by_brentq, cubic)
    x = np.array([0.3, -2.0, 5.0])
    assert root(2.0) == pytest.approx(1.0, abs=1e-13)

    def f(x):
        return np.array([root(v) for v in x]) * x[::-1]

    J = ss.jacobian(f, np.ones(3), method=method)
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-13)
    y = np.array([by_brentq(v) for v in x])
    expected = np.diag(x[::-1] / (3 * y**2 + 1)) + np.fliplr(np.diag(y))
    np.testing.assert_allclose(J(x).toarray(), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.slow_cases("31", "33")
@pytest.mark.parametrize("n", [1, 2, 31, 33])
def test_a_system_with_a_parameter(n):
    root = ss.implicit(by_root, chain)

    def f(x, k):
        return root(np.sin(x), k) ** 2

    x = np.random.default_rng(n).normal(size=n)
    J = ss.jacobian(f, np.zeros(n), 1.0)
    for k in (0.5, 2.0):
        np.testing.assert_allclose(J.value(x, k), f(x, k), rtol=1e-10, atol=1e-12)
        expected = differences(lambda v, k=k: f(v, k), x)
        np.testing.assert_allclose(J(x, k).toarray(), expected, atol=1e-8)
    by_parameter = ss.jacobian(f, x, 1.0, argnum=1)
    h = 1e-5
    expected = (f(x, 2.0 + h) - f(x, 2.0 - h)) / (2 * h)
    np.testing.assert_allclose(by_parameter(x, 2.0).toarray()[:, 0], expected, atol=1e-8)


def test_in_a_minimization():
    root = ss.implicit(by_brentq, cubic)
    gradient = ss.gradient(lambda x: (root(x[0]) - 2.0) ** 2 + x[1] ** 2, np.ones(2))
    slope = 2 * (by_brentq(3.0) - 2.0) / (3 * by_brentq(3.0) ** 2 + 1)
    np.testing.assert_allclose(gradient(np.array([3.0, 1.0])), [slope, 2.0], rtol=1e-12)


@pytest.mark.slow_cases("compiled")
@pytest.mark.every(3)
@pytest.mark.parametrize("method", ["compiled", "interpreted", "colored"])
def test_second_derivatives(method):
    n = 4
    root = ss.implicit(by_root, chain)
    weights = np.arange(1.0, n + 1)

    def f(z):
        return np.sum(weights * root(np.sin(z[:n]), z[n] * z[0]) ** 2)

    z = np.array([1.3, 0.4, 1.9, 0.2, 0.8])
    H = ss.hessian(f, np.ones(n + 1), method=method)
    gradient = ss.gradient(f, np.ones(n + 1))
    expected = differences(gradient, z)
    np.testing.assert_allclose(H(z).toarray(), expected, atol=1e-7)
    v = np.cos(np.arange(n + 1.0))
    np.testing.assert_allclose(H.hvp(z, v), H(z) @ v, rtol=1e-11)


def test_second_derivatives_of_a_number_by_hand():
    root = ss.implicit(by_brentq, cubic)
    x = np.array([3.0])
    y = by_brentq(3.0)
    slope, bend = 1 / (3 * y**2 + 1), -6 * y / (3 * y**2 + 1) ** 3
    H = ss.hessian(lambda x: root(x[0]) ** 2, np.ones(1))
    np.testing.assert_allclose(H(x).toarray(), [[2 * slope**2 + 2 * y * bend]], rtol=1e-12)


def test_a_solver_inside_that_looks_for_a_minimum_names_it():
    def f(x):
        return scipy.optimize.fmin(lambda y: np.sum((y - x) ** 2), np.ones(3), disp=False)

    with pytest.raises(TraceError, match=r"sparsesolve\.implicit"):
        ss.jacobian(f, np.ones(3))


def test_a_loop_of_scipy_in_python_is_traced():
    def f(x):
        return scipy.optimize.newton(lambda y: cubic(y, x[0]), 1.0, tol=1e-13) * x

    J = ss.jacobian(f, np.ones(3))
    x = np.array([2.0, 1.0, 0.5])
    np.testing.assert_allclose(J(x).toarray(), differences(f, x), atol=1e-7)


def test_a_residual_of_another_size_is_refused():
    root = ss.implicit(lambda x: np.zeros(2), lambda y, x: y[:1] * x)
    J = None
    with pytest.raises(ValueError, match="as many values"):
        J = ss.jacobian(lambda x: root(x[0]), np.ones(1))(np.ones(1))
    assert J is None
