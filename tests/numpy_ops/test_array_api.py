"""Rotations and statistics of SciPy, traced by SciPy's own code for several array libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.stats as st
from scipy.spatial.transform import Rotation, Slerp

import sparsesolve as ss

POINTS = np.random.default_rng(0).normal(size=(4, 3))
FIXED = Rotation.from_rotvec([0.1, 0.2, 0.3])
SEVERAL = Rotation.from_rotvec(np.random.default_rng(1).normal(size=(2, 3)))
X = np.array([0.3, -0.2, 0.5, -0.6, 0.4, 0.9])


def stack(x: Any) -> Any:
    return Rotation.from_rotvec(x.reshape(-1, 3))


ROTATIONS: dict[str, Callable[[Any], Any]] = {
    "matrix": lambda x: Rotation.from_rotvec(x[:3]).as_matrix(),
    "apply": lambda x: Rotation.from_rotvec(x[:3]).apply(POINTS),
    "one point": lambda x: Rotation.from_rotvec(x[:3]).apply(x[3:]),
    "inverse": lambda x: Rotation.from_rotvec(x[:3]).apply(POINTS, inverse=True),
    "quaternion": lambda x: Rotation.from_quat(x[:4]).as_matrix(),
    "as quaternion": lambda x: Rotation.from_rotvec(x[:3]).as_quat(),
    "products": lambda x: (FIXED * Rotation.from_quat(x[2:]) * FIXED.inv()).as_rotvec(),
    "inv": lambda x: Rotation.from_rotvec(x[:3]).inv().as_rotvec(),
    "euler": lambda x: Rotation.from_euler("xyz", 60 * x[:3], degrees=True).as_matrix(),
    "intrinsic": lambda x: Rotation.from_euler("ZYX", x[:3]).apply(POINTS),
    "one angle": lambda x: Rotation.from_euler("z", x[0]).apply(POINTS),
    "as euler": lambda x: Rotation.from_rotvec(x[:3]).as_euler("zyx"),
    "from matrix": lambda x: Rotation.from_matrix(stack(x)[0].as_matrix()).as_rotvec(),
    "magnitude": lambda x: (Rotation.from_rotvec(x[:3]) * FIXED).magnitude(),
    "stack": lambda x: stack(x).as_matrix(),
    "stack of points": lambda x: (SEVERAL * stack(x)).apply(POINTS[:2]),
    "item": lambda x: stack(x)[1].apply(POINTS),
    "of constants": lambda x: FIXED.apply(x[:3]) + SEVERAL.apply(x[3:])[0],
    "list": lambda x: Rotation.from_rotvec([x[0], x[1], 0.3]).apply([1.0, 0.0, 0.0]),
    "slerp": lambda x: Slerp([0.0, 1.0], stack(x))([0.3, 0.6]).as_rotvec(),
}
STATISTICS: dict[str, Callable[[Any], Any]] = {
    "skew": lambda x: st.skew(x) + st.skew(x, bias=False),
    "kurtosis": lambda x: st.kurtosis(x, fisher=False) + st.kurtosis(x**2, bias=False),
    "of rows": lambda x: st.skew(np.outer(x, x[:3]) ** 2, axis=1),
    "zscore": lambda x: st.zscore(x, ddof=1),
    "means": lambda x: st.gmean(x**2) + st.hmean(x**2),
    "entropy": lambda x: st.entropy(x**2) + st.entropy(x**2, np.arange(1.0, x.size + 1)),
    "spread": lambda x: st.sem(x) + st.variation(x + 2.0),
    "moment": lambda x: st.moment(x, 3),
}  # fmt: skip
CASES = ROTATIONS | STATISTICS


def differences(f: Callable[[Any], Any], x: Any) -> Any:
    h = 1e-4
    g = lambda z: np.ravel(f(z))
    rows = [
        (8 * (g(x + e) - g(x - e)) - (g(x + 2 * e) - g(x - 2 * e))) / (12 * h)
        for e in h * np.eye(x.size)
    ]
    return np.stack(rows, axis=-1)


@pytest.mark.slow_cases("skew")
@pytest.mark.every(8)
@pytest.mark.parametrize("name", CASES)
def test_equals_differences(name: str) -> None:
    f = CASES[name]
    J = ss.jacobian(f, X)
    for x in (X, 1.1 * X, X[::-1] + 0.05):
        np.testing.assert_allclose(J.value(x), f(x), rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(J(x).toarray(), differences(f, x), rtol=1e-7, atol=1e-9)


@pytest.mark.slow
def test_engines_and_second_derivatives() -> None:
    def cost(x: Any) -> Any:
        turned = Rotation.from_rotvec(x[:3]).apply(POINTS) + x[3:]
        return np.sum((turned - POINTS[::-1]) ** 2)

    for x in (X, np.zeros(6), np.array([1e-5, 0.0, 0.0, 0.1, 0.2, 0.3])):
        results = []
        for method in ("compiled", "interpreted"):
            gradient = ss.gradient(cost, X, method=method)
            H = ss.hessian(cost, X, method=method)
            np.testing.assert_allclose(gradient(x), differences(cost, x)[0], rtol=1e-7, atol=1e-8)
            results.append(H(x).toarray())
        np.testing.assert_allclose(results[0], results[1], rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(results[0], differences(gradient, x), rtol=1e-5, atol=1e-6)


def test_bundle_adjustment_is_sparse() -> None:
    cameras, points = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 2, 0])

    def residual(p: Any) -> Any:
        turned = Rotation.from_rotvec(p[:9].reshape(3, 3)[cameras]).as_matrix()
        moved = np.einsum("nij,nj->ni", turned, p[9:].reshape(3, 3)[points])
        return (moved[:, :2] / (5.0 + moved[:, 2:])).ravel()

    p = np.linspace(-0.4, 0.5, 18)
    J = ss.jacobian(residual, p)
    assert J.nnz == 10 * 6
    np.testing.assert_allclose(J(p).toarray(), differences(residual, p), rtol=1e-7, atol=1e-10)


@pytest.mark.every(2)
@pytest.mark.parametrize("n", [1, 2, 31, 33])
def test_sizes(n: int) -> None:
    x = np.linspace(-0.7, 0.9, 3 * n)
    J = ss.jacobian(lambda z: stack(z).apply(np.array([1.0, 2.0, 3.0])), x)
    assert J.nnz == 9 * n
    np.testing.assert_allclose(J.value(x), stack(x).apply([1.0, 2.0, 3.0]), rtol=1e-12, atol=1e-14)


def test_the_backend_is_put_back() -> None:
    import scipy.spatial.transform._rotation as home

    code = home.select_backend.__code__
    ss.jacobian(ROTATIONS["matrix"], X)
    assert home.select_backend.__code__ is code
    assert type(Rotation.from_rotvec(X[:3]).as_matrix()) is np.ndarray


@pytest.mark.slow_cases("nanvar")
@pytest.mark.parametrize("function", [np.nanvar, np.nanstd])
def test_spread_without_what_is_missing(function: Any) -> None:
    table = np.array([[1.0, np.nan, 2.0], [0.5, 3.0, -1.0]])
    for options in ({}, {"ddof": 1}, {"axis": 0}, {"axis": 1, "ddof": 1, "keepdims": True}):
        f = lambda x, options=options: function(table * x.reshape(2, 3) ** 2, **options)
        J = ss.jacobian(f, X)
        np.testing.assert_allclose(J.value(X), f(X), rtol=1e-12)
        if options.get("axis") != 0:  # of one value the spread is none, a kink of the root
            expected = differences(f, X)
            np.testing.assert_allclose(J(X).toarray(), expected, rtol=1e-7, atol=1e-9)
