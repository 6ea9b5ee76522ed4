"""Roll up repeated steps: time stepping and recurrences become a `Recurrence`.

Separate from `fuse` because it looks at the order of kernels, as lowering leaves them: a Python
loop whose steps are alike has left the same kernels again and again. The longest such run is cut
into trips where the fewest values are alive; what a trip reads of itself must be the same in all of
them, and everything else is given to it.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sparsesolve.fuse.body import fused_body
from sparsesolve.fuse.even import evened
from sparsesolve.fuse.fit import calls_functions, curved_slots, is_affine
from sparsesolve.fuse.renames import renamed
from sparsesolve.fuse.repeats import kinds_of
from sparsesolve.fuse.settle import settled
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.dataclass import dataclass
from sparsesolve.ir.program import Index, Kernel, Node, Opaque, Program, Slots
from sparsesolve.ir.recurrence import append_recurrence, places

__all__ = ["find_run", "roll"]

_LEAST_TRIPS = 12
_LEAST_KERNELS = 96  # of all trips; shorter runs are quick as they are
_WIDEST = 2048  # rows of a kernel; the entries of wider trips leave the cache before they are read
_LONGEST_TRIP = 1024  # kernels
_WINDOW = 20_000  # kernels that are searched for the length of a trip
_MOST_LOOPS = 8
_PARTS = 2  # of a run that are tried
_MOST_GIVEN = 4_000_000  # numbers of slots that all trips are given

_CONSTANT = 2**40  # from here on a code is a constant slot

Ints = NDArray[np.int64]


def roll(program: Program) -> Program:
    """Roll up runs of equal steps, the longest first.

    Parameters
    ----------
    program : Program
        As it was lowered.

    Returns
    -------
    Program
        The same function; the same object where nothing repeats itself often enough. Loops that
        were written as such are settled first.
    """
    program = _rolled_evenly(settled(program))
    tried: set[int] = set()  # starts of instructions whose loop stays as it is
    for _ in range(_MOST_LOOPS):
        run = find_run(program, tried)
        if run is None:
            break
        rolled = _rolled(program, run)
        if rolled is None:
            tried.update(step.start for step in program.instructions[run.first : run.stop])
        else:
            program = rolled
    return program


def _rolled_evenly(program: Program) -> Program:
    """Roll up the longest loop whose trips differ by what constants decided, if there is one."""
    run = find_run(program)
    if run is not None and 2 * run.period * run.trips > len(program.instructions):
        return program
    even = evened(program)
    run = None if even is None else find_run(even)
    if even is None or run is None:
        return program
    return _rolled(even, run) or program


def _rolled(program: Program, run: Run) -> Program | None:
    """Roll up the longest part of a run whose trips are alike; None if there is none."""
    for part in _alike(program, run)[:_PARTS]:
        narrow = _at_the_narrowest(program, part)
        for cut in _alike(program, narrow)[:1]:
            try:
                return _Roller(program, cut).roll()
            except _Different:
                continue
    return None


@dataclass(frozen=True, slots=True)
class Run:
    """Equal trips of consecutive instructions."""

    first: int
    period: int
    trips: int

    @property
    def stop(self) -> int:
        """One past the last instruction."""
        return self.first + self.period * self.trips


def find_run(program: Program, tried: Set[int] = frozenset()) -> Run | None:
    """Find the longest run of kernels that repeats itself.

    Parameters
    ----------
    program : Program
        Any program.
    tried : set of int, optional
        First slots of kernels that are none of it.

    Notes
    -----
    Time is that of comparing the kinds of kernels once for each length of a trip.
    """
    kinds = kinds_of(program.instructions, tried)
    if kinds.size < _LEAST_KERNELS:
        return None
    middle = max(0, (kinds.size - _WINDOW) // 2)
    window = kinds[middle : middle + _WINDOW]
    best = Run(0, 1, 0)
    for period in range(1, min(_LONGEST_TRIP, window.size // _LEAST_TRIPS) + 1):
        equal = window[period:] == window[:-period]
        if np.count_nonzero(equal) + period <= best.period * (best.trips + 1):
            continue
        first, size = _longest(equal)
        if size + period > best.period * best.trips + best.period:
            best = Run(first, period, (size + period) // period)
    if best.trips < 2:
        return None
    first, size = _longest(kinds[best.period :] == kinds[: -best.period])
    trips = (size + best.period) // best.period
    if not _is_long(trips, best.period):
        return None
    trip = program.instructions[first : first + best.period]
    if max(step.stop - step.start for step in trip) > _WIDEST:
        return None
    return Run(first, best.period, trips)


def _longest(equal: NDArray[np.bool_]) -> tuple[int, int]:
    """First place and length of the longest run of true values."""
    framed = np.zeros(equal.size + 2, dtype=bool)
    framed[1:-1] = equal
    edges = np.flatnonzero(framed[1:] != framed[:-1])
    if not edges.size:
        return 0, 0
    lengths = edges[1::2] - edges[::2]
    at = int(lengths.argmax())
    return int(edges[2 * at]), int(lengths[at])


def _alike(program: Program, run: Run) -> list[Run]:
    """Parts of a run in which all trips read the same of themselves, the longest first.

    One loop may follow another one, and what follows a loop may look like a trip.
    """
    owners = _Owners.of(program, run)
    differs = np.zeros(run.trips - 1, dtype=bool)
    for q in range(run.period):
        steps = program.instructions[run.first + q : run.stop : run.period]
        for loads in zip(*(_reads(step) for step in steps), strict=True):
            read = _stacked(loads)
            own = owners.trip[read] == np.arange(run.trips)[:, None]
            place = np.where(own, owners.place[read], -1)
            differs |= (place[1:] != place[:-1]).any(axis=1)
    edges = np.concatenate([[0], np.flatnonzero(differs) + 1, [run.trips]])
    parts = [
        Run(run.first + int(a) * run.period, run.period, int(b - a))
        for a, b in pairwise(edges)
        if _is_long(int(b - a), run.period)
    ]
    return sorted(parts, key=lambda part: -part.trips)


def _is_long(trips: int, period: int) -> bool:
    return trips >= _LEAST_TRIPS and trips * period >= _LEAST_KERNELS


def _at_the_narrowest(program: Program, run: Run) -> Run:
    """Let trips begin where the fewest values are alive that a later instruction of a run reads."""
    steps = program.instructions
    center = run.first + run.period * (run.trips // 2)
    written = {}
    for k in range(center - 2 * run.period, center + run.period):
        written.update(dict.fromkeys(range(steps[k].start, steps[k].stop), k))
    alive = np.zeros(run.period, dtype=np.int64)
    last: dict[int, int] = {}
    for k in range(center - run.period, center + run.period):
        for index in _reads(steps[k]):
            for slot in index.to_array().tolist():
                if k - written.get(slot, k) <= 2 * run.period:
                    last[slot] = k
    for slot, k in last.items():
        for cut in range(
            max(center, written.get(slot, k) + 1), min(k, center + run.period - 1) + 1
        ):
            alive[cut - center] += 1
    shift = int(alive.argmin())
    trips = run.trips if shift == 0 else run.trips - 1
    return Run(run.first + shift, run.period, trips)


def _reads(step: Kernel | Opaque) -> tuple[Index, ...]:
    return step.loads if isinstance(step, Kernel) else step.operands


def _stacked(loads: Sequence[Index]) -> Ints | Slots:
    """Slots that one load reads in all trips, shape (trips, length)."""
    if any(index.array is not None for index in loads):
        return np.stack([index.to_array() for index in loads])
    starts = np.array([index.start for index in loads])
    if loads[0].length == 1:
        return starts[:, None]
    strides = np.array([index.stride for index in loads])
    return starts[:, None] + strides[:, None] * np.arange(loads[0].length)


@dataclass(slots=True)
class _Owners:
    """Which trip writes a slot, and which of the slots of a trip it is."""

    trip: Ints
    place: Ints

    @classmethod
    def of(cls, program: Program, run: Run) -> _Owners:
        """Look at all instructions of a run."""
        trip = np.full(program.n_slots, -1, dtype=np.int64)
        place = np.full(program.n_slots, -1, dtype=np.int64)
        top = 0
        for q in range(run.period):
            steps = program.instructions[run.first + q : run.stop : run.period]
            starts = np.array([step.start for step in steps])
            size = steps[0].stop - steps[0].start
            slots = starts[:, None] + np.arange(size)
            trip[slots] = np.arange(run.trips)[:, None]
            place[slots] = top + np.arange(size)
            top += size
        return cls(trip, place)


class _Different(Exception):
    """A run does not become a loop; not an error."""


@dataclass(slots=True)
class _Given:
    """What trips get from outside: columns of slots, one for each trip, equal ones once."""

    columns: list[Slots]
    numbers: dict[bytes, int]

    def number(self, column: Slots) -> int:
        """Return the number of a column."""
        found = self.numbers.setdefault(column.tobytes(), len(self.columns))
        if found == len(self.columns):
            self.columns.append(column)
        return found


class _Roller:
    """One run being rolled; `outer` is the program that gets the recurrence."""

    def __init__(self, program: Program, run: Run) -> None:
        self.program = program
        self.run = run
        self.outer = Builder.resume(program)
        self.owners = _Owners.of(program, run)
        self.given = _Given([], {})
        self.is_constant = program.constant_mask()
        self.values = program.constant_values()
        self.trips = np.arange(run.trips)

    def kernels(self, q: int) -> list[Kernel]:
        """Instruction q of all trips."""
        steps = self.program.instructions[self.run.first + q : self.run.stop : self.run.period]
        return [step for step in steps if isinstance(step, Kernel)]

    def roll(self) -> Program:
        """Return the program with the run as a recurrence."""
        codes = [self.codes(self.kernels(q)) for q in range(self.run.period)]
        kept = self.kept()
        if not self.given.columns or not kept.size:
            raise _Different
        body = fused_body(self.body(codes, kept))
        given = np.stack(self.given.columns, axis=1)
        if calls_functions(body) or self.slopes_are_numbers(body, given):
            raise _Different
        self.outer.instructions = list(self.program.instructions[: self.run.first])
        moved = self.append(body, kept)
        for step in self.program.instructions[self.run.stop :]:
            self.outer.instructions.append(renamed(step, moved))
        return replace(
            self.outer.build(moved[self.program.outputs]), output_shape=self.program.output_shape
        )

    def slopes_are_numbers(self, body: Program, given: Slots) -> bool:
        """Whether the trips, and what they are given, are affine."""
        if not is_affine(body, given, self.outer):
            return False
        curved = curved_slots(self.program, self.program.instructions[: self.run.first])
        return not curved[given[given < self.program.n_slots]].any()

    def codes(self, steps: list[Kernel]) -> list[Ints]:
        """Say what each load of an instruction reads.

        Below 0 the complement of a slot of the own trip, from `_CONSTANT` on a constant slot that
        is the same in all trips, else a column.
        """
        found = []
        for k in range(len(steps[0].loads)):
            read = _stacked([step.loads[k] for step in steps]).astype(np.int64)
            own = self.owners.trip[read] == self.trips[:, None]
            place = self.owners.place[read]
            inside = own.all(axis=0)
            if (own.any(axis=0) != inside).any() or (place[:, inside] != place[0, inside]).any():
                raise _Different
            same = ~inside & self.same_numbers(read)
            columns = np.flatnonzero(~inside & ~same)
            code = np.where(same, _CONSTANT + read[0], ~place[0])
            code[columns] = [self.given.number(read[:, p].astype(np.int32)) for p in columns]
            if len(self.given.columns) * self.run.trips > _MOST_GIVEN:
                raise _Different
            found.append(code)
        return [*found, *self.varying(steps)]

    def same_numbers(self, read: Ints) -> NDArray[np.bool_]:
        """Whether all trips read one constant there: `np.eye(3)` in a loop is many arrays."""
        bits = self.values.view(np.int64)
        same = np.asarray(self.is_constant[read].all(axis=0))
        same[same] = (bits[read[:, same]] == bits[read[0, same]]).all(axis=0)
        return same

    def varying(self, steps: list[Kernel]) -> list[Ints]:
        """Columns of the constants in an expression that are not the same in all trips."""
        found = []
        for number in _varying(steps):
            values = np.array([step.nodes[number].value for step in steps])
            column = self.outer.constant(values).astype(np.int32)
            found.append(np.full(steps[0].length, self.given.number(column)))
        return found

    def body(self, codes: list[list[Ints]], kept: Ints) -> Program:
        """Write what one trip does."""
        b = Builder((len(self.given.columns),))
        slots = np.full(int(self.owners.place.max()) + 1, -1, dtype=np.int64)
        top = 0
        for q, code in enumerate(codes):
            steps = self.kernels(q)
            step, size = steps[0], steps[0].stop - steps[0].start
            b.origin = step.origin
            loads = [Index.of(self.resolved(b, load, slots)) for load in code]
            nodes = list(step.nodes)
            for k, number in enumerate(_varying(steps)):
                nodes[number] = Node("load", (len(step.loads) + k,))
            start = b.kernel(step.length, loads, nodes, step.outputs, step.segments)
            slots[top : top + size] = np.arange(start, start + size)
            top += size
        return b.build(slots[kept].astype(np.int32))

    def resolved(self, b: Builder, code: Ints, slots: Ints) -> Slots:
        """Slots of the body that a load reads."""
        found = np.where(code < 0, slots[np.where(code < 0, ~code, 0)], code)
        constant = code >= _CONSTANT
        if constant.any():
            found[constant] = b.constant(self.values[code[constant] - _CONSTANT])
        return found.astype(np.int32)

    def kept(self) -> Ints:
        """Return the slots of a trip that are read elsewhere, in any trip."""
        steps = self.program.instructions
        outside = [*steps[: self.run.first], *steps[self.run.stop :]]
        read = [self.program.outputs, *self.given.columns]
        read += [index.to_array() for step in outside for index in _reads(step)]
        slots = np.concatenate(read)
        slots = slots[slots < self.program.n_slots]
        return np.unique(self.owners.place[slots[self.owners.trip[slots] >= 0]])

    def append(self, body: Program, kept: Ints) -> Slots:
        """Append the recurrence; return where each slot of the program went."""
        at = places(body, self.run.trips)[:, body.outputs]
        number = np.full(int(self.owners.place.max()) + 1, -1, dtype=np.int64)
        number[kept] = np.arange(kept.size)
        owned = np.flatnonzero(self.owners.trip >= 0)
        owned = owned[number[self.owners.place[owned]] >= 0]
        position = at[self.owners.trip[owned], number[self.owners.place[owned]]]
        moved = np.arange(self.outer.n_slots, dtype=np.int32)
        moved[owned] = ~position
        sources = moved[np.stack(self.given.columns, axis=1)]
        start = append_recurrence(self.outer, body, sources).start
        return np.where(moved < 0, start + ~moved, moved).astype(np.int32)


def _varying(steps: list[Kernel]) -> list[int]:
    """Nodes that are constants, but not of the same value in all trips."""
    first = steps[0].nodes
    if all(step.nodes is first for step in steps):
        return []
    constants = [k for k, node in enumerate(first) if node.op == "const"]
    return [k for k in constants if len({step.nodes[k].value.hex() for step in steps}) > 1]
