"""Greedy coloring of one side of a bipartite graph (partial distance-2 coloring).

It needs Numba, which is loaded only when a coloring is computed. Both CSR and CSC
index arrays of one matrix come in; colors go out.

Gebremedhin, Manne, Pothen (2005), "What color is your Jacobian?", SIAM Review 47(4), Algorithm 3.2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.coloring.kernels import kernel

__all__ = ["greedy_partial_coloring"]


@kernel
def greedy_partial_coloring(
    colors: NDArray[np.int32],
    row_ptr: NDArray[np.int32],
    row_index: NDArray[np.int32],
    column_ptr: NDArray[np.int32],
    column_index: NDArray[np.int32],
    order: NDArray[np.int32],
    forced: NDArray[np.int32],
) -> int:
    """Give each column in `order` the smallest color no column of a shared row has.

    Columns of one row have distinct colors, so a row whose number of colored columns equals its
    largest color plus one (`top`) rules out exactly the colors below. Only rows that reach above
    the colors so ruled out are scanned. That keeps dense rows from costing their length squared.

    A column with ``forced[j] >= 0`` must get that color. Returns the number of colors, or -1 - j if
    that is not possible for column j; `forced` may be empty.
    """
    m = row_ptr.size - 1
    colored = np.zeros(m, dtype=np.int32)
    top = np.zeros(m, dtype=np.int32)
    taken = np.full(colors.size + 1, -1, dtype=np.int32)
    colors[:] = -1
    ncolors = 0
    for j in order:
        begin, end = column_ptr[j], column_ptr[j + 1]
        if begin == end:
            continue
        c = 0
        for p in range(begin, end):
            i = column_index[p]
            if colored[i] == top[i]:
                c = max(c, top[i])
        for p in range(begin, end):
            i = column_index[p]
            if top[i] > c:
                for q in range(row_ptr[i], row_ptr[i + 1]):
                    other = colors[row_index[q]]
                    if other >= 0:
                        taken[other] = j
        if forced.size and forced[j] >= 0:
            if forced[j] < c or taken[forced[j]] == j:
                return -1 - int(j)
            c = forced[j]
        while taken[c] == j:
            c += 1
        colors[j] = c
        ncolors = max(ncolors, c + 1)
        for p in range(begin, end):
            i = column_index[p]
            colored[i] += 1
            top[i] = max(top[i], c + 1)
    return ncolors
