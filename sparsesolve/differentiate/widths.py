"""Widths: how many inputs each slot of a program reads, and how many terms a list would hold.

Separate from `cuts`, which chooses by them: they are bounds from above, found in one pass without
any set of inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ir.program import Index, Kernel, Opaque, Program, Slots

__all__ = ["Choice", "Counts", "Mask", "add_to", "widths"]

Counts = NDArray[np.float64]
Mask = NDArray[np.bool_]
Choice: TypeAlias = Callable[[Kernel, int, Counts], Mask]
"""Which outputs of a kernel are cut, from the first of their slots and their widths."""


def widths(program: Program, choose: Choice | None) -> tuple[Counts, Slots, float]:
    """Bound how many inputs each slot reads, and how many terms a list would have.

    Parameters
    ----------
    program : Program
        A fused program.
    choose : callable, optional
        Which slots are cut: they count as one input for what reads them.

    Returns
    -------
    widths : ndarray, shape (n_slots,)
        Of all slots; that of a cut is its own.
    cuts : ndarray of int32
        Increasing.
    terms : float
        Of the chain rule.
    """
    n, terms = program.n, 0.0
    width = np.zeros(program.n_slots)
    width[:n] = 1.0
    found = width.copy()
    cuts = [np.empty(0, dtype=np.int64)]
    for step in program.instructions:
        loads = step.loads if isinstance(step, Kernel) else step.operands
        if isinstance(step, Opaque):
            total = min(float(n), sum(float(width[i.to_array()].sum()) for i in loads))
            width[step.start : step.stop] = found[step.start : step.stop] = total
            terms += total * step.length
            continue
        counts = np.zeros(step.length)
        for index in loads:
            counts += width[index.start] if _reads_one(index) else width[index.to_array()]
        terms += float(counts.sum()) * len(step.outputs)
        rows = np.minimum(_summed(step, counts), n)
        for k in range(len(step.outputs)):
            first = step.start + k * step.rows
            found[first : first + step.rows] = width[first : first + step.rows] = rows
            if choose is not None:
                wide = np.flatnonzero(choose(step, first, rows)) + first
                width[wide] = 1.0
                cuts.append(wide)
    return found, np.sort(np.concatenate(cuts)).astype(np.int32), terms


def add_to(counts: Counts, index: Index, terms: Counts) -> None:
    """Add the terms at all points to what a load reads there."""
    if _reads_one(index):
        counts[index.start] += terms.sum()
    else:
        np.add.at(counts, index.to_array(), terms)


def _reads_one(index: Index) -> bool:
    """Whether a load reads one slot at all points."""
    return index.array is None and index.stride == 0


def _summed(step: Kernel, counts: Counts) -> Counts:
    """Sum over the segments of a kernel, if it has any."""
    if step.segments is None:
        return counts
    total = np.concatenate([[0.0], np.cumsum(counts)])
    return np.asarray(total[step.segments[1:]] - total[step.segments[:-1]])
