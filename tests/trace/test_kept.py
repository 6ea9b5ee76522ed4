"""Functions that keep something between calls: counters, histories, the best, the last point."""

from __future__ import annotations

from collections import deque, namedtuple
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.errors import VerificationError

X = np.array([0.3, 0.5, 0.8])
Record = namedtuple("Record", "value point")
total = 0
lowest: Any = None


def energy(x: Any) -> Any:
    return np.sum((x - 1.0) ** 2) + np.sin(x[0])


class Log:
    """Keeps whatever people keep."""

    __slots__ = ("best", "best_x", "count", "extra", "history", "last", "queue", "worst")

    def __init__(self) -> None:
        self.count, self.best, self.best_x = 0, None, None
        self.history: dict[str, list[Any]] = {"f": [], "x": []}
        self.queue: deque[Any] = deque(maxlen=3)
        self.worst, self.last = -np.inf, 0.0
        self.extra = SimpleNamespace(records=[], pair=(0.0, None))

    def cost(self, x: Any) -> Any:
        self.count += 1
        value = energy(x)
        self.history["f"].append(value)
        self.history["x"].append(x)
        self.queue.append(x[0])
        self.extra.records.append(Record(value, {"at": x.copy()}))
        self.extra.pair = (value, x)
        if self.best is None or value < self.best:
            self.best, self.best_x = value, x.copy()
        if value > self.worst:
            self.worst = value
        if abs(value - self.last) < 1e-12 and self.count % 5 == 0:
            self.extra.stalled = True
        self.last = value
        return value


def in_globals(x: Any) -> Any:
    global total, lowest
    total += 1
    value = energy(x)
    lowest = value if lowest is None else min(lowest, value)
    return value


def in_a_closure() -> Callable[[Any], Any]:
    best, seen = np.inf, []

    def cost(x: Any) -> Any:
        nonlocal best
        value = energy(x)
        seen.append((value, x))
        if value < best:
            best = value
        if seen[0][0] < value and len(seen) > 10**6:
            seen.clear()
        return value

    return cost


@pytest.mark.slow_cases("<lambda>0")
@pytest.mark.parametrize("make", [lambda: Log().cost, lambda: in_globals, in_a_closure])
def test_what_is_kept_changes_nothing(make: Callable[[], Any]) -> None:
    cost = make()
    G, H = ss.gradient(cost, X), ss.hessian(cost, X)
    for x in (X, 2 * X, X - 3.0, X, X + 5.0):
        expected = 2 * (x - 1.0) + np.array([np.cos(x[0]), 0.0, 0.0])
        np.testing.assert_allclose(G(x), expected, rtol=1e-13)
        np.testing.assert_allclose(
            H(x).toarray(), np.diag([2.0 - np.sin(x[0]), 2.0, 2.0]), rtol=1e-13
        )
    assert "guards" not in str(G.report())
    assert "guards" not in str(H.report())
    np.testing.assert_allclose(ss.minimize(cost, X).x[1:], 1.0, atol=1e-6)


def test_what_is_kept_are_numbers() -> None:
    log = Log()
    ss.gradient(log.cost, X)
    assert type(log.best) is np.float64
    assert log.best <= energy(X)
    assert {type(v) for v in log.history["f"]} == {np.float64}
    assert {type(v) for v in (*log.history["x"], log.best_x)} == {np.ndarray}
    np.testing.assert_array_equal(log.history["x"][0], X)
    assert all(type(v) is np.float64 for v in log.queue)
    assert type(log.extra.records[0]) is Record
    assert type(log.extra.records[0].point["at"]) is np.ndarray
    assert [type(v) for v in log.extra.pair] == [np.float64, np.ndarray]
    ss.gradient(in_globals, X)
    assert type(lowest) is np.float64


def test_what_is_kept_by_a_trace_that_failed() -> None:
    seen: list[Any] = []

    def f(x: Any) -> Any:
        seen.append(x)
        return np.nextafter(x, 1.0)

    with pytest.raises(TypeError, match="nextafter"):
        ss.jacobian(f, X)
    assert {type(v) for v in seen} == {np.ndarray}


