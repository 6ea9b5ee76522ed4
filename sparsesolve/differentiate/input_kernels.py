"""Entries of kernels that load the input itself: no chain rule, no sums, no sort.

It is the common case of large stencils and collocations, and the fast one: the
loads' index arrays are the columns, side by side one row a point. Only rows whose loads are not in
increasing order are sorted (boundaries, wrapped neighbors).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.differentiate.rows import Entries, Rows
from sparsesolve.ir.program import Slots

__all__ = ["Load", "in_column_order", "input_kernel_entries"]

Mask: TypeAlias = NDArray[np.bool_]
Load: TypeAlias = tuple[Slots, Slots, Mask | None]
_GOLDEN = 0.6180339887498949


def input_kernel_entries(rows: Rows, n: int, loads: Sequence[Load]) -> Entries | None:
    """Make the entries of a kernel's output from its loads.

    Parameters
    ----------
    rows : Rows
        The rows of all slots so far.
    n : int
        Slots below are the input.
    loads : sequence of (ids, slots, vanishing)
        For each load with a derivative: what it reads, the slots of the local partials, and where
        these are known to be zero; each of shape (length,).

    Returns
    -------
    Entries or None
        None where a load reads an intermediate with a derivative, or two loads read one element:
        then terms must be multiplied or summed.
    """
    length = loads[0][0].size
    loads = in_column_order(loads)
    columns = np.empty((length, len(loads)), dtype=np.int32)
    slots = np.empty((length, len(loads)), dtype=np.int32)
    holes = False
    for k, (ids, partial, vanishing) in enumerate(loads):
        columns[:, k] = ids
        slots[:, k] = partial
        if int(ids.max()) >= n:
            outside = ids >= n
            if rows.count[ids[outside]].any():
                return None
            columns[outside, k] = n
            holes = True
        if vanishing is not None:
            columns[vanishing, k] = n
            holes = True
    if not _sort_rows(columns, slots, n):
        return None
    if not holes:
        indptr = np.arange(0, columns.size + 1, len(loads), dtype=np.int64)
        return Entries(indptr, columns.reshape(-1), slots.reshape(-1))
    valid = columns < n
    indptr = np.zeros(length + 1, dtype=np.int64)
    np.cumsum(valid.sum(axis=1), out=indptr[1:])
    return Entries(indptr, columns[valid], slots[valid])


def in_column_order(loads: Sequence[Load]) -> list[Load]:
    """Order loads so that most rows read increasing slots: by the median at scattered points."""
    if len(loads) == 1:
        return list(loads)
    length = loads[0][0].size
    points = (np.arange(1, 16) * _GOLDEN % 1.0 * length).astype(np.int64)
    if length == 1:
        return sorted(loads, key=lambda load: int(load[0][0]))
    middle = np.sort([load[0][points] for load in loads], axis=1)[:, points.size // 2]
    return [loads[k] for k in np.argsort(middle, kind="stable")]


def _sort_rows(columns: NDArray[np.int32], slots: Slots, n: int) -> bool:
    """Sort each row by column, in place; whether no column appears twice in a row."""
    unsorted = np.zeros(columns.shape[0], dtype=bool)
    for k in range(1, columns.shape[1]):
        unsorted |= columns[:, k] <= columns[:, k - 1]
    if not unsorted.any():
        return True
    chosen = np.flatnonzero(unsorted)
    part = columns[chosen]
    order = np.argsort(part, axis=1, kind="stable")
    part = np.take_along_axis(part, order, axis=1)
    if ((part[:, 1:] == part[:, :-1]) & (part[:, 1:] < n)).any():
        return False
    columns[chosen] = part
    slots[chosen] = np.take_along_axis(slots[chosen], order, axis=1)
    return True
