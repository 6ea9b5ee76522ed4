"""The unknown nonzeros of a coloring, and the sums of the compressed products they lie in.

Two users need it: the removal of colors that nothing is read from, and the
recovery. An unknown is an entry of the pattern or, for a symmetric pattern, of its lower triangle.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.coloring.value import Coloring
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.imports import importing

__all__ = ["Sums", "sums_of"]

Index = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Sums:
    """Where each unknown could be read.

    Parameters
    ----------
    first, second : ndarray of int32, shape (unknowns,)
        Number of the sum of the unknown on either side, -1 where there is none.
    first_place, second_place : ndarray of int32, shape (unknowns,)
        Position of that sum in the product vector of its color.
    first_color, second_color : ndarray of int32, shape (unknowns,)
        Color of that product, -1 where there is none.
    count : int
        Number of sums.
    """

    first: Index
    second: Index
    first_place: Index
    second_place: Index
    first_color: Index
    second_color: Index
    count: int


def sums_of(coloring: Coloring) -> Sums:
    """Find the sums of the compressed products of `coloring`; time and memory O(nnz)."""
    with importing():
        from sparsesolve.coloring.peel_kernels import number_sums  # noqa: PLC0415 - numba loads here

    pattern, colors = coloring.pattern, coloring.colors
    rows, columns = pattern.rows, pattern.indices
    by_row = np.empty(pattern.nnz, dtype=np.int32)
    nothing = np.full(pattern.nnz, -1, dtype=np.int32)
    if coloring.structure in ("columns", "symmetric"):
        count = number_sums(by_row, pattern.indptr, columns, colors, coloring.ncolors, 0)
        column_sums = Sums(by_row, nothing, rows, nothing, colors[columns], nothing, count)
        return column_sums if coloring.structure == "columns" else _symmetric(coloring, column_sums)
    turned, place = pattern.T, pattern.transposed_places
    by_column = np.empty(pattern.nnz, dtype=np.int32)
    row_colors = coloring.row_colors
    total = coloring.ncolors
    if coloring.structure == "rows":
        count = number_sums(by_column, turned.indptr, turned.indices, row_colors, total, 0)
        return Sums(by_column[place], nothing, columns, nothing, row_colors[rows], nothing, count)
    column_colors = coloring.column_colors
    start = number_sums(by_row, pattern.indptr, columns, column_colors, total, 0)
    count = number_sums(by_column, turned.indptr, turned.indices, row_colors, total, start)
    return Sums(
        by_row, by_column[place], rows, columns, column_colors[columns], row_colors[rows], count
    )


def _symmetric(coloring: Coloring, full: Sums) -> Sums:
    """Join each entry of the lower triangle with its mirror; the diagonal has one sum only."""
    pattern, colors = coloring.pattern, coloring.colors
    rows, columns = pattern.rows, pattern.indices
    lower = np.flatnonzero(rows >= columns)
    mirror = pattern.transposed_places[lower]
    i, j = rows[lower], columns[lower]
    off = i != j
    return Sums(
        full.first[lower],
        np.where(off, full.first[mirror], np.int32(-1)),
        i,
        j,
        colors[j],
        np.where(off, colors[i], np.int32(-1)),
        full.count,
    )
