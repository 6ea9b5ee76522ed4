"""Entries of kernels whose points all look alike: the chain rule without a sort.

It is a second way to do what `rows.combine` does for any terms. Where every load
of a kernel reads rows of one length, the terms form *streams*: one array of columns, local partials
and inner entries over all points. Whether two streams hit the same columns, or one lies to the left
of the other, is then a comparison of whole arrays; a handful of streams replaces a sort of all
terms, and the sums and products read consecutive slots, so that they fuse.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sparsesolve.differentiate.input_kernels import Load
from sparsesolve.differentiate.rows import ConstantTable, Entries, Gates, Rows
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.dataclass import dataclass
from sparsesolve.ir.program import Slots

__all__ = ["stream_entries"]

_MOST = 64  # streams; more of them are sorted faster all at once
_LEAST_POINTS = 2  # for each stream: a program of many short loops is slow to prepare

Number = float | NDArray[np.float64] | None


@dataclass(frozen=True, slots=True)
class _Factor:
    """Slots of one factor at every point, and its values where they are numbers at all points."""

    slots: Slots
    number: Number


@dataclass(frozen=True, slots=True)
class _Stream:
    columns: NDArray[np.int32]
    a: _Factor
    d: _Factor


class _Irregular(Exception):
    """The points do not look alike; not an error."""


def stream_entries(
    b: Builder,
    constants: ConstantTable,
    gates: Gates,
    rows: Rows,
    n: int,
    loads: Sequence[Load],
) -> Entries | None:
    """Make the entries of a kernel's output by the chain rule, if all its points look alike.

    Parameters
    ----------
    b : Builder
        Gets the sums and products.
    constants : ConstantTable
        Values of constant slots.
    gates : Gates
        Which partials are choices.
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
        None where points differ in the number or in the order of their terms.

    Notes
    -----
    Time is linear in the number of terms: comparisons of arrays, no sort.
    """
    try:
        streams = _streams(constants, rows, n, loads)
        groups = _groups(streams)
        return _summed(b, gates, groups, loads[0][0].size)
    except _Irregular:
        return None


def _streams(constants: ConstantTable, rows: Rows, n: int, loads: Sequence[Load]) -> list[_Stream]:
    """List the terms that every point has, without those that are zero."""
    streams: list[_Stream] = []
    most = min(_MOST, loads[0][0].size // _LEAST_POINTS)
    for ids, partial, vanishing in loads:
        if vanishing is not None and vanishing.any():
            raise _Irregular
        a = _factor(constants, partial)
        if not _is_zero(a):
            streams.extend(
                _Stream(columns, a, d)
                for columns, d in _inner(constants, rows, n, ids)
                if not _is_zero(d)
            )
        if len(streams) > most:
            raise _Irregular
    return streams


def _inner(
    constants: ConstantTable, rows: Rows, n: int, ids: Slots
) -> list[tuple[NDArray[np.int32], _Factor]]:
    """Columns and values of the rows that a load reads, entry by entry."""
    if int(ids.max()) < n:
        return [(ids, _Factor(np.broadcast_to(np.int32(rows.one), ids.shape), 1.0))]
    count = rows.count[ids]
    width = int(count[0])
    if not (count == width).all():
        raise _Irregular
    if width > _MOST:
        raise _Irregular
    first = rows.first[ids]
    found = (rows.at(first + k) for k in range(width))
    return [(columns, _factor(constants, slots)) for columns, slots in found]


def _factor(constants: ConstantTable, slots: Slots) -> _Factor:
    """Look up whether slots hold numbers: at all points or at none."""
    if not constants.any_at(slots):
        return _Factor(slots, None)
    if (slots == slots[0]).all():
        value = float(constants(slots[:1])[0])
        return _Factor(slots, None if np.isnan(value) else value)
    values = constants(slots)
    unknown = np.isnan(values)
    if unknown.all():
        return _Factor(slots, None)
    if unknown.any():
        raise _Irregular
    return _Factor(slots, values)


def _is_zero(factor: _Factor) -> bool:
    """Whether a factor is zero at all points; zero at some of them is irregular."""
    if factor.number is None:
        return False
    zero = np.equal(factor.number, 0.0)
    if zero.any() and not zero.all():
        raise _Irregular
    return bool(zero.all())


def _groups(streams: list[_Stream]) -> list[list[_Stream]]:
    """Put streams of equal columns together, in the order of columns."""
    groups: list[list[_Stream]] = []
    for stream in sorted(streams, key=lambda s: int(s.columns[0])):
        if groups:
            last = groups[-1][0].columns
            if stream.columns is last or np.array_equal(stream.columns, last):
                groups[-1].append(stream)
                continue
            if not (stream.columns > last).all():
                raise _Irregular
        groups.append([stream])
    return groups


def _summed(b: Builder, gates: Gates, groups: list[list[_Stream]], length: int) -> Entries:
    """Sum each group and lay the results side by side, one row a point."""
    found = []
    for group in groups:
        slots = _sum(b, gates, group)
        if slots is not None:
            found.append((group[0].columns, slots))
    columns = np.empty((length, len(found)), dtype=np.int32)
    slots_of = np.empty((length, len(found)), dtype=np.int32)
    for k, (column, slots) in enumerate(found):
        columns[:, k] = column
        slots_of[:, k] = slots
    indptr = np.arange(0, columns.size + 1, len(found) or 1, dtype=np.int64)
    if not found:
        indptr = np.zeros(length + 1, dtype=np.int64)
    return Entries(indptr, columns.reshape(-1), slots_of.reshape(-1))


def _sum(b: Builder, gates: Gates, group: list[_Stream]) -> Slots | None:
    """Slots of the sum of a group's terms; None where it is zero at all points."""
    total: Slots | None = None
    number: float | NDArray[np.float64] = 0.0
    for stream in group:
        if stream.a.number is not None and stream.d.number is not None:
            number = number + stream.a.number * stream.d.number
            continue
        term = _product(b, gates, stream.a, stream.d)
        total = term if total is None else b.map("add", total, term)
    zero = np.equal(number, 0.0)
    if zero.all():
        return total
    if total is not None:
        return b.map("add", total, b.constant(np.broadcast_to(number, total.shape)))
    if zero.any():
        raise _Irregular
    return b.constant(np.broadcast_to(number, group[0].columns.shape))


def _product(b: Builder, gates: Gates, a: _Factor, d: _Factor) -> Slots:
    """Slots of one term, of which at most one factor is a number."""
    if isinstance(a.number, float) and a.number == 1.0:
        return d.slots
    if isinstance(d.number, float) and d.number == 1.0:
        return a.slots
    return gates.product(b, a.slots, d.slots)
