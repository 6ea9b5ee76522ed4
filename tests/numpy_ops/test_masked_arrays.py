"""Masked arrays of traced values: NumPy's numbers, and slopes of what is not masked."""

from __future__ import annotations

import numpy as np
import numpy.ma as ma
import pytest
from branch_references import differences

import sparsesolve as ss
from sparsesolve.errors import TraceError

X = np.array([0.22, 0.31, 0.47, 0.58, 0.63, 0.74, 0.85, 0.96])
EVERY_THIRD = np.arange(8) % 3 == 0
DATA = ma.array(np.arange(8.0) + 1.0, mask=np.arange(8) == 5)


def invalid(x):
    with np.errstate(all="ignore"):
        return ma.masked_invalid(np.log(x - 0.4)).filled(0.0)


def written(x):
    m = ma.array(x**2, mask=x > 0.8)
    m[2] = ma.masked
    m[:2] = ma.array(x[1:3], mask=[False, True])
    m[x > 0.9] = x[0]
    return m.filled(3.0) * m.copy().count()


def one_by_one(x):
    """Elements are read and written in turn: numbers share no memory."""
    m = ma.array(x * 1.0, mask=EVERY_THIRD)
    for i in range(1, 8):
        m[i] = 0.5 * m[i - 1] + x[i] ** 2
    return m.filled(0.7)


CASES = {
    "filled": lambda x: ma.filled(ma.masked_where(x < 0.5, x) * 2.0, 0.1),
    "by a constant": lambda x: ma.masked_where(EVERY_THIRD, x).filled(-1.0),
    "sums": lambda x: np.array(
        [f(ma.array(x, mask=EVERY_THIRD)) for f in (np.sum, np.mean, np.std)]
    ),
    "of rows": lambda x: ma.masked_greater(x.reshape(2, 4), 0.8).mean(axis=1),
    "extremes": lambda x: np.array(
        [ma.masked_inside(x, 0.7, 0.9).max(), ma.masked_less(x, 0.4).min()]
    ),
    "logarithm": lambda x: ma.log(ma.masked_less_equal(x, 0.3)).filled(-5.0),
    "its domain": lambda x: ma.sqrt(ma.array(x - 0.5)).filled(0.0),
    "invalid": invalid,
    "compressed": lambda x: (x * (ma.masked_greater(x, 0.8) + 1.0)).compressed()[:3],
    "two masks": lambda x: (ma.masked_less(x, 0.4) / ma.masked_greater(x, 0.9)).filled(2.0),
    "of data": lambda x: (DATA * ma.array(x) ** 2).filled(0.0),
    "by zero": lambda x: (1.0 / ma.array(x * (np.arange(8) > 2))).filled(7.0),
    "products": lambda x: np.array(
        [ma.prod(ma.masked_outside(x, 0.3, 0.8)), ma.array(x).var(ddof=1)]
    ),
    "parts": lambda x: ma.masked_where(x > 0.9, x)[2:].reshape(2, 3).T.ravel().filled(0.0),
    "beside data": lambda x: ((DATA - x) / x + x / (DATA + x)).filled(0.0),
    "twice": lambda x: ma.array(DATA - x, mask=DATA.mask).filled(1.0),
    "functions of NumPy": lambda x: np.maximum(np.sqrt(DATA + x), 2.0).filled(0.0),
    "median": lambda x: x * ma.median(DATA - x),
    "written": written,
    "one by one": one_by_one,
    "counts": lambda x: x * ma.masked_less(x, 0.4).count(),
}  # fmt: skip


@pytest.mark.every(3)
@pytest.mark.parametrize("name", CASES)
def test_values_and_slopes(name):
    f = CASES[name]
    J = ss.jacobian(f, X)
    for x in (X, X[::-1] * 1.01):
        np.testing.assert_allclose(J.value(x), np.asarray(f(x)), rtol=1e-12)
        np.testing.assert_allclose(J(x).toarray(), differences(f, x), atol=1e-6)


def test_what_is_masked_has_no_slope():
    f = lambda x: ma.log(ma.masked_less_equal(x, 0.3)).sum()
    at = np.where(X < 0.5, 0.0, X)
    np.testing.assert_allclose(ss.gradient(f, X)(at), np.where(X < 0.5, 0.0, 1 / X), rtol=1e-14)


REFUSED = {
    "`.anom`": lambda x: ma.array(x, mask=EVERY_THIRD).anom().filled(0.0),
    "`.put`": lambda x: ma.masked_less(x, 0.4).put([1], [2.0]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_line_and_a_way_out(name):
    with pytest.raises(TraceError, match=rf"(?s){name}.*test_masked_arrays\.py:\d+.*np\.where"):
        ss.jacobian(REFUSED[name], X)


def test_parts_may_share_memory():
    def f(x):
        m = ma.array(x * 2.0)
        m[1:][0] = 1.0
        return m.filled(0.0)

    with pytest.raises(TraceError, match=r"test_masked_arrays.*copy"):
        ss.jacobian(f, X)


def test_a_result_that_is_masked_is_refused():
    with pytest.raises(TraceError, match=r"masked array.*filled"):
        ss.jacobian(lambda x: DATA - x, X)
