"""Bodies of loops as one kernel of one point: the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.fuse.body import fused_body
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Program, verify
from sparsesolve.ir.recurrence import Recurrence


def stepping(width: int) -> Program:
    """A trip of several kernels, two of them sums, one of these with an empty row."""
    b = Builder((width,))
    turned = b.map("multiply", b.x, b.constant(np.linspace(0.5, 1.5, width)))
    total = b.reduce(b.map("sin", turned), np.array([0, width]))
    parts = b.reduce(turned, np.array([0, 1, 1, width]))
    moved = b.map("add", b.map("cos", b.map("add", turned, total[0])), parts[2])
    scaled = b.map("divide", b.map("subtract", moved, 0.25), b.map("add", parts[0], 3.0))
    return b.build(np.concatenate([scaled, b.map("add", parts, b.map("abs", total))]))


@pytest.mark.parametrize("width", [2, 3, 7])
def test_small_bodies_are_one_kernel_with_the_same_numbers(width: int) -> None:
    program = stepping(width)
    body = fused_body(program)
    verify(body)
    assert len(body.instructions) == 1
    assert body.instructions[0].length == 1
    x = np.cos(np.arange(width) + 0.3)
    np.testing.assert_allclose(Interpreter(body)(x), Interpreter(program)(x), rtol=1e-14)


def test_large_bodies_keep_their_kernels() -> None:
    body = fused_body(stepping(100))
    verify(body)
    assert len(body.instructions) > 1
    x = np.cos(np.arange(100))
    np.testing.assert_array_equal(Interpreter(body)(x), Interpreter(stepping(100))(x))


def test_outputs_that_are_inputs_constants_or_equal() -> None:
    b = Builder((2,))
    both = b.map("add", b.x, 1.0)
    copied = b.map("add", b.map("multiply", both, 0.0), b.constant(np.array([2.0, 5.0])))
    again = b.map("subtract", b.map("add", both, 0.0), b.x[0])
    program = b.build(np.concatenate([both, copied, again]))
    body = fused_body(program)
    verify(body)
    for x in ([0.5, -2.0], [np.inf, 1.0], [np.nan, 0.0]):
        np.testing.assert_array_equal(Interpreter(body)(x), Interpreter(program)(x))


def test_a_trip_of_a_found_loop_is_one_kernel() -> None:
    def f(p):
        y, h = np.array([p[0], p[1]]), 0.01
        for _ in range(60):
            k = np.array([y[1], p[2] * (1 - y[0] ** 2) * y[1] - y[0]])
            m = y + h * k
            y = y + h * np.array([m[1], p[2] * (1 - m[0] ** 2) * m[1] - m[0]])
        return y

    J = ss.jacobian(f, np.array([0.4, 0.2, 0.7]))
    loops = [s for s in J._function.program.instructions if isinstance(s, Recurrence)]
    assert [len(loop.body.instructions) for loop in loops] == [1]
    x, h = np.array([0.4, 0.2, 0.7]), 1e-6
    differences = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(J(x).toarray(), np.transpose(differences), atol=1e-8)
