"""Jacobian rows of a recurrence, carried through its trips: each computes rows from rows.

Separate from `recurrence_rows`, which finds the whole Jacobian of a trip first. That pays for a
trip of few numbers, and takes far more terms where matrices are multiplied within one: a filter of
six states has trips of a hundred numbers, and eight unknowns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.differentiate.rows import Entries, Rows
from sparsesolve.differentiate.trips import Trips, dependence, finished
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.dataclass import dataclass
from sparsesolve.ir.program import Block, Constant, Index, Kernel, Program, Slots
from sparsesolve.ir.recurrence import append_recurrence

__all__ = ["CarriedRows", "Walk"]

_SMALL = 2000  # terms of a trip, up to which its Jacobian is found first
_LARGEST = 20_000_000  # entries of what trips are given

Mask = NDArray[np.bool_]
Walk: TypeAlias = Callable[[Program, int, Entries], tuple[Builder, Entries]]
"""Carries rows through a program: those of its first parameter, at a slot, are given."""


@dataclass(frozen=True, slots=True, eq=False)
class CarriedRows:
    """What trips get.

    Parameters
    ----------
    trips : Trips
        Of the recurrence.
    inputs : ndarray of int32, shape (trips, n)
        Slots that each trip gets.
    columns : ndarray of int32, shape (k,)
        The unknowns that anything from outside depends on.
    given : ndarray of int32, shape (trips, n, k)
        Slots of the entries that come from outside; -1 for none.
    present : ndarray of bool, shape (n, k)
        Which entries an input has in some trip.
    """

    trips: Trips
    inputs: Slots
    columns: Slots
    given: Slots
    present: Mask

    @classmethod
    def of(cls, rows: Rows, trips: Trips, inputs: Slots) -> CarriedRows | None:
        """Look at the rows of all that is read; None where the trips are given too much."""
        trip, number = np.nonzero(~trips.own)
        outer = rows.gather(inputs[trip, number])
        columns = np.unique(outer.columns)
        if trips.own.size * columns.size > _LARGEST:
            return None
        given = np.full((*trips.own.shape, columns.size), -1, dtype=np.int32)
        place = np.repeat(np.arange(trip.size), np.diff(outer.indptr))
        given[trip[place], number[place], np.searchsorted(columns, outer.columns)] = outer.slots
        present = _ever(np.any(given >= 0, axis=0), trips)
        return cls(trips, inputs, columns, given, present)

    def pays(self) -> bool:
        """Whether to carry rows takes fewer terms than to find the Jacobian of a trip first."""
        body = self.trips.body
        whole = _terms(body, np.eye(body.n, dtype=bool)[:, self.present.any(axis=1)])
        whole += int((sp.csr_array(dependence(body)) @ self.present.sum(axis=1)).sum())
        return whole > _SMALL and 2 * _terms(body, self.present) < whole

    def entries(self, b: Builder, walk: Walk) -> Entries:
        """Append the recurrence of the rows, and return them for all that trips compute."""
        trips, width = self.trips, self.columns.size
        number, column = np.nonzero(self.present)
        program, first = _with_rows(trips.body, width, number.size)
        indptr = np.concatenate([[0], np.cumsum(self.present.sum(axis=1))])
        slots = first + np.arange(number.size, dtype=np.int32)
        inner, found = walk(program, width, Entries(indptr, column.astype(np.int32), slots))
        made = finished(inner, found.slots)
        place = np.full((trips.body.m, width), -1, dtype=np.intp)
        output = np.repeat(np.arange(trips.body.m), np.diff(found.indptr))
        place[output, found.columns] = np.arange(output.size)
        zero = np.int32(b.scalar(0.0))
        exist = self._exist(place >= 0)
        at = trips.written(made)
        given = np.where(self.given < 0, zero, self.given)
        trip, own = np.nonzero(trips.own)
        source, port = trips.source(trip, own)
        there = exist[source, port] & (place[port] >= 0)
        given[trip, own] = np.where(there, ~at[source[:, None], place[port]], zero)
        unread = np.full((trips.count, width), zero)
        sources = np.concatenate([unread, self.inputs, given[:, number, column]], axis=1)
        start = append_recurrence(b, made, sources.astype(np.int32)).start
        return self._block(exist, start + at, place)

    def _exist(self, structure: Mask) -> Mask:
        """Which entries outputs have: (trips, outputs, columns); they grow for some trips."""
        trips = self.trips
        depends = sp.csr_array(dependence(trips.body))
        found = np.zeros((trips.count, *structure.shape), dtype=bool)
        before = made = np.empty(0)
        for trip, own in enumerate(trips.own):
            read = self.given[trip] >= 0
            mine = np.flatnonzero(own)
            source, port = trips.source(np.full(mine.size, trip), mine)
            read[mine] = found[source, port]
            if not np.array_equal(read, before):
                before, made = read, (depends @ read > 0) & structure
            found[trip] = made
        return found

    def _block(self, exist: Mask, slots: Slots, place: NDArray[np.intp]) -> Entries:
        """Put the rows where their slots are in what the recurrence writes."""
        length = self.trips.step.length
        rows = np.zeros((length, self.columns.size), dtype=bool)
        rows[self.trips.at] = exist
        found = np.full(rows.shape, -1, dtype=np.int32)
        found[self.trips.at] = slots[:, np.maximum(place, 0)]
        indptr = np.concatenate([[0], np.cumsum(rows.sum(axis=1))])
        return Entries(indptr, self.columns[np.nonzero(rows)[1]], found[rows])


def _ever(outer: Mask, trips: Trips) -> Mask:
    """Which entries inputs have in some trip, by those from outside."""
    depends = sp.csr_array(dependence(trips.body))
    trip, number = np.nonzero(trips.own)
    _, output = trips.source(trip, number)
    carried, output = np.unique(np.stack([number, output]), axis=1)
    begins = np.flatnonzero(np.diff(carried, prepend=-1))
    present = outer
    for _ in range(trips.count):
        if not begins.size:
            break
        more = present.copy()
        made = (depends @ present > 0)[output]
        more[carried[begins]] |= np.logical_or.reduceat(made, begins, axis=0)
        if (more == present).all():
            break
        present = more
    return present


def _terms(body: Program, seeds: Mask) -> int:
    """Count the terms of the chain rule through a program whose inputs have some entries."""
    table = np.zeros((body.n_slots, seeds.shape[1]), dtype=bool)
    table[: body.n] = seeds
    total = 0
    for step in body.instructions:
        assert isinstance(step, Kernel)
        points = np.zeros((step.length, seeds.shape[1]), dtype=bool)
        for index in step.loads:
            read = table[index.to_array()]
            total += int(read.sum())
            points |= read
        if step.segments is not None:
            edges = np.concatenate([np.zeros((1, points.shape[1])), np.cumsum(points, axis=0)])
            points = edges[step.segments[1:]] > edges[step.segments[:-1]]
        for k in range(len(step.outputs)):
            first = step.start + k * step.rows
            table[first : first + step.rows] = points
    return total


def _with_rows(body: Program, width: int, count: int) -> tuple[Program, int]:
    """Make a body's inputs a parameter, behind unknowns that nothing reads, and entries another.

    Returns also the first slot of the entries.
    """
    before, behind = np.int32(width), np.int32(width + count)
    moved = np.arange(body.n_slots, dtype=np.int32)
    moved += np.where(moved < body.n, before, behind)
    first = width + body.n
    steps = [
        Kernel(
            int(moved[step.start]),
            step.length,
            tuple(Index.of(moved[index.to_array()]) for index in step.loads),
            step.nodes,
            step.outputs,
            step.segments,
            step.origin,
        )
        for step in body.instructions
        if isinstance(step, Kernel)
    ]
    program = Program(
        n=width,
        input_shape=(width,),
        parameters=(Block(width, (body.n,)), Block(first, (count,))),
        constants=tuple(Constant(int(moved[c.start]), c.values) for c in body.constants),
        instructions=tuple(steps),
        outputs=moved[body.outputs],
        output_shape=body.output_shape,
        n_slots=body.n_slots + width + count,
        sources=body.sources,
    )
    return program, first
