"""Degrees and dynamic vertex orders for greedy coloring, in time linear in the walks they follow.

Separate because it needs Numba, which is loaded only when a coloring is computed. A graph is given
by two index structures: the neighbors of v are the vertices reached from v through `first` and
then `second`. Columns that share a row: `first` = CSC, `second` = CSR. Plain adjacency: `second` is
the identity.

Gebremedhin, Manne, Pothen (2005), "What color is your Jacobian?", SIAM Review 47(4), section 4;
Matula, Beck (1983), "Smallest-last ordering", Journal of the ACM 30(3).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["count_neighbors", "dynamic_order"]


@njit(cache=True)
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


@njit(cache=True)
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
    is dynamic largest first; ``True, 1`` from degree zero is incidence degree. `degree` is
    consumed. Ties go to the vertex moved last, at first to the earliest in `start`.
    """
    n = order.size
    head = np.full(n + 1, -1, dtype=np.int32)
    after = np.full(n, -1, dtype=np.int32)
    before = np.full(n, -1, dtype=np.int32)
    for k in range(n - 1, -1, -1):
        v = start[k]
        d = degree[v]
        after[v] = head[d]
        if head[d] >= 0:
            before[head[d]] = v
        head[d] = v
    free = np.ones(n, dtype=np.bool_)
    seen = np.full(n, -1, dtype=np.int32)
    level = n - 1 if take_largest else 0
    for k in range(n):
        while head[level] < 0:
            level += -1 if take_largest else 1
        v = head[level]
        head[level] = after[v]
        if after[v] >= 0:
            before[after[v]] = -1
        free[v] = False
        seen[v] = v
        order[k] = v
        for p in range(first_ptr[v], first_ptr[v + 1]):
            w = first_index[p]
            for q in range(second_ptr[w], second_ptr[w + 1]):
                u = second_index[q]
                if seen[u] == v:
                    continue
                seen[u] = v
                if not free[u]:
                    continue
                if before[u] >= 0:
                    after[before[u]] = after[u]
                else:
                    head[degree[u]] = after[u]
                if after[u] >= 0:
                    before[after[u]] = before[u]
                degree[u] += step
                d = degree[u]
                before[u] = -1
                after[u] = head[d]
                if head[d] >= 0:
                    before[head[d]] = u
                head[d] = u
        # One step changes a degree by one, so the search resumes one bucket away at most.
        if step > 0:
            level = min(level + 1, n)
        elif not take_largest:
            level = max(level - 1, 0)
