"""Programs that do not keep the constants of a large result: the same values in every way."""

from __future__ import annotations

import numpy as np
import pytest

from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.engine.llvm.compile import compile_program
from sparsesolve.engine.llvm.plan.constant_results import constant_results
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Program


def mixed(m: int) -> Program:
    """Values of two kernels, inputs, and constants of three arrays, in a random order."""
    rng = np.random.default_rng(3)
    b = Builder((m,))
    ids = [b.slots(rng.normal(size=m // 3)), b.slots(np.full(1, 2.5)), b.slots(rng.normal(size=7))]
    values = [b.map("exp", b.x), b.map("multiply", b.x, b.x), b.x]
    slots = np.concatenate([*(np.ravel(i) for i in ids), *(np.ravel(v) for v in values)])
    return b.build(rng.choice(slots, m))


@pytest.mark.slow_cases("65536")
@pytest.mark.parametrize("m", [31, 1 << 16, (1 << 16) + 1])
def test_lean_programs_write_the_same(m: int) -> None:
    program = mixed(m)
    x = np.random.default_rng(4).normal(size=m)
    expected = Interpreter(program)(x)
    plain, lean = compile_program(program), compile_program(program, lean=True)
    np.testing.assert_allclose(plain(x), expected, rtol=1e-14)
    np.testing.assert_array_equal(lean(x), plain(x))
    np.testing.assert_array_equal(lean(x, out=np.full(m, np.nan)), plain(x))
    buffer = lean.prefilled()
    for _ in range(2):
        lean.run_into(buffer, x)
        np.testing.assert_array_equal(buffer, plain(x))
    kept = plain._machine.plan.prefilled
    assert kept is not None
    assert (lean._machine.plan.prefilled is None) == (m >= 1 << 16)
    np.testing.assert_array_equal(constant_results(program), kept)
    assert (lean.native_run() is None) == (m >= 1 << 16)
    assert lean.source() == plain.source()


def test_lean_programs_without_constants_are_like_others() -> None:
    m = 1 << 16
    b = Builder((m,))
    lean = compile_program(b.build(b.map("sin", b.x)), lean=True)
    x = np.linspace(-1.0, 1.0, m)
    np.testing.assert_allclose(lean(x), np.sin(x), rtol=1e-14)
    assert lean.native_run() is not None
    assert np.isnan(constant_results(lean.program)).all()
