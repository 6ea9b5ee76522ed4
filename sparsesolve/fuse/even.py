"""`evened`: trips of a loop that differ by what constants decided become alike.

Separate from `roll`, which wants the same kernels in every trip. Where a loop asks something of its
data (``if rain[k] > 0:``, a dose at some times, a censored observation), trips have different
kernels. Here the trips are aligned, each gets the kernels that only others have, and where two
trips read different things, both read a choice between these by a constant. What was not there is
computed and not chosen, as the other side of ``np.where``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.fuse.fit import curved_slots
from sparsesolve.fuse.renames import renamed
from sparsesolve.fuse.repeats import kinds_of
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.dataclass import dataclass
from sparsesolve.ir.program import Index, Kernel, Node, Opaque, Program

__all__ = ["evened"]

_LEAST_TRIPS = 12
_LEAST_KERNELS = 300  # of all trips; what is shorter is prepared quickly as it is
_MOST_UNKNOWNS = 64  # trips of many unknowns have patterns of their own, which would be lost
_MOST_KINDS = 64  # of trips
_MOST_GROWTH = 2.5  # of the number of kernels
_LONGEST_TRIP = 1024  # kernels
_ANCHORS = 4  # kernels that are tried as the beginning of a trip
_CHOICE = (Node("load", (0,)), Node("load", (1,)), Node("load", (2,)), Node("where", (0, 1, 2)))

Steps: TypeAlias = Sequence[Kernel | Opaque]
Code: TypeAlias = tuple[Hashable, ...]
"""What a load reads: trips back, kernel of that trip, and element; of all points."""


def evened(program: Program) -> Program | None:
    """Make the trips of the longest loop alike.

    Parameters
    ----------
    program : Program
        As it was lowered.

    Returns
    -------
    Program or None
        The same function with more kernels; None where no trips are found that differ a little,
        none reads of another one, or all are affine.
    """
    if program.n > _MOST_UNKNOWNS or len(program.instructions) < _LEAST_KERNELS:
        return None
    program = _as_written(program)
    steps = program.instructions
    keys = _keys(program)
    for starts in _anchors(keys):
        made = _aligned(keys, starts)
        if made is None:
            continue
        curved = curved_slots(program, steps)
        first, stop = steps[starts[0]].start, steps[starts[-1] - 1].stop
        if not curved[first:stop].any():
            return None
        evener = _Evener(program, starts, *made)
        return evener.program_of_all() if evener.is_chained() else None
    return None


def _as_written(program: Program) -> Program:
    """Put instructions in the order of the tape: lowering batches them by depth.

    What stays batched comes before whoever reads it first.
    """
    old = program.instructions
    owner = np.full(program.n_slots, -1, dtype=np.int64)
    for k, step in enumerate(old):
        owner[step.start : step.stop] = k
    done = bytearray(len(old))
    order: list[int] = []
    for last in sorted(range(len(old)), key=lambda k: max(old[k].origin, default=-1)):
        waiting = [last]
        while waiting:
            k = waiting[-1]
            needs = [] if done[k] else [j for j in _producers(old[k], owner) if not done[j]]
            if needs:
                waiting += reversed(needs)
                continue
            waiting.pop()
            if not done[k]:
                done[k] = True
                order.append(k)
    return replace(program, instructions=tuple([old[k] for k in order]))


def _producers(step: Kernel | Opaque, owner: NDArray[np.int64]) -> list[int]:
    """Numbers of the instructions that one reads of, in their order."""
    found: set[int] = set()
    for index in step.loads if isinstance(step, Kernel) else step.operands:
        if index.array is None and (index.stride == 0 or index.length == 1):
            found.add(int(owner[index.start]))
        else:
            found.update(owner[index.to_array()].tolist())
    found.discard(-1)
    return sorted(found)


def _keys(program: Program) -> list[Hashable]:
    """Say which kernels of two trips may be one: what they do, and where that is written."""
    numbers: dict[Hashable, int] = {}
    keys: list[Hashable] = []
    for kind, step in zip(kinds_of(program.instructions).tolist(), program.instructions):  # noqa: B905
        if kind < 0:
            keys.append(kind)
            continue
        place = (kind, *(program.sources[k] for k in step.origin if k < len(program.sources)))
        keys.append(numbers.setdefault(place, len(numbers)))
    return keys


def _anchors(keys: list[Hashable]) -> list[list[int]]:
    """Where trips may begin: at a kernel that is there as often as most others are."""
    at: dict[Hashable, list[int]] = defaultdict(list)
    for k, key in enumerate(keys):
        at[key].append(k)
    alike: dict[int, list[list[int]]] = defaultdict(list)
    for found in at.values():
        if len(found) >= _LEAST_TRIPS:
            alike[len(found)].append(found)
    order = sorted(alike, key=lambda count: -count * len(alike[count]))
    return [alike[count][0] for count in order[:_ANCHORS]]


def _aligned(keys: list[Hashable], starts: list[int]) -> tuple[list[list[int]], int] | None:
    """Give the kernels of all trips places in one sequence; None where it would be too long."""
    trips = [tuple(keys[a:b]) for a, b in pairwise(starts)]
    distinct = sorted(set(trips), key=lambda trip: -len(trip))
    total = starts[-1] - starts[0]
    if not 1 < len(distinct) <= _MOST_KINDS or total < _LEAST_KERNELS:
        return None
    if any(isinstance(key, int) and key < 0 for trip in distinct for key in trip):
        return None
    places: dict[tuple[Hashable, ...], list[_Place]] = {}
    sequence: list[_Place] = []
    for trip in distinct:
        sequence, places[trip] = _merged(sequence, trip)
        if len(sequence) > _LONGEST_TRIP or len(sequence) * len(trips) > _MOST_GROWTH * total:
            return None
    for k, place in enumerate(sequence):
        place.number = k
    return [[place.number for place in places[trip]] for trip in trips], len(sequence)


@dataclass(slots=True, eq=False)
class _Place:
    """A kernel of the sequence that all trips get."""

    key: Hashable
    number: int = -1


def _merged(
    sequence: list[_Place], trip: tuple[Hashable, ...]
) -> tuple[list[_Place], list[_Place]]:
    """Return a sequence that has a trip too, and the places of that trip."""
    from difflib import SequenceMatcher  # noqa: PLC0415  (few loops need it)

    old = [place.key for place in sequence]
    longer: list[_Place] = []
    own: list[_Place] = []
    matcher = SequenceMatcher(None, old, trip, autojunk=False)
    for tag, a, a_stop, b, b_stop in matcher.get_opcodes():
        longer += sequence[a:a_stop]
        added = sequence[a:a_stop] if tag == "equal" else [_Place(key) for key in trip[b:b_stop]]
        if tag != "equal":
            longer += added
        own += added
    return longer, own


@dataclass(slots=True)
class _Variants:
    """What trips read by one load; loads of one `key` read the same in all trips."""

    codes: list[Code]
    key: Hashable


class _Evener:
    """One loop being made even; `b` is the program that gets it."""

    def __init__(
        self, program: Program, starts: list[int], places: list[list[int]], size: int
    ) -> None:
        self.program = program
        self.starts = starts
        self.size = size
        self.b = Builder.resume(program)
        self.b.instructions = []
        self.one, self.zero = self.b.scalar(1.0), self.b.scalar(0.0)
        self.moved = np.arange(program.n_slots, dtype=np.int32)
        self.trip = np.full(program.n_slots, -1, dtype=np.int64)
        self.place = np.full(program.n_slots, -1, dtype=np.int64)
        self.element = np.zeros(program.n_slots, dtype=np.int64)
        self.kernels: list[list[Kernel | None]] = []
        for t, (a, own) in enumerate(zip(starts, places)):  # noqa: B905
            row: list[Kernel | None] = [None] * size
            for step, place in zip(program.instructions[a : a + len(own)], own, strict=True):
                assert isinstance(step, Kernel)
                row[place] = step
                inside = slice(step.start, step.stop)
                self.trip[inside], self.place[inside] = t, place
                self.element[inside] = np.arange(step.stop - step.start)
            self.kernels.append(row)
        self.having = [
            [t for t, row in enumerate(self.kernels) if row[k] is not None] for k in range(size)
        ]
        self.codes = [
            [self._codes_of(t, step) for step in row] for t, row in enumerate(self.kernels)
        ]
        self.examples = [self._example(place) for place in range(size)]
        self.new = np.zeros((len(self.kernels), size), dtype=np.int32)
        self.chosen: dict[Hashable, Index] = {}  # of the trip that is written

    def is_chained(self) -> bool:
        """Whether trips read of earlier ones: others are better left apart."""
        reads = 0
        for row in self.codes[1:]:
            reads += any(k > 0 for codes in row for code in codes for k in code[0])
        return reads >= len(self.kernels) // 2

    def _codes_of(self, t: int, step: Kernel | None) -> list[Any]:
        """Say what each load of a kernel reads, in terms that trips share."""
        if step is None:
            return []
        found = []
        for load in step.loads:
            if load.length == 1 or (load.stride == 0 and load.array is None):
                at = [load.start]
            else:
                at = load.to_array().tolist()
            parts = [self._code_of(t, slot) for slot in at]
            found.append(tuple(zip(*parts, strict=True)) or ((), (), ()))
        return found

    def _code_of(self, t: int, slot: int) -> tuple[int, int, int]:
        trip, place = int(self.trip[slot]), int(self.place[slot])
        if trip < 0 or (len(self.having[place]) == 1 and (trip == 0 or trip < t - 1)):
            return -1, -1, 0  # before the loop, or computed once, for all that follow
        return t - trip, place, int(self.element[slot])

    def _example(self, place: int) -> int:
        """Return a trip that has a kernel; the first one reads what is before the loop."""
        having = self.having[place]
        return having[min(1, len(having) - 1)]

    def program_of_all(self) -> Program:
        """Return the program with even trips."""
        steps = self.program.instructions
        self.b.instructions = list(steps[: self.starts[0]])
        variants = [self._variants(place) for place in range(self.size)]
        for t in range(len(self.kernels)):
            self.chosen = {}
            for place in range(self.size):
                if t == 0 or self.having[place] != [0]:
                    self._write(t, place, variants[place])
        for step in steps[self.starts[-1] :]:
            self.b.instructions.append(renamed(step, self.moved))
        return replace(
            self.program,
            constants=tuple(self.b.constants),
            instructions=tuple(self.b.instructions),
            outputs=self.moved[self.program.outputs],
            n_slots=self.b.n_slots,
        )

    def _variants(self, place: int) -> list[_Variants]:
        """For each load of a kernel, the different things that trips read there."""
        example = self.codes[self.examples[place]][place]
        found = []
        for k, code in enumerate(example):
            read = [row[place][k] if row[place] else code for row in self.codes]
            among = list(dict.fromkeys(read[1:]))  # the first trip reads the beginning
            own = [row[place] for row in self.kernels]
            slots: list[bytes] = []
            if any(-1 in code[0] for code in read):
                slots = [b"" if s is None else s.loads[k].to_array().tobytes() for s in own]
            size = next(s.loads[k].length for s in own if s is not None)
            found.append(_Variants(among, (size, tuple(read), tuple(slots))))
        return found

    def _write(self, t: int, place: int, variants: list[_Variants]) -> None:
        """Write a kernel of a trip, which may have been another trip's alone."""
        own = self.kernels[t][place]
        example = self.examples[place]
        step = own if own is not None else self.kernels[example][place]
        assert step is not None
        codes = self.codes[t if own is not None else example][place]
        self.b.origin = step.origin
        loads = []
        for load, code, among in zip(step.loads, codes, variants, strict=True):
            read = self._read(t, load, code, actual=own is not None)
            if len(among.codes) == 1:
                loads.append(Index.of(read))
                continue
            if among.key not in self.chosen:
                self.chosen[among.key] = self._chosen(t, read, code, among.codes)
            loads.append(self.chosen[among.key])
        start = self.b.kernel(step.length, loads, step.nodes, step.outputs, step.segments)
        self.new[t, place] = start
        if own is not None:
            self.moved[step.start : step.stop] = np.arange(start, start + step.stop - step.start)

    def _read(self, t: int, load: Index, code: Code, *, actual: bool) -> NDArray[np.int32]:
        """Return the slots that a load reads in a trip; of a kernel of another trip, its likes."""
        slots = load.to_array()
        if actual:
            return self.moved[slots]
        written = self.trip[slots] < t
        return self._likes(t, code, np.where(written, self.moved[slots], self.one))

    def _likes(self, t: int, code: Any, others: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the slots of a code in a trip; `others` where it reads nothing of a trip."""
        back, place, element = (np.asarray(part) for part in code)
        trip = t - back
        inside = (back >= 0) & (trip >= 0)
        found = self.new[np.where(inside, trip, 0), place] + element
        made = np.where(inside, found, np.where(back < 0, others, self.one))
        return np.broadcast_to(made, others.shape).astype(np.int32)

    def _chosen(self, t: int, read: NDArray[np.int32], code: Code, among: list[Code]) -> Index:
        """Choose what a trip reads from all that trips read there."""
        nothing = np.full(read.shape, self.one, dtype=np.int32)
        slots = [read if v == code else self._likes(t, v, nothing) for v in among]
        found = slots[0] if code in among else read
        for v, other in zip(among[1:], slots[1:], strict=True):
            mask = Index.scalar(self.one if v == code else self.zero, read.size)
            loads = [mask, Index.of(other), Index.of(found)]
            start = self.b.kernel(read.size, loads, _CHOICE, (3,))
            found = np.arange(start, start + read.size, dtype=np.int32)
        return Index.of(found)
