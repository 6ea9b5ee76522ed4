"""Splitting kernels by producers keeps values and lets mixed loads be inlined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.fuse import fuse
from sparsesolve.fuse import split_producers as mixtures
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Kernel, verify
from tests.random_programs import point, programs

N = 200


@pytest.fixture
def eager(monkeypatch):
    """Split however few points there are."""
    monkeypatch.setattr(mixtures, "_SHORTEST", 2)
    monkeypatch.setattr(mixtures, "_LEAST", 1)


def lengths(program):
    return [step.length for step in program.instructions if isinstance(step, Kernel)]


@settings(max_examples=60)
@given(programs())
def test_split_programs_give_the_same_values(program):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixtures, "_SHORTEST", 2)
        patch.setattr(mixtures, "_LEAST", 1)
        divided = mixtures.split_by_producer(program)
        verify(divided)
        fused = fuse(program)
        verify(fused)
    x, parameters = point(program, 0)
    expected = Interpreter(program)(x, parameters)
    # NumPy's loops of functions such as tanh round differently in vectors and at their ends
    np.testing.assert_allclose(Interpreter(divided)(x, parameters), expected, rtol=1e-14, atol=0)
    np.testing.assert_allclose(Interpreter(fused)(x, parameters), expected, rtol=1e-13, atol=0)


def stacked(b):
    """Three computed columns, interleaved as by ``np.stack(..., axis=1)``."""
    columns = [b.map("multiply", b.x[k:][:N], b.x[k + 1 :][:N]) for k in range(3)]
    return np.stack(columns, axis=1)


def test_a_stack_is_inlined():
    b = Builder((N + 3,))
    table = stacked(b)
    moved = b.map("add", b.map("sin", table), b.map("multiply", 2.0, table))
    program = b.build(b.map("exp", moved))
    fused = fuse(program)
    verify(fused)
    assert lengths(fused) == [N]  # one loop with three outputs, no intermediate
    x = np.linspace(0.0, 1.0, N + 3)
    np.testing.assert_array_equal(Interpreter(fused)(x), Interpreter(program)(x))


def test_joined_arrays_are_inlined():
    b = Builder((N,))
    joined = np.concatenate([b.map("exp", b.x[: N // 2]), b.map("sin", b.x[N // 2 :])])
    fused = fuse(b.build(b.map("multiply", joined, joined)))
    assert lengths(fused) == [N // 2]


def test_a_few_odd_points_stay_together():
    b = Builder((N,))
    inner = b.map("exp", b.x[1:-1])
    ends = b.map("sin", b.x[[0, N - 1]])
    joined = np.concatenate([ends[:1], inner, ends[1:]])
    parts = lengths(mixtures.split_by_producer(b.build(b.map("multiply", joined, joined))))
    assert parts == [N - 2, 2, N - 2, 2]


def test_irregular_mixtures_stay_whole():
    b = Builder((N,))
    both = np.concatenate([b.map("exp", b.x), b.map("sin", b.x)])
    mixed = both[np.random.default_rng(0).permutation(2 * N)[:N]]
    program = b.build(b.map("multiply", mixed, mixed))
    assert mixtures.split_by_producer(program) is program


def test_short_and_pure_programs_are_left_alone():
    b = Builder((8,))
    joined = np.concatenate([b.map("exp", b.x), b.map("sin", b.x)])
    program = b.build(b.map("negative", joined))
    assert mixtures.split_by_producer(program) is program
    empty = Builder((0,))
    nothing = empty.build(empty.x)
    assert mixtures.split_by_producer(nothing) is nothing


def test_the_number_of_kernels_is_bounded(eager):
    b = Builder((64,))
    u = b.x
    for _ in range(30):
        u = np.concatenate([b.map("sin", u[:32]), b.map("cos", u[32:])])
        u = b.map("negative", u.reshape(8, 8).T.reshape(-1))
    program = b.build(u)
    divided = mixtures.split_by_producer(program)
    verify(divided)
    assert len(divided.instructions) <= 4 * len(program.instructions) + 8
    x = np.linspace(0.0, 1.0, 64)
    np.testing.assert_array_equal(Interpreter(divided)(x), Interpreter(program)(x))
