"""Degrees and dynamic vertex orders for greedy coloring, in time linear in the walks they follow.

It needs Numba, which is loaded only when a coloring is computed. A graph is given
by two index structures: the neighbors of v are the vertices reached from v through `first` and
then `second`. Columns that share a row: `first` = CSC, `second` = CSR. Plain adjacency: `second` is
the identity.

Gebremedhin, Manne, Pothen (2005), "What color is your Jacobian?", SIAM Review 47(4), section 4;
Matula, Beck (1983), "Smallest-last ordering", Journal of the ACM 30(3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.coloring.kernels import kernel

__all__ = ["count_neighbors", "dynamic_order", "lexicographic_order", "saturation_order"]


@kernel
def count_neighbors(
    degree: NDArray[np.int32],
    first_ptr: NDArray[np.int32],
    first_index: NDArray[np.int32],
    second_ptr: NDArray[np.int32],
    second_index: NDArray[np.int32],
) -> None:
    """Write the number of distinct neighbors of each vertex into `degree`."""
    seen = np.full(degree.size, -1, dtype=np.int32)
    for v in range(degree.size):
        seen[v] = v
        count = 0
        for p in range(first_ptr[v], first_ptr[v + 1]):
            w = first_index[p]
            for q in range(second_ptr[w], second_ptr[w + 1]):
                u = second_index[q]
                if seen[u] != v:
                    seen[u] = v
                    count += 1
        degree[v] = count


@kernel
def sort_by_level(
    order: NDArray[np.int32],
    position: NDArray[np.int32],
    begin: NDArray[np.int32],
    level: NDArray[np.int32],
    start: NDArray[np.int32],
) -> None:
    """Sort vertices by level, those of one level as in `start`; level d begins at `begin[d]`."""
    begin[:] = 0
    for v in range(level.size):
        begin[level[v] + 1] += 1
    for d in range(1, begin.size):
        begin[d] += begin[d - 1]
    for v in start:
        position[v] = begin[level[v]]
        order[position[v]] = v
        begin[level[v]] += 1
    for d in range(begin.size - 1, 0, -1):
        begin[d] = begin[d - 1]
    begin[0] = 0


@kernel
def swap(order: NDArray[np.int32], position: NDArray[np.int32], v: int, k: int) -> None:
    """Exchange `v` with the vertex at place k."""
    other = order[k]
    order[position[v]] = other
    position[other] = position[v]
    order[k] = v
    position[v] = k


@kernel
def dynamic_order(
    order: NDArray[np.int32],
    degree: NDArray[np.int32],
    start: NDArray[np.int32],
    first_ptr: NDArray[np.int32],
    first_index: NDArray[np.int32],
    second_ptr: NDArray[np.int32],
    second_index: NDArray[np.int32],
    take_largest: bool,
    step: int,
) -> None:
    """Take vertices by current degree; each one taken moves its free neighbors by `step`.

    ``take_largest, step = False, -1`` with full degrees, reversed, is smallest last; ``True, -1``
    is dynamic largest first, and ``True, 1`` from degree zero incidence degree, both reversed: the
    largest are taken from the end. `degree` is consumed. Free vertices are kept sorted by degree,
    and a change by one is one exchange with the first or last of the same degree.

    Batagelj, Zaversnik (2003), "An O(m) algorithm for cores decomposition of networks", arXiv
    cs/0310049, for keeping them sorted.
    """
    n = order.size
    position = np.empty(n, dtype=np.int32)
    begin = np.empty(n + 2, dtype=np.int32)
    sort_by_level(order, position, begin, degree, start)
    # The vertex last treated that is a neighbor; n once taken.
    seen = np.full(n, -1, dtype=np.int32)
    low, high = 0, n
    for _ in range(n):
        if take_largest:
            high -= 1
            v = order[high]
        else:
            v = order[low]
            low += 1
        seen[v] = n
        for p in range(first_ptr[v], first_ptr[v + 1]):
            w = first_index[p]
            for q in range(second_ptr[w], second_ptr[w + 1]):
                u = second_index[q]
                if seen[u] == v or seen[u] == n:
                    continue
                seen[u] = v
                d = degree[u]
                degree[u] = d + step
                if step > 0:
                    last = min(begin[d + 1], high) - 1
                    swap(order, position, u, last)
                    begin[d + 1] = last
                else:
                    first = max(begin[d], low)
                    swap(order, position, u, first)
                    begin[d] = first + 1
                    begin[d - 1] = max(begin[d - 1], min(low, first))


@kernel
def lexicographic_order(
    order: NDArray[np.int32],
    start: NDArray[np.int32],
    first_ptr: NDArray[np.int32],
    first_index: NDArray[np.int32],
    second_ptr: NDArray[np.int32],
    second_index: NDArray[np.int32],
) -> None:
    """Search breadth first, lexicographically: reversed, it eliminates a chordal graph perfectly.

    The vertices lie in *cells*, runs of `order` whose members have the same neighbors among those
    taken. The next vertex is the first of the first cell; in each cell, its neighbors move ahead
    and become a cell of their own.

    Rose, Tarjan, Lueker (1976), "Algorithmic aspects of vertex elimination on graphs", SIAM Journal
    on Computing 5(2), section 5.2.
    """
    n = order.size
    position = np.empty(n, dtype=np.int32)
    for k in range(n):
        order[k] = start[k]
        position[start[k]] = k
    cell = np.zeros(n, dtype=np.int32)
    # A split adds a cell that is not empty, and a vertex taken empties one at most.
    begin = np.zeros(2 * n + 2, dtype=np.int32)
    end = np.zeros(2 * n + 2, dtype=np.int32)
    moved = np.zeros(2 * n + 2, dtype=np.int32)
    end[0] = n
    ncells = 1
    touched = np.empty(n, dtype=np.int32)
    seen = np.full(n, -1, dtype=np.int32)
    for k in range(n):
        v = order[k]
        begin[cell[v]] = k + 1
        seen[v] = v
        ntouched = 0
        for p in range(first_ptr[v], first_ptr[v + 1]):
            w = first_index[p]
            for q in range(second_ptr[w], second_ptr[w + 1]):
                u = second_index[q]
                if seen[u] == v:
                    continue
                seen[u] = v
                if position[u] < k:
                    continue
                c = cell[u]
                if moved[c] == 0:
                    touched[ntouched] = c
                    ntouched += 1
                ahead = begin[c] + moved[c]
                moved[c] += 1
                other = order[ahead]
                order[position[u]] = other
                position[other] = position[u]
                order[ahead] = u
                position[u] = ahead
        for t in range(ntouched):
            c = touched[t]
            middle = begin[c] + moved[c]
            moved[c] = 0
            if middle == end[c]:
                continue
            for r in range(begin[c], middle):
                cell[order[r]] = ncells
            begin[ncells] = begin[c]
            end[ncells] = middle
            begin[c] = middle
            ncells += 1


@kernel
def saturation_order(
    order: NDArray[np.int32],
    start: NDArray[np.int32],
    first_ptr: NDArray[np.int32],
    first_index: NDArray[np.int32],
    second_ptr: NDArray[np.int32],
    second_index: NDArray[np.int32],
    most_words: int,
) -> None:
    """Take the vertex whose neighbors have most colors, and give it the first that is free.

    The vertices come out in reverse, each at its end of `order`; at first the last one in `start`
    is taken. The colors near each vertex are a row of bits; colors for which there is no room in
    `most_words` words of memory are not counted.

    Brelaz (1979), "New methods to color the vertices of a graph", Communications of the ACM 22(4).
    """
    n = order.size
    width = 1
    near = np.zeros((n, width), dtype=np.uint64)
    one = np.uint64(1)
    saturation = np.zeros(n, dtype=np.int32)
    position = np.empty(n, dtype=np.int32)
    begin = np.empty(n + 2, dtype=np.int32)
    sort_by_level(order, position, begin, saturation, start)
    free = np.ones(n, dtype=np.bool_)
    for high in range(n - 1, -1, -1):
        v = order[high]
        free[v] = False
        color = 0
        while color < 64 * width and (near[v, color // 64] >> np.uint64(color % 64)) & one:
            color += 1
        if color == 64 * width:
            if 2 * width * n > most_words:
                continue
            wider = np.zeros((n, 2 * width), dtype=np.uint64)
            wider[:, :width] = near
            near = wider
            width *= 2
        word = color // 64
        bit = one << np.uint64(color % 64)
        for p in range(first_ptr[v], first_ptr[v + 1]):
            w = first_index[p]
            for q in range(second_ptr[w], second_ptr[w + 1]):
                u = second_index[q]
                if not free[u] or near[u, word] & bit:
                    continue
                near[u, word] |= bit
                d = saturation[u]
                saturation[u] = d + 1
                last = min(begin[d + 1], high) - 1
                swap(order, position, u, last)
                begin[d + 1] = last
