"""Branches that were not taken stay out of the derivatives: selected, never multiplied by zero.

At the points tried the other branch has no finite slope, or no value at all.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import sparsesolve as ss

# name: (function, the same where each branch is taken, points); derivatives by the smooth pieces
CASES = {
    "log": lambda x: np.where(x > 0.5, np.log(x), x**2),
    "log of a negative number": lambda x: np.where(x > 0.5, np.log(x) * np.sqrt(x), x**2),
    "product rule": lambda x: np.where(x > 0.5, np.sqrt(x) * x, x**2),
    "the other way round": lambda x: np.where(x <= 0.5, x**2, np.sqrt(x) / x),
    "inside": lambda x: np.exp(np.where(x > 0.5, 1.0 / x, x**2)) ** 2,
    "quotient": lambda x: np.where(x > 0.5, 1.0 / x, x**2) / (2.0 + x),
    "nested": lambda x: np.where(x > 2.0, np.sqrt(x - 2.0), np.where(x > 0.5, np.log(x), x**2)),
    "two conditions": lambda x: (
        np.where(x > 0.5, np.log(x), x**2) + np.where(x > 0.25, np.sqrt(x - 0.25), 0.0)
    ),
    "negative": lambda x: -np.where(x > 0.5, np.log(x), -(x**2)),
    "safe operand": lambda x: np.where(
        x > 0.5, np.log(np.where(x > 0.5, x, 1.0) * np.sqrt(np.abs(x))), x**2
    ),
    "by a product": lambda x: np.where(x > 0.5, np.log(x), x) * np.where(x > 0.5, x, 2.0),
    "maximum": lambda x: np.maximum(np.log(x), -2.0),
    "minimum": lambda x: np.minimum(1.0 / np.sqrt(x), 3.0),
    "power": lambda x: np.where(x > 0.5, (x - 0.5) ** 1.5, 0.0),
}


def differences(function, x):
    """Gradient and Hessian diagonal of the sum, by differences of each element."""
    h = 1e-4
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        low, mid, high = function(x - h), function(x), function(x + h)
    return (high - low) / (2 * h), (high - 2 * mid + low) / h**2


@pytest.mark.every(5)
@pytest.mark.parametrize("method", ["compiled", "interpreted"])
@pytest.mark.parametrize("name", CASES)
def test_derivatives_are_those_of_the_branch_taken(name, method):
    function = CASES[name]
    x = np.array([-0.75, 0.0, 0.125, 0.75, 1.5, 3.25])
    if name in ("maximum", "minimum"):
        x = np.array([0.0, 0.01, 0.75, 1.5])

    def energy(x):
        return np.sum(function(x))

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = ss.gradient(energy, np.full(x.size, 0.8), method=method)(x)
        H = ss.hessian(energy, np.full(x.size, 0.8), method=method)(x).toarray()
    slope, curvature = differences(function, x)
    known = np.isfinite(slope) & np.isfinite(curvature)
    assert np.isfinite(first).all()
    assert np.isfinite(H).all()
    np.testing.assert_allclose(first[known], slope[known], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(H.diagonal()[known], curvature[known], rtol=1e-4, atol=1e-5)
    assert not (H - np.diag(H.diagonal())).any()


def test_sums_through_a_matrix_and_constraints():
    A = np.array([[1.0, 2.0], [0.0, 1.0]])
    problem = ss.Problem(
        lambda x: np.sum(np.sin(A @ np.where(x > 0.5, np.log(x) * np.sqrt(x), x))),
        [0.8, 0.8],
        constraints=ss.Constraint(lambda x: np.where(x > 0.5, np.sqrt(x), x**2), 0.0, 1.0),
    )
    x = np.array([0.0, 1.0])
    assert np.isfinite(problem.gradient(x)).all()
    np.testing.assert_array_equal(problem.jacobian(x).toarray(), [[0.0, 0.0], [0.0, 0.5]])
    H = problem.lagrangian_hessian(x, [1.0, 1.0]).toarray()
    assert np.isfinite(H).all()
