"""Fits with bounds, fixed points, ranks, polar factors, rotations, correlations, densities."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
import scipy.stats
from branch_references import differences

import sparsesolve as ss

D = np.random.default_rng(0).normal(size=(7, 4))
CLOUD = np.random.default_rng(1).normal(size=(2, 15))
DENSITY = scipy.stats.gaussian_kde(CLOUD, weights=np.linspace(1.0, 2.0, 15))
X = np.array([0.31, 0.72, 1.4, 0.55])


def square(x):
    return np.diag(x) + D[:4]


def bounded(x):
    fit = scipy.optimize.lsq_linear(D * x, D @ [0.2, 1.5, -3.0, 0.4], bounds=(-0.5, [1, 1, 1, 9.0]))
    assert fit.success
    return np.r_[fit.x, fit.cost, fit.fun]


def fitted(x):
    coefficients, left = scipy.optimize.nnls(D**2, D**2 @ (x - [0.0, 2.0, 0.0, 0.0]))
    return np.append(coefficients, left)


def ranked(x):
    return x * np.linalg.matrix_rank(np.outer(x, x)) + np.linalg.matrix_rank(D * x, tol=1e-9)


def correlated(x):
    found = scipy.stats.pearsonr(x, [1.0, 2.0, 0.5, 4.0])
    r, p = found
    return np.array([r, p, found.statistic * found.pvalue])


FUNCTIONS = {
    "nnls": fitted,
    "lsq_linear": bounded,
    "fixed point": lambda x: scipy.optimize.fixed_point(lambda s, a: np.cos(a * s), X, args=(x,)),
    "rank": ranked,
    "polar": lambda x: np.concatenate(scipy.linalg.polar(square(x))).ravel(),
    "left polar": lambda x: np.concatenate(scipy.linalg.polar(square(x), side="left")).ravel(),
    "procrustes": lambda x: scipy.linalg.orthogonal_procrustes(D * x + 1.0, D)[0].ravel(),
    "its scale": lambda x: scipy.linalg.orthogonal_procrustes(D + 1.0, D * x)[1] * x,
    "correlation": correlated,
    "density": lambda x: DENSITY(x.reshape(2, 2)),
    "its logarithm": lambda x: DENSITY.logpdf(x[:2]) * x,
    "one variable": lambda x: scipy.stats.gaussian_kde(CLOUD[0], 0.3).evaluate(x),
}
QUICK = ("nnls", "fixed point", "polar", "one variable")


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in FUNCTIONS]
)
def test_values_and_slopes(name):
    f = FUNCTIONS[name]
    J = ss.jacobian(f, X)
    x = 1.02 * X + 0.01
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(J(x).toarray(), differences(f, x), rtol=1e-5, atol=1e-6)


def test_broken_lines_whose_ends_meet():
    f = lambda x: np.interp(x, [0.0, 0.5, 1.0], [1.0, 2.0, 4.0], period=1.0)
    J = ss.jacobian(f, X)
    np.testing.assert_allclose(J.value(X), f(X))
    np.testing.assert_allclose(J(X).toarray(), differences(f, X), atol=1e-8)
    np.testing.assert_allclose(J(X).diagonal(), [-4.0, -2.0, -4.0, -2.0])
