"""`Recurrence`: one program, run again and again on what it computed before.

Separate from `program` because only those who run or differentiate it look inside; to all others
it is an opaque call that writes consecutive slots.

Data layout. All numbers that the body computes are kept, in the order of its kernels, and of their
outputs; for each of them trip behind trip. So every kernel of the body is one kernel over all trips
(`kernels`), and a recurrence differs from these only in the order of work: trip by trip.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Index, Kernel, Opaque, Program, Slots

__all__ = [
    "Recurrence",
    "all_kernels",
    "append_recurrence",
    "append_trips",
    "chunks",
    "distinct",
    "output_places",
    "places",
    "restored",
]

_CHUNK = 1 << 15  # elements


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Recurrence(Opaque):
    """Trips through a body. Its two operands are what is read from outside, and the constants.

    Parameters
    ----------
    body : Program
        What one trip does: fused kernels and constants, without parameters.
    sources : ndarray of int32, shape (trips, body.n)
        What each trip gets: from 0 on elements of the first operand; below 0 the complement of an
        element of what it writes itself, in an earlier trip.
    """

    body: Program
    sources: Slots

    @property
    def trips(self) -> int:
        """How often the body runs."""
        return int(self.sources.shape[0])

    def inputs(self) -> Slots:
        """Slots that each trip gets, shape (trips, body.n)."""
        outer = self.operands[0].to_array()
        inner = np.int32(self.start) + ~self.sources
        if not outer.size:
            return inner
        return np.where(self.sources < 0, inner, outer[np.maximum(self.sources, 0)])

    def outputs(self) -> Slots:
        """Slots of the body's outputs in each trip, shape (trips, body.m)."""
        return self.start + places(self.body, self.trips)[:, self.body.outputs]

    def kernels(self) -> list[Kernel]:
        """Return the kernels of the body over all trips; right only if run trip by trip."""
        table = self.start + places(self.body, self.trips)
        table[:, : self.body.n] = self.inputs()
        at = [np.arange(c.start, c.start + c.values.size) for c in self.body.constants]
        if at:
            table[:, np.concatenate(at)] = self.operands[1].to_array()
        starts = table[0]
        return [
            over_trips(step, table, int(starts[step.start]), self.origin)
            for step in self.body.instructions
            if isinstance(step, Kernel)
        ]


def all_kernels(program: Program) -> Iterator[Kernel]:
    """Yield all kernels of a program, those of trips over all of these."""
    for step in program.instructions:
        if isinstance(step, Kernel):
            yield step
        elif isinstance(step, Recurrence):
            yield from step.kernels()


def places(body: Program, trips: int) -> Slots:
    """Where each trip writes each slot of a body, shape (trips, n_slots); 0 for what it reads."""
    table = np.zeros((trips, body.n_slots), dtype=np.int32)
    trip = np.arange(trips, dtype=np.int32)[:, None]
    for first, rows, top in output_places(body, trips):
        table[:, first : first + rows] = top + trip * rows + np.arange(rows, dtype=np.int32)
    return table


def output_places(body: Program, trips: int) -> Iterator[tuple[int, int, int]]:
    """Yield the first slot of each output of a body, its rows, and where trip 0 writes it."""
    top = 0
    for step in body.instructions:
        rows = (step.stop - step.start) // len(step.outputs) if isinstance(step, Kernel) else 0
        for first in range(step.start, step.stop, max(1, rows)):
            yield first, rows, top
            top += trips * rows


def append_recurrence(b: Builder, body: Program, sources: Slots) -> Recurrence:
    """Append a recurrence to a program.

    Parameters
    ----------
    b : Builder
        Gets it.
    body : Program
        Fused; each of its outputs is written by a kernel.
    sources : ndarray of int32, shape (trips, body.n)
        Slots from 0 on; below 0 as in `Recurrence`.
    """
    outer, own = _from_outside(sources)
    constants = [b.constant(c.values) for c in body.constants]
    read = np.concatenate(constants) if constants else np.empty(0, dtype=np.int32)
    length = sources.shape[0] * sum(step.stop - step.start for step in body.instructions)
    operands = Index.of(outer), Index.of(read)
    shapes = (outer.size,), (read.size,)
    made = restored(b.allocate(length), length, operands, shapes, b.origin, body, own)
    b.instructions.append(made)
    return made


