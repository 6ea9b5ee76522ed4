"""Operations made from outside: as sparse and as differentiable as those that are built in."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import scipy.special
from scipy.interpolate import CubicSpline

import sparsesolve as ss
from sparsesolve.errors import StructureMismatch, UnsupportedOperation
from sparsesolve.trace.dispatch import HANDLERS
from sparsesolve.trace.naming import load_scipy
from tests import oracles

KNOTS = np.linspace(0.0, 1.0, 11)
METHODS = ("compiled", "interpreted", "colored")
SPLINE = CubicSpline(KNOTS, np.sin(5.0 * KNOTS))


def spline(x):
    return made()[0](x)


def distance(x, y):
    return made()[1](x, y)


@functools.cache
def made():
    """Two operations, made when a test runs: tables of tests are filled when they are collected."""
    return (
        ss.elementwise(SPLINE, lambda x: SPLINE(x, 1), lambda x: SPLINE(x, 2), name="spline"),
        ss.extend.elementwise(
            lambda x, y: np.sqrt(x * x + y * y + 1.0),
            partials=(
                lambda x, y: x / np.sqrt(x * x + y * y + 1.0),
                lambda x, y: y / np.sqrt(x * x + y * y + 1.0),
            ),
            name="distance",
        ),
    )


@pytest.mark.parametrize("n", [0, 1, 2, 31, 32, 33, 100])
@pytest.mark.parametrize("method", METHODS)
def test_pattern_and_jacobian(method, n):
    x = np.linspace(0.01, 0.99, n)
    J = ss.jacobian(lambda x: spline(x) * x, np.ones(n) * 0.4, method=method)
    assert J.pattern.nnz == n
    expected = np.diag(SPLINE(x, 1) * x + SPLINE(x))
    np.testing.assert_allclose(J(x).toarray(), expected, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(J.value(x), SPLINE(x) * x, rtol=1e-15)


@pytest.mark.parametrize("method", ["compiled", "interpreted"])
@pytest.mark.parametrize("n", [2, 33, 100])
def test_hessian(method, n):
    x = np.linspace(0.05, 0.93, n)
    H = ss.hessian(lambda x: np.sum(spline(x) * x) + x[0] * x[-1], x, method=method)
    expected = np.diag(SPLINE(x, 2) * x + 2.0 * SPLINE(x, 1))
    expected[0, -1] += 1.0
    expected[-1, 0] += 1.0
    assert H.pattern.nnz == n + 2
    np.testing.assert_allclose(H(x).toarray(), expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_two_operands_and_sums(method):
    def function(x):
        rows = distance(x[:-1, None], x[None, 1:])
        return np.sum(np.where(rows > 1.2, rows, rows**2), axis=1)

    def plain(x):
        rows = np.sqrt(x[:-1, None] ** 2 + x[None, 1:] ** 2 + 1.0)
        return np.sum(np.where(rows > 1.2, rows, rows**2), axis=1)

    x = np.linspace(0.2, 1.7, 21)
    J = ss.jacobian(function, x, method=method)
    expected = ss.jacobian(plain, x, method="interpreted")(x).toarray()
    np.testing.assert_allclose(J(x).toarray(), expected, rtol=1e-13)
    H = ss.hessian(lambda x: np.sum(function(x) ** 2), x)(x).toarray()
    K = ss.hessian(lambda x: np.sum(plain(x) ** 2), x)(x).toarray()
    np.testing.assert_allclose(H, K, rtol=1e-11, atol=1e-12)


def test_loops_over_scalars():
    x = np.linspace(0.1, 0.8, 7)
    J = ss.jacobian(lambda x: np.array([spline(x[k]) * x[k - 1] for k in range(7)]), x)
    previous = np.roll(x, 1)
    expected = np.diag(SPLINE(x, 1) * previous)
    expected[np.arange(7), np.arange(7) - 1] += SPLINE(x)
    np.testing.assert_allclose(J(x).toarray(), expected, rtol=1e-14, atol=1e-15)


@pytest.fixture
def table():
    """The table of handlers, put back afterwards."""
    load_scipy()  # its functions register their handlers once
    before = dict(HANDLERS)
    yield
    HANDLERS.clear()
    HANDLERS.update(before)


@pytest.mark.usefixtures("table")
def test_an_unknown_ufunc_is_recorded_by_its_own_name():
    dawsn = scipy.special.dawsn
    made = ss.elementwise(dawsn, lambda x: 1.0 - 2.0 * x * dawsn(x), name="dawsn")
    assert made(0.5) == scipy.special.dawsn(0.5)
    x = np.linspace(-2.0, 2.0, 9)
    J = ss.jacobian(lambda x: scipy.special.dawsn(x) * x, x)
    expected = oracles.finite_difference_jacobian(lambda x: scipy.special.dawsn(x) * x, x)
    assert J.pattern.nnz == 9
    np.testing.assert_allclose(J(x).toarray(), expected, atol=1e-8)


@pytest.mark.usefixtures("table")
def test_a_handler():
    @ss.extend.handler(np.nancumsum)
    def nancumsum(a, axis=None):
        return np.cumsum(np.where(np.isnan(a), 0.0, a), axis)

    J = ss.jacobian(lambda x: np.nancumsum(x), np.ones(4))
    np.testing.assert_array_equal(J(np.ones(4)).toarray(), np.tri(4))


def test_mistakes():
    x = np.linspace(0.1, 0.9, 5)
    with pytest.raises(UnsupportedOperation, match="no derivative"):
        ss.jacobian(ss.elementwise(np.sinc, name="bare"), x)
    once = ss.elementwise(SPLINE, lambda x: SPLINE(x, 1), name="once")
    assert ss.jacobian(once, x).pattern.nnz == 5
    with pytest.raises(UnsupportedOperation, match="no derivative"):
        ss.hessian(lambda x: np.sum(once(x)), x)
    with pytest.raises(StructureMismatch, match="element by element"):
        ss.jacobian(ss.elementwise(np.sum, np.ones_like, name="total"), x)
    with pytest.raises(ValueError, match="either"):
        ss.elementwise(np.sin, np.cos, partials=(np.cos,))
