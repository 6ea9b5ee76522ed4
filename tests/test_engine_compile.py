"""The compiled engine against the interpreter."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_programs import point, programs

from sparsesolve.builder import Builder
from sparsesolve.engine.compile import CannotCompile, compile_joint, compile_program
from sparsesolve.engine.interpret import Interpreter
from sparsesolve.errors import StructureMismatch
from sparsesolve.ops import OPS
from sparsesolve.program import Index, Node, Program

NO_CODE = {"polygamma"}


def agree(program: Program, x, parameters=(), rtol=1e-13, **options):
    expected = Interpreter(program)(x, parameters)
    compiled = compile_program(program, **options)
    for _ in range(2):
        np.testing.assert_allclose(compiled(x, parameters), expected, rtol=rtol, atol=rtol)
    out = np.full(program.m, 7.0)
    assert compiled(x, parameters, out=out) is out
    np.testing.assert_array_equal(out, compiled(x, parameters))
    buffer = compiled.template()
    compiled.run_into(buffer, x, parameters)
    np.testing.assert_array_equal(out, buffer)
    return compiled


@given(programs(), st.integers(0, 1000))
def test_equals_the_interpreter(program, seed):
    agree(program, *point(program, seed), rtol=1e-11)
