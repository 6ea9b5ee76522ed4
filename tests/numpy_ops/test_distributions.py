"""Densities and probabilities of `scipy.stats`: values as SciPy's, derivatives as differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.stats as st

import sparsesolve as ss
from sparsesolve.errors import UnsupportedOperation

CONTINUOUS: dict[str, tuple[float, ...]] = {
    "norm": (), "t": (4.5,), "expon": (), "gamma": (2.3,), "beta": (2.2, 3.1), "chi2": (3.4,),
    "lognorm": (0.7,), "weibull_min": (1.7,), "uniform": (), "laplace": (), "logistic": (),
    "cauchy": (), "gumbel_r": (), "pareto": (2.2,), "invgamma": (2.5,), "rayleigh": (),
    "halfnorm": (), "gennorm": (1.4,), "genextreme": (0.2,), "genpareto": (0.15,),
    "skewnorm": (1.1,), "truncnorm": (-1.0, 2.0), "vonmises": (1.3,), "johnsonsu": (0.3, 1.2),
}  # fmt: skip
CUMULATIVE = ("norm", "expon", "weibull_min", "logistic", "lognorm", "gumbel_r", "uniform")
DISCRETE: dict[str, tuple[float, ...]] = {
    "poisson": (2.3,), "binom": (6.0, 0.4), "nbinom": (4.0, 0.3), "geom": (0.35,),
    "bernoulli": (0.3,),
}  # fmt: skip


def differences(f: Callable[[Any], Any], x: Any) -> Any:
    """Central differences of fourth order."""
    h = 1e-4
    rows = [
        (8 * (f(x + e) - f(x - e)) - (f(x + 2 * e) - f(x - 2 * e))) / (12 * h)
        for e in h * np.eye(x.size)
    ]
    return np.atleast_2d(np.stack(rows, axis=-1))


def agrees(f: Callable[[Any], Any], x: Any) -> None:
    """All engines have the value of the function and its derivatives."""
    for method in ("compiled", "interpreted", "colored"):
        J = ss.jacobian(f, x, method=method)
        for point in (x, x * 1.01):
            np.testing.assert_allclose(J.value(point), f(point), rtol=1e-11, atol=1e-13)
            np.testing.assert_allclose(
                J(point).toarray(), differences(f, point), rtol=1e-6, atol=1e-8
            )


@pytest.mark.every(8)
@pytest.mark.parametrize("kind", ["logpdf", "pdf"])
@pytest.mark.parametrize("name", CONTINUOUS)
def test_densities(name: str, kind: str) -> None:
    shapes, dist = CONTINUOUS[name], getattr(st, name)
    data = 0.1 + 1.2 * dist.ppf([0.05, 0.3, 0.6, 0.9], *shapes)
    f = lambda p: getattr(dist, kind)(data, *p[:-2], loc=p[-2], scale=p[-1])
    x = np.array([*shapes, 0.1, 1.2])
    J = ss.jacobian(f, x)
    for point in (x, x * 1.003):
        np.testing.assert_allclose(J.value(point), f(point), rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(J(point).toarray(), differences(f, point), rtol=2e-6, atol=1e-7)


@pytest.mark.every(4)
@pytest.mark.parametrize("kind", ["cdf", "logcdf", "sf", "logsf"])
@pytest.mark.parametrize("name", CUMULATIVE)
def test_probabilities(name: str, kind: str) -> None:
    shapes, dist = CONTINUOUS[name], getattr(st, name)
    data = 0.1 + 1.2 * dist.ppf([0.05, 0.3, 0.6, 0.9], *shapes)
    f = lambda p: getattr(dist, kind)(data * p[2], *shapes, p[0], p[1])
    x = np.array([0.1, 1.2, 1.0])
    J = ss.jacobian(f, x)
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(J(x).toarray(), differences(f, x), rtol=1e-6, atol=1e-8)


@pytest.mark.every(3)
@pytest.mark.parametrize("kind", ["ppf", "isf"])
@pytest.mark.parametrize("name", ["norm", "expon", "logistic", "uniform", "weibull_min"])
def test_quantiles(name: str, kind: str) -> None:
    shapes, q = CONTINUOUS[name], np.array([0.01, 0.3, 0.5, 0.97])
    f = lambda p: getattr(getattr(st, name), kind)(q * p[2], *shapes, loc=p[0], scale=p[1])
    x = np.array([0.1, 1.2, 1.0])
    J = ss.jacobian(f, x)
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-11, atol=1e-14)
    step = np.array([0.0, 0.0, 1e-6])
    expected = (f(x + step) - f(x - step)) / 2e-6
    np.testing.assert_allclose(J(x).toarray()[:, 2], expected, rtol=1e-7)
    np.testing.assert_allclose(J(x).toarray()[:, :2], np.stack([q**0, (f(x) - x[0]) / x[1]], 1))
    for edge in (np.array([0.0, 1.0, -0.1, 2.0, np.nan]), q):
        g = lambda p, edge=edge: getattr(getattr(st, name), kind)(edge, *shapes, p[0], p[1])
        np.testing.assert_allclose(ss.jacobian(g, x).value(x), g(x), rtol=1e-12)


@pytest.mark.every(2)
@pytest.mark.parametrize("kind", ["pmf", "logpmf"])
@pytest.mark.parametrize("name", DISCRETE)
def test_masses(name: str, kind: str) -> None:
    shapes, dist = DISCRETE[name], getattr(st, name)
    data = dist.ppf([0.1, 0.5, 0.9], *shapes)
    fixed = shapes[:-1]  # numbers of trials
    f = lambda p: getattr(dist, kind)(data, *fixed, p[0])
    J = ss.jacobian(f, np.array(shapes[-1:]))
    x = np.array(shapes[-1:]) * 1.02
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-11)
    np.testing.assert_allclose(J(x).toarray(), differences(f, x), rtol=1e-6, atol=1e-8)


def test_outside_of_the_support() -> None:
    data = np.array([-1.0, 0.5, 2.0, np.nan])
    for f in (
        lambda p: st.expon.logpdf(data, loc=p[0], scale=p[1]),
        lambda p: st.uniform.pdf(data, p[0], p[1]),
        lambda p: st.uniform.cdf(data, p[0], p[1]),
        lambda p: st.beta.logpdf(data, 2.0, p[1]),
        lambda p: st.poisson.logpmf(np.array([-1.0, 0.5, 2.0, np.nan]), p[1]),
        lambda p: st.norm.logpdf(data, p[0], -p[1]),  # no scale at all
    ):
        x = np.array([0.1, 1.3])
        J = ss.jacobian(f, x)
        for point in (x, np.array([0.6, 2.0])):
            np.testing.assert_array_equal(np.isfinite(J.value(point)), np.isfinite(f(point)))
            np.testing.assert_allclose(J.value(point), f(point), rtol=1e-12)
        inside = np.isfinite(f(x))
        assert np.isfinite(J(x).toarray()[inside]).all()
    gone = ss.gradient(lambda p: st.expon.pdf(-1.0, loc=p[0]), np.array([0.1]))
    assert gone(np.array([0.1])) == 0.0


def test_far_out_against_mpmath() -> None:
    f = lambda z: st.norm.logcdf(z)
    x = np.array([-40.0, -8.0, -0.3, 5.0])
    with mpmath.workdps(40):
        exact = [
            float(mpmath.npdf(v) / mpmath.ncdf(v)) if v > -20 else
            float(mpmath.npdf(v) / (mpmath.erfc(-mpmath.mpf(v) / mpmath.sqrt(2)) / 2))
            for v in x
        ]  # fmt: skip
    np.testing.assert_allclose(ss.jacobian(f, x)(x).diagonal(), exact, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 33])
def test_sizes(n: int) -> None:
    data = np.linspace(-1.0, 2.0, n)
    agrees(lambda p: st.laplace.logpdf(data, loc=p[0], scale=p[1]), np.array([0.25, 1.1]))
    x = np.linspace(0.2, 0.8, n)
    J = ss.jacobian(lambda z: st.norm(0.1, 2.0).logpdf(z), x)
    assert J.nnz == n
    np.testing.assert_allclose(J(x).diagonal(), -(x - 0.1) / 4.0, rtol=1e-13)


def _covariance(p: Any) -> Any:
    return np.array([[p[2] ** 2, p[2] * p[3]], [p[2] * p[3], p[3] ** 2 + 1.0]])


POINTS = np.array([[0.1, 0.2], [1.0, -0.3], [0.4, 0.9]])
NORMALS: dict[str, Callable[[Any], Any]] = {
    "all": lambda p: st.multivariate_normal.logpdf(POINTS, p[:2], _covariance(p)),
    "density": lambda p: st.multivariate_normal.pdf(POINTS, mean=p[:2], cov=_covariance(p)),
    "frozen here": lambda p: st.multivariate_normal(p[:2], _covariance(p)).logpdf(POINTS),
    "points": lambda p: st.multivariate_normal.logpdf(p[:2], np.ones(2), np.diag([2.0, 3.0])),
    "diagonal": lambda p: st.multivariate_normal.logpdf(POINTS, p[:2], [2.0, 3.0]),
    "scalar": lambda p: st.multivariate_normal.logpdf(POINTS, p[:2], p[2] ** 2),
    "one": lambda p: st.multivariate_normal.logpdf(POINTS[:, 0], p[0], p[2] ** 2),
    "frozen before": lambda p: FROZEN.pdf(p[:2]) + FROZEN.logpdf(p[2:]),
}
FROZEN = st.multivariate_normal([0.1, 0.2], [[2.0, 0.5], [0.5, 1.0]])


@pytest.mark.every(3)
@pytest.mark.parametrize("name", NORMALS)
def test_normal_of_several(name: str) -> None:
    agrees(NORMALS[name], np.array([0.3, -0.2, 1.2, 0.4]))


def test_what_has_no_rule_is_named() -> None:
    with pytest.raises(UnsupportedOperation, match=r"test_distributions\.py"):
        ss.jacobian(lambda p: st.nct.logpdf(POINTS, p[0], p[1]), np.array([4.0, 0.3]))
    with pytest.raises(UnsupportedOperation, match="allow_singular"):
        ss.jacobian(
            lambda p: st.multivariate_normal.logpdf(p, np.ones(2), np.eye(2), True), np.ones(2)
        )
