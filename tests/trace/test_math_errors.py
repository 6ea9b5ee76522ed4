"""Exceptions of `math` that the user's code catches are branches; others are left alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg

import sparsesolve as ss


def rooted(x: Any) -> Any:
    try:
        r = math.sqrt(x[0])
    except ValueError:
        r = 0.25
    return r * x[1]


def overflowing(x: Any) -> Any:
    def growth(v: Any) -> Any:
        return math.exp(v)

    try:
        z = growth(x[0])
    except (OverflowError, ZeroDivisionError):
        z = 1e3
    return z * x[1]


def angle(x: Any) -> Any:
    try:
        return math.acos(x[0]) * x[1]
    except Exception:
        return x[1] ** 2


def factored(x: Any) -> Any:
    matrix = np.array([[1.0, x[0]], [x[0], 1.0]])
    try:
        L = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return x[1] ** 2
    return L[1, 1] ** 2 * x[1]


def solved(x: Any) -> Any:
    matrix = np.array([[1.0, x[0]], [x[0], 1.0]])
    try:
        factor = scipy.linalg.cho_factor(matrix)
    except scipy.linalg.LinAlgError:
        return x[1] ** 2
    return scipy.linalg.cho_solve(factor, np.array([1.0, 0.0]))[0] * x[1]


CASES = [
    (factored, [0.5, 2.0], [-2.0, 0.75], [1.5, 2.0], [0.0, 4.0]),
    (solved, [0.5, 3.0], [16.0 / 3.0, 4.0 / 3.0], [-1.5, 2.0], [0.0, 4.0]),
    (rooted, [4.0, 3.0], [0.75, 2.0], [-1.0, 3.0], [0.0, 0.25]),
    (overflowing, [0.0, 2.0], [2.0, 1.0], [800.0, 2.0], [0.0, 1e3]),
    (angle, [0.0, 2.0], [-2.0, math.pi / 2], [1.5, 2.0], [0.0, 4.0]),
]


@pytest.mark.parametrize(("function", "inside", "slopes", "outside", "others"), CASES)
def test_what_is_caught_is_a_branch(
    function: Callable[[Any], Any], inside: Any, slopes: Any, outside: Any, others: Any
) -> None:
    for first, second in ((inside, outside), (outside, inside)):
        G = ss.gradient(function, np.array(first))
        for at in (first, second, first):
            want = slopes if at is inside else others
            np.testing.assert_allclose(G(np.array(at)), want, rtol=1e-14)


def test_nothing_is_asked_where_nothing_is_caught() -> None:
    def function(x: Any) -> Any:
        with np.errstate(all="ignore"):
            try:
                return math.sqrt(x[0]) * math.exp(x[1])
            finally:
                len(x)

    G = ss.gradient(function, np.array([4.0, 0.0]))
    np.testing.assert_allclose(G(np.array([1.0, 0.0])), [0.5, 1.0])
    assert np.isnan(G(np.array([-1.0, 0.0]))).all()  # no other path, where it would raise
