"""B-splines with traced coefficients, and through traced heights, at constant and traced points."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.interpolate as si
from branch_references import differences

import sparsesolve as ss

T = np.r_[[0.0] * 4, 0.25, 0.5, 0.75, [1.0] * 4]
K = np.linspace(0.0, 1.0, 7)
P = np.array([0.0, 0.11, 0.25, 0.4, 0.77, 1.0])
X = np.array([0.2, 0.5, 0.3, 0.7, 0.6, 0.4, 0.9])


def points(x):
    return x[:4] * 0.9 + 0.03


FUNCTIONS = {
    "BSpline": lambda x: si.BSpline(T, x, 3)(P),
    "at traced points": lambda x: si.BSpline(T, x, 3)(points(x)),
    "slope": lambda x: si.BSpline(T, x**2, 3).derivative()(P),
    "order": lambda x: si.BSpline(T, x, 3)(P, 2),
    "integral": lambda x: np.atleast_1d(si.BSpline(T, x, 3).integrate(0.1, 0.8)),
    "curve": lambda x: si.BSpline(T, np.outer(x, x[:2]), 3)(P).ravel(),
    "parts": lambda x: (lambda b: b.c * b.k + b.t[5])(si.BSpline(T, x, 3)),
    "splev": lambda x: si.splev(P, (T, np.r_[x, np.zeros(4)], 3)),
    "splev at traced points": lambda x: si.splev(points(x), (T, x, 3), der=1),
    "splev outside": lambda x: si.splev(np.r_[-0.1, P, 1.2], (T, x, 3), ext=1),
    "splev at ends": lambda x: si.splev(np.r_[-0.1, P, 1.2], (T, x, 3), ext=3),
    "splev of a curve": lambda x: np.concatenate(si.splev(P, (T, [x, x**2], 3))),
    "splrep": lambda x: si.splev(P, si.splrep(K, x)),
    "splrep linear": lambda x: si.splev(points(x), si.splrep(K, x, k=1, s=0)),
    "univariate": lambda x: si.UnivariateSpline(K, x, k=3, s=0)(P),
    "interpolated": lambda x: si.InterpolatedUnivariateSpline(K, x, k=2, ext=3)(np.r_[-0.5, P]),
    "slope of it": lambda x: si.InterpolatedUnivariateSpline(K, x).derivative()(points(x)),
}


QUICK = ("at traced points", "splev outside", "splrep", "slope of it")


@pytest.mark.parametrize(
    "name",
    [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in FUNCTIONS],
)
def test_slopes(name):
    f = FUNCTIONS[name]
    J = ss.jacobian(f, X)
    x = 1.07 * X + 0.013
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(J(x).toarray(), differences(f, x), rtol=1e-6, atol=1e-6)


def test_a_spline_of_few_coefficients_is_sparse():
    J = ss.jacobian(lambda c: si.BSpline(T, c, 3)(np.array([0.1, 0.9])), X)
    assert J.nnz == 8


@pytest.mark.parametrize(
    "f",
    [
        lambda x: si.splrep(K, x, s=0.1)[1],
        lambda x: si.UnivariateSpline(K, x)(P),
        lambda x: si.BSpline(T * x[0], x, 3)(P),
        lambda x: np.asarray(si.splev(P, (T + x[0], X, 3))),
    ],
)
def test_what_is_not_linear_is_refused(f):
    with pytest.raises(ss.errors.UnsupportedOperation, match=r"test_b_splines.*(s=0|np.interp)"):
        ss.jacobian(f, X)
