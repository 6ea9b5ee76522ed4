"""Filters, distances and sums of SciPy: right slopes; what is refused says what to do instead."""

from __future__ import annotations

import numpy as np
import oracles
import pytest
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.signal
import scipy.sparse as sp
import scipy.sparse.linalg as spl
from branch_references import differences
from scipy.integrate import odeint, quad
from scipy.spatial.distance import cdist, pdist

import sparsesolve as ss
from sparsesolve.errors import TraceError

N = 40
A = sp.diags_array([[1.0] * (N - 1), [3.0] * N], offsets=[1, 0], format="csc")
LU = spl.splu(A)
SOLVE = spl.factorized(A)
DENSE = A.toarray()
FUNCTIONS = {
    "convolve1d": (lambda x: scipy.ndimage.convolve1d(x**2, [1, 2, 1]), 118),
    "gaussian_filter": (lambda x: scipy.ndimage.gaussian_filter(x.reshape(5, 8), 0.5) ** 2, 0),
    "laplace": (lambda x: scipy.ndimage.laplace(x, mode="wrap"), 120),
    "sobel": (lambda x: scipy.ndimage.sobel(x) * x, 0),
    "lfilter": (lambda x: scipy.signal.lfilter([1.0, 2.0], [1.0], x**2), 79),
    "lfilter of its coefficients": (
        lambda x: scipy.signal.lfilter(x[:3], [2.0, x[3], -0.5 * x[4]], x[5:] ** 2),
        0,
    ),
    "filtfilt": (lambda x: scipy.signal.filtfilt([1.0, 2.0], [1.0, 0.3], x), 0),
    "savgol": (lambda x: scipy.signal.savgol_filter(x**2, 5, 2), 200),
    "sosfilt": (lambda x: scipy.signal.sosfilt(np.array([[1.0, 2, 1, 1, 0.2, 0.1]]), x), 820),
    "detrend": (lambda x: scipy.signal.detrend(x**2), 1600),
    "cdist": (lambda x: cdist(x[:6].reshape(3, 2), np.ones((2, 2))), 12),
    "cdist of both": (
        lambda x: cdist(x[:4].reshape(2, 2), x[4:8].reshape(2, 2), "sqeuclidean"),
        16,
    ),
    "pdist": (lambda x: pdist(x.reshape(8, 5), "cityblock"), 280),
    "pdist, largest": (lambda x: pdist(x.reshape(20, 2), "chebyshev")[:5], 0),
    "simpson": (lambda x: scipy.integrate.simpson(x**2, dx=0.1), N),
    "running trapezoids": (lambda x: scipy.integrate.cumulative_trapezoid(x**2), 0),
    "a method of factors": (LU.solve, 0),
    "factorized": (lambda x: SOLVE(x**2), 0),
    "a method of an array": (DENSE.dot, 79),
}


@pytest.mark.every(5)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_slopes(name):
    f, count = FUNCTIONS[name]
    rng = np.random.default_rng(0)
    for method in ("auto", "interpreted"):
        J = ss.jacobian(f, rng.normal(size=N), method=method)
        assert not count or J.nnz == count
        x = rng.normal(size=N)
        oracles.assert_close(J.value(x), f(x), rtol=1e-12)
        columns = [np.ravel(f(x + h) - f(x - h)) / 2e-6 for h in 1e-6 * np.eye(N)]
        oracles.assert_close(J(x).toarray(), np.transpose(columns), rtol=1e-6)


def _decay(y, t, k=1.0):
    return -k * y


