"""What the tests of lowering share: one function that compares four ways to a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import oracle_program

from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.ir import tape as tapes
from sparsesolve.ir.program import Program, verify
from sparsesolve.ir.tape import Instruction, Ref, Tape, ValueInfo
from sparsesolve.lower import lower
from sparsesolve.trace import trace

FLOAT = np.dtype(np.float64)
X4 = np.array([0.7, -1.3, 2.1, 0.4])
X23 = np.array([[0.7, -1.3, 2.1], [0.4, 1.9, -0.6]])
X33 = np.array([[2.0, 0.3, -0.4], [0.1, 1.7, 0.6], [-0.5, 0.2, 1.1]])
X234 = np.linspace(-1.0, 2.0, 24).reshape(2, 3, 4) ** 2


def lowered(function: Callable[..., Any], x: Any, *parameters: Any) -> Program:
    program = lower(trace(function, (x, *parameters)))
    verify(program)
    return program


def compare(function: Callable[..., Any], x: Any, *parameters: Any, exact: bool = False) -> Program:
    """Lower at x; compare program, slow twin, tape and plain call there and at another point."""
    tape = trace(function, (x, *parameters))
    program = lower(tape)
    verify(program)
    for shift in (0.0, 0.0625):
        x = np.asarray(x) + shift
        with np.errstate(all="ignore"):
            expected = np.asarray(function(x, *parameters), dtype=np.float64)
            replayed = np.asarray(tapes.evaluate(tape, x, parameters), dtype=np.float64)
        assert program.output_shape == expected.shape
        got = Interpreter(program)(x, parameters).reshape(expected.shape)
        slow = oracle_program.evaluate(program, x, parameters).reshape(expected.shape)
        scale = 0.0 if exact else 1e-12 * max(1.0, np.max(np.abs(expected), initial=0.0))
        np.testing.assert_allclose(replayed, expected, rtol=0, atol=scale)
        np.testing.assert_allclose(slow, expected, rtol=0, atol=scale)
        np.testing.assert_allclose(got, expected, rtol=0, atol=scale)
    return program


def tape_of(op: str, *args: Any, shape: Any = (4,), result: Any = (4,)) -> Tape:
    """A tape with one instruction, made by hand."""

    def function(*args: Any) -> Any:
        return args[0]

    step = Instruction(op, function, args, {}, Ref(1), "model.py:7")
    return Tape((ValueInfo(shape, FLOAT), ValueInfo(result, FLOAT)), 0, (step,), Ref(1))
