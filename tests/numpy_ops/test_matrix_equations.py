"""Sylvester, Lyapunov and Riccati equations, square roots and logarithms of traced matrices."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from branch_references import differences

import sparsesolve as ss

A = np.array([[-1.0, 0.4, 0.1], [0.2, -2.0, 0.3], [-0.1, 0.5, -1.5]])
B = np.array([[1.0, 0.2], [0.0, 1.0], [0.5, -0.3]])
X = np.sin(np.arange(5) * 1.7) * 0.3 + 0.6


def matrix(x):
    return A + np.outer(x[:3], x[1:4]) * 0.3


def positive(x):
    return matrix(x) @ matrix(x).T + x[4] * np.eye(3)


EQUATIONS = {
    "sylvester": lambda x: scipy.linalg.solve_sylvester(matrix(x), np.diag(x[:2]), B * x[3]),
    "large sylvester": lambda x: scipy.linalg.solve_sylvester(
        np.diag(np.arange(1.0, 10.0)) * x[0], matrix(x[::-1]).T @ A, np.ones((9, 3)) * x[1]
    ),
    "larger sylvester": lambda x: scipy.linalg.solve_sylvester(
        np.diag(np.arange(1.0, 24.0)) * x[0], A @ A.T * x[4], np.ones((23, 3)) * x[1]
    ),
    "lyapunov": lambda x: scipy.linalg.solve_continuous_lyapunov(matrix(x), -positive(x)),
    "discrete": lambda x: scipy.linalg.solve_discrete_lyapunov(0.3 * matrix(x), np.eye(3)),
    "riccati": lambda x: scipy.linalg.solve_continuous_are(matrix(x), B, np.eye(3), np.diag(x[:2])),
    "one input": lambda x: scipy.linalg.solve_continuous_are(
        matrix(x), B[:, :1], positive(x), x[4]
    ),
    "discrete riccati": lambda x: scipy.linalg.solve_discrete_are(
        matrix(x), B * x[0], positive(x), np.eye(2)
    ),
    "square root": lambda x: scipy.linalg.sqrtm(positive(x)),
    "of a product": lambda x: scipy.linalg.sqrtm(positive(x) @ np.diag([1.0, 2.0, 3.0])).real,
    "logarithm": lambda x: scipy.linalg.logm(positive(x)),
    "of a rotation": lambda x: (
        scipy.linalg.logm(
            scipy.linalg.expm(
                np.array([[0.0, -x[0], x[1]], [x[0], 0.0, -x[2]], [-x[1], x[2], 0.0]])
            )
        ).real
    ),
}


QUICK = ("sylvester", "riccati", "square root")


@pytest.mark.parametrize(
    "name",
    [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in EQUATIONS],
)
def test_slopes(name):
    f = lambda x: np.ravel(EQUATIONS[name](x))
    J = ss.jacobian(f, X)
    x = 1.1 * X + 0.02
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(J(x).toarray(), differences(f, x), rtol=1e-6, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("name", EQUATIONS)
def test_curvatures(name):
    f = lambda x: np.sum(EQUATIONS[name](x)[:3] * np.arange(1.0, 4.0)[:, None])
    g, H = ss.gradient(f, X), ss.hessian(f, X)
    x = 1.1 * X + 0.02
    np.testing.assert_allclose(H(x).toarray(), differences(g, x), rtol=1e-5, atol=1e-6)


def test_where_there_is_no_real_root_there_is_no_number():
    J = ss.jacobian(lambda x: scipy.linalg.sqrtm(np.diag(x)).real.ravel(), np.ones(2))
    np.testing.assert_allclose(J(np.array([4.0, 1.0])).toarray()[0], [0.25, 0.0])
    assert np.isnan(J(np.array([-4.0, 1.0])).toarray()).any()
