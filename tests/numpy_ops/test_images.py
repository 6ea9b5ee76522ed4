"""Images between their pixels, and radial basis functions: SciPy's numbers and right slopes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.interpolate as si
from branch_references import differences
from scipy.ndimage import affine_transform as affine
from scipy.ndimage import map_coordinates as value_at
from scipy.ndimage import shift

import sparsesolve as ss

RNG = np.random.default_rng(4)
IMAGE, LINE = RNG.normal(size=(5, 4)), RNG.normal(size=6)
MODES = ("constant", "nearest", "mirror", "reflect", "grid-wrap")


@pytest.mark.slow_cases("5-grid-wrap")
@pytest.mark.every(6)
@pytest.mark.parametrize(("order", "mode"), [*itertools.product((0, 1, 2, 3, 5), MODES)])
def test_at_traced_coordinates(order, mode):
    def f(x):
        return value_at(IMAGE, x.reshape(2, -1), order=order, mode=mode, cval=0.3)

    rng = np.random.default_rng(order)
    J = ss.jacobian(f, rng.uniform(-3, 7, 12))
    assert J.nnz == (0 if order == 0 else 12)
    for x in rng.uniform(-3, 7, (2, 12)):
        np.testing.assert_allclose(J.value(x), f(x), rtol=1e-9, atol=1e-11)
        if order:
            np.testing.assert_allclose(J(x).toarray(), differences(f, x), atol=1e-6)


C = np.array([[0.3, 2.2, 3.9], [1.4, 0.1, 2.7]])
FUNCTIONS = {
    "a shift": lambda x: shift(IMAGE, x[:2] / 3).ravel(),
    "one of all axes": lambda x: shift(IMAGE, x[0], order=1, mode="nearest").ravel(),
    "affine": lambda x: affine(IMAGE, np.eye(2) + x[:4].reshape(2, 2) / 9, x[4:]).ravel(),
    "of axes": lambda x: affine(IMAGE, 1 + x[:2] / 9, order=1, output_shape=(3, 2)).ravel(),
    "homogeneous": lambda x: affine(IMAGE, x.reshape(2, 3) / 3, order=1).ravel(),
    "a line": lambda x: value_at(LINE, x[None, :], order=3, mode="mirror"),
    "pixels": lambda x: value_at(x.reshape(2, 3), C / 2, order=1),
    "pixels of a spline": lambda x: value_at(x.reshape(2, 3), C / 2),
    "pixels and places": lambda x: value_at(x.reshape(2, 3), np.abs(x).reshape(2, 3), order=3),
}
X = np.array([0.37, 0.81, -0.44, 1.21, 0.56, -0.78])


@pytest.mark.every(3)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_moved_images(name):
    f = FUNCTIONS[name]
    J = ss.jacobian(f, X)
    for x in (X, 0.8 * X + 0.013):
        np.testing.assert_allclose(J.value(x), f(x), rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(J(x).toarray(), differences(f, x), atol=1e-6)


def test_hessian_of_a_fit():
    def f(x):
        return np.sum((value_at(IMAGE, x.reshape(2, 3) + 1.0, mode="nearest") - 0.1) ** 2)

    g = ss.gradient(f, X)
    np.testing.assert_allclose(
        ss.hessian(f, X)(X).toarray(), differences(g, X), rtol=1e-6, atol=1e-6
    )


def test_other_modes_are_refused():
    with pytest.raises(ss.errors.UnsupportedOperation, match="mode='grid-constant'"):
        ss.jacobian(lambda x: value_at(IMAGE, x.reshape(2, 3), mode="grid-constant"), X)


NODES, HEIGHTS = RNG.random((9, 2)), RNG.normal(size=(9, 2))
KERNELS = {
    "linear": {}, "thin_plate_spline": {}, "cubic": {"smoothing": 0.1}, "quintic": {},
    "multiquadric": {"epsilon": 2.0}, "inverse_multiquadric": {"epsilon": 1.5},
    "inverse_quadratic": {"epsilon": 3.0, "degree": 1}, "gaussian": {"epsilon": 4.0, "degree": -1},
}  # fmt: skip


@pytest.mark.every(3)
@pytest.mark.parametrize("kernel", KERNELS)
def test_radial_functions(kernel):
    options = KERNELS[kernel]
    made = si.RBFInterpolator(NODES, HEIGHTS, kernel=kernel, **options)

    def of_values(x):
        again = si.RBFInterpolator(NODES[:6], x, kernel=kernel, **options)
        return again(NODES[6:]) * again(np.reshape(x[:4], (2, 2)) / 2)[0]

    for f in (lambda x: made(np.reshape(x, (3, 2))).ravel(), of_values):
        J = ss.jacobian(f, X)
        for x in (X, 0.9 * X):
            np.testing.assert_allclose(J.value(x), f(x), rtol=1e-8, atol=1e-10)
            np.testing.assert_allclose(J(x).toarray(), differences(f, x), rtol=1e-5, atol=1e-5)
    assert ss.jacobian(lambda x: made(np.reshape(x, (3, 2))), X).nnz == 12


def test_radial_functions_at_a_node():
    made = si.RBFInterpolator(NODES, HEIGHTS[:, 0], kernel="cubic")
    J = ss.jacobian(lambda x: made(x[None, :]), X[:2])
    expected = differences(lambda x: made(x[None, :]), NODES[2])
    np.testing.assert_allclose(J(NODES[2]).toarray(), expected, atol=1e-5)


def test_radial_functions_of_traced_nodes_are_refused():
    with pytest.raises(ss.errors.UnsupportedOperation, match="traced nodes"):
        ss.jacobian(lambda x: si.RBFInterpolator(x[:, None], np.ones(6))(np.ones((1, 1))) * x, X)
