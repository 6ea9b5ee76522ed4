"""Sums of runs of slots, written so that they fuse.

Separate because the chain rule (`rows`) and the adjoint both end in sums of few terms for many
rows: equally long runs become `add` maps over index arrays, only long ones become segmented sums.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.builder import Builder
from sparsesolve.program import Slots

__all__ = ["sum_runs"]


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
        Runs up to this length become `add` maps.

    Returns
    -------
    ndarray of int32, shape (runs,)
        The member itself for a run of one; the slot of 0.0 for an empty run.
    """
    first = np.cumsum(sizes) - sizes
    sums = np.full(sizes.size, -1, dtype=np.int32)
    for size in np.flatnonzero(np.bincount(sizes, minlength=1)[: unroll + 1]):
        at = np.flatnonzero(sizes == size)
        if size == 0:
            sums[at] = b.scalar(0.0)
            continue
        total = members[first[at]]
        for k in range(1, int(size)):
            total = b.map("add", total, members[first[at] + k])
        sums[at] = total
    long = np.flatnonzero(sizes > unroll)
    if long.size:
        segments = np.concatenate([[0], np.cumsum(sizes[long])])
        sums[long] = b.reduce(members[np.repeat(sizes > unroll, sizes)], segments)
    return sums