T = np.linspace(0.0, 1.0, N)
REFUSED = {
    "odeint of times": (lambda x: odeint(_decay, 1.0, np.sort(x)).ravel(), "constant times"),
    "solve_ivp": (
        lambda x: scipy.integrate.solve_ivp(lambda t, y: -y * x[0], (0, 1), [1.0]).y[0],
        "t_eval",
    ),
    "quad_vec": (
        lambda x: scipy.integrate.quad_vec(lambda s: s * x[0], 0, 1)[0],
        "weights @ f",
    ),
    "cg": (lambda x: spl.cg(A, np.ones(N), rtol=x[0])[0], "spsolve"),
    "gmres": (lambda x: spl.gmres(A, np.ones(N), M=sp.diags(x))[0], "spsolve"),
    "lsqr": (lambda x: spl.lsqr(A, x)[0], "spsolve"),
    "qr": (lambda x: scipy.linalg.qr(DENSE + np.diag(x), pivoting=True)[1], "economic"),
    "lu": (lambda x: scipy.linalg.lu(DENSE + np.diag(x))[1], "np.linalg.solve"),
    "schur": (lambda x: scipy.linalg.schur(DENSE + np.diag(x))[0], "np.linalg.solve"),
    "eig": (lambda x: scipy.linalg.eigvals(np.diag(x)).real, "eigh"),
    "knots of a spline": (
        lambda x: scipy.interpolate.CubicSpline(np.cumsum(x), T)(0.5),
        "np.interp",
    ),
    "knots of a curve": (
        lambda x: scipy.interpolate.make_interp_spline(np.cumsum(x), T)(0.5),
        "np.interp",
    ),
    "knots of pchip": (
        lambda x: scipy.interpolate.PchipInterpolator(np.cumsum(np.exp(x)), T)(0.5),
        "constant knots",
    ),
    "knots of interp1d": (lambda x: scipy.interpolate.interp1d(np.cumsum(x), T)(2), "np.interp"),
    "knots of FITPACK": (lambda x: scipy.interpolate.splrep(T, x, s=1.0)[1], "s=0"),
    "rank filter": (lambda x: scipy.ndimage.rank_filter(x, 1, 3), "median_filter with a size"),
    "peaks": (lambda x: x[scipy.signal.find_peaks(x)[0]], "np.argmax"),
    "coefficients": (
        lambda x: scipy.signal.lfilter(x[:2], [1.0], np.ones((2, N))).ravel(),
        "np.convolve",
    ),
    "a constant outside": (
        lambda x: scipy.ndimage.convolve1d(x, [1, 2], mode="constant", cval=1.0),
        "not zero at zero",
    ),
    "a metric": (lambda x: pdist(x.reshape(8, 5), "jaccard"), "euclidean"),
}


@pytest.mark.every(2)
@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_line_and_a_way_out(name):
    f, way = REFUSED[name]
    x = np.random.default_rng(1).uniform(0.1, 0.9, N)
    f(x)
    with pytest.raises(TraceError, match=rf"(?s)test_filters\.py:\d+.*{way}|{way}") as caught:
        ss.jacobian(f, x)
    assert "test_filters.py:" in str(caught.value)


def test_plain_values_pass():
    def f(x):
        start = odeint(_decay, 1.0, T)[-1, 0] + quad(np.sin, 0.0, 1.0)[0]
        return x * start + scipy.interpolate.CubicSpline(T, T**3)(x) + spl.cg(A, T)[0]

    x = np.random.default_rng(2).uniform(0.1, 0.9, N)
    J = ss.jacobian(f, x)
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-12)


def test_responses_at_frequencies():
    at = np.linspace(0.1, 3.0, 5)

    def f(p):
        w, h = scipy.signal.freqz(p[:2], np.r_[1.0, p[2:4]], worN=at)
        shifted = np.broadcast_to(p[:2] * 1j, (2, 2), subok=True)
        return np.r_[np.abs(h), np.angle(h) * w, shifted.imag.ravel()]

    x = np.array([0.2, 0.3, -0.4, 0.1])
    J = ss.jacobian(f, x)
    np.testing.assert_allclose(J.value(1.1 * x), f(1.1 * x), rtol=1e-12)
    np.testing.assert_allclose(J(1.1 * x).toarray(), differences(f, 1.1 * x), atol=1e-7)
