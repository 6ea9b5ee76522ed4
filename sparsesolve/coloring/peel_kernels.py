"""From colors to the order in which nonzeros can be read: peeling sums with one unknown left.

Separate because it needs Numba, and because the recovery knows nothing of how colors were found.
Every entry of a compressed product is a *sum* of the unknown nonzeros of one row that share a
color. An unknown lies in one sum (its column is colored), or in two (symmetric, bidirectional).

Coleman, Cai (1986), "The cyclic coloring problem and estimation of sparse Hessian matrices", SIAM
Journal on Algebraic Discrete Methods 7(2), for the substitution; the peeling with a running XOR is
the way erasure codes find the last unknown of a sum.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.coloring.kernels import kernel

__all__ = ["number_sums", "peel", "substitute"]


@kernel
def number_sums(
    sums: NDArray[np.int32],
    ptr: NDArray[np.int32],
    index: NDArray[np.int32],
    colors: NDArray[np.int32],
    ncolors: int,
    start: int,
) -> int:
    """Give numbers to the pairs (row, color of column), from `start`; -1 where there is no color.

    Returns the first number not used.
    """
    owner = np.full(ncolors, -1, dtype=np.int32)
    number = np.empty(ncolors, dtype=np.int32)
    following = start
    for i in range(ptr.size - 1):
        for p in range(ptr[i], ptr[i + 1]):
            c = colors[index[p]]
            if c < 0:
                sums[p] = -1
                continue
            if owner[c] != i:
                owner[c] = i
                number[c] = following
                following += 1
            sums[p] = number[c]
    return following


@kernel
def peel(
    order: NDArray[np.int32],
    chosen: NDArray[np.int32],
    target: NDArray[np.int32],
    first_sum: NDArray[np.int32],
    second_sum: NDArray[np.int32],
    nsums: int,
) -> int:
    """Solve, again and again, a sum with one unknown left.

    Writes the unknowns in the order solved, for each which of its sums gave it (0 or 1), and the
    unknown from which its value has to be subtracted afterwards (-1 for none). Sums that start
    with one unknown are taken first, so a star coloring is read without any subtraction.

    Returns how many unknowns could be solved.
    """
    unknowns = first_sum.size
    left = np.zeros(nsums, dtype=np.int32)
    mixed = np.zeros(nsums, dtype=np.int32)
    for e in range(unknowns):
        s = first_sum[e]
        if s >= 0:
            left[s] += 1
            mixed[s] ^= e
        s = second_sum[e]
        if s >= 0:
            left[s] += 1
            mixed[s] ^= e
    queue = np.empty(nsums, dtype=np.int32)
    solved_by = np.full(nsums, -1, dtype=np.int32)
    tail = 0
    for s in range(nsums):
        if left[s] == 1:
            queue[tail] = s
            tail += 1
    head = 0
    solved = 0
    while head < tail:
        s = queue[head]
        head += 1
        if left[s] != 1:
            continue
        e = mixed[s]
        left[s] = 0
        solved_by[s] = e
        order[solved] = e
        solved += 1
        chosen[e] = 0 if first_sum[e] == s else 1
        other = second_sum[e] if first_sum[e] == s else first_sum[e]
        if other >= 0:
            left[other] -= 1
            mixed[other] ^= e
            if left[other] == 1:
                queue[tail] = other
                tail += 1
    for k in range(solved):
        e = order[k]
        other = second_sum[e] if chosen[e] == 0 else first_sum[e]
        target[e] = solved_by[other] if other >= 0 else -1
    return solved


@kernel
def substitute(values: NDArray, steps: NDArray[np.int32], targets: NDArray[np.int32]) -> None:  # type: ignore[type-arg]
    """Subtract each solved unknown from the one that waits for it, in order."""
    for k in range(steps.size):
        values[targets[k]] -= values[steps[k]]
