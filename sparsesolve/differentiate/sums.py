"""Sums of runs of slots, written so that they fuse.

The chain rule (`rows`) and the adjoint both end in sums of few terms for many
rows: equally long runs become `add` maps over index arrays, only long ones become segmented sums.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Slots

__all__ = ["sum_runs"]

_FEW = 32  # fewer runs of one length than this join the segmented sum: one kernel, not many


def sum_runs(b: Builder, members: Slots, sizes: NDArray[np.int64], *, unroll: int) -> Slots:
    """Slot of the sum of each run of consecutive members.

    Parameters
    ----------
    b : Builder
        Gets the instructions.
    members : ndarray of int32
        Slots, run behind run.
    sizes : ndarray of int, shape (runs,)
        Length of each run; may be zero.
    unroll : int
        Runs up to this length become `add` maps, where many have it.

    Returns
    -------
    ndarray of int32, shape (runs,)
        The member itself for a run of one; the slot of 0.0 for an empty run.
    """
    first = np.cumsum(sizes) - sizes
    sums = np.full(sizes.size, b.scalar(0.0), dtype=np.int32)
    left = sizes > 0
    for size, count in enumerate(np.bincount(sizes, minlength=1)[: unroll + 1]):
        if size == 0 or (size > 1 and count < _FEW):
            continue
        at = np.flatnonzero(sizes == size)
        total = members[first[at]]
        for k in range(1, size):
            total = b.map("add", total, members[first[at] + k])
        sums[at] = total
        left[at] = False
    if left.any():
        segments = np.concatenate([[0], np.cumsum(sizes[left])])
        sums[left] = b.reduce(members[np.repeat(left, sizes)], segments)
    return sums
