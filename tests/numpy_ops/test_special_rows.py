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


def profile(x, sigma, gamma):
    z = (x + 1j * gamma) / (sigma * mpmath.sqrt(2))
    return mpmath.re(mpmath.exp(-z * z) * mpmath.erfc(-1j * z)) / (
        sigma * mpmath.sqrt(2 * mpmath.pi)
    )


def spherical(bessel, n):
    return lambda x: mpmath.sqrt(mpmath.pi / (2 * x)) * bessel(n + mpmath.mpf(1) / 2, x)


# of several arguments, one of them differentiated: ours, mpmath's, points
MORE = {
    "expn": (lambda x: ssp.expn(3, x), lambda x: mpmath.expint(3, x), [0.3, 4]),
    "expn of order one": (lambda x: ssp.expn(1, x), mpmath.e1, [0.3, 4]),
    "ber": (ssp.ber, lambda x: mpmath.ber(0, x), [0.3, 4]),
    "kei": (ssp.kei, lambda x: mpmath.kei(0, x), [0.3, 2]),
    "sn": (lambda x: ssp.ellipj(x, 0.4)[0], lambda x: mpmath.ellipfun("sn", x, m=0.4), [0.3, 2]),
    "dn": (lambda x: ssp.ellipj(x, 0.4)[2], lambda x: mpmath.ellipfun("dn", x, m=0.4), [0.3, 2]),
    "ellipkinc": (lambda x: ssp.ellipkinc(0.7, x), lambda m: mpmath.ellipf(0.7, m), [-2, 0.6]),
    "ellipeinc": (lambda x: ssp.ellipeinc(2.1, x), lambda m: mpmath.ellipe(2.1, m), [-2, 0.6]),
    "ellipkm1": (ssp.ellipkm1, lambda p: mpmath.ellipk(1 - p), [0.01, 0.6]),
    "zeta": (lambda x: ssp.zeta(2.5, x), lambda q: mpmath.zeta(2.5, q), [0.4, 3]),
    "jv": (lambda x: ssp.jv(1.3, x), lambda x: mpmath.besselj(1.3, x), [0.4, 5]),
    "kvp": (
        lambda x: ssp.kvp(1.5, x),
        lambda x: mpmath.diff(lambda t: mpmath.besselk(1.5, t), x),
        [0.4, 3],
    ),
    "lpmv": (
        lambda x: ssp.lpmv(1, 3, x),
        lambda x: -1.5 * (5 * x * x - 1) * mpmath.sqrt(1 - x * x),
        [-0.4, 0.3],
    ),
    "jn": (lambda x: ssp.spherical_jn(2, x), spherical(mpmath.besselj, 2), [0.4, 3]),
    "yn": (lambda x: ssp.spherical_yn(0, x), spherical(mpmath.bessely, 0), [0.4, 3]),
    "in": (lambda x: ssp.spherical_in(1, x), spherical(mpmath.besseli, 1), [0.4, 3]),
    "kn": (lambda x: ssp.spherical_kn(1, x), spherical(mpmath.besselk, 1), [0.4, 3]),
    "voigt": (lambda x: ssp.voigt_profile(x, 0.5, 0.3), lambda x: profile(x, 0.5, 0.3), [-0.4, 2]),
    "width": (lambda x: ssp.voigt_profile(0.4, x, 0.3), lambda s: profile(0.4, s, 0.3), [0.4, 2]),
    "wofz": (
        lambda x: np.real(ssp.wofz((x + 0.3j) / (0.5 * np.sqrt(2)))),
        lambda x: profile(x, 0.5, 0.3) * 0.5 * mpmath.sqrt(2 * mpmath.pi),
        [-0.4, 2],
    ),
}


@pytest.mark.slow_cases("kei")
@pytest.mark.every(3)
@pytest.mark.parametrize("name", MORE)
def test_more_against_mpmath(name):
    f, exact, points = MORE[name]
    x = np.array(points, dtype=float)
    J = ss.jacobian(f, x, method="interpreted")
    H = ss.hessian(lambda x: np.sum(f(x)), x, method="interpreted")
    with mpmath.workdps(40):
        first = [float(mpmath.re(mpmath.diff(exact, mpmath.mpf(p), 1, h=1e-12))) for p in points]
        second = [float(mpmath.re(mpmath.diff(exact, mpmath.mpf(p), 2, h=1e-12))) for p in points]
    assert J.nnz == H.nnz == len(points)
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-14)
    np.testing.assert_allclose(J(x).diagonal(), first, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(H(x).diagonal(), second, rtol=1e-8, atol=1e-8)


@pytest.mark.slow_cases("k1")
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
        lambda x: ssp.ellipj(0.3, x)[0],
        lambda x: ssp.zeta(x + 2.0, 2.0),
        lambda x: ssp.spherical_jn(x, 2.0),
        lambda x: ssp.lambertw(x, 2).real,
        lambda x: ssp.mathieu_a(1, x),
    ],
)
def test_what_has_no_closed_form_is_refused(function):
    with pytest.raises(TraceError):
        ss.jacobian(function, np.array([0.3, 0.4]))


def test_gamma_functions_of_complex_numbers_have_one_derivative():
    def coulomb(x):
        return np.abs(ssp.gamma(1 + 1j * x[0]) * x[1]) ** 2

    x = np.array([0.7, 0.9])
    pi_x = np.pi * x[0]  # |gamma(1 + iy)|^2 = pi y / sinh(pi y)
    size = pi_x / np.sinh(pi_x)
    slope = size / x[0] * (1 - pi_x / np.tanh(pi_x))
    np.testing.assert_allclose(
        ss.gradient(coulomb, x)(x), [slope * x[1] ** 2, 2 * size * x[1]], rtol=1e-12
    )
    with pytest.raises(TraceError, match="one derivative of a gamma function"):
        ss.hessian(coulomb, x)(x)
