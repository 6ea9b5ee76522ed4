"""Jacobian rows of a recurrence: a recurrence again, of the rows.

The chain rule would list the trips one by one. The local partials of all trips are
computed at once, as all that the trips read is known by then. The rows of what is fed back obey a
linear recurrence, over the entries that ever exist; those of the other outputs are the chain
rule once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sparsesolve.differentiate.rows import Entries, Rows, Terms
from sparsesolve.differentiate.trips import Trips, finished
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.dataclass import dataclass
from sparsesolve.ir.program import Program, Slots
from sparsesolve.ir.recurrence import append_recurrence, chunks

__all__ = ["Irregular", "Partials", "fed_back", "recurrence_rows"]

_LEAST_FULL = 0.3  # of the entries that exist in some trip: all trips compute all of them
_LARGEST = 20_000_000  # entries, present or not
_FEW = 8  # terms of an entry that are added one by one

Mask = NDArray[np.bool_]
Ids = NDArray[np.intp]
Combine = Callable[[Terms, int], Entries]


class Irregular(Exception):
    """The rows of the trips differ too much; not an error."""


@dataclass(frozen=True, slots=True, eq=False)
class Partials:
    """Local partials: output, input, and slots of shape (trips, partials)."""

    output: Ids
    number: Ids
    slots: Slots

    def some(self, which: Mask | Ids) -> Partials:
        """Return some of them."""
        return Partials(self.output[which], self.number[which], self.slots[:, which])


def recurrence_rows(
    b: Builder,
    rows: Rows,
    combine: Combine,
    trips: Trips,
    inputs: Slots,
    partials: Partials,
) -> Entries:
    """Append what computes the rows of all that a recurrence writes.

    Parameters
    ----------
    b : Builder
        Gets the instructions.
    rows : Rows
        Rows of all that was computed before; gets those of the recurrence.
    combine : callable
        Sums terms, given the number of rows.
    trips : Trips
        Of the recurrence.
    inputs : ndarray of int32, shape (trips, n)
        Slots that each trip gets.
    partials : Partials
        Of a trip.

    Raises
    ------
    Irregular
        If too many rows are too different.
    """
    back = fed_back(trips, partials.number)
    own = trips.own[:, partials.number]
    found: list[Entries] = []
    place: list[Slots] = []
    if back.any():
        mine = back[partials.output]
        fed = _Fed(b, trips, partials.some(mine), np.flatnonzero(back))
        begin = fed.terms(rows, inputs, ~own[:, mine])
        entries = fed.entries(combine(begin, trips.count * fed.width))
        found.append(entries)
        place.append(trips.at[:, back].reshape(-1))
        rows.store(trips.step.start, _block(found, place, trips.step.length))
    other = ~back[partials.output]
    if other.any():
        last = _Fed(b, trips, partials.some(other), np.flatnonzero(~back))
        every = np.ones((trips.count, int(other.sum())), dtype=bool)
        found.append(combine(last.terms(rows, inputs, every), trips.count * last.width))
        place.append(trips.at[:, ~back].reshape(-1))
    return _block(found, place, trips.step.length)


def fed_back(trips: Trips, numbers: Ids) -> Mask:
    """Which outputs later trips read and depend on, by the numbers of inputs with a partial."""
    depends = np.zeros(trips.body.n, dtype=bool)
    depends[numbers] = True
    _, output = trips.source(*np.nonzero(trips.own & depends))
    back = np.zeros(trips.body.m, dtype=bool)
    back[output] = True
    return back


class _Fed:
    """Rows of some outputs of all trips."""

    def __init__(self, b: Builder, trips: Trips, partials: Partials, ports: Ids) -> None:
        self.b = b
        self.trips = trips
        self.partials = partials
        self.ports = ports
        self.width = ports.size
        self.rank = np.full(trips.body.m, -1, dtype=np.intp)
        self.rank[ports] = np.arange(ports.size)

    def terms(self, rows: Rows, inputs: Slots, wanted: Mask) -> Terms:
        """Terms of the partials of some trips with the rows of what is read, known by now."""
        trip, e = np.nonzero(wanted)
        row = trip * self.width + self.rank[self.partials.output[e]]
        read = inputs[trip, self.partials.number[e]]
        return rows.expand(row.astype(np.int32), read, self.partials.slots[trip, e])

    def entries(self, begin: Entries) -> Entries:
        """Rows of what is fed back; `begin` holds what comes from outside."""
        columns, at = np.unique(begin.columns, return_inverse=True)
        shape = (self.trips.count, self.width, columns.size)
        if np.prod(shape, dtype=np.int64) > _LARGEST:
            raise Irregular
        given = np.full((shape[0] * shape[1], shape[2]), -1, dtype=np.int32)
        given[np.repeat(np.arange(given.shape[0]), np.diff(begin.indptr)), at] = begin.slots
        given = given.reshape(shape)
        reads = self.reads()
        exist = self.exist(given >= 0, reads)
        ever = exist.any(axis=0)
        every = exist[:, ever]
        full = float(every.mean()) if every.size else 1.0
        if full < _LEAST_FULL:
            raise Irregular
        slots = np.empty(shape, dtype=np.int32)
        slots[:, ever] = self.append(given, exist, reads)
        indptr = np.concatenate([[0], np.cumsum(exist.sum(axis=2).reshape(-1))])
        return Entries(indptr, columns[np.nonzero(exist)[2]].astype(np.int32), slots[exist])

    def reads(self) -> tuple[Ids, Ids]:
        """Trip and row of what each partial multiplies, (trips, partials); -1 from outside."""
        own = self.trips.own[:, self.partials.number]
        trip, e = np.nonzero(own)
        source, row = np.full(own.shape, -1), np.full(own.shape, -1)
        found = self.trips.source(trip, self.partials.number[e])
        source[trip, e], row[trip, e] = found[0], self.rank[found[1]]
        return source, row

    def exist(self, present: Mask, reads: tuple[Ids, Ids]) -> Mask:
        """Which entries there are: trip by trip, the union of what is read."""
        found = present.copy()
        rank = self.rank[self.partials.output]
        for trip, (source, row) in enumerate(zip(*reads, strict=True)):
            own = source >= 0
            np.logical_or.at(found[trip], rank[own], found[source[own], row[own]])
        return found

    def append(self, given: Slots, exist: Mask, reads: tuple[Ids, Ids]) -> Slots:
        """Append the recurrence of the entries that ever exist; return their slots, trip by trip.

        A trip gets partials, entries that it reads, and what comes from outside.
        """
        ever = exist.any(axis=0)
        source, row = reads
        own = source >= 0
        there = own[:, :, None] & exist[source, row]  # (trips, partials, columns)
        e, column = np.nonzero(there.any(axis=0))
        number = np.full(ever.shape, -1, dtype=np.intp)
        number[ever] = np.arange(int(ever.sum()))
        made = self.body(e, number[self.rank[self.partials.output[e]], column], int(ever.sum()))
        at = self.trips.written(made)
        zero = np.int32(self.b.scalar(0.0))
        sources = np.empty((self.trips.count, made.n), dtype=np.int32)
        for some in chunks(*sources.shape):
            exists = there[some, e, column]  # else both are zero: a partial may be infinite
            factor, read, outside = np.split(sources[some], [e.size, 2 * e.size], axis=1)
            factor[...] = np.where(exists, self.partials.slots[some, e], zero)
            trip, entry = np.where(exists, source[some, e], 0), number[row[some, e], column]
            read[...] = np.where(exists, ~at[trip, entry], zero)
            first = given[some, ever]
            outside[...] = np.where(first < 0, zero, first)
        return append_recurrence(self.b, made, sources).start + at

    def body(self, e: Ids, entry: Ids, count: int) -> Program:
        """Write one trip: to each entry what comes from outside, plus products."""
        b = Builder((2 * e.size + count,))
        products = b.map("multiply", b.x[: e.size], b.x[e.size : 2 * e.size])
        done = b.x[2 * e.size :].copy()
        order = np.argsort(entry, kind="stable")
        sizes = np.bincount(entry, minlength=count)
        first = np.cumsum(sizes) - sizes
        if int(sizes.max(initial=0)) > _FEW:
            segments = np.append(first, e.size)
            return finished(b, b.map("add", done, b.reduce(products[order], segments)))
        for k in range(int(sizes.max(initial=0))):
            more = np.flatnonzero(sizes > k)
            done[more] = b.map("add", done[more], products[order[first[more] + k]])
        return finished(b, done)


def _block(found: list[Entries], place: list[Slots], length: int) -> Entries:
    """Put rows where their slots are in a block; the others are empty."""
    counts = np.zeros(length, dtype=np.int64)
    for entries, at in zip(found, place, strict=True):
        counts[at] = np.diff(entries.indptr)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    columns = np.empty(int(indptr[-1]), dtype=np.int32)
    slots = np.empty(columns.size, dtype=np.int32)
    for entries, at in zip(found, place, strict=True):
        sizes = np.diff(entries.indptr)
        shift = np.repeat(indptr[at] - entries.indptr[:-1], sizes)
        where = np.arange(entries.columns.size) + shift
        columns[where], slots[where] = entries.columns, entries.slots
    return Entries(indptr, columns, slots)