def test_an_object_that_is_an_argument() -> None:
    def f(x: Any, log: Log) -> Any:
        return log.cost(x)

    log = Log()
    G = ss.gradient(f, X, log)
    assert np.allclose(G(2 * X, log)[1:], 2 * (2 * X - 1.0)[1:])
    assert {type(v) for v in log.history["f"]} == {np.float64}


def test_what_counts_is_found() -> None:
    kept: dict[str, Any] = {}

    def drifting(x: Any) -> Any:
        before = kept.get("x", x)
        kept["x"] = x
        return np.sum(x**2) + 0.1 * np.sum((x - before) ** 2)

    with pytest.raises(VerificationError, match="state between calls"):
        ss.gradient(drifting, X)


def test_a_branch_that_counts_stays() -> None:
    log: list[Any] = []

    def f(x: Any) -> Any:
        log.append(x[0])
        if x[0] > 1.0:  # it decides what is returned
            return x**3
        if x[1] > 1.0:  # and this one does not
            log.append(x[1])
        return x**2

    J = ss.jacobian(f, X)
    for x in (X, X + 1.0, X + np.array([0.0, 1.0, 0.0]), X - 1.0, X + 2.0):
        np.testing.assert_allclose(J(x).diagonal(), 3 * x**2 if x[0] > 1 else 2 * x, rtol=1e-14)


# --- the point of the last call ---

ASKED: dict[str, Callable[[Any, Any], Any]] = {
    "array_equal": np.array_equal,
    "of rounded": lambda x, last: np.array_equal(np.round(x, 12), np.round(last, 12)),
    "all": lambda x, last: np.all(x == last),
    "any": lambda x, last: not np.any(x != last),
    "method": lambda x, last: (x == last).all(),
    "norm": lambda x, last: np.linalg.norm(x - last) < 1e-14,
    "largest": lambda x, last: np.max(np.abs(x - last)) == 0.0,
    "sum": lambda x, last: sum(abs(x - last)) == 0.0,
    "list": lambda x, last: list(x) == list(last),
    "tuple": lambda x, last: tuple(x) == tuple(last),
    "each": lambda x, last: all(a == b for a, b in zip(x, last, strict=True)),
    "part": lambda x, last: np.array_equal(x[:2], last[:2]) and x[2] == last[2],
}


class Cached:
    """Computes value and gradient together, once a point."""

    def __init__(self, same: Callable[[Any, Any], Any]) -> None:
        self.same, self.x, self.v = same, None, None

    def value(self, x: Any) -> Any:
        if self.x is None or not self.same(x, self.x):
            self.x, self.v = x.copy(), x**2
        return self.v


@pytest.mark.every(4)
@pytest.mark.parametrize("before", [None, X, X + 1.0], ids=["fresh", "here", "elsewhere"])
@pytest.mark.parametrize("name", ASKED)
def test_a_kept_value_is_no_constant(name: str, before: Any) -> None:
    cached = Cached(ASKED[name])
    if before is not None:
        cached.value(before.copy())
    J = ss.jacobian(cached.value, X)
    for x in (X, 3 * X, X + 1.0, X):
        np.testing.assert_allclose(J(x).toarray(), np.diag(2 * x), rtol=1e-14)
        np.testing.assert_allclose(J.value(x), x**2, rtol=1e-14)
    H = ss.hessian(lambda x: np.sum(cached.value(x)), X)
    np.testing.assert_allclose(H(X).toarray(), 2.0 * np.eye(3), rtol=1e-14)
    np.testing.assert_allclose(cached.value(X - 1.0), (X - 1.0) ** 2)


@pytest.mark.parametrize("n", [1, 2, 33])
def test_a_special_point(n: int) -> None:
    special = np.linspace(0.5, 2.0, n)

    def f(x: Any) -> Any:
        if np.array_equal(x, special):
            return 7.0 * x
        if np.array_equal(np.sign(x[::-1]), -np.ones(n)):  # not at one point alone
            return x**2
        return np.sin(x)

    for example in (special, special + 1.0, -special):
        J = ss.jacobian(f, example)
        for x in (special, 0.9 * special, -special, special, -2.0 * special):
            slope = 7.0 + 0 * x if np.array_equal(x, special) else np.cos(x)
            slope = 2 * x if x[0] < 0 else slope
            np.testing.assert_allclose(J.value(x), f(x), rtol=1e-14)
            np.testing.assert_allclose(J(x).diagonal(), slope, rtol=1e-14)
