"""Which repeated steps are rolled up, and that what is rolled up stays the same function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.differentiate import gradient_program, jacobian_program
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.engine.llvm.compile import compile_program
from sparsesolve.fuse import fuse
from sparsesolve.fuse.roll import roll
from sparsesolve.ir.program import Program
from sparsesolve.ir.recurrence import Recurrence
from sparsesolve.lower import lower
from sparsesolve.trace import trace

Function = Callable[[Any], Any]


def point(n: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=n) / 2


def lowered(function: Function, n: int) -> tuple[Program, Program]:
    program = lower(trace(function, [point(n)]))
    return fuse(program), fuse(roll(program))


def trips(program: Program) -> list[int]:
    return [step.trips for step in program.instructions if isinstance(step, Recurrence)]


def slopes_of_gradient(function: Function, x: Any) -> Any:
    G, steps = ss.gradient(function, x), 1e-6 * np.eye(x.size)
    return np.array([(G(x + h) - G(x - h)) / 2e-6 for h in steps])


def filtered(x):
    """A Kalman filter: matrices of constants, written anew in each trip."""
    state, P, total = np.zeros(2), np.eye(2), 0.0
    for k in range(30):
        F = np.array([[1.0, 0.1], [0.0, 1.0]])
        state, P = F @ state, F @ P @ F.T + x[0] ** 2 * np.eye(2)
        S, gap = P[0, 0] + 0.5 + x[1] ** 2, np.sin(k) - state[0]
        state, P = state + P[:, 0] / S * gap, P - np.outer(P[:, 0], P[0]) / S
        total = total + np.log(S) + gap * gap / S
    return total


@pytest.mark.slow
def test_constants_of_each_trip_are_no_data() -> None:
    plain, rolled = lowered(filtered, 2)
    assert sum(trips(rolled)) >= 27
    run = compile_program(fuse(gradient_program(rolled)))
    expected = Interpreter(gradient_program(plain))(point(2, 1))
    np.testing.assert_allclose(run(point(2, 1)), expected, rtol=1e-11)
    H = jacobian_program(fuse(gradient_program(rolled)))
    values = H.pattern.to_scipy(Interpreter(H.program)(point(2, 1))).toarray()
    np.testing.assert_allclose(values, slopes_of_gradient(filtered, point(2, 1)), rtol=1e-6)


def test_zeros_of_two_signs_are_data() -> None:
    data = np.where(np.arange(40) % 3 == 0, -0.0, 0.0)

    def turned(x):
        y = x[0]
        for k in range(40):
            y = 0.1 * np.arctan2(data[k : k + 1], -1.0 - y * y)[0] + 0.5 * np.sin(y)
        return np.array([y])

    plain, rolled = lowered(turned, 1)
    expected = Interpreter(plain)(point(1, 1))
    np.testing.assert_allclose(compile_program(rolled)(point(1, 1)), expected, rtol=1e-12)
    np.testing.assert_allclose(Interpreter(rolled)(point(1)), turned(point(1)), rtol=1e-12)


def test_a_zero_in_each_trip_keeps_an_overflow_out() -> None:
    def f(w):
        h = np.zeros(2)
        for _ in range(40):
            h = 0.5 * h + np.array([1.0, 0.0]) / (1 + np.exp(800 * w + h)) + w * 0.1
        return h

    J = jacobian_program(lowered(f, 2)[1])
    with np.errstate(all="ignore"):
        values = J.pattern.to_scipy(Interpreter(J.program)(np.ones(2))).toarray()
    np.testing.assert_allclose(values[1, 1], 0.2, rtol=1e-11)


def gated_network(trips: int) -> Function:
    """Long trips: three gates a neuron."""
    data = np.random.default_rng(3).normal(size=(trips, 2))

    def f(x):
        s, total = np.zeros(2), 0.0
        for row in data:
            reset = 1 / (1 + np.exp(-(row @ x[:4].reshape(2, 2) + x[4:6] * s[::-1])))
            write = 1 / (1 + np.exp(-(row @ x[:4].reshape(2, 2) * x[4:6] + s)))
            keep = 1 / (1 + np.exp(-(row @ x[2:6].reshape(2, 2) - s)))
            s = keep * s + (1 - keep) * write * np.tanh(row @ x[1:5].reshape(2, 2) + reset * s)
            total = total + np.sum(s**2)
        return total

    return f


@pytest.mark.slow_cases("8-0")
@pytest.mark.parametrize(("steps", "least"), [(22, 19), (8, 0)])
def test_long_trips_are_rolled_up_though_few(steps: int, least: int) -> None:
    plain, rolled = lowered(gated_network(steps), 6)
    assert sum(trips(rolled)) >= least
    assert bool(trips(rolled)) == (least > 0)
    expected = Interpreter(gradient_program(plain))(point(6, 1))
    run = compile_program(fuse(gradient_program(rolled)))
    np.testing.assert_allclose(run(point(6, 1)), expected, rtol=1e-11)


ENDS: dict[str, Function] = {
    "like the first step": lambda t: t * t,
    "like two steps": lambda t: (t * t + t) * t,
    "unlike": np.arctan,
}


@pytest.mark.slow_cases("like two steps")
@pytest.mark.parametrize("end", ENDS)
def test_what_follows_a_loop_may_look_like_a_trip(end: str) -> None:
    def function(x: Any) -> Any:
        t = 1.0
        for a in x:
            t = t * np.cos(a) + a
        return ENDS[end](t)

    n = 60
    plain, rolled = lowered(function, n)
    assert sum(trips(rolled)) >= n - 4
    for x in (point(n, 1), point(n, 2)):
        expected = Interpreter(gradient_program(plain))(x)
        np.testing.assert_allclose(Interpreter(gradient_program(rolled))(x), expected, rtol=1e-12)
    H = ss.hessian(function, point(n))
    found = H(x).toarray()
    np.testing.assert_allclose(found, slopes_of_gradient(function, x), rtol=1e-5, atol=1e-7)


def sweeps(x: Any) -> Any:
    """Elimination forward and substitution backward: two loops of three kernels a step."""
    n = x.size // 2
    c, d = np.zeros(n), np.zeros(n)
    c[0], d[0] = x[0] / 4.0, x[n] / 4.0
    for i in range(1, n):
        pivot = 4.0 + x[i] - 0.5 * c[i - 1]
        c[i], d[i] = x[i] / pivot, (x[n + i] - d[i - 1]) / pivot
    y = np.zeros(n)
    y[-1] = d[-1]
    for i in range(n - 2, -1, -1):
        y[i] = d[i] - c[i] * y[i + 1]
    return y


def three_loops(x: Any) -> Any:
    """One after the other, with different steps."""
    a, b, c = x[0], x[1], x[2]
    for k in range(50):
        a = np.sin(a * b + 0.1 * k)
        b = b + 0.1 * a * c
    for _ in range(60):
        c = c * np.cos(a) + 0.1
        c = c - 0.01 * c * c * b
    for _ in range(70):
        a, b = np.tanh(a + b * c), 0.9 * b * a
    return np.array([a, b, c])


@pytest.mark.parametrize(("function", "n", "lengths"), [(sweeps, 100, 2), (three_loops, 3, 3)])
def test_several_loops_are_rolled_up(function: Function, n: int, lengths: int) -> None:
    plain, rolled = lowered(function, n)
    assert len(trips(rolled)) >= lengths
    assert len(rolled.instructions) < len(plain.instructions) + 40
    x = point(n, 1)
    np.testing.assert_allclose(compile_program(rolled)(x), Interpreter(plain)(x), rtol=1e-12)
    J, expected = jacobian_program(rolled), jacobian_program(plain)
    values, right = (j.pattern.to_scipy(Interpreter(j.program)(x)).toarray() for j in (J, expected))
    np.testing.assert_allclose(values, right, rtol=1e-10, atol=1e-14)
    assert J.pattern.nnz == expected.pattern.nnz


@pytest.mark.parametrize("curved", [False, True])
def test_affine_steps_stay_numbers_unless_what_they_read_is_curved(curved: bool) -> None:
    data = np.random.default_rng(8).normal(size=120)

    def f(x: Any) -> Any:
        level, rate = (x[0] ** 2, np.exp(x[1])) if curved else (x[0], x[1])
        v = np.zeros(120)
        v[0] = level
        for k in range(1, 120):
            v[k] = level + rate * data[k - 1] + 0.5 * v[k - 1]
        return v

    plain, rolled = lowered(f, 2)
    assert bool(trips(rolled)) == curved
    x = point(2, 3)
    J, expected = jacobian_program(rolled), jacobian_program(plain)
    assert J.pattern.nnz == expected.pattern.nnz
    np.testing.assert_allclose(
        Interpreter(J.program)(x), Interpreter(expected.program)(x), rtol=1e-12
    )
