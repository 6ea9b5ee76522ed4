"""Arguments whose plain numbers a function needs are constants; others have an own trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.signal
from scipy.interpolate import CubicSpline, interp1d

import sparsesolve as ss
from sparsesolve.errors import TraceError

KNOTS = np.linspace(0.0, 4.0, 9)
AT = np.array([0.3, 1.1, 2.6])


def shifted(p: Any, knots: Any, heights: Any, weight: Any) -> Any:
    return weight * interp1d(knots, heights)(AT + p[0]) * p[1]


def slopes(p: Any, heights: Any, weight: float) -> Any:
    left = np.floor((AT + p[0]) / 0.5).astype(int)
    slope = np.diff(heights)[left] / 0.5
    value = np.interp(AT + p[0], KNOTS, heights)
    return weight * np.stack([slope * p[1], value], axis=1)


def test_knots_of_an_interpolator() -> None:
    p = np.array([0.05, 1.5])
    first, second = np.sin(KNOTS), np.cos(KNOTS)
    J = ss.jacobian(shifted, p, KNOTS, first, 2.0)
    for heights in (first, second, first):
        for weight in (2.0, -3.0):  # a number stays a parameter
            given = p, KNOTS, heights, weight
            np.testing.assert_allclose(J.value(*given), shifted(*given), rtol=1e-13)
            expected = slopes(p, heights, weight)
            np.testing.assert_allclose(J(*given).toarray(), expected, rtol=1e-12)
    np.testing.assert_array_equal(J.values(p, KNOTS, second, 2.0), J(p, KNOTS, second, 2.0).data)


@pytest.mark.slow
def test_all_numbers() -> None:
    def f(x: Any, data: Any, edge: float) -> Any:
        b, a = scipy.signal.butter(1, edge)  # wants a number
        labels = {float(v): k for k, v in enumerate(np.sort(data))}
        return np.array([x[k] ** 2 * b[0] / a[0] * labels[float(v)] for k, v in enumerate(data)])

    x, data = np.array([1.0, 2.0, 3.0]), np.array([0.3, 0.1, 0.2])
    J, H = ss.jacobian(f, x, data, 0.25), ss.hessian(lambda *a: f(*a).sum(), x, data, 0.25)
    for edge, values in ((0.25, data), (0.4, data[::-1].copy())):
        rank = np.argsort(np.argsort(values))
        size = scipy.signal.butter(1, edge)[0][0]
        np.testing.assert_allclose(J(x, values, edge).diagonal(), 2 * x * size * rank, rtol=1e-13)
        np.testing.assert_allclose(H(x, values, edge).diagonal(), 2 * size * rank, rtol=1e-13)


def test_time_is_no_constant() -> None:
    def rhs(t: Any, y: Any) -> Any:
        b, _ = scipy.signal.butter(1, t)
        return -y * b[0]

    with pytest.raises(TraceError, match=r"test_fixed_numbers\.py"):
        ss.jacobian(rhs, 0.3, np.ones(3), argnum=1)


def test_a_solver() -> None:
    def residual(p: Any, knots: Any, heights: Any) -> Any:
        return CubicSpline(knots, heights)(AT + p[0]) * p[1] - 1.5 * np.sin(AT + 0.1)

    found = ss.least_squares(residual, np.array([0.0, 1.0]), args=(KNOTS, np.sin(KNOTS)))
    np.testing.assert_allclose(found.x, [0.1, 1.5], atol=2e-2)


def test_the_error_is_that_of_numbers() -> None:
    with pytest.raises(TraceError, match="nextafter"):
        ss.jacobian(lambda x, a: np.nextafter(x, a), KNOTS, KNOTS)
