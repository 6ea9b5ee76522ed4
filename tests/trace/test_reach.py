"""What a traced function calls is found wherever it is: in objects, lists, arguments, wrappers."""

from __future__ import annotations

import math
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss

X = np.array([0.4, -0.7, 1.3])


class Wave:
    """A model whose method needs what stands for Python's functions."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.inner: list[Any] = []

    def value(self, x: Any) -> Any:
        r = np.zeros(3)
        r[0] = math.sin(self.rate * x[0])
        r[1] = float(x[1]) * x[2]
        r[2] = max(x[0], x[1])
        return r + sum(m.value(x) for m in self.inner)


def slope(rate: float, x: Any) -> Any:
    top = [1.0, 0.0] if x[0] > x[1] else [0.0, 1.0]
    return np.array([[rate * np.cos(rate * x[0]), 0, 0], [0, x[2], x[1]], [*top, 0]])


nested = Wave(1.0)
nested.inner.append(Wave(3.0))
MODELS = [Wave(1.0), Wave(2.0)]
NAMED = {"a": {"b": (Wave(1.0),)}, "size": 3}
each = np.vectorize(lambda u: math.exp(u) if u > 0 else float(u) * 2.0)

CASES: dict[str, tuple[Any, Any]] = {
    "an object in a list": (
        lambda x: sum(m.value(x) for m in MODELS),
        lambda x: slope(1, x) + slope(2, x),
    ),
    "an object in a nest": (
        lambda x: NAMED["a"]["b"][0].value(x),  # type: ignore[index]
        lambda x: slope(1, x),
    ),
    "an object of an object": (nested.value, lambda x: slope(1, x) + slope(3, x)),
    "np.vectorize": (each, lambda x: np.diag(np.where(x > 0, np.exp(x), 2.0))),
    "partial": (partial(Wave.value, Wave(2.0)), lambda x: slope(2, x)),
}


@pytest.mark.parametrize("name", CASES)
def test_where_functions_are(name: str) -> None:
    function, expected = CASES[name]
    J = ss.jacobian(function, X)
    for x in (X, X[::-1] * 0.9, np.array([-0.3, 0.2, 0.5])):
        np.testing.assert_allclose(J(x).toarray(), expected(x), rtol=1e-13, atol=1e-15)


def test_objects_that_are_arguments() -> None:
    model = Wave(2.0)
    J = ss.jacobian(lambda x, m: m.value(x), X, model)
    np.testing.assert_allclose(J(X, model).toarray(), slope(2, X), rtol=1e-13)


@pytest.mark.parametrize("method", ["L-BFGS-B", "trust-constr"])
def test_arguments_of_a_solver(method: str) -> None:
    def cost(x: Any, center: float, model: Wave) -> Any:
        r = np.zeros(3)
        r[:] = x - center
        return float(np.sum(r**2)) + math.cosh(x[0] - center) + 0.0 * model.value(x)[1]

    found = ss.minimize(cost, X, args=(0.5, Wave(1.0)), method=method)
    np.testing.assert_allclose(found.x, 0.5, atol=1e-5)
    found = ss.root(lambda x, c: np.array([math.tan(v) - c for v in x]), X, args=(0.5,))
    np.testing.assert_allclose(found.x, np.arctan(0.5), atol=1e-8)


@pytest.mark.parametrize("word", [None, "auto", b"x", {}, {1}, frozenset()])
def test_no_number_equals_a_word(word: Any) -> None:
    def f(x: Any) -> Any:
        same = x[0] == word or word == x[1] or np.any(np.atleast_1d(x[2] == word))
        other = x[0] != word and word != x[1]
        return x**2 if other and not same and x[0] not in (word, "b") else -x

    J = ss.jacobian(f, X)
    assert np.array_equal(J(X).toarray(), np.diag(2 * X))
    assert len([row for row in str(J.report()).splitlines() if "guards" in row]) == 0


def test_an_array_compared_with_nothing() -> None:
    J = ss.jacobian(lambda x: x * np.where(x == None, 5.0, 2.0), X)  # noqa: E711
    assert np.array_equal(J(X).toarray(), 2.0 * np.eye(3))


TERMS = [compile(text, "<rates>", "eval") for text in ("math.exp(-x[0]) * x[1]", "max(x[1], x[2])")]


def of_texts(x: Any) -> Any:
    return np.array([eval(TERMS[0]), eval(TERMS[1])])


def test_expressions_given_as_texts() -> None:
    J = ss.jacobian(of_texts, X)
    for x in (X, X[::-1].copy(), -X):
        np.testing.assert_allclose(J.value(x), of_texts(x), rtol=1e-15)
        e, first = math.exp(-x[0]), float(x[1] > x[2])
        expected = [[-e * x[1], e, 0.0], [0.0, first, 1.0 - first]]
        np.testing.assert_allclose(J(x).toarray(), expected, rtol=1e-15)


@lru_cache(maxsize=8)
def places(n: int) -> Any:
    return np.linspace(0.0, 1.0, n)


@lru_cache
def wave(v: float, scale: float = 2.0) -> Any:
    return scale * math.sin(v)


def test_what_a_plain_trace_has_left_in_a_cache_is_not_found() -> None:
    def rate(t: Any, y: Any) -> Any:
        return wave(t) * wave(t) - y * wave(t, scale=1.0)

    J = ss.jacobian(rate, 0.0, X, argnum=1)
    for t in (0.0, 0.3, 0.3):
        np.testing.assert_allclose(J(t, X).toarray(), -np.sin(t) * np.eye(3))
        np.testing.assert_allclose(J.value(t, X), 4 * np.sin(t) ** 2 - X * np.sin(t))


class Cached:
    @lru_cache  # noqa: B019  (what is tested)
    def rate(self, v: Any) -> Any:
        return 1.0 + v**2

    @staticmethod
    @lru_cache
    def cube(v: Any) -> Any:
        return v**3

    def value(self, x: Any) -> Any:
        return self.rate(x[0]) * x + places(len(x)) * wave(x[1], scale=3.0) + self.cube(x[2])


def test_kept_results_are_computed_anew_of_traced_values() -> None:
    model = Cached()
    before = Cached.__dict__["rate"], Cached.__dict__["cube"], wave
    J = ss.jacobian(model.value, X)
    assert before == (Cached.__dict__["rate"], Cached.__dict__["cube"], wave)
    assert places.cache_info().misses == 1
    for x in (X, 1.5 * X[::-1]):
        np.testing.assert_allclose(J.value(x), model.value(x), rtol=1e-14)
        columns = [(model.value(x + h) - model.value(x - h)) / 2e-6 for h in 1e-6 * np.eye(3)]
        np.testing.assert_allclose(J(x).toarray(), np.transpose(columns), atol=1e-8)
