"""Sums of blocks: where rows and columns of a block go, in long runs or one by one."""

from __future__ import annotations

import numpy as np
import pytest

from sparsesolve.derivatives.blocks.sums import BlockSum

SIZE = 150
IDS = {
    "one run": np.arange(20, 90),
    "a run and the rest": np.r_[np.arange(40), 50, 52, 54, 140],
    "two runs with numbers between": np.r_[3, np.arange(10, 60), 65, 70, np.arange(80, 130)],
    "many runs": np.concatenate([np.arange(30 * k, 30 * k + 29) for k in range(5)]),
    "no runs": np.arange(0, SIZE, 3),
    "one": np.array([7]),
    "none": np.arange(0),
    "all": np.arange(SIZE),
}


@pytest.mark.every(2)
@pytest.mark.parametrize("rows", IDS)
@pytest.mark.parametrize("columns", IDS)
def test_blocks_go_where_they_belong(rows: str, columns: str, rng: np.random.Generator) -> None:
    boxes = [(IDS[rows], IDS[columns]), (IDS[columns], IDS[rows]), (IDS["no runs"], IDS["one run"])]
    blocks = [rng.normal(size=(r.size, c.size)) for r, c in boxes]
    single = rng.choice(SIZE, 9, replace=False), rng.choice(SIZE, 9, replace=False)
    entries, expected = rng.normal(size=9), np.zeros((SIZE, SIZE))
    for (r, c), block in zip(boxes, blocks, strict=True):
        expected[np.ix_(r, c)] += block
    expected[single] += entries
    total = BlockSum((SIZE, SIZE), boxes, *single, lower=False)
    dense = total.dense(enumerate(blocks), entries)
    np.testing.assert_allclose(dense, expected, rtol=1e-15, atol=1e-15)
    assert set(zip(*np.nonzero(expected), strict=True)) <= set(
        zip(total.pattern.rows.tolist(), total.pattern.indices.tolist(), strict=True)
    )
