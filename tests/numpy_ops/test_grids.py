"""Interpolators of several variables: SciPy's numbers, a row's own variables, right slopes."""

from __future__ import annotations

import numpy as np
import oracles
import pytest
import scipy.interpolate as si

import sparsesolve as ss

RNG = np.random.default_rng(2)
GX, GY = np.sort(RNG.uniform(0, 1, 7)), np.sort(RNG.uniform(0, 1, 6))
GZ = np.linspace(0, 1, 4)
V, W, VECTORS = RNG.normal(size=(7, 6)), RNG.normal(size=(7, 6, 4)), RNG.normal(size=(7, 6, 2))
LOW, HIGH = np.max([GX[0], GY[0]]) + 0.01, np.min([GX[-1], GY[-1]]) - 0.01
SPLINE = si.RectBivariateSpline(GX, GY, V)
PARABOLIC = si.RectBivariateSpline(GX, GY, V, kx=1, ky=2)
SMOOTHING = si.SmoothBivariateSpline(*RNG.uniform(0, 1, (2, 60)), RNG.normal(size=60))


def grid(method, values=V, grids=(GX, GY), **options):
    return si.RegularGridInterpolator(grids, values, method=method, **options)


LINEAR, CUBIC = grid("linear"), grid("cubic")
FUNCTIONS = {
    "linear": lambda x: LINEAR(x.reshape(3, 2)),
    "linear, a tuple": lambda x: LINEAR((x[:3], x[3:])),
    "slinear": lambda x: grid("slinear")(x.reshape(3, 2)),
    "cubic": lambda x: CUBIC(x.reshape(3, 2)),
    "cubic, a slope": lambda x: CUBIC(x.reshape(3, 2), nu=(1, 0)),
    "quintic": lambda x: grid("quintic")(x.reshape(3, 2)),
    "one point": lambda x: LINEAR([x[0], x[1]]) * x,
    "three variables": lambda x: grid("linear", W, (GX, GY, GZ))(x.reshape(2, 3)),
    "several values": lambda x: grid("linear", VECTORS)(x.reshape(3, 2)),
    "one variable": lambda x: grid("linear", V[:, 0], (GX,))(x),
    "interpn": lambda x: si.interpn((GX, GY), V, x.reshape(3, 2)),
    "ev": lambda x: SPLINE.ev(x[:3], x[3:]),
    "ev of a slope": lambda x: SPLINE.ev(x[:3], x[3:], dy=1),
    "a grid of points": lambda x: SPLINE(np.cumsum(x[:2]) / 2 + 0.2, x[2:3]),
    "broadcast": lambda x: PARABOLIC(x[0], x[1:], grid=False),
    "smoothing": lambda x: SMOOTHING.ev(x[:3], x[3:]),
}


@pytest.mark.every(11)
@pytest.mark.parametrize("method", ["auto", "interpreted", "colored"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_slopes(name, method):
    f = FUNCTIONS[name]
    rng = np.random.default_rng(3)
    J = ss.jacobian(f, rng.uniform(LOW, HIGH, 6), method=method)
    for _ in range(2):
        x = rng.uniform(LOW, HIGH, 6)
        oracles.assert_close(J.value(x), f(x), rtol=1e-10)
        columns = [np.ravel(f(x + h) - f(x - h)) / 2e-6 for h in 1e-6 * np.eye(6)]
        expected = np.transpose(columns)
        oracles.assert_close(J(x).toarray(), expected, rtol=1e-5)


def test_a_row_needs_its_own_point_only():
    x = np.linspace(LOW, HIGH, 8)
    for f in (lambda x: SPLINE.ev(x[:4], x[4:]), lambda x: LINEAR((x[:4], x[4:]))):
        J = ss.jacobian(f, x)
        assert J.nnz == 8
        assert (J.pattern.to_dense() == np.hstack([np.eye(4), np.eye(4)])).all()


def test_second_derivatives():
    def f(x):
        return np.sum(SPLINE.ev(x[:3], x[3:]) ** 2)

    x = np.random.default_rng(4).uniform(LOW, HIGH, 6)
    H, gradient = ss.hessian(f, x), ss.gradient(f, x)
    columns = [(gradient(x + h) - gradient(x - h)) / 2e-6 for h in 1e-6 * np.eye(6)]
    assert H.nnz == 12
    oracles.assert_close(H(x).toarray(), np.transpose(columns), rtol=1e-5)


@pytest.mark.every(3)
@pytest.mark.parametrize("method", ["linear", "nearest", "slinear"])
def test_outside_and_at_the_grid(method):
    points = np.array([[GX[1], GY[2]], [GX[-1], GY[-1]], [-0.5, 0.5], [0.5, 1.7], [np.nan, 0.5]])
    for options in ({"fill_value": None}, {"fill_value": 7.0}):
        f = grid(method, bounds_error=False, **options)
        J = ss.jacobian(lambda x, f=f: f(x.reshape(5, 2)), np.full(10, 0.5))
        np.testing.assert_allclose(J.value(points.ravel()), f(points), rtol=1e-10)
    J = ss.jacobian(lambda x: grid(method)(x.reshape(5, 2)), np.full(10, 0.5))
    assert np.isnan(J.value(points.ravel())[2:]).all()  # where SciPy raises


def test_a_spline_is_constant_outside():
    x = np.array([-1.0, 0.5, 2.0, 3.0])
    J = ss.jacobian(lambda x: SPLINE.ev(x[:2], x[2:]), np.full(4, 0.5))
    oracles.assert_close(J.value(x), SPLINE.ev(x[:2], x[2:]), rtol=1e-10)
    assert J(x).toarray()[0, 0] == 0.0


@pytest.mark.parametrize(("values", "method"), [(V * 1j, "linear"), (V, "pchip")])
def test_refused(values, method):
    f = grid(method, values)
    with pytest.raises(ss.errors.UnsupportedOperation, match=r"complex values|pchip"):
        ss.jacobian(lambda x: np.real(f(x.reshape(1, 2))), np.array([0.5, 0.6]))
