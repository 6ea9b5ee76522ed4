"""The interpreter against a plain evaluator, element by element."""

from __future__ import annotations

import threading

import numpy as np
import oracle_program
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_programs import point, programs

from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.engine.interpreter.segments import SegmentSum
from sparsesolve.errors import StructureMismatch
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Index, Node
from sparsesolve.ir.scalar_ops import OPS

TOLERANCE = {"rtol": 1e-12, "atol": 1e-12, "equal_nan": True}


@given(programs(), st.integers(0, 1000))
def test_equals_the_plain_evaluator(program, seed):
    run = Interpreter(program)
    for k in range(2):  # the second call reuses the workspace
        x, parameters = point(program, seed + k)
        np.testing.assert_allclose(
            run(x, parameters), oracle_program.evaluate(program, x, parameters), **TOLERANCE
        )


@given(programs(), st.integers(0, 1000), st.integers(1, 4))
def test_batched_equals_one_by_one(program, seed, batch):
    if not program.parameters:
        return
    run = Interpreter(program)
    x, parameters = point(program, seed)
    rng = np.random.default_rng(seed)
    last = len(program.parameters) - 1
    stack = rng.normal(size=(batch, *program.parameters[last].shape))
    expected = [run(x, [*parameters[:last], row]) for row in stack]
    np.testing.assert_allclose(run.run_batched(x, parameters, {last: stack}), expected, **TOLERANCE)


@pytest.mark.parametrize("name", sorted(OPS))
def test_every_operation(name, rng):
    arity = OPS[name].arity
    builder = Builder((arity, 6))
    program = builder.build(builder.map(name, *builder.x))
    x = rng.uniform(0.1, 0.9, size=(arity, 6))
    if name in ("polygamma", "jn", "yn", "expn"):
        x[0] = [0, 1, 2, 3, 1, 0]
    with np.errstate(all="ignore"):
        expected = np.asarray(OPS[name].evaluate(*x), dtype=float)
    np.testing.assert_array_equal(Interpreter(program)(x), expected)
    scalar = Builder((arity,))
    one = Interpreter(scalar.build(scalar.map(name, *scalar.x)))(x[:, 1])
    np.testing.assert_allclose(one, expected[1], rtol=1e-15)


@pytest.mark.parametrize(
    "segments",
    [[0], [0, 0], [0, 0, 0], [0, 12], [0, 3, 6, 9, 12], [0, 0, 5, 5, 12, 12], [2, 4, 9], [3, 3, 7]],
)
@pytest.mark.parametrize("lead", [(), (2,)])
def test_segment_sums(segments, lead, rng):
    values = rng.normal(size=(*lead, 12))
    rows = len(segments) - 1
    out = np.full((*lead, rows), np.nan)
    SegmentSum(np.array(segments, dtype=np.int64)).into(values, out)
    pieces = [values[..., segments[r] : segments[r + 1]].sum(axis=-1) for r in range(rows)]
    expected = np.stack(pieces, axis=-1) if rows else np.empty((*lead, 0))
    np.testing.assert_allclose(out, expected, rtol=1e-14)


def test_long_sums_are_accurate():
    builder = Builder((1_000_000,))
    program = builder.build(builder.reduce(builder.x, np.array([0, 1_000_000])))
    total = Interpreter(program)(np.full(1_000_000, 0.1))
    assert abs(total[0] - 100_000.0) < 1e-9


def test_scalar_expression_fills_its_domain():
    builder = Builder((2,))
    nodes = [Node("load", (0,)), Node("const", (), 2.0), Node("multiply", (0, 1))]
    start = builder.kernel(4, [Index.scalar(1, 4)], nodes, [2, 0])
    summed = builder.kernel(4, [Index.scalar(1, 4)], nodes, [2, 1], np.array([0, 1, 4]))
    program = builder.build(np.arange(start, summed + 4, dtype=np.int32))
    expected = [6, 6, 6, 6, 3, 3, 3, 3, 6, 18, 2, 6]
    np.testing.assert_array_equal(Interpreter(program)([5.0, 3.0]), expected)


def test_out_and_fresh_results():
    builder = Builder((3,))
    run = Interpreter(builder.build(builder.map("exp", builder.x)))
    first = run(np.zeros(3))
    second = run(np.ones(3))
    np.testing.assert_array_equal(first, 1.0)
    out = np.empty(3)
    assert run(np.ones(3), out=out) is out
    np.testing.assert_array_equal(out, second)


def test_refuses_what_does_not_fit():
    builder = Builder((3,))
    builder.parameter((2,))
    run = Interpreter(builder.build(builder.x))
    with pytest.raises(StructureMismatch, match="`x` must have 3 elements, got 4"):
        run(np.zeros(4), [np.zeros(2)])
    with pytest.raises(StructureMismatch, match="expected 1 parameters, got 0"):
        run(np.zeros(3))
    with pytest.raises(StructureMismatch, match="parameters"):
        run(np.zeros(3), [1.0])
    with pytest.raises(StructureMismatch, match="`out` must be"):
        run(np.zeros(3), [np.zeros(2)], out=np.zeros(4))
    with pytest.raises(StructureMismatch, match="`x` must be real, got complex128"):
        run(np.zeros(3) + 1j, [np.zeros(2)])
    with pytest.raises(StructureMismatch, match="batch"):
        run.run_batched(np.zeros(3), [0.0], {0: np.zeros(3)})


def test_opaque_may_not_change_shape():
    builder = Builder((3,))
    y = builder.opaque("squeeze", lambda a: a[a > 0], [builder.x], (3,))
    run = Interpreter(builder.build(y))
    np.testing.assert_array_equal(run(np.ones(3)), 1.0)
    with pytest.raises(StructureMismatch, match="`squeeze` must return shape"):
        run(np.array([1.0, -1.0, 1.0]))


def test_threads_do_not_share_a_workspace(rng):
    builder = Builder((20_000,))
    run = Interpreter(builder.build(builder.map("sin", builder.map("exp", builder.x))))
    points = rng.normal(size=(4, 20_000))
    results: list[np.ndarray] = [np.empty(0)] * 4

    def work(k: int) -> None:
        for _ in range(20):
            results[k] = run(points[k])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(results, np.sin(np.exp(points)))
