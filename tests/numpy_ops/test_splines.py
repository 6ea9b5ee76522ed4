"""Interpolators of SciPy on traced values: SciPy's numbers, a diagonal pattern, right slopes."""

from __future__ import annotations

import numpy as np
import oracles
import pytest
import scipy.interpolate as si

import sparsesolve as ss

K = np.linspace(-1.0, 1.0, 9)
Y = np.sin(3 * K)
RNG = np.random.default_rng(0)
TCK = si.splrep(K, Y)

SMOOTH = {
    "CubicSpline": si.CubicSpline(K, Y),
    "natural, inside only": si.CubicSpline(K, Y, bc_type="natural", extrapolate=False),
    "periodic": si.CubicSpline(K, np.append(Y[:-1], Y[0]), bc_type="periodic"),
    "Pchip": si.PchipInterpolator(K, Y),
    "Akima": si.Akima1DInterpolator(K, Y),
    "CubicHermiteSpline": si.CubicHermiteSpline(K, Y, 3 * np.cos(3 * K)),
    "BSpline": si.make_interp_spline(K, Y, k=3),
    "BSpline of degree 5": si.make_interp_spline(K, Y, k=5),
    "BSpline, inside only": si.BSpline(*TCK, extrapolate=False),
    "BSpline, periodic": si.BSpline(*TCK, extrapolate="periodic"),
    "smoothing": si.make_smoothing_spline(K, Y),
    "UnivariateSpline": si.UnivariateSpline(K, Y, s=0),
    "UnivariateSpline, const": si.UnivariateSpline(K, Y, s=0.01, ext="const"),
    "InterpolatedUnivariateSpline, zeros": si.InterpolatedUnivariateSpline(K, Y, ext=1),
    "splev": lambda x: si.splev(x, TCK),
    "splev of a slope": lambda x: si.splev(x, TCK, der=1),
    "interp1d": si.interp1d(K, Y, fill_value="extrapolate"),
    "interp1d, filled": si.interp1d(K, Y, bounds_error=False, fill_value=(1.0, 2.0)),
    "interp1d, cubic": si.interp1d(K, Y, kind="cubic", fill_value="extrapolate"),
    "interp1d, quadratic": si.interp1d(K, Y, kind="quadratic"),
    "derivative": si.CubicSpline(K, Y).derivative(),
    "antiderivative": si.CubicSpline(K, Y).antiderivative(),
    "nu": lambda x: si.CubicSpline(K, Y)(x, 1),
    "PPoly": si.PPoly(RNG.normal(size=(4, 8)), K),
    "BPoly": si.BPoly(RNG.normal(size=(4, 8)), K),
    "Akima of a list": lambda x: si.Akima1DInterpolator(K, Y)([v for v in x]),
}
STEPS = {
    kind: si.interp1d(K, Y, kind=kind, fill_value="extrapolate")
    for kind in ("previous", "next", "nearest", "nearest-up")
}


@pytest.mark.every(8)
@pytest.mark.parametrize("method", ["auto", "interpreted", "colored"])
@pytest.mark.parametrize("name", SMOOTH)
def test_values_and_slopes(name, method):
    f = SMOOTH[name]
    x = np.array([-0.97, -0.3, 0.111, 0.6, 0.93])
    J = ss.jacobian(lambda x: f(x) * 1.0, x, method=method)
    assert J.nnz == 5
    for point in (x, np.random.default_rng(1).uniform(-0.99, 0.99, 5)):
        oracles.assert_close(J.value(point), f(point), rtol=1e-11)
        h = 1e-6
        slopes = (f(point + h) - f(point - h)) / (2 * h)
        assert np.allclose(J(point).diagonal(), slopes, rtol=1e-5, atol=1e-6)
    assert np.allclose(J.value(K[2:7]), f(K[2:7]), rtol=1e-11)  # at knots


@pytest.mark.every(3)
@pytest.mark.parametrize("name", SMOOTH)
def test_outside_of_the_knots(name):
    f = SMOOTH[name]
    x = np.array([-1.5, 1.7, np.nan, -1.0, 1.0])
    try:
        expected = f(x)
    except ValueError:
        expected = np.where(np.abs(x) > 1, np.nan, f(np.clip(np.nan_to_num(x), -1, 1)))
        expected[2] = np.nan
    J = ss.jacobian(lambda x: f(x) * 1.0, np.linspace(-0.5, 0.5, 5))
    assert np.allclose(J.value(x), expected, rtol=1e-10, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("name", ["CubicSpline", "Pchip", "BSpline", "UnivariateSpline"])
def test_second_derivatives(name):
    f = SMOOTH[name]
    x = np.array([-0.95, -0.3, 0.111, 0.6])
    H = ss.hessian(lambda x: np.sum(f(x) ** 2), x)
    assert H.nnz == 4
    g = ss.gradient(lambda x: np.sum(f(x) ** 2), x)
    h = 1e-6
    expected = [(g(x + h * e) - g(x - h * e))[k] / (2 * h) for k, e in enumerate(np.eye(4))]
    assert np.allclose(H(x).diagonal(), expected, rtol=1e-5)


@pytest.mark.parametrize("kind", STEPS)
def test_steps_have_no_slope(kind):
    x = np.array([-0.97, -0.3, 0.111, 0.6, 0.125, -1.0, 1.0])
    J = ss.jacobian(lambda x: STEPS[kind](x) + x, x)
    assert np.allclose(J.value(x), STEPS[kind](x) + x)
    assert np.allclose(J(x).toarray(), np.eye(7))


def test_several_values():
    columns = np.stack([Y, np.cos(K), K**2], axis=1)
    for f in (si.CubicSpline(K, columns), si.make_interp_spline(K, columns)):
        J = ss.jacobian(lambda t, f=f: f(t), 0.3)
        assert np.allclose(J.value(0.4), f(0.4))
        assert np.allclose(J(0.4).toarray().ravel(), f(0.4, 1))
    rows = si.CubicSpline(K, columns.T, axis=1)
    x = np.array([0.2, 0.5])
    J = ss.jacobian(lambda x: rows(x), x)
    assert np.allclose(J.value(x), rows(x))


def test_a_forcing_of_time():
    forcing = si.CubicSpline(np.linspace(0, 2, 20), np.sin(np.linspace(0, 2, 20)))

    def rhs(t, y):
        return -y + forcing(t)

    y0 = np.array([0.5, 1.0])
    ours = ss.solve_ivp(rhs, (0.0, 2.0), y0, method="BDF", rtol=1e-8, atol=1e-10)
    from scipy.integrate import solve_ivp

    plain = solve_ivp(rhs, (0.0, 2.0), y0, method="BDF", rtol=1e-8, atol=1e-10)
    assert np.allclose(ours.y[:, -1], plain.y[:, -1], rtol=1e-5)


def test_everything_is_as_it_was():
    before = (si.PPoly.__call__, si.BSpline.__call__, si.interp1d.__call__)
    ss.jacobian(lambda x: SMOOTH["CubicSpline"](x), np.zeros(2))
    assert (si.PPoly.__call__, si.BSpline.__call__, si.interp1d.__call__) == before


COMPLEX = {
    "CubicSpline": si.CubicSpline(K, Y * 1j),
    "BSpline": si.make_interp_spline(K, Y + 1j),
    "linear": si.interp1d(K, Y * 1j),
    "nearest": si.interp1d(K, Y * 1j, kind="nearest"),
}


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_data_is_refused(name):
    with pytest.raises(ss.errors.UnsupportedOperation, match="interpolator of complex values"):
        ss.jacobian(lambda x: np.real(COMPLEX[name](x)), np.array([0.1, 0.2]))
