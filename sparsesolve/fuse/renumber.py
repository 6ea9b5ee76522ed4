"""Number the slots of a program afresh, so that those still written are consecutive.

Separate because fusing, restricting and adding a parameter all end here: the outputs of a kernel
must lie back to back, and the buffer should hold no holes.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace

import numpy as np

from sparsesolve.ir.program import Block, Constant, Index, Kernel, Opaque, Program, Slots

__all__ = ["Draft", "rebuilt", "with_parameter"]


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
    kept : ndarray of int32 or None
        Which of these rows the new kernel computes; None for all.
    """

    step: Kernel | Opaque
    starts: tuple[int, ...]
    rows: int
    kept: Slots | None = None

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


def rebuilt(program: Program, drafts: list[Draft], added: tuple[int, ...] | None = None) -> Program:
    """Make a program of drafts, in slots numbered afresh; `added` is a new parameter's shape."""
    kept = program.n + sum(block.size for block in program.parameters)
    moved = _Moved(kept, program.n_slots)
    parameters = program.parameters
    if added is not None:
        parameters = (*parameters, Block(kept, added))
        moved.top += parameters[-1].size
    constants = tuple(
        Constant(moved.move(c.start, c.values.size), c.values) for c in program.constants
    )
    firsts: list[int] = []
    for draft in drafts:
        firsts.append(moved.top)
        for start in draft.starts:
            if draft.kept is None:
                moved.move(start, draft.rows)
            else:
                moved.scatter(start, draft.rows, draft.kept)
    instructions: list[Kernel | Opaque] = []
    for draft, first in zip(drafts, firsts, strict=True):
        step = draft.step
        if isinstance(step, Kernel):
            loads = tuple(moved.apply(index) for index in step.loads)
            instructions.append(replace(step, start=first, loads=loads))
        else:
            operands = tuple(moved.apply(index) for index in step.operands)
            instructions.append(replace(step, start=first, operands=operands))
    outputs = moved.apply(Index.of(program.outputs)).to_array()
    return replace(
        program,
        parameters=parameters,
        constants=constants,
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

    def move(self, start: int, size: int) -> int:
        """Give `size` slots from `start` on their new place."""
        at = bisect_right(self.old, start)
        self.old.insert(at, start)
        self.new.insert(at, self.top)
        self.sizes.insert(at, size)
        self.top += size
        return self.top - size

    def scatter(self, start: int, size: int, kept: Slots) -> None:
        """Give some of `size` slots from `start` on their new place; the others are dropped."""
        self.thinned.append((start, self.top, kept))
        self.top += kept.size

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
        return Index.of(self.table()[index.to_array()])
