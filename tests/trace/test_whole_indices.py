"""Whole numbers computed from unknowns as indices of plain arrays: tables on grids."""

from __future__ import annotations

import numpy as np
import pytest
from branch_references import differences

import sparsesolve as ss

TABLE = np.arange(11.0) ** 1.5
GRID = np.arange(30.0).reshape(6, 5) ** 1.5
X = np.array([0.31, 0.56, 0.93, 0.12, 0.72])
ELSEWHERE = np.array([0.55, 0.06, 0.21, 0.87, 0.97])


def cells(x, count):
    return np.clip(np.floor(x * count).astype(int), 0, count - 1)


def bilinear(x):
    i, j = cells(x, 5), cells(x**2, 4)
    a, b = x * 5 - i, x**2 * 4 - j
    low = GRID[i, j] * (1 - b) + GRID[i, j + 1] * b
    return low * (1 - a) + (GRID[i + 1, j] * (1 - b) + GRID[i + 1, j + 1] * b) * a


def spread(x):
    mass = np.zeros(11)
    i = cells(x, 10)
    np.add.at(mass, i, 1 - (x * 10 - i))
    np.add.at(mass, i + 1, x * 10 - i)
    return mass


FUNCTIONS = {
    "bilinear": bilinear,
    "spread": spread,
    "narrow": lambda x: TABLE[(x * 10).astype(np.int32)] * x,
    "rounded": lambda x: TABLE[np.rint(x * 10).astype("i4")[1:]] * x[:-1],
    "array of": lambda x: TABLE[np.array(x * 10, dtype=np.int16)] * x,
    "one number": lambda x: TABLE[np.int64(x[0] * 10)] * TABLE[np.int32(x[1] * 10)] * x,
    "joined": lambda x: TABLE[np.concatenate([cells(x, 9), -cells(x[:2], 3)])] * x[0],
    "two axes": lambda x: GRID[np.ix_(cells(x[:2], 5), [0, 3])].ravel() * x[0],
    "a tuple": lambda x: GRID[tuple(cells(x[:2], 4))] * x,
    "take": lambda x: np.take(TABLE, cells(x, 9)) * x,
    "flat": lambda x: GRID.ravel()[np.ravel_multi_index((cells(x, 6), cells(x, 5)), (6, 5))] * x,
    "counts": lambda x: np.bincount(cells(x, 9), weights=x**2, minlength=9),
    "other of a remainder": lambda x: TABLE[(cells(x, 9) + 3) % 5 // 2] * x,
    "chosen": lambda x: TABLE[np.where(cells(x, 9) > 4, cells(x, 9), 2)] * x,
}


@pytest.mark.every(2)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_slopes_in_two_cells(name):
    f = FUNCTIONS[name]
    J = ss.jacobian(f, X)
    for x in (X, ELSEWHERE):
        np.testing.assert_allclose(J.value(x), f(x), rtol=1e-12)
        np.testing.assert_allclose(J(x).toarray(), differences(f, x), rtol=1e-6, atol=1e-7)


def test_numbers_that_only_happen_to_be_whole_are_no_index():
    for index in (lambda x: x, lambda x: np.floor(x) * x):  # as little as for NumPy
        with pytest.raises(IndexError, match="valid indices"):
            ss.jacobian(lambda x, index=index: TABLE[index(x)] * x, np.ones(3))


def test_numbers_of_kinds_stay_what_they_are():
    def f(x):
        kinds = (np.int64, np.float64)
        a = np.zeros(3, dtype=np.int64)
        a[1] = np.int64(4.7)
        known = isinstance(a[1], kinds) and a.dtype == np.int64 and np.int32(2) == 2
        return x * a * known * np.int64(x[0] * 10)

    J = ss.jacobian(f, X[:3])
    assert J(X[:3]).toarray()[1, 1] == 12.0