def _from_outside(sources: Slots) -> tuple[Slots, Slots]:
    """Return the distinct slots of sources, and the sources with their numbers in their place."""
    read = np.zeros(max(-1, int(sources.max(initial=-1))) + 2, dtype=bool)  # the last: of itself
    parts = [sources[some] for some in chunks(*sources.shape)]
    for part in parts:
        read[np.maximum(part, -1)] = True
    outer = np.flatnonzero(read[:-1]).astype(np.int32)
    number = np.full(read.size, -1, dtype=np.int32)
    number[outer] = np.arange(outer.size, dtype=np.int32)
    own = np.empty(sources.shape, dtype=np.int32)
    for some, part in zip(chunks(*sources.shape), parts, strict=True):
        own[some] = np.where(part < 0, part, number[np.maximum(part, -1)])
    return outer, own


def chunks(rows: int, width: int) -> Iterator[slice]:
    """Cut the rows of an array into parts that stay in the cache."""
    step = max(1, _CHUNK // max(1, width))
    for first in range(0, rows, step):
        yield slice(first, min(rows, first + step))


def restored(
    start: int,
    length: int,
    operands: tuple[Index, ...],
    shapes: tuple[tuple[int, ...], ...],
    origin: tuple[int, ...],
    body: Program,
    sources: Slots,
) -> Recurrence:
    """Return a recurrence whose parts are all known, named as in `Recurrence`."""
    words = _never_called, operands, shapes, (length,), "recurrence", origin
    return Recurrence(start, length, *words, body=body, sources=sources)


def distinct(slots: Slots) -> tuple[Slots, Slots]:
    """Return the distinct ones of many slots, and the number of each of all; linear in both."""
    mask = np.zeros(int(slots.max(initial=-1)) + 1, dtype=bool)
    mask[slots] = True
    found = np.flatnonzero(mask).astype(np.int32)
    number = np.empty(mask.size, dtype=np.int32)
    number[found] = np.arange(found.size, dtype=np.int32)
    return found, number[slots]


def append_trips(b: Builder, body: Program, inputs: Slots) -> Slots:
    """Append trips that do not read each other as ordinary kernels.

    Parameters
    ----------
    b : Builder
        Gets the kernels.
    body : Program
        What each trip does, without parameters and opaque calls.
    inputs : ndarray of int32, shape (trips, body.n)
        Slots.

    Returns
    -------
    ndarray of int32, shape (trips, body.m)
        Slots of the outputs.
    """
    trips = inputs.shape[0]
    table = np.zeros((trips, body.n_slots), dtype=np.int32)
    table[:, : body.n] = inputs
    for constant in body.constants:
        table[:, constant.start : constant.start + constant.values.size] = b.constant(
            constant.values
        )
    trip = np.arange(trips, dtype=np.int32)[:, None]
    for step in body.instructions:
        assert isinstance(step, Kernel)
        whole = over_trips(step, table, 0, b.origin)
        start = b.kernel(whole.length, whole.loads, whole.nodes, whole.outputs, whole.segments)
        for k in range(len(step.outputs)):
            first, here = step.start + k * step.rows, start + k * whole.rows
            table[:, first : first + step.rows] = here + trip * step.rows + np.arange(step.rows)
    return table[:, body.outputs]


def over_trips(step: Kernel, table: Slots, start: int, origin: tuple[int, ...]) -> Kernel:
    """Return a kernel of a body over all trips; `table` has the slot of each of the body's."""
    trips = table.shape[0]
    loads = tuple(Index.of(table[:, index.to_array()]) for index in step.loads)
    segments = step.segments
    if segments is not None:
        assert (segments[0], segments[-1]) == (0, step.length), "sums must cover their domain"
        shifts = step.length * np.arange(trips)[:, None] + segments[None, :-1]
        segments = np.append(shifts.reshape(-1), trips * step.length)
    return Kernel(start, trips * step.length, loads, step.nodes, step.outputs, segments, origin)


def _never_called(*_: Any) -> NoReturn:
    raise AssertionError("a recurrence is run by its body")
