"""Detect: Program -> sparsity pattern of its Jacobian, without values.

Separate from `differentiate` because a pattern is cheaper than a program of nonzeros where large
dense blocks meet: there the index sets are multiplied as boolean sparse matrices instead of being
listed term by term. Patterns hold at every x. They may be too dense, never too sparse.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sparsesolve.differentiate import TooManyTerms, jacobian_pattern
from sparsesolve.differentiate.index_sets import (
    index_sets,
    loads_by_output,
    members_of,
    pattern_of,
    sets_of,
    united,
)
from sparsesolve.differentiate.rows import Entries, Rows
from sparsesolve.differentiate.trips import Trips, dependence
from sparsesolve.errors import StructureTooLarge
from sparsesolve.ir.program import Kernel, Opaque, Program, Slots
from sparsesolve.ir.recurrence import Recurrence, distinct
from sparsesolve.structure.pattern import Pattern

__all__ = ["boolean_pattern", "is_full", "jacobian_structure"]

# no index of a sparse matrix reaches further
_MOST_ENTRIES = 2**31 - 1


def jacobian_structure(program: Program) -> Pattern:
    """Find which entries of a program's Jacobian may be nonzero at any x.

    Parameters
    ----------
    program : Program
        A fused program with ``m`` outputs and ``n`` inputs.

    Returns
    -------
    Pattern, shape (m, n)
        Tight: entries that cancel, or are zero times something, are left out.

    Notes
    -----
    Linear in the number of chain-rule terms; where these are too many, the time of a few boolean
    sparse matrix products, without cancellation.
    """
    try:
        return jacobian_pattern(program)
    except TooManyTerms:
        return boolean_pattern(program)


def boolean_pattern(program: Program) -> Pattern:
    """Propagate index sets through a program: as bits, or by one sparse product a kernel."""
    sets = index_sets(program)
    if sets is not None:
        return pattern_of(program, sets)
    rows = Rows(program.n, program.n_slots, 0)
    for step in program.instructions:
        if isinstance(step, Kernel):
            for k, loads in enumerate(loads_by_output(step)):
                if loads:
                    rows.store(step.start + k * step.rows, _union(rows, step, loads, program.n))
        elif isinstance(step, Recurrence):
            rows.store(step.start, _trips(rows, step))
        else:
            rows.store(step.start, _dense_block(rows, step))
    entries = rows.gather(program.outputs)
    matrix = _matrix(entries, program.n)
    return Pattern.from_scipy(matrix)


def is_full(program: Program) -> bool:
    """Whether every output depends on every input, as far as two kinds of slots tell.

    Those are slots that depend on one input alone, and results of calls that read all inputs.
    """
    full = np.zeros(program.n_slots, dtype=bool)
    single = np.full(program.n_slots, -1)  # -1 for none, -2 for several
    single[: program.n] = np.arange(program.n)
    for step in program.instructions:
        if isinstance(step, Kernel):
            for k, loads in enumerate(loads_by_output(step)):
                rows = slice(step.start + k * step.rows, step.start + (k + 1) * step.rows)
                full[rows] = _summed(step, sum(full[ids] for ids in loads))
                single[rows] = -2 if step.segments is not None else _common(single, loads)
        elif not isinstance(step, Recurrence):
            read = np.concatenate([index.to_array() for index in step.operands])
            inputs = np.unique(single[read])
            reads_all = np.count_nonzero(inputs >= 0) == program.n
            full[step.start : step.stop] = reads_all or full[read].any()
            single[step.start : step.stop] = -2
        else:
            single[step.start : step.stop] = -2
    return bool(full[program.outputs].all())


def _summed(step: Kernel, found: Any) -> Any:
    if step.segments is None:
        return found
    total = np.concatenate([[0], np.cumsum(np.broadcast_to(found, step.length))])
    return total[step.segments[1:]] > total[step.segments[:-1]]


def _common(single: Slots, loads: list[Slots]) -> Any:
    """Return the one input that some loads have in common, -1 or -2."""
    result: Any = -1
    for ids in loads:
        here = single[ids]
        same = (here == result) | (here == -1)
        result = np.where(same, result, np.where(np.equal(result, -1), here, -2))
    return result


def _union(rows: Rows, step: Kernel, loads: list[Slots], n: int) -> Entries:
    """Union, row by row, of the index sets of all that is read."""
    ids = np.stack(loads, axis=1).reshape(-1)
    segments = np.arange(step.length + 1) if step.segments is None else step.segments
    distinct, place = np.unique(ids, return_inverse=True)
    shape = (step.rows, distinct.size)
    picked = sp.csr_array((np.ones(ids.size), place, segments * len(loads)), shape=shape)
    matrix = _matrix(rows.gather(distinct), n)
    most = np.minimum(picked @ np.diff(matrix.indptr).astype(np.float64), n).sum()
    if most > _MOST_ENTRIES:
        raise StructureTooLarge(
            f"a structure of up to {most:.2g} entries cannot be stored: the matrix is dense, or "
            "nearly. Use products with it (`hvp`, `jvp`, `vjp`), or solvers that need no matrix."
        )
    product = picked @ matrix
    return _entries(product)


def _trips(rows: Rows, step: Recurrence) -> Entries:
    """Index sets of a recurrence, trip by trip."""
    trips = Trips(step)
    inputs = step.inputs()
    outer, where = distinct(inputs[~trips.own])
    given = rows.gather(outer)
    columns, at = np.unique(given.columns, return_inverse=True)
    known = sets_of(given.indptr, at, columns.size)
    number = np.zeros(inputs.shape, dtype=np.intp)
    number[~trips.own] = where
    found = np.zeros((step.length, known.shape[1]), dtype=np.uint64)
    depends = sp.csr_array(dependence(trips.body))
    before = made = np.empty((0, 0), dtype=np.uint64)
    for trip, own in enumerate(trips.own):
        read = known[number[trip]] if outer.size else np.zeros((own.size, 0), dtype=np.uint64)
        read[own] = found[~step.sources[trip, own]]
        if not np.array_equal(read, before):  # index sets grow for some trips, then stay
            before, made = read, united(read, depends.indptr, depends.indices)
        found[trips.at[trip]] = made
    row, column = members_of(found)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=step.length))])
    slots = np.zeros(column.size, dtype=np.int32)
    return Entries(indptr, columns[column].astype(np.int32), slots)


def _dense_block(rows: Rows, step: Opaque) -> Entries:
    """Index sets of an opaque call: every output depends on all that is read."""
    read = [rows.gather(index.to_array()).columns for index in step.operands]
    columns = np.unique(np.concatenate(read)).astype(np.int32)
    indptr = np.arange(step.length + 1, dtype=np.int64) * columns.size
    columns = np.tile(columns, step.length)
    return Entries(indptr, columns, np.zeros(columns.size, dtype=np.int32))


def _matrix(entries: Entries, n: int) -> sp.csr_array:
    data = np.ones(entries.columns.size)
    shape = (entries.indptr.size - 1, n)
    return sp.csr_array((data, entries.columns, entries.indptr), shape=shape)


def _entries(matrix: sp.csr_array) -> Entries:
    columns = matrix.indices.astype(np.int32)
    return Entries(matrix.indptr.astype(np.int64), columns, np.zeros(columns.size, dtype=np.int32))
