"""Functions of scipy.special against mpmath: values, first and second derivatives."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import scipy.special as ssp

import sparsesolve as ss
from sparsesolve.errors import TraceError

POINTS = {
    "dawsn": (
        lambda x: mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(-x * x) * mpmath.erfi(x),
        [-3, 0, 2],
    ),
    "erfi": (mpmath.erfi, [-1.5, 0, 2]),
    "exp1": (mpmath.e1, [0.1, 1, 7]),
    "expi": (mpmath.ei, [-2, 0.4, 3]),
    "exprel": (lambda x: mpmath.expm1(x) / x if x else mpmath.mpf(1), [-5, 0.001, 4]),
    "log_ndtr": (lambda x: mpmath.log(mpmath.erfc(-x / mpmath.sqrt(2)) / 2), [-30, 0, 2]),
    "wrightomega": (lambda x: mpmath.lambertw(mpmath.exp(x)), [-3, 0, 5]),
    "spence": (lambda x: mpmath.polylog(2, 1 - x), [0.2, 0.999, 1.5]),
    "k0": (lambda x: mpmath.besselk(0, x), [0.1, 1, 9]),
    "k1": (lambda x: mpmath.besselk(1, x), [0.1, 1, 9]),
    "k1e": (lambda x: mpmath.besselk(1, x) * mpmath.exp(x), [0.1, 1, 9]),
    "i0e": (lambda x: mpmath.besseli(0, x) * mpmath.exp(-abs(x)), [-3, 0.5, 40]),
    "i1e": (lambda x: mpmath.besseli(1, x) * mpmath.exp(-abs(x)), [-3, 0.001, 40]),
    "ellipk": (mpmath.ellipk, [-3, 0, 0.5, 0.95]),
    "ellipe": (mpmath.ellipe, [-3, 0, 0.5, 0.95]),
}


@pytest.mark.every(3)
@pytest.mark.parametrize("name", POINTS)
def test_against_mpmath(name):
    exact, points = POINTS[name]
    f = getattr(ssp, name)
    x = np.array(points, dtype=float)
    J = ss.jacobian(lambda x: f(x), x)
    H = ss.hessian(lambda x: np.sum(f(x)), x)
    with mpmath.workdps(40):
        # differences far below the digits that are compared
        first = [float(mpmath.diff(exact, mpmath.mpf(p), 1, h=1e-12).real) for p in points]
        second = [float(mpmath.diff(exact, mpmath.mpf(p), 2, h=1e-12).real) for p in points]
    assert J.nnz == H.nnz == len(points)
    np.testing.assert_allclose(J(x).diagonal(), first, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(H(x).diagonal(), second, rtol=1e-8, atol=1e-8)


def test_points_where_a_quotient_would_fail():
    zero = np.zeros(1)
    for f, slope in (
        (lambda x: ssp.sici(x)[0], 1.0),
        (lambda x: ssp.shichi(x)[0], 1.0),
        (lambda x: ssp.i1e(x), 0.5),
        (lambda x: ssp.exprel(x), 0.5),
        (lambda x: ssp.spence(x + 1.0), -1.0),
        (lambda x: ssp.ellipk(x), np.pi / 8),
        (lambda x: ssp.eval_legendre(3, x + 1.0), 6.0),
        (lambda x: ssp.eval_chebyt(4, x - 1.0), -16.0),
        (lambda x: ssp.lambertw(x).real, 1.0),
        (lambda x: ssp.struve(1.0, x), 0.0),
    ):
        J = ss.jacobian(f, np.full(1, 0.3))
        np.testing.assert_allclose(J(zero).toarray(), [[slope]], rtol=1e-13)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ssp.kv(x, 1.0),
        lambda x: ssp.hyp2f1(x, 1.0, 2.0, 0.5),
        lambda x: ssp.ellipkinc(0.3, x),
        lambda x: ssp.lambertw(x, 2).real,
        lambda x: ssp.mathieu_a(1, x),
    ],
)
def test_what_has_no_closed_form_is_refused(function):
    with pytest.raises(TraceError):
        ss.jacobian(function, np.array([0.3, 0.4]))
