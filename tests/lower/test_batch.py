"""Batching: Python loops become a handful of kernels and compute the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import oracle_program
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Kernel, Program, verify
from sparsesolve.lower import batch, lower, lower_into
from sparsesolve.trace import trace


def both(function: Callable[..., Any], x: Any, *parameters: Any) -> tuple[Program, Program]:
    """Lower without and with batching; compare the values."""
    tape = trace(function, (x, *parameters))
    builder = Builder(tape.input.shape)
    slots = [builder.parameter(info.shape) for info in tape.parameters]
    plain = builder.build(lower_into(builder, tape, builder.x, slots))
    batched = lower(tape)
    verify(plain)
    verify(batched)
    for program in (plain, batched):
        for shift in (0.0, 0.125):
            expected = np.ravel(function(x + shift, *parameters))
            scale = 1e-12 * max(1.0, np.max(np.abs(expected), initial=0.0))
            got = Interpreter(program)(x + shift, parameters)
            np.testing.assert_allclose(got, expected, rtol=0, atol=scale)
    return plain, batched


X = np.linspace(-0.8, 1.2, 60)


def test_a_loop_over_terms_becomes_its_vectorised_twin() -> None:
    def loop(x: Any) -> Any:
        f = 0.0
        for i in range(len(x) - 1):
            f = f + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
        return f

    plain, batched = both(loop, X)
    assert len(plain.instructions) > 300
    # six maps, a sum for each kind of term, and the sum of both
    assert len(batched.instructions) == 9
    assert sum(step.segments is not None for step in batched.instructions) == 2
    # what is read lies side by side
    assert all(i.array is None for step in batched.instructions for i in step.loads)


@pytest.mark.slow
def test_the_number_of_kernels_does_not_grow() -> None:
    def loop(x: Any) -> Any:
        return np.array([np.sin(x[i]) * x[i + 1] - x[i - 1] for i in range(1, len(x) - 1)])

    counts = {len(both(loop, np.linspace(0, 1, n))[1].instructions) for n in (40, 80, 400)}
    assert counts == {3}


def test_signs_constants_and_inner_sums() -> None:
    def loop(x: Any, p: Any) -> Any:
        rows = []
        for i in range(12):
            total = 1.5 - x[i]
            for j in range(11):
                total = total - p[j] * x[i + j] if j % 3 else float(j) + total
            rows.append(total + x[i] ** 3 * i)
        return np.stack(rows)

    plain, batched = both(loop, X, np.linspace(1, 2, 12))
    assert len(batched.instructions) < len(plain.instructions) / 20


def test_links_that_are_used_twice_stay() -> None:
    def loop(x: Any) -> Any:
        f, path = x[0], []
        for i in range(1, 50):
            f = f + x[i] * x[i - 1]
            path.append(f)
        return np.array(path)

    both(loop, X)


def test_a_chain_that_doubles_itself() -> None:
    def loop(x: Any) -> Any:
        f = x[0]
        for i in range(1, 55):
            f = f + f if i % 20 == 0 else x[i] + f
        return f

    both(loop, X)


def test_recurrences_keep_their_order() -> None:
    def loop(x: Any) -> Any:
        a, b = x[0], x[1]
        for i in range(60):
            a, b = 0.5 * np.sin(a) - b * x[i], 0.9 * b + 0.1 * a
        return np.array([a, b, a])

    plain, _ = both(loop, X)
    kernels = [step for step in plain.instructions if isinstance(step, Kernel)]
    expressions = {id(step.nodes) for step in kernels}  # what is said once is told by identity
    assert len(expressions) <= 10 < len(kernels)


@pytest.mark.slow
def test_small_vectors_are_gathered_too() -> None:
    def loop(x: Any) -> Any:
        points = x.reshape(20, 3)
        energy = 0.0
        for i in range(20):
            for j in range(i):
                d = points[i] - points[j]
                energy = energy + 1.0 / (0.1 + np.sum(d * d))
        return energy

    _, batched = both(loop, X)
    assert len(batched.instructions) <= 7


def test_calls_and_long_kernels_take_part_in_the_order() -> None:
    def loop(x: Any) -> Any:
        inverse = np.linalg.inv(np.outer(x[:4], x[:4]) + np.eye(4))
        terms = [inverse[i % 4, i // 16] * x[i] + np.sum(x * x[i]) for i in range(60)]
        return np.array(terms) * np.sum(np.exp(x))

    both(loop, X)


def test_small_programs_are_left_alone() -> None:
    builder = Builder((9,))
    value = builder.x
    for _ in range(10):
        value = builder.map("sin", builder.map("add", value, builder.x))
    program = builder.build(value)
    assert batch(program) is program


@given(st.data())
@settings(max_examples=25)
def test_random_scalar_programs(data: Any) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    builder = Builder((6,))
    parameter = builder.parameter((3,))
    pool: list[Any] = [*builder.x, *parameter, 0.0, 1.5, -2.0]
    ops = ["add", "subtract", "add", "multiply", "maximum", "sin"]
    for _ in range(data.draw(st.integers(60, 160))):
        op = ops[rng.integers(len(ops))]
        # recent values more often, so that chains grow
        pick = [pool[-min(len(pool), 1 + int(rng.exponential(4)))] for _ in range(2)]
        pool.append(builder.map(op, *pick[: 1 if op == "sin" else 2]))
        if rng.random() < 0.1:
            ids = np.array([slot for slot in pool if isinstance(slot, np.int32)])
            ids = ids[rng.integers(0, ids.size, 4)]
            pool.append(builder.reduce(ids, np.array([0, 4]))[0])
            pool.extend(np.asarray(builder.map("multiply", ids, ids[::-1])))
    outputs = np.array([slot for slot in pool[-30:] if isinstance(slot, np.int32)], dtype=np.int32)
    plain = builder.build(outputs)
    batched = batch(plain)
    verify(batched)
    x, p = rng.standard_normal(6), rng.standard_normal(3)
    expected = oracle_program.evaluate(plain, x, [p])
    got = oracle_program.evaluate(batched, x, [p])
    np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-10)
    kernels = [step for step in batched.instructions if isinstance(step, Kernel)]
    assert [block.start for block in batched.parameters] == [6]
    assert len(kernels) <= len(plain.instructions)


def test_slots_stay_few() -> None:
    n = 1000

    def loop(x: Any) -> Any:
        f = 0.0
        for i in range(n):
            f = f - x[i] * (i + 1)
        return f

    tape = trace(loop, (np.ones(n),))
    program = lower(tape)
    verify(program)
    assert [step.rows for step in program.instructions] == [n - 1, 1, 1, 1]
    assert program.n_slots < 5 * n


def test_many_kinds_of_terms() -> None:
    def loop(x: Any) -> Any:
        f = 0.0
        for i in range(20):
            f = f - x[i] ** 2
        for op in (np.sin, np.cos, np.exp, np.tanh, np.arctan, np.cosh, np.sinh, np.expm1):
            f = f + op(x[0]) - op(x[1])
        return f

    both(loop, X)


def test_only_subtractions() -> None:
    def loop(x: Any) -> Any:
        f = -x[0] * x[1]
        for i in range(1, 59):
            f = f - x[i] * x[i + 1] if i != 7 else 0.0 - f
        return f

    both(loop, X)
