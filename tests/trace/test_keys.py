"""Traced values as keys of what a function keeps: computed again while it is traced."""

from __future__ import annotations

import functools
import hashlib

import numpy as np
import pytest
from branch_references import differences

import sparsesolve as ss
from sparsesolve.errors import UnsupportedOperation

X = np.linspace(0.1, 0.9, 5)


def by_tuple():
    kept = {}

    def f(x):
        key = tuple(np.round(x, 12))
        if key not in kept:
            kept[key] = np.array([np.sum(x**2), np.prod(1 + x)])
        return kept[key] * x[0]

    return f


def by_bytes():
    kept = {}

    def f(x):
        key = x.tobytes()
        if key not in kept:
            kept.clear()
            kept[key] = np.sin(x) * x[::-1]
        return kept[key] + kept.get(key)

    return f


class LastPoint:
    """Computes anew where the point has another digest."""

    digest = None

    def model(self, x):
        digest = hashlib.sha1(x.tobytes()).hexdigest()
        if digest != self.digest:
            self.digest, self.values = digest, np.cos(x) * x[::-1]
        return self.values

    def f(self, x):
        return self.model(x) + self.model(x) ** 2


def by_hash_of_memory():
    kept = {"key": None}

    def f(x):
        for key in (hash(x.data.tobytes()), bytes(x.data)):
            if kept["key"] != key:
                kept.update(key=key, value=np.sin(x) * x[::-1])
        return kept["value"] * x.data.nbytes

    return f


def memoized(function):
    kept = {}

    @functools.wraps(function)
    def found(*args):
        if args not in kept:
            kept[args] = function(*args)
        return kept[args]

    return found


@memoized
def legendre(t, n):
    if n < 2:
        return t**n
    return ((2 * n - 1) * t * legendre(t, n - 1) - (n - 1) * legendre(t, n - 2)) / n


def oldest_out():
    order, kept = [], {}

    def f(x):
        key = (x[0], (x[1], "name"))
        if key not in kept:
            kept[key] = np.exp(x[0] * x[1])
            order.append(key)
            if len(order) > 2:
                del kept[order.pop(0)]
        return kept[key] * x

    return f


MAKERS = {
    "tuple": by_tuple,
    "bytes": by_bytes,
    "memory": by_hash_of_memory,
    "digest": lambda: LastPoint().f,
    "recursion": lambda: lambda x: np.array([legendre(t, 4) for t in x]),
    "oldest out": oldest_out,
}


@pytest.mark.every(2)
@pytest.mark.parametrize("name", MAKERS)
def test_what_is_kept_is_computed_again(name):
    f = MAKERS[name]()
    y = 1.1 * X
    f(X), f(y)  # so that numbers are kept already
    J = ss.jacobian(f, X)
    for x in (X, y, np.full(5, 0.3)):
        np.testing.assert_allclose(J.value(x), f(x), rtol=1e-14)
        np.testing.assert_allclose(J(x).toarray(), differences(f, x), atol=1e-7)


def test_equal_elements_have_derivatives_of_their_own():
    J = ss.jacobian(lambda x: np.array([legendre(t, 3) for t in x]), np.full(4, 0.5))
    np.testing.assert_allclose(J(np.full(4, 0.5)).toarray(), np.diag(np.full(4, 0.375)))


def test_numbers_are_left_as_keys():
    f = by_tuple()
    ss.jacobian(f, X)
    (kept,) = [cell.cell_contents for cell in f.__closure__]
    assert {type(part) for key in kept for part in key} == {np.float64}


RATES = {1.0: 2.0, 2.0: 3.0}
ONLY_READ = {
    "get": lambda x: x * RATES.get(x[0], 0.0),
    "in": lambda x: x * (x[0] in RATES),
    "set": lambda x: x * len(set(x.tolist())),
    "tuple": lambda x: x * RATES.get(tuple(x), 1.0),
}


@pytest.mark.slow_cases("tuple", "get", "in")
@pytest.mark.parametrize("name", ONLY_READ)
def test_dictionaries_that_are_only_read_are_refused(name):
    with pytest.raises(UnsupportedOperation, match="expected constants as keys"):
        ss.jacobian(ONLY_READ[name], np.ones(3))


def test_what_follows_from_the_bytes_themselves_is_found():
    def f(x):
        return x * np.random.default_rng(x.tobytes()[0]).random()

    with pytest.raises(ss.errors.SparseSolveError):
        ss.jacobian(f, X)
