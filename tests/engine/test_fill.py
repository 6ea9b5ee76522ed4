"""Constant entries are written in chunks, each before anything varies there."""

from __future__ import annotations

import numpy as np
import pytest
from random_programs import point, random_program

import sparsesolve as ss
from sparsesolve.engine.llvm.compile import compile_program
from sparsesolve.engine.llvm.plan import chunks, fill
from sparsesolve.engine.llvm.plan.chunks import Chunk
from sparsesolve.engine.llvm.plan.fill import fill_in_parts, fill_parts, fill_table
from sparsesolve.engine.llvm.plan.schedule import make_table
from sparsesolve.ir.builder import Builder


@pytest.fixture
def short_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "_LEAST", 0)
    monkeypatch.setattr(chunks, "_SHORTEST", 8)
    monkeypatch.setattr(chunks, "_CHUNK", 16)


def part(low: int, high: int, first: int, reach: int) -> Chunk:
    return Chunk(low, high, high, first, reach)


def rows_of(code: int, own) -> list:
    """Rows of one task, as `fill_table` takes them."""
    return [((code, code + 1, chunk.low, chunk.high), chunk) for chunk in own]


def run(rows, words, out, template, work) -> None:
    """Follow a table in Python."""
    known = words.__array_interface__["data"][0]
    source = template.__array_interface__["data"][0]
    for code, where, low, high in rows:
        if code == -7:
            first = (int(words[(where - known) // 8]) + 8 * low - source) // 8
            out[low:high] = template[first : first + high - low]
        else:
            work(low, high, out)


def test_every_position_is_filled_once_and_before_it_is_written():
    template = np.tile([1.0, np.nan, 2.0], 100)
    own = [part(k, k + 10, 3 * k + 1, 3 * (k + 10) - 1) for k in range(0, 100, 10)]
    later = [part(0, 100, 1, 299)]
    work = [*rows_of(5, own), *rows_of(8, later)]
    rows, words = fill_table(work, template, ~np.isnan(template), -7)
    fills = [row[2:] for row in rows if row[0] == -7]
    assert all(low >= high for (low, _), (_, high) in zip(fills[1:], fills[:-1], strict=True))
    assert (fills[0][0], fills[-1][1]) == (0, 300)
    out = np.full(300, np.inf)

    def work(low, high, out):
        assert not np.isinf(out[3 * low : 3 * high - 2]).any()
        out[1 + 3 * low : 1 + 3 * high : 3] = 7.0

    run(rows, words, out, template, work)
    np.testing.assert_array_equal(out, np.tile([1.0, 7.0, 2.0], 100))


def test_equal_chunks_share_their_source():
    template = np.tile(np.arange(30.0), 20)
    own = [part(k, k + 1, 30 * k, 30 * (k + 1)) for k in range(20)]
    rows, words = fill_table(rows_of(5, own), template, ~np.isnan(template), -7)
    fills = [row for row in rows if row[0] == -7]
    assert len(fills) == 20
    sources = {int(base) + 8 * row[2] for base, row in zip(words[::2], fills, strict=True)}
    assert len(sources) == 1


def test_chunks_without_constants_between_them_are_one_row():
    own = [part(0, 10, 0, 50), part(10, 20, 0, 40), part(20, 30, 0, 50)]
    rows, _ = fill_table(rows_of(5, own), np.zeros(60), np.arange(60) > 55, -7)
    assert make_table(rows)[0].tolist() == [5, 6, 0, 30]


def test_few_constants_are_few_copies():
    template = np.full(1000, np.nan)
    template[[3, 5, 700]] = 1.0
    own = [part(k, k + 10, 10 * k, 10 * (k + 10)) for k in range(0, 100, 10)]
    rows, _ = fill_table(rows_of(5, own), template, ~np.isnan(template), -7)
    rows = make_table(rows).tolist()
    assert [row[2:] for row in rows if row[0] == -7] == [[3, 6], [700, 701]]
    assert [row[2:] for row in rows if row[0] == 5] == [[0, 70], [70, 100]]


def test_equal_checksums_are_not_enough(monkeypatch):
    monkeypatch.setattr(fill.zlib, "crc32", lambda part: 0)
    template = np.arange(40.0)
    own = [part(k, k + 1, 10 * k, 10 * (k + 1)) for k in range(4)]
    rows, words = fill_table(rows_of(5, own), template, ~np.isnan(template), -7)
    out = np.zeros(40)
    run(rows, words, out, template, lambda *_: None)
    np.testing.assert_array_equal(out, template)


@pytest.mark.parametrize("seed", range(40))
def test_random_programs(seed, short_chunks):
    program = random_program(seed)
    x, parameters = point(program, seed)
    compiled = compile_program(program)
    buffer = compiled.prefilled()
    compiled.run_into(buffer, x, parameters)
    np.testing.assert_array_equal(compiled(x, parameters, out=np.full(program.m, 9.0)), buffer)


@pytest.mark.parametrize("side", [3, 30, 61])
def test_jacobians_of_a_grid(side, short_chunks, rng):
    def residual(u):
        grid = np.pad(u.reshape(side, side), 1)
        middle = grid[1:-1, 1:-1]
        around = grid[:-2, 1:-1] + grid[2:, 1:-1] + grid[1:-1, :-2] + grid[1:-1, 2:]
        return (4 * middle - around - np.exp(middle)).reshape(-1)

    J = ss.jacobian(residual, np.zeros(side**2))
    for _ in range(30):  # quick code first, good code later
        x = rng.normal(size=side**2)
        buffer = J.refill(J.buffer(), x)
        np.testing.assert_array_equal(J.values(x, out=np.full(J.nnz, 9.0)), buffer)
    np.testing.assert_allclose(J(x).diagonal(), 4 - np.exp(x), rtol=1e-13, atol=1e-13)


def test_several_outputs_in_any_order(short_chunks, rng):
    n = 1000
    builder = Builder((n,))
    parts = [builder.slots(builder.map(op, builder.x)) for op in ("exp", "sin", "tanh")]
    constants = builder.slots(builder.constant(rng.normal(size=n)))
    outputs = np.concatenate([*parts, constants])[rng.permutation(4 * n)]
    compiled = compile_program(builder.build(outputs))
    x = rng.normal(size=n)
    buffer = compiled.prefilled()
    compiled.run_into(buffer, x)
    np.testing.assert_array_equal(compiled(x, out=np.full(4 * n, 9.0)), buffer)


def parts_of(tasks, count, template):
    work = [row for code, own in tasks for row in rows_of(code, own)]
    return fill_in_parts(work, template, ~np.isnan(template), -7, count)


def test_parts_may_run_in_any_order(rng):
    template = np.tile([1.0, np.nan, 2.0], 100)
    own = [part(k, k + 5, 3 * k + 1, 3 * (k + 5) - 1) for k in range(0, 100, 5)]
    parts, words = parts_of([(5, own)], 6, template)
    assert len(parts) == 6
    for order in (range(6), range(5, -1, -1), rng.permutation(6)):
        out = np.full(300, np.inf)

        def work(low, high, out):
            out[3 * low + 1 : 3 * high : 3] = 7.0

        for k in order:
            run(parts[k], words, out, template, work)
        np.testing.assert_array_equal(out, np.tile([1.0, 7.0, 2.0], 100))


def test_no_parts_where_one_would_fill_what_another_one_writes():
    template = np.tile([1.0, np.nan, np.nan], 100)
    up = [part(k, k + 5, 3 * k + 1, 3 * (k + 5) - 1) for k in range(0, 100, 5)]
    assert parts_of([(5, up), (8, up)], 6, template)[0] == []  # the second task begins at 0 again
    assert parts_of([(5, up[::-1])], 6, template)[0] == []
    nothing = [part(0, 100, 300, 0)]  # a task that writes no result
    assert len(parts_of([(5, up), (8, nothing)], 6, template)[0]) == 6
    assert parts_of([], 6, template)[0] == []


@pytest.mark.parametrize("constants", [[], [3], [0, 299], list(range(300))])
def test_a_result_filled_in_parts(constants):
    template = np.arange(300.0)
    which = np.zeros(300, dtype=bool)
    which[constants] = True
    rows, words = fill_parts(template, which, -7, 8)
    out = np.full(300, np.inf)
    run(rows, words, out, template, None)
    np.testing.assert_array_equal(out[which], template[which])
    assert len(rows) == 8
