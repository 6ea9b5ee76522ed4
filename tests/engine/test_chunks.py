"""Chunks of tasks, and their order."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from random_programs import point, random_program

from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.engine.llvm.compile import compile_program
from sparsesolve.engine.llvm.plan import chunks
from sparsesolve.engine.llvm.plan.chunks import Chunk, cut, tiled
from sparsesolve.engine.llvm.plan.spaces import Hull, Positions
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Index, Kernel, Node


@pytest.fixture
def short_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "_LEAST", 0)
    monkeypatch.setattr(chunks, "_SHORTEST", 8)
    monkeypatch.setattr(chunks, "_CHUNK", 16)
    monkeypatch.setattr(chunks, "_SPILLED", 1)


def kernel(length: int, segments=None) -> Kernel:
    return Kernel(0, length, (), (Node("const", (), 1.0),), (0,), segments)


def run(start: int, stride: int, length: int) -> Index:
    return Index(start=start, stride=stride, length=length)


def at(numbers) -> Positions:
    return Positions(np.asarray(numbers, dtype=np.int32))


def edges(found: list[Chunk]) -> list[tuple[int, ...]]:
    return [(c.low, c.high, c.first, c.reach) for c in found]


def test_a_domain_is_cut_at_its_elements(short_chunks):
    where = np.arange(20, dtype=np.int32)
    assert edges(cut(kernel(20), None, [at(where)], [], 20)) == [(0, 20, 0, 20)]  # 4 are too few
    down = cut(kernel(20), None, [at(where[::-1])], [], 40)
    assert edges(down) == [(0, 8, 12, 20), (8, 20, 0, 12)]
    two = cut(kernel(20), None, [at(where), at(3 * where)], [], 60)
    assert edges(two) == [(0, 8, 0, 22), (8, 20, 8, 58)]
    assert edges(cut(kernel(20), None, [], [], 40)) == [(0, 8, 40, 0), (8, 20, 40, 0)]


def test_a_domain_is_cut_at_its_pieces(short_chunks):
    where = np.concatenate([np.arange(10), [-1] * 10, np.arange(10)]).astype(np.int32)
    starts = np.array([0, 10, 20, 25])
    halves = cut(kernel(30), starts, [at(where)], [], 30)
    assert edges(halves) == [(0, 2, 0, 10), (2, 4, 0, 10)]
    assert [chunk.stop for chunk in halves] == [20, 30]
    whole = cut(kernel(30), starts, [at(where)], [], 60)
    assert edges(whole) == [(0, 1, 0, 10), (1, 2, 60, 0), (2, 3, 0, 5), (3, 4, 5, 10)]


def test_what_is_short_is_not_cut():
    where = np.arange(500, dtype=np.int32)
    assert edges(cut(kernel(500), None, [at(where)], [], 500)) == [(0, 500, 0, 500)]


def test_needs_bound_what_is_read(short_chunks, rng):
    slots = rng.integers(5, 90, 40).astype(np.int32)
    loads = [run(7, 2, 40), run(90, -1, 40), run(3, 0, 40), Index.of(slots)]
    for chunk in cut(kernel(40), None, [], loads, 40):
        for load, (low, high) in zip(loads, chunk.needs, strict=True):
            read = load.to_array()[chunk.low : chunk.high]
            assert (low, high) == (read.min(), read.max())


def test_needs_of_sums(short_chunks, rng):
    segments = np.array([0, 3, 3, 10, *range(20, 510, 10)])
    length = int(segments[-1])
    slots = rng.permutation(length).astype(np.int32)
    loads = [run(100, 1, length), Index.of(slots)]
    sums = cut(kernel(length, segments), None, [], loads, 60)
    assert len(sums) > 1
    for chunk in sums:
        low, high = segments[chunk.low], segments[chunk.stop] - 1
        assert chunk.needs[0] == (100 + low, 100 + high)
        read = slots[low : high + 1]
        assert chunk.needs[1] == (read.min(), read.max())


def task(count: int, writes=(), needs=lambda k: (), reads_result: bool = False) -> SimpleNamespace:
    parts = [
        Chunk(k, k + 1, 10 * (k + 1), 0, 0, tuple(Hull(*need) for need in needs(k)))
        for k in range(count)
    ]
    return SimpleNamespace(
        chunks=parts,
        writes=[Hull(*w) for w in writes],
        reads_result=reads_result,
        trips=1,
        group=-1,
    )


def order(tasks) -> list[tuple[int, int]]:
    return [(number, chunk.low) for number, chunk in tiled(tasks)]


def test_what_is_needed_comes_just_before(short_chunks):
    first = task(4, [(100, 139)])
    second = task(4, needs=lambda k: [(100 + 10 * k, 109 + 10 * k)])
    assert order([first, second]) == [(n, k) for k in range(4) for n in (0, 1)]
    neighbors = task(4, needs=lambda k: [(99 + 10 * k, 110 + 10 * k)])
    assert order([first, neighbors]) == [
        (0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (0, 3), (1, 2), (1, 3),
    ]  # fmt: skip


def test_everything_is_ordered_once_even_if_nobody_reads_it(short_chunks):
    tasks = [
        task(3, [(100, 129)]),
        task(3, [(200, 229)]),
        task(2, needs=lambda k: [(100, 129), (0, 5)]),
        task(1, reads_result=True),
    ]
    found = order(tasks)
    assert sorted(found) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (3, 0)]
    assert found[-1] == (3, 0)


def test_few_values_or_many_tasks_stay_in_order():
    second = task(2, needs=lambda k: [(100 + 10 * k, 109 + 10 * k)])
    assert order([task(2, [(100, 119)]), second]) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    many = [task(1, [(10**6 * k, 10**6 * (k + 1) - 1)]) for k in range(60)]
    assert [number for number, _ in order(many)] == list(range(60))


@pytest.mark.parametrize("seed", range(40))
def test_random_programs(seed, short_chunks):
    program = random_program(seed)
    x, parameters = point(program, seed)
    expected = Interpreter(program)(x, parameters)
    compiled = compile_program(program)
    for out in (None, np.full(program.m, 9.0)):
        result = compiled(x, parameters, out=out)
        np.testing.assert_allclose(result, expected, rtol=1e-11, atol=1e-11)


def test_stages_of_a_long_program_take_turns(rng):
    """The numbers are those of the plain order, to the bit."""
    n = 40_000
    builder = Builder((n,))
    y = builder.slots(builder.map("exp", builder.x))
    z = builder.slots(builder.map("multiply", y[1:], y[:-1]))
    w = builder.map("add", z[2:], z[:-2])
    program = builder.build(np.concatenate([builder.slots(w), builder.slots(z[5:6])]))
    compiled = compile_program(program)
    rows = compiled._machine._tables[0]
    assert len(rows) > 50
    x = rng.normal(size=n)
    e = compile_program(builder.build(y))(x)
    products = e[1:] * e[:-1]
    expected = np.append(products[2:] + products[:-2], products[5])
    np.testing.assert_array_equal(compiled(x), expected)
