"""Index sets as bits: which inputs each slot of a program depends on.

Separate from `detect`, which multiplies sparse matrices: where blocks are wide, sixty-four inputs a
word are united in the time of one, and how many terms a list would have is counted before any is
listed.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.differentiate.kernel_reverse import reverse
from sparsesolve.ir.expression import Expressions
from sparsesolve.ir.program import Kernel, Opaque, Program, Slots
from sparsesolve.ir.recurrence import Recurrence
from sparsesolve.structure.pattern import Pattern

__all__ = [
    "Sets",
    "index_sets",
    "loads_by_output",
    "members_of",
    "pattern_of",
    "sets_of",
    "terms_to_list",
    "united",
]

Sets: TypeAlias = NDArray[np.uint64]
"""A row of words for each slot; bit j of the row stands for input j."""
Ids: TypeAlias = NDArray[np.integer[Any]]

_BITS = 64
_MOST_WORDS = 2**24
_AT_ONCE = 2**21  # words of what is read at once


def index_sets(program: Program, *, roughly: bool = False) -> Sets | None:
    """Return the inputs that each slot depends on, at most.

    Parameters
    ----------
    program : Program
        A fused program.
    roughly : bool, default False
        Whether all that a kernel reads counts, whatever its derivative.

    Returns
    -------
    ndarray of uint64, shape (n_slots, words), or None
        None where that would be too large, and where there are loops.
    """
    words = -(-program.n // _BITS)
    loops = any(isinstance(step, Recurrence) for step in program.instructions)
    if loops or program.n_slots * words > _MOST_WORDS:
        return None
    sets = np.zeros((program.n_slots, words), dtype=np.uint64)
    own = np.arange(program.n)
    sets[own, own // _BITS] = np.uint64(1) << (own % _BITS).astype(np.uint64)
    for step in program.instructions:
        if isinstance(step, Opaque):
            read = [np.bitwise_or.reduce(sets[i.to_array()], axis=0) for i in step.operands]
            sets[step.start : step.stop] = np.bitwise_or.reduce(read, axis=0)
            continue
        every = [index.to_array() for index in step.loads]
        read_by = [every] * len(step.outputs) if roughly else loads_by_output(step)
        for k, loads in enumerate(read_by):
            if loads:
                _unite(sets, step, loads, step.start + k * step.rows)
    return sets


def _unite(sets: Sets, step: Kernel, loads: list[Slots], start: int) -> None:
    """Unite the sets of all that an output of a kernel reads, some rows after the other."""
    segments = np.arange(step.length + 1) if step.segments is None else step.segments
    most = max(1, _AT_ONCE // max(1, sets.shape[1]))
    row = 0
    while row < step.rows:
        stop = int(np.searchsorted(segments, segments[row] + most, side="right")) - 1
        stop = min(max(stop, row + 1), step.rows)
        begin, end = int(segments[row]), int(segments[stop])
        if begin < end:
            points = sets[loads[0][begin:end]]
            for ids in loads[1:]:
                points |= sets[ids[begin:end]]
            found, bounds = sets[start + row : start + stop], segments[row : stop + 1] - begin
            if step.segments is None:
                found[:] = points
            else:
                some = np.diff(bounds) > 0
                found[some] = np.bitwise_or.reduceat(points, bounds[:-1][some], axis=0)
        row = stop


def loads_by_output(step: Kernel) -> list[list[Slots]]:
    """List what each output reads with a derivative that is not structurally zero."""
    e = Expressions()
    numbers = e.graft(step.nodes)
    count = len(e.nodes)
    every = set(range(len(step.loads)))
    found = []
    for output in step.outputs:
        pulled = reverse(e, {numbers[output]: e.const(1.0)}, every, count)
        live = [load for load, partial in pulled.items() if e.value(partial) != 0.0]
        found.append([step.loads[load].to_array() for load in live])
    return found


def terms_to_list(program: Program, sets: Sets) -> tuple[float, int, int]:
    """Count the terms of the chain rule, the entries of the largest block, and those of the result.

    None of them vanish here, so these are the most that there can be.

    Parameters
    ----------
    program : Program
        A fused program without loops.
    sets : ndarray
        Its index sets.
    """
    count = np.bitwise_count(sets).sum(axis=1, dtype=np.int64)
    terms, largest = 0.0, 0
    for step in program.instructions:
        largest = max(largest, int(count[step.start : step.stop].sum()))
        if isinstance(step, Kernel):
            terms += sum(float(count[index.to_array()].sum()) for index in step.loads)
        else:
            read = sum(float(count[index.to_array()].sum()) for index in step.operands)
            terms += step.length * read
    return terms, largest, int(count[program.outputs].sum())


def pattern_of(program: Program, sets: Sets) -> Pattern:
    """Return the structure of a program's Jacobian.

    Parameters
    ----------
    program : Program
        A fused program.
    sets : ndarray
        Its index sets.
    """
    most = max(1, _AT_ONCE // max(1, program.n))
    counts, columns = [np.zeros(1, dtype=np.int64)], [np.empty(0, dtype=np.int32)]
    for begin in range(0, program.m, most):
        words = sets[program.outputs[begin : begin + most]]
        octets = words.astype("<u8", copy=False).view(np.uint8)
        bits = np.unpackbits(octets, axis=1, count=program.n, bitorder="little")
        row, column = np.nonzero(bits)
        counts.append(np.bincount(row, minlength=words.shape[0]))
        columns.append(column.astype(np.int32))
    indptr = np.cumsum(np.concatenate(counts)).astype(np.int32)
    return Pattern((program.m, program.n), indptr, np.concatenate(columns))


def sets_of(indptr: Ids, members: Ids, size: int) -> Sets:
    """Make sets of lists of their members.

    Parameters
    ----------
    indptr : ndarray of int, shape (k + 1,)
        Where the list of each set begins, and the end.
    members : ndarray of int
        Less than `size`.
    size : int
        How many members there may be.
    """
    sets = np.zeros((indptr.size - 1, -(-size // _BITS)), dtype=np.uint64)
    rows = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
    bits = np.uint64(1) << (members % _BITS).astype(np.uint64)
    np.bitwise_or.at(sets, (rows, members // _BITS), bits)
    return sets


def united(sets: Sets, indptr: Ids, chosen: Ids) -> Sets:
    """Return unions of some sets: row k is of those that ``chosen[indptr[k]:indptr[k + 1]]`` names.

    No more than some are read at once.
    """
    found = np.zeros((indptr.size - 1, sets.shape[1]), dtype=np.uint64)
    some = np.flatnonzero(np.diff(indptr) > 0)
    most = max(1, _AT_ONCE // max(1, sets.shape[1]))
    begin = 0
    while begin < some.size:
        stop = int(np.searchsorted(indptr[some], indptr[some[begin]] + most))
        stop = max(stop, begin + 1)
        mine = some[begin:stop]
        low, high = int(indptr[mine[0]]), int(indptr[mine[-1] + 1])
        read = sets[chosen[low:high]]
        found[mine] = np.bitwise_or.reduceat(read, indptr[mine] - low, axis=0)
        begin = stop
    return found


def members_of(sets: Sets) -> tuple[Ids, Ids]:
    """List set and member of each bit that is there, set by set."""
    rows, words = np.nonzero(sets)
    octets = np.ascontiguousarray(sets[rows, words]).astype("<u8", copy=False).view(np.uint8)
    at, bit = np.nonzero(np.unpackbits(octets.reshape(-1, 8), axis=1, bitorder="little"))
    return rows[at], words[at] * _BITS + bit
