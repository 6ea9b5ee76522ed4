"""Interpolators through traced heights: SciPy's numbers, linear in the heights."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.interpolate as si
from branch_references import differences

import sparsesolve as ss

K = np.array([0.0, 0.5, 1.1, 1.7, 2.4, 3.0])
Q = np.array([0.2, 1.3, 2.2, 2.9])
X = np.array([0.57, 1.53, 0.7, 2.2, 1.9, 0.33])

FUNCTIONS = {
    "cubic spline": lambda x: si.CubicSpline(K, x)(Q),
    "natural, its slope, at traced points": lambda x: si.CubicSpline(K, x, bc_type="natural")(x, 1),
    "derivative": lambda x: si.CubicSpline(K, x**2).derivative()(Q),
    "antiderivative": lambda x: si.CubicSpline(K, x).antiderivative()(Q),
    "integral": lambda x: si.CubicSpline(K, x).integrate(0.1, 2.2) * x,
    "integral to a traced limit": lambda x: si.CubicSpline(K, x).integrate(0.1, x[2]) * x,
    "columns": lambda x: si.CubicSpline(K, np.column_stack((x, x**2)))(Q).ravel(),
    "B-spline": lambda x: si.make_interp_spline(K, x, k=3)(Q),
    "of degree 5": lambda x: si.make_interp_spline(K, x, k=5)(x[:2]),
    "interp1d": lambda x: si.interp1d(K, x)(Q),
    "at traced points": lambda x: si.interp1d(K, np.sin(x), fill_value="extrapolate")(2.1 * x),
    "cubic": lambda x: si.interp1d(K, x, kind="cubic")(Q),
    "cubic at traced points": lambda x: si.interp1d(K, x, kind="cubic", bounds_error=False)(x),
    "quadratic": lambda x: si.interp1d(K, x, kind="quadratic")(Q),
    "nearest": lambda x: si.interp1d(K, x, kind="nearest")(Q),
    "knots from right to left": lambda x: si.interp1d(K[::-1], x)(Q),
    "PCHIP": lambda x: si.PchipInterpolator(K, x)(Q),
    "PCHIP at traced points": lambda x: si.PchipInterpolator(K, np.sin(x))(1.3 * x),
    "its slope": lambda x: si.PchipInterpolator(K, x).derivative()(Q),
    "its integral": lambda x: si.PchipInterpolator(K, x).integrate(0.2, x[3]) * x,
    "its antiderivative": lambda x: si.PchipInterpolator(K, x).antiderivative()(Q),
    "PCHIP outside": lambda x: si.PchipInterpolator(K, x)(2 * Q - 1),
    "PCHIP that ends": lambda x: np.nan_to_num(si.PchipInterpolator(K, x, 0, False)(2 * Q - 1)),
    "of two points": lambda x: si.PchipInterpolator(K[:2], x[:2])(Q),
    "of columns": lambda x: si.PchipInterpolator(K, np.stack((x, x**2, 1 / x), 1))(Q).ravel(),
    "of rows": lambda x: si.PchipInterpolator(K, np.stack((x, x**2)), axis=1)(Q).ravel(),
    "rows at a traced matrix": lambda x: si.PchipInterpolator(K, np.stack((x, x**2)), axis=1)(
        x.reshape(2, 3)
    ).ravel(),
    "Akima": lambda x: si.Akima1DInterpolator(K, x)(Q),
    "Akima at traced points": lambda x: si.Akima1DInterpolator(K, x)(x),
    "modified": lambda x: si.Akima1DInterpolator(K, x, method="makima")(Q),
    "Hermite": lambda x: si.CubicHermiteSpline(K, x, np.cos(x))(x),
    "its second derivative": lambda x: si.CubicHermiteSpline(K, x, np.cos(x))(x, 2),
    "its fourth": lambda x: si.CubicHermiteSpline(K, x, np.cos(x))(x, 4) + x,
    "second antiderivative": lambda x: si.CubicHermiteSpline(K, x, np.cos(x)).antiderivative(2)(x),
    "coefficients": lambda x: si.PchipInterpolator(K, x).c[1] * si.PchipInterpolator(K, x).x[1],
    "powers": lambda x: si.PPoly(x.reshape(2, 3), K[:4])(Q),
    "powers, periodic": lambda x: si.PPoly(x.reshape(2, 3), K[:4], "periodic")(3 * x),
    "powers, of columns": lambda x: si.PPoly(x.reshape(1, 3, 2), K[:4])(Q).ravel(),
    "filled by its ends": lambda x: si.interp1d(K, x, bounds_error=False, fill_value=(x[0], x[-1]))(
        2 * Q - 1
    ),
    "filled with numbers": lambda x: si.interp1d(K, x, bounds_error=False, fill_value=2.0)(3 * Q),
}


@pytest.mark.every(6)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_slopes(name):
    f = FUNCTIONS[name]
    J = ss.jacobian(f, X)
    for x in (X, 0.9 * X + 0.01):
        np.testing.assert_allclose(J.value(x), f(x), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(J(x).toarray(), differences(f, x), atol=1e-6)


def test_monotone_slopes_at_extrema_and_ends():
    rng = np.random.default_rng(1)
    f = lambda x: si.PchipInterpolator(K, x)(np.linspace(-0.1, 3.1, 17))
    J = ss.jacobian(f, X)
    for x in rng.normal(size=(12, 6)):
        np.testing.assert_allclose(J.value(x), f(x), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(J(x).toarray(), differences(f, x), atol=1e-5)
    flat = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 0.0])
    np.testing.assert_allclose(J.value(flat), f(flat), atol=1e-14)
    assert np.all(np.isfinite(J(flat).toarray()))


def test_knots_that_are_traced_are_refused():
    for make in (si.PchipInterpolator, si.Akima1DInterpolator):
        with pytest.raises(ss.errors.UnsupportedOperation, match="constant knots"):
            ss.jacobian(lambda x, make=make: make(x, K)(1.0) * x, X)


def test_only_what_is_near_counts():
    assert ss.jacobian(FUNCTIONS["PCHIP"], X).nnz == 14
    assert ss.jacobian(FUNCTIONS["interp1d"], X).nnz == 8
    assert ss.jacobian(FUNCTIONS["filled by its ends"], X).nnz == 5


def test_linear_in_the_heights():
    J = ss.jacobian(FUNCTIONS["cubic spline"], X)
    np.testing.assert_allclose(J(X).toarray(), si.CubicSpline(K, np.eye(6))(Q), rtol=1e-12)
    gradient = ss.gradient(lambda x: np.sum(np.exp(si.CubicSpline(K, x)(x))), X)
    H = ss.hessian(lambda x: np.sum(np.exp(si.CubicSpline(K, x)(x))), X)
    np.testing.assert_allclose(H(X).toarray(), differences(gradient, X), atol=2e-5)


def test_a_spline_has_its_knots_and_no_coefficients():
    def of_knots(x):
        spline = si.CubicSpline(K, x)
        assert isinstance(spline, si.CubicSpline)
        assert (spline.axis, spline.extrapolate) == (0, True)
        return x * spline.x[-1]

    assert ss.jacobian(of_knots, X)(X).toarray()[0, 0] == 3.0
    with pytest.raises(ss.errors.UnsupportedOperation, match=r"`CubicSpline\.c` of traced heights"):
        ss.jacobian(lambda x: si.CubicSpline(K, x).c[3], X)


def test_points_outside_raise_as_in_scipy():
    with pytest.raises(ValueError, match="outside of the interpolation range"):
        ss.jacobian(lambda x: si.interp1d(K, x)(5.0) * x, X)


def _joined(x):
    return np.hstack((K.reshape(-1, 1), np.reshape(x, (-1, 1))))


def _filled(x):
    table = np.zeros((K.size, 2))
    table[:, 0], table[:, 1] = K, x
    return table


@pytest.mark.parametrize("table", [_joined, _filled, lambda x: np.array([K, x]).T])
@pytest.mark.parametrize(
    "make",
    [
        lambda t: si.interp1d(t[:, 0], t[:, 1], kind="cubic"),
        lambda t: si.PchipInterpolator(t[:, 0], t[:, 1]),
        lambda t: si.InterpolatedUnivariateSpline(t[:, 0], t[:, 1]),
    ],
)
def test_knots_that_were_joined_with_heights_are_constants(table, make):
    f = lambda x: make(table(x))(np.array([0.31, 0.77]) * K[-1])
    x = 0.3 + np.sin(np.arange(K.size))
    J = ss.jacobian(f, x)
    np.testing.assert_allclose(J(x).toarray(), differences(f, x), atol=1e-7)


def test_knots_that_move_are_traced_still():
    table = lambda x: np.hstack((np.cumsum(x**2).reshape(-1, 1), np.reshape(x, (-1, 1))))
    with pytest.raises(ss.errors.TraceError, match=r"constant"):
        ss.jacobian(lambda x: si.CubicSpline(*table(x).T)(0.4) * x, K + 0.3)


def test_tables_that_were_filled_one_by_one_have_constant_knots_too():
    """However long their history is."""

    def f(x):
        table = np.zeros((400, 2))
        for i in range(400):
            table[i, 0], table[i, 1] = 0.01 * i, x[i % 3] * np.sin(0.01 * i)
        return si.CubicSpline(table[:, 0], table[:, 1])(np.array([0.517, 1.5]))

    x = np.array([0.3, 1.0, -2.0])
    np.testing.assert_allclose(ss.jacobian(f, x)(x).toarray(), differences(f, x), atol=1e-8)
