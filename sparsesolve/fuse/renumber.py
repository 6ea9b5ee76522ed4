"""Number the slots of a program afresh, so that those still written are consecutive.

Separate because fusing, restricting and adding a parameter all end here: the outputs of a kernel
must lie back to back, and the buffer should hold no holes.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ir.dataclass import dataclass
from sparsesolve.ir.program import Block, Constant, Index, Kernel, Opaque, Program, Slots

__all__ = ["Draft", "rebuilt", "with_parameter"]

Mask: TypeAlias = NDArray[np.bool_]

_LARGE = 1 << 18  # slots, from which on a table of all is not made for few reads
_FEW = 4  # a read of less than one in this many of the slots
_CHUNK = 1 << 14


@dataclass(slots=True)
class Draft:
    """An instruction of the new program that still names old slots.

    Parameters
    ----------
    step : Kernel or Opaque
        Its `start` does not count.
    starts : tuple of int
        Old first slot of each output.
    rows : int
        Old number of slots of each output.
    kept : Index or None
        Which of these rows the new kernel computes, increasing; None for all.
    """

    step: Kernel | Opaque
    starts: tuple[int, ...]
    rows: int
    kept: Index | None = None

    @classmethod
    def of(cls, step: Kernel | Opaque) -> Draft:
        """Take an instruction as it is."""
        if isinstance(step, Opaque):
            return cls(step, (step.start,), step.length)
        starts = tuple(step.start + k * step.rows for k in range(len(step.outputs)))
        return cls(step, starts, step.rows)


def with_parameter(program: Program, shape: tuple[int, ...]) -> Program:
    """Add one more parameter, last, to a program; slots behind it move up."""
    return rebuilt(program, [Draft.of(step) for step in program.instructions], shape)


def rebuilt(
    program: Program,
    drafts: list[Draft],
    added: tuple[int, ...] | None = None,
    read: Mask | None = None,
) -> Program:
    """Make a program of drafts, in slots numbered afresh.

    Parameters
    ----------
    program : Program
        Where its inputs, parameters, constants and outputs come from.
    drafts : list of Draft
        The instructions.
    added : tuple of int, optional
        Shape of a new parameter.
    read : ndarray of bool, shape (n_slots,), optional
        Which slots anything reads; inputs and constants that nothing reads are then left out.
    """
    kept = program.n + sum(block.size for block in program.parameters)
    parameters = program.parameters
    if read is None:
        moved = _Moved(kept, program.n_slots)
    else:
        moved = _Moved(0, program.n_slots)
        inputs = np.flatnonzero(read[: program.n]).astype(np.int32)
        moved.scatter(0, Index.of(inputs))
        away = moved.move(program.n, kept - program.n) - program.n
        parameters = tuple(Block(block.start + away, block.shape) for block in parameters)
        kept = moved.top
        program = replace(program, n=inputs.size, input_shape=inputs.shape)
    if added is not None:
        parameters = (*parameters, Block(kept, added))
        moved.top += parameters[-1].size
    constants = [moved.constant(c, read) for c in program.constants]
    firsts: list[int] = []
    for draft in drafts:
        firsts.append(moved.top)
        for start in draft.starts:
            if draft.kept is None:
                moved.move(start, draft.rows)
            else:
                moved.scatter(start, draft.kept)
    instructions: list[Kernel | Opaque] = []
    for draft, first in zip(drafts, firsts, strict=True):
        step = draft.step
        if isinstance(step, Kernel):
            loads = tuple(moved.apply(index) for index in step.loads)
            instructions.append(step.placed(first, loads))
        else:
            operands = tuple(moved.apply(index) for index in step.operands)
            instructions.append(replace(step, start=first, operands=operands))
    outputs = moved.apply(Index.of(program.outputs)).to_array()
    return replace(
        program,
        parameters=parameters,
        constants=tuple(c for c in constants if c.values.size),
        instructions=tuple(instructions),
        outputs=np.ascontiguousarray(outputs, dtype=np.int32),
        n_slots=moved.top,
    )


class _Moved:
    """Where old slots went: whole blocks by an offset, thinned blocks element by element."""

    def __init__(self, kept: int, n_slots: int) -> None:
        self.top = kept
        self.n_slots = n_slots
        self.old: list[int] = [0] if kept else []
        self.new: list[int] = [0] if kept else []
        self.sizes: list[int] = [kept] if kept else []
        self.thinned: list[tuple[int, int, Slots]] = []
        self._table: Slots | None = None
        self._pieces: _Pieces | None = None
        self._spared = n_slots  # reads that pieces answer before a table is made

    def move(self, start: int, size: int) -> int:
        """Give `size` slots from `start` on their new place."""
        at = bisect_right(self.old, start)
        self.old.insert(at, start)
        self.new.insert(at, self.top)
        self.sizes.insert(at, size)
        self.top += size
        return self.top - size

    def constant(self, known: Constant, read: Mask | None) -> Constant:
        """Give a constant its new place, or those of its values that are read."""
        if read is None:
            return Constant(self.move(known.start, known.values.size), known.values)
        kept = np.flatnonzero(read[known.start : known.start + known.values.size]).astype(np.int32)
        values = known.values if kept.size == known.values.size else known.values[kept]
        start = self.top
        self.scatter(known.start, Index.of(kept))
        return Constant(start, values)

    def scatter(self, start: int, kept: Index) -> None:
        """Give some of the slots from `start` on their new place; the others are dropped."""
        if kept.is_run:
            self.move(start + kept.start, kept.length)
        elif kept.length:
            self.thinned.append((start, self.top, kept.to_array()))
            self.top += kept.length

    def table(self) -> Slots:
        """Return the new number of every old slot, -1 for the dropped; made once, on demand."""
        if self._table is None:
            self._table = np.full(self.n_slots, -1, dtype=np.int32)
            for old, new, size in zip(self.old, self.new, self.sizes, strict=True):
                self._table[old : old + size] = np.arange(new, new + size, dtype=np.int32)
            for old, new, kept in self.thinned:
                self._table[old + kept] = np.arange(new, new + kept.size, dtype=np.int32)
        return self._table

    def apply(self, index: Index) -> Index:
        """Renumber what a load reads."""
        low, high = index.bounds()
        if high < low:
            return index
        at = bisect_right(self.old, low) - 1
        if at >= 0 and high < self.old[at] + self.sizes[at]:
            offset = self.new[at] - self.old[at]
            return index.shifted(offset) if offset else index
        if self._table is None and _FEW * index.length < self.n_slots >= _LARGE:
            self._spared -= index.length
            self._pieces = self._pieces or _Pieces(self)
            if self._spared > 0 and self._pieces.are_apart:
                return Index.of(self._pieces.renumbered(index.to_array()))
        return Index.of(self.table()[index.to_array()])


class _Pieces:
    """The same as a table, by search among blocks: for few reads of a large program.

    It is possible where blocks are `apart`: parts of a kernel that was split may interleave.
    """

    def __init__(self, moved: _Moved) -> None:
        whole = zip(moved.old, moved.new, moved.sizes, strict=True)
        parts = [(old, new, size, None) for old, new, size in whole if size]
        thinned = [(o + int(k[0]), new, int(k[-1] - k[0]) + 1, k) for o, new, k in moved.thinned]
        ordered = sorted([*parts, *thinned], key=lambda piece: piece[0])
        starts, places, sizes, kept = zip(*ordered, strict=True)
        self._starts, self._places, self._sizes = map(np.array, (starts, places, sizes))
        self._kept = {p: k - k[0] for p, k in enumerate(kept) if k is not None}
        # rows of a split kernel may lie between each other, and a search finds one piece only
        disjoint = bool(np.all(self._starts[1:] >= (self._starts + self._sizes)[:-1]))
        ordered_rows = all(bool(np.all(k[1:] > k[:-1])) for k in self._kept.values())
        self.are_apart = disjoint and ordered_rows

    def renumbered(self, ids: Slots) -> Slots:
        """Return new numbers, -1 for slots that were dropped."""
        found = np.empty(ids.size, dtype=np.int32)
        for begin in range(0, ids.size, _CHUNK):  # searching takes eight bytes a slot
            part = slice(begin, begin + _CHUNK)
            found[part] = self._found(ids[part])
        return found

    def _found(self, ids: Slots) -> NDArray[np.int64]:
        piece = np.maximum(np.searchsorted(self._starts, ids, side="right") - 1, 0)
        at = ids - self._starts[piece]
        inside = (at >= 0) & (at < self._sizes[piece])
        for p in self._kept.keys() & set(np.unique(piece).tolist()):
            here, kept = np.flatnonzero(piece == p), self._kept[p]
            place = np.minimum(np.searchsorted(kept, at[here]), kept.size - 1)
            inside[here] &= kept[place] == at[here]
            at[here] = place
        return np.where(inside, at + self._places[piece], -1)
