"""Loops that ask something of their data: trips that differ become alike, and the same function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.fuse import fuse
from sparsesolve.fuse.even import evened
from sparsesolve.fuse.roll import roll
from sparsesolve.ir.program import Program, verify
from sparsesolve.ir.recurrence import Recurrence
from sparsesolve.lower import lower
from sparsesolve.trace import trace

RAIN = np.where(np.arange(36) % 5 % 2 == 0, 3.0 + np.arange(36) % 7, 0.0)
COLD = np.cos(np.arange(36) / 4.0) < 0


def bucket(p: Any) -> Any:
    """Wet and dry days, snow on cold ones, a store that spills."""
    capacity, slope, melting = p
    store, snow, total = 0.4 * capacity, 1.0, 0.0
    limit = 0.9 * capacity
    for day, rain in enumerate(RAIN):
        if COLD[day]:
            snow = snow + rain
            water = 0.0
        else:
            melt = np.minimum(melting, snow)
            snow = snow - melt
            water = rain + melt
        store = store + water * (1.0 - (store / (2.0 * capacity)) ** slope) - 0.1 * store
        spilled = np.maximum(store - limit, 0.0)
        store = store - spilled
        if day % 7 == 3:
            total = total + (store - 5.0) ** 2
        if rain > 0:
            total = total + 0.1 * spilled**2
    return total


def doses(p: Any) -> Any:
    """Doses at some times, one alone, and what is measured now and then."""
    gut, blood, seen = 0.0, 0.1, []
    for k in range(40):
        if k in (2, 9, 13, 30):
            gut = gut + 5.0 + k
        if k == 17:
            blood = blood + p[2] ** 2
        blood = blood + 0.1 * (p[0] * gut - p[1] * blood / (1.0 + blood * p[2]))
        gut = gut - 0.1 * p[0] * gut * blood
        if k % 3 == 0:
            seen.append(blood * gut)
    return np.stack(seen)


def roots_at_first(p: Any) -> Any:
    """A square root that exists in the trips alone that take it."""
    s = p[0]
    for k in range(30):
        if k in (2, 3, 6, 7, 9):
            s = s + np.sqrt(p[1] - 0.1 * k) * p[0]
        if k % 3 == 0:
            s = s - 0.1 * np.sin(s) * p[1]
        s = s * np.cos(0.1 * s) + p[0] / (1.0 + s * s)
        s = s + 0.01 * np.tanh(s * p[1]) * s
    return s * s


CASES = [
    (bucket, [12.0, 1.7, 2.3]),
    pytest.param(doses, [0.8, 0.3, 0.2], marks=pytest.mark.slow),
    (roots_at_first, [0.4, 1.3]),
]


def lowered(function: Callable[[Any], Any], x: Any) -> Program:
    return lower(trace(function, [np.asarray(x)]))


@pytest.mark.parametrize(("function", "x"), CASES)
def test_even_trips_are_the_same_function_and_a_loop(
    function: Callable[[Any], Any], x: Any
) -> None:
    program = lowered(function, x)
    even = evened(program)
    assert even is not None
    verify(even)
    rolled = roll(program)
    assert sum(s.trips for s in rolled.instructions if isinstance(s, Recurrence)) >= 20
    run = Interpreter(fuse(rolled))
    for factor in (1.0, 0.9, 1.2):
        at = factor * np.array(x)
        np.testing.assert_allclose(run(at), np.ravel(function(at)), rtol=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize(("function", "x"), CASES[::2])
def test_second_derivatives_of_even_trips(function: Callable[[Any], Any], x: Any) -> None:
    x = np.array(x)
    H = ss.hessian(function, x)
    for at in (x, 1.1 * x):
        steps = np.diag(1e-5 * x)
        G = ss.gradient(function, at)
        want = np.array([(G(at + h) - G(at - h)) / (2 * h.sum()) for h in steps])
        value = [(function(at + h) - function(at - h)) / (2 * h.sum()) for h in steps]
        np.testing.assert_allclose(G(at), value, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(H(at).toarray(), want, rtol=1e-5, atol=1e-6)


def test_affine_trips_stay_numbers() -> None:
    def reservoirs(x: Any) -> Any:
        a, b = x[0], x[1]
        for k in range(60):
            if k % 3 == 1:
                a = a + RAIN[k % 36] * 0.5 + 1.0
            q = 0.1 * a
            a, b = a - q, b + q - 0.2 * b
        return a + b

    program = lowered(reservoirs, [1.0, 2.0])
    assert len(program.instructions) >= 200
    assert evened(program) is None
    assert ss.hessian(reservoirs, np.array([1.0, 2.0])).nnz == 0


def test_many_unknowns_keep_their_patterns() -> None:
    def steps(u: Any) -> Any:
        v, total = 0.0, 0.0
        for k in range(80):
            if k % 5 in (1, 2):
                v = v + 0.1 * np.sin(u[k])
            v = v - 0.1 * v * v
            total = total + v * v
        return total

    H = ss.hessian(steps, np.linspace(0.1, 0.9, 80))
    assert H.nnz == 32**2  # the other 48 are not in it
