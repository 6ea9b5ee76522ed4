"""Parts of large programs: slots are renumbered piece by piece, without a table of all."""

from __future__ import annotations

import numpy as np
import pytest

from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.fuse.part import part_of
from sparsesolve.fuse.renumber import _Moved
from sparsesolve.fuse.restrict import restrict
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Index, Program


def chained(n: int) -> Program:
    """Three kernels, of which one reads another in a random order, and constants."""
    b = Builder((n,))
    order = np.random.default_rng(1).permutation(n)
    weights = b.slots(np.arange(n) / n)
    first = b.map("sin", b.x)
    second = b.map("multiply", first[order], weights)
    third = b.map("add", second, np.concatenate([b.x[1:], b.x[:1]]))
    return b.build(np.concatenate([third, weights[: n // 2], b.x[::3]]).astype(np.int32))


def rows_of(m: int, kind: str) -> np.ndarray:
    return {
        "none": np.arange(0),
        "one": np.array([m // 2]),
        "run": np.arange(m // 3, m // 3 + 900),
        "stride": np.arange(5, m, 401),
        "random": np.random.default_rng(2).choice(m, 700),
        "ends": np.array([m - 1, 0, 0]),
    }[kind]


@pytest.mark.parametrize("n", [40, 90_000])
@pytest.mark.parametrize("kind", ["none", "one", "run", "stride", "random", "ends"])
def test_parts_give_the_same_values(n: int, kind: str) -> None:
    program = chained(n)
    assert (program.n_slots >= 1 << 18) == (n > 40)
    rows = rows_of(program.m, kind) % program.m
    x = np.random.default_rng(3).normal(size=n)
    whole = Interpreter(program)(x)
    part, inputs = part_of(program, program.outputs[rows])
    assert part.n == inputs.size <= max(3, 4 * rows.size)
    np.testing.assert_array_equal(Interpreter(part)(x[inputs]), whole[rows])
    same = restrict(Builder.resume(program).build(program.outputs[rows]), worth=1.0)
    np.testing.assert_array_equal(Interpreter(same)(x), whole[rows])


@pytest.mark.parametrize("offsets", [((0, 3), (2, 1)), ((0,), (1,)), ((3,), (0, 2))])
def test_parts_that_interleave(offsets: tuple[tuple[int, ...], ...]) -> None:
    """A kernel that was split leaves some of its slots to each part, in any order."""
    made = _Moved(0, 1 << 19)
    parts = [np.concatenate([np.arange(p, 4000, 4) for p in part]) for part in offsets]
    for kept in parts:
        made.scatter(1000, Index.of(kept.astype(np.int32)))
    ids = np.concatenate(parts).astype(np.int32) + 1000
    order = np.random.default_rng(1).permutation(ids.size)
    np.testing.assert_array_equal(made.apply(Index.of(ids[order])).to_array(), order)


@pytest.mark.parametrize("few", [True, False])
def test_pieces_agree_with_the_table(few: bool) -> None:
    """Whole blocks, thinned blocks, and dropped slots, asked for in any order."""
    rng = np.random.default_rng(5)
    size = 1 << 18

    def moved() -> _Moved:
        made = _Moved(100, size)
        made.move(50_000, 300)
        made.scatter(1000, Index.of(np.array([3, 4, 9, 4000])))
        made.move(300, 0)
        made.scatter(200_000, Index.of(np.arange(0, 600, 3)))
        made.scatter(20_000, Index.of(np.arange(10, 20)))
        return made

    one, other = moved(), moved()
    table = other.table()
    ids = rng.integers(0, size, 100 if few else size).astype(np.int32)
    ids[:9] = 0, 99, 100, 1003, 5000, 5001, 200_597, 200_598, 20_019
    found = one.apply(Index.of(ids))
    np.testing.assert_array_equal(found.to_array(), table[ids])
    assert (one._table is None) == few
    assert set(table[ids[:9]] >= 0) == {True, False}


def test_pieces_that_lie_between_each_other_are_left_to_the_table() -> None:
    """As those of a kernel that was split by what its rows read."""
    size = 1 << 18
    moved = _Moved(0, size)
    for first in range(3):
        moved.scatter(1000, Index.of(np.arange(first, 3000, 3)))
    ids = np.random.default_rng(6).permutation(3000)[:700].astype(np.int32)
    found = moved.apply(Index.of(1000 + ids)).to_array()
    np.testing.assert_array_equal(found, ids % 3 * 1000 + ids // 3)
