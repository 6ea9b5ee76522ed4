"""What is found by comparisons alone has no derivative on its path: refused, never zero."""

from __future__ import annotations

import numpy as np
import pytest
from branch_references import differences

import sparsesolve as ss
from sparsesolve.errors import VerificationError

X = np.linspace(0.3, 3.0, 4)


def bisected(c):
    low, high = -10.0, 10.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        if middle**3 + middle - c > 0:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)


def until_narrow(c):
    low, high = -10.0, 10.0
    while high - low > 1e-9:
        middle = 0.5 * (low + high)
        if (middle**3 + middle - c) * (low**3 + low - c) <= 0:
            high = middle
        else:
            low = middle
    return low


def golden(p):
    a, b, ratio = -3.0, 3.0, (5**0.5 - 1) / 2
    for _ in range(45):
        c, d = b - ratio * (b - a), a + ratio * (b - a)
        if (c - p) ** 2 < (d - p) ** 2:
            b = d
        else:
            a = c
    return (a + b) / 2


def in_vectors(x):
    low, high = np.full(x.size, -10.0), np.full(x.size, 10.0)
    for _ in range(40):
        middle = 0.5 * (low + high)
        above = middle**3 + middle - x > 0
        high, low = np.where(above, middle, high), np.where(above, low, middle)
    return low


SEARCHES = {
    "bisection": lambda x: np.array([bisected(c) + c for c in x]),
    "while": lambda x: until_narrow(x[0]) * x,
    "golden section": lambda x: golden(x[0]) + x,
    "vectors": in_vectors,
}


@pytest.mark.slow_cases("bisection")
@pytest.mark.parametrize("name", SEARCHES)
def test_searches_are_refused_with_a_way_out(name):
    with pytest.raises(VerificationError, match=r"comparisons alone.*brentq.*implicit"):
        ss.jacobian(SEARCHES[name], X)
    with pytest.raises(VerificationError, match="comparisons alone"):
        ss.minimize(lambda x: np.sum(SEARCHES[name](x) ** 2), X, method="L-BFGS-B")


def upwind(u):
    r = np.zeros(u.size)
    for i in range(1, u.size - 1):
        if u[i] > 0:
            r[i] = u[i] * (u[i] - u[i - 1])
        else:
            r[i] = u[i] * (u[i + 1] - u[i])
    return r


def secant(c):
    a, b = 0.0, 2.0
    for _ in range(30):
        one, other = a**3 + a - c, b**3 + b - c
        if abs(other - one) < 1e-14:
            break
        a, b = b, b - other * (b - a) / (other - one)
    return b


BELIEVED = {
    "upwind": (upwind, np.sin(np.arange(30.0))),
    "steps": (lambda x: np.array([sum(1.0 for k in range(25) if v > 0.1 * k) * v for v in x]), X),
    "only steps": (lambda x: np.array([float(sum(v > 0.1 * k for k in range(25))) for v in x]), X),
    "relays": (lambda x: x * sum(1.0 if x[0] > 0.013 * k else -1.0 for k in range(30)), X),
    "secant": (lambda x: np.array([secant(c) for c in x]), X),
    "a hat at its top": (lambda x: sum(-abs(x - 0.0) for _ in range(25)) + upwind(x), np.zeros(30)),
}


@pytest.mark.every(2)
@pytest.mark.parametrize("name", BELIEVED)
def test_choices_that_are_no_search_are_believed(name):
    f, x = BELIEVED[name]
    J = ss.jacobian(f, x)
    y = 1.01 * x + 0.004
    np.testing.assert_allclose(J(y).toarray(), differences(f, y), atol=1e-5)


def test_without_checks_nothing_is_compared():
    J = ss.jacobian(in_vectors, X, check=False)
    assert J.nnz == 0


@pytest.mark.slow
def test_what_rounding_hides_is_no_disagreement():
    def function(x):
        faded, taken = x[0], []
        for k in range(40):  # as many questions as in a bisection
            if x[1] > -k - 1.0:
                taken.append(k)
            faded = faded * 0.1
        return np.array([1.0 + faded, x[1] ** 2 * len(taken)])

    J = ss.jacobian(function, np.array([0.7, 1.3]))
    expected = [[1e-40, 0.0], [0.0, 160.0]]
    np.testing.assert_allclose(J(np.array([0.5, 2.0])).toarray(), expected, rtol=1e-12)
