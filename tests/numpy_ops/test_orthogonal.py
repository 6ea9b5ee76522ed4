"""Least squares, QR factors, condition numbers, generalized eigenvalues of traced matrices."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from branch_references import differences

import sparsesolve as ss
from sparsesolve.errors import TraceError

B = np.random.default_rng(0).normal(size=(4, 3))
M = np.diag([1.0, 2.0, 1.5]) + 0.2
X = np.sin(np.arange(12) * 1.3) + 0.1


def economic(x):
    q, r = scipy.linalg.qr(x.reshape(4, 3), mode="economic")
    return scipy.linalg.solve_triangular(r, q.T @ np.ones(4))


def projected(x):
    """Variable projection: what a fit leaves, of the best coefficients."""
    basis = np.exp(-np.outer(np.arange(5.0), x[:2] ** 2 + [0.1, 0.7]))
    c = np.linalg.lstsq(basis, np.linspace(1.0, 0.3, 5) ** 2, rcond=None)[0]
    return basis @ c


def symmetric(x):
    A = x[:9].reshape(3, 3)
    return A + A.T + np.diag([1.0, 5.0, 9.0])


FUNCTIONS = {
    "orthogonal": lambda x: np.linalg.qr(x.reshape(4, 3))[0].ravel(),
    "triangular": lambda x: np.linalg.qr(x.reshape(4, 3))[1].ravel(),
    "triangular only": lambda x: np.linalg.qr(x.reshape(4, 3), mode="r").ravel(),
    "square": lambda x: scipy.linalg.qr(np.diag(x[:3]) + B[:3])[0].ravel(),
    "economic": economic,
    "solution": lambda x: np.linalg.lstsq(x.reshape(4, 3), B[:, 0] * x[0], rcond=None)[0],
    "columns": lambda x: np.linalg.lstsq(x.reshape(4, 3), B * x[0], rcond=None)[0].ravel(),
    "what is left": lambda x: np.linalg.lstsq(x.reshape(4, 3), B[:, 1], rcond=None)[1],
    "scipy": lambda x: scipy.linalg.lstsq(x.reshape(4, 3), B[:, 1])[0],
    "projected": projected,
    "cond": lambda x: np.atleast_1d(np.linalg.cond(x.reshape(4, 3))),
    "cond by a norm": lambda x: np.atleast_1d(np.linalg.cond(np.diag(x[:3]) + B[:3], "fro")),
    "eigenvalues": lambda x: scipy.linalg.eigh(symmetric(x), M, eigvals_only=True),
    "of a part": lambda x: scipy.linalg.eigh(symmetric(x), M, subset_by_index=[1, 2])[0],
    "masses": lambda x: scipy.linalg.eigh(symmetric(X), M + np.diag(x[:3] ** 2))[0],
    "vectors": lambda x: np.abs(scipy.linalg.eigh(symmetric(x), M)[1]).ravel(),
}


@pytest.mark.every(2)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_slopes(name):
    f = FUNCTIONS[name]
    x = 1.1 * X + 0.02
    J = ss.jacobian(f, X)
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(J(x).toarray(), differences(f, x), atol=2e-6, rtol=1e-6)


@pytest.mark.parametrize("name", ["triangular", "solution", "projected", "cond"])
def test_they_may_be_differentiated_twice(name):
    f = FUNCTIONS[name]
    gradient = ss.gradient(lambda x: np.sum(f(x) ** 2), X)
    H = ss.hessian(lambda x: np.sum(f(x) ** 2), X)
    expected = differences(gradient, X)
    np.testing.assert_allclose(H(X).toarray(), expected, atol=1e-5 * np.abs(expected).max())


def test_factors_that_the_matrix_does_not_determine_are_refused():
    with pytest.raises(TraceError, match="mode='reduced'"):
        ss.jacobian(lambda x: np.linalg.qr(x.reshape(4, 3), mode="complete")[0], X)
    with pytest.raises(TraceError, match="mode='economic'"):
        ss.jacobian(lambda x: scipy.linalg.qr(x.reshape(4, 3))[0], X)
    with pytest.raises(TraceError, match="as many rows as columns"):
        ss.jacobian(lambda x: np.linalg.qr(x.reshape(3, 4))[1], X)
