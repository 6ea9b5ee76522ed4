"""Where nonzeros go in PETSc's two matrices, without PETSc: against a sort of all of them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from sparsesolve.adapters.petsc import matrix
from sparsesolve.adapters.petsc.storage_order import MatrixEntries, StorageOrder, indptr_of
from sparsesolve.derivatives import row_part
from sparsesolve.derivatives.row_part import Divided
from sparsesolve.structure.pattern import Pattern

OWNED = SimpleNamespace(n=40, begin=12, end=25, sizes=(13, 40))


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("sums", [0, 3])
@pytest.mark.parametrize("width", [8, 40])
def test_own_columns_then_others_then_sums(in_order, sums, width, rng) -> None:
    first = 14 if width == 8 else 0  # eight are owned, all of them
    unknowns = np.arange(first, first + width)
    if not in_order:
        unknowns = rng.permutation(unknowns)
    needed = SimpleNamespace(unknowns=unknowns, sums=np.arange(sums)[::-1])
    pattern = Pattern.from_dense(rng.random((13, width + sums)) < 0.4)
    columns = np.concatenate([unknowns, -1 - needed.sums])[pattern.indices]
    kinds = np.where(columns < 0, 2, (columns < OWNED.begin) | (columns >= OWNED.end))
    by_column = np.arange(columns.size) if in_order else columns
    right = np.lexsort((by_column, pattern.rows, kinds))

    stored = StorageOrder(OWNED, needed)
    order = stored.order(pattern)
    places = np.arange(columns.size) if order is None else order
    assert (order is None) == (in_order and not kinds.any())
    np.testing.assert_array_equal(places, right)
    blocks = stored.blocks(pattern)
    np.testing.assert_array_equal(np.concatenate([b.columns for b in blocks]), columns[right])
    np.testing.assert_array_equal(np.concatenate([b.rows for b in blocks]), pattern.rows[right])
    assert {b.indptr.dtype for b in blocks} == {np.dtype(np.int32)}  # not twice as long


@pytest.mark.parametrize("some", [1, 4, 100])
def test_a_diagonal_is_looked_for_in_some_rows_at_a_time(some, monkeypatch) -> None:
    monkeypatch.setattr(matrix, "_SOME", some)
    rows = np.repeat(np.arange(13), 2)
    columns = np.stack([np.arange(13) + 12, np.arange(13) + 13], axis=1).ravel()
    whole = MatrixEntries(indptr_of(rows, 13), columns)
    assert matrix._has_diagonal(whole, OWNED)
    for missing in (0, 7, 12):
        kept = np.arange(26) != 2 * missing
        less = MatrixEntries.of(rows[kept], columns[kept], 13)
        assert not matrix._has_diagonal(less, OWNED)


def test_a_summary_adds_up_all_values_some_at_a_time(rng) -> None:
    value = rng.normal(size=150_000)
    value[[3, 99_999]] = np.nan, np.inf
    summed, size = Divided.summary(SimpleNamespace(_recorded=SimpleNamespace(value=value)))
    finite = np.where(np.isfinite(value), value, 0.0)
    weights = np.resize(row_part._WEIGHTS, value.size)
    assert summed == pytest.approx(finite @ weights, rel=1e-10)
    assert size == pytest.approx(np.abs(finite).sum(), rel=1e-12)
