"""Compiled programs equal interpreted ones at every size at which a plan is another one."""

from __future__ import annotations

import numpy as np
import pytest
from exact_programs import SIZES, exact_point, exact_program

from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.engine.llvm import compile as compiling
from sparsesolve.engine.llvm.compile import Compiled, compile_program
from sparsesolve.engine.llvm.plan import schedule
from sparsesolve.engine.llvm.run import machine
from sparsesolve.ir.program import Program


def equal(program: Program, compiled: Compiled, seed: int, runs: int = 3) -> None:
    """Compare all ways to a result, at several points, to 4 units in the last place."""
    interpreter = Interpreter(program)
    buffer = compiled.prefilled()
    for run in range(runs):
        x, parameters = exact_point(program, seed + run)
        expected = interpreter(x, parameters)
        filled = compiled(x, parameters, out=np.full(program.m, 77.0))
        np.testing.assert_array_max_ulp(filled, expected, maxulp=4)
        compiled.run_into(buffer, x, parameters)
        for again in (buffer, compiled(x, parameters)):
            np.testing.assert_array_equal(again, filled)


@pytest.fixture
def better_code_soon(monkeypatch):
    monkeypatch.setattr(machine, "_LEAST_RUNS", 4)
    monkeypatch.setattr(machine, "_SECONDS_SAVED", 1.0)


@pytest.mark.every(14)
@pytest.mark.usefixtures("better_code_soon")
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("seed", range(4))
def test_every_size(n, seed):
    program = exact_program(seed, n)
    equal(program, compile_program(program), seed)


@pytest.mark.every(4)
@pytest.mark.parametrize("n", [1, 8, 33, 257, 1500, 2049, 4097, 16385, 33000])
@pytest.mark.parametrize("seed", range(3))
def test_several_threads(n, seed, monkeypatch):
    program = exact_program(100 + seed, n)
    equal(program, compile_program(program, threads=2), seed)
    monkeypatch.setattr(schedule, "_WORTH_A_THREAD", 1)
    monkeypatch.setattr(schedule, "_WORTH_A_SPLIT", int([1, 1000][seed % 2]))
    equal(program, compile_program(program, threads=3), seed, runs=6)


@pytest.mark.every(4)
@pytest.mark.usefixtures("better_code_soon")
@pytest.mark.parametrize("width", [2, 4, 8])
@pytest.mark.parametrize("n", [1, 3, 9, 17, 33, 65, 257, 1501, 4097])
def test_other_vectors_than_those_of_this_processor(width, n, monkeypatch):
    """The plan and the loops, without the functions of the C library."""
    monkeypatch.setattr(compiling, "vector_width", lambda: width)
    for seed in range(200, 203):
        program = exact_program(seed, n, library=False)
        equal(program, compile_program(program), seed)


@pytest.mark.slow
@pytest.mark.usefixtures("better_code_soon")
@pytest.mark.parametrize("seed", range(1000, 1040))
def test_many_programs(seed, monkeypatch):
    monkeypatch.setattr(schedule, "_WORTH_A_THREAD", 1)
    for n in SIZES:
        program = exact_program(seed, n)
        equal(program, compile_program(program, threads=1 + seed % 3), seed)
