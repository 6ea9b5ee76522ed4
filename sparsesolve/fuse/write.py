"""Write the fused kernels that `choose` decided on, in slots numbered afresh.

Separate from the decisions because here nothing is weighed: expressions are grown by composing
index arrays, and the slots that are still written become consecutive, so that all outputs of a
kernel lie back to back and the buffer holds no holes.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace

import numpy as np

from sparsesolve.expression import Expressions, live_nodes
from sparsesolve.fuse.choose import Choice
from sparsesolve.program import Block, Constant, Index, Kernel, Node, Opaque, Program, Slots

__all__ = ["with_parameter", "write"]


def write(choice: Choice) -> Program:
    """Build the program of fused kernels."""
    drafts = [_draft(choice, head) for head in choice.emission_order()]
    return _renumbered(choice.program, drafts)


@dataclass(slots=True)
class _Draft:
    """A kernel whose outputs still have their old first slots, or an opaque call."""

    step: Kernel | Opaque
    starts: tuple[int, ...]
    rows: int


def _draft(choice: Choice, head: int) -> _Draft:
    step = choice.items[head].step
    if isinstance(step, Opaque):
        return _Draft(step, (step.start,), step.length)
    writer = _Writer(choice)
    starts: list[int] = []
    roots: list[int] = []
    for number in choice.members[head]:
        member = choice.items[number].step
        assert isinstance(member, Kernel)
        numbers = writer.expand(member, None)
        for k, node in enumerate(member.outputs):
            starts.append(member.start + k * member.rows)
            roots.append(numbers[node])
    nodes, outputs = live_nodes(writer.expressions.nodes, roots)
    loads, nodes = _used_loads(writer.loads, nodes)
    origin = tuple(dict.fromkeys(writer.origin))
    kernel = Kernel(
        starts[0], step.length, loads, tuple(nodes), tuple(outputs), step.segments, origin
    )
    return _Draft(kernel, tuple(starts), kernel.rows)


class _Writer:
    """Grows the expression of one group."""

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        self.expressions = Expressions()
        self.loads: list[Index] = []
        self.origin: list[int] = []
        self._affine: dict[tuple[int, int], int] = {}
        self._arrays: dict[tuple[int, int, int], list[int]] = {}
        self._expanded: dict[int, list[tuple[Index, list[int]]]] = {}

    def expand(self, step: Kernel, place: Index | None) -> list[int]:
        """Node numbers of all nodes of a kernel, computed at `place` of its domain."""
        self.origin.extend(step.origin)

        def leaf(number: int) -> int:
            index = step.loads[number]
            return self.resolve(index if place is None else index.take(place))

        return self.expressions.graft(step.nodes, leaf)

    def resolve(self, index: Index) -> int:
        """Node that reads `index`: an inlined producer's expression, or a load."""
        found = self.choice.producer(index)
        if found is None or self.choice.items[found[0]].stored:
            return self.expressions.load(self.load_number(index))
        number, output = found
        step = self.choice.items[number].step
        assert isinstance(step, Kernel)
        position = index.shifted(-(step.start + output * step.rows))
        known = self._expanded.setdefault(number, [])
        for place, numbers in known:
            if place.same_as(position):
                return numbers[step.outputs[output]]
        whole = position.array is None and position.start == 0 and position.stride == 1
        numbers = self.expand(step, None if whole and index.length == step.length else position)
        known.append((position, numbers))
        return numbers[step.outputs[output]]

    def load_number(self, index: Index) -> int:
        """Number of a load, equal index arrays shared."""
        if index.array is None:
            key = (index.start, index.stride if index.length > 1 else 0)
            if key not in self._affine:
                self._affine[key] = len(self.loads)
                self.loads.append(index)
            return self._affine[key]
        a = index.array
        probe = (int(a[0]), int(a[a.size // 2]), int(a[-1]))
        for number in self._arrays.setdefault(probe, []):
            if self.loads[number].same_as(index):
                return number
        self._arrays[probe].append(len(self.loads))
        self.loads.append(index)
        return len(self.loads) - 1


def _used_loads(loads: list[Index], nodes: list[Node]) -> tuple[tuple[Index, ...], list[Node]]:
    used: dict[int, int] = {}
    renamed = []
    for node in nodes:
        if node.op == "load":
            node = Node("load", (used.setdefault(node.args[0], len(used)),))
        renamed.append(node)
    return tuple(loads[k] for k in used), renamed


# ----- slots numbered afresh -----


class _Renumbering:
    """Where each block of consecutive old slots went."""

    def __init__(self, kept: int) -> None:
        self.top = kept
        self.old: list[int] = [0] if kept else []
        self.new: list[int] = [0] if kept else []
        self.sizes: list[int] = [kept] if kept else []
        self._table: Slots | None = None

    def move(self, start: int, size: int) -> int:
        """Give `size` slots from `start` on their new place."""
        at = bisect_right(self.old, start)
        self.old.insert(at, start)
        self.new.insert(at, self.top)
        self.sizes.insert(at, size)
        self.top += size
        return self.top - size

    def table(self, n_slots: int) -> Slots:
        """Return the new number of every old slot, -1 for the dropped; made once, on demand."""
        if self._table is None:
            self._table = np.full(n_slots, -1, dtype=np.int32)
            for old, new, size in zip(self.old, self.new, self.sizes, strict=True):
                self._table[old : old + size] = np.arange(new, new + size, dtype=np.int32)
        return self._table

    def apply(self, index: Index, n_slots: int) -> Index:
        """Renumber what a load reads."""
        low, high = index.bounds()
        if high < low:
            return index
        at = bisect_right(self.old, low) - 1
        if at >= 0 and high < self.old[at] + self.sizes[at]:
            offset = self.new[at] - self.old[at]
            return index.shifted(offset) if offset else index
        return Index.of(self.table(n_slots)[index.to_array()])


def with_parameter(program: Program, shape: tuple[int, ...]) -> Program:
    """Add one more parameter, last, to a program; slots behind it move up."""
    drafts = []
    for step in program.instructions:
        if isinstance(step, Kernel):
            starts = tuple(step.start + k * step.rows for k in range(len(step.outputs)))
            drafts.append(_Draft(step, starts, step.rows))
        else:
            drafts.append(_Draft(step, (step.start,), step.length))
    return _renumbered(program, drafts, shape)


def _renumbered(
    program: Program, drafts: list[_Draft], added: tuple[int, ...] | None = None
) -> Program:
    kept = program.n + sum(block.size for block in program.parameters)
    moved = _Renumbering(kept)
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
            moved.move(start, draft.rows)
    instructions: list[Kernel | Opaque] = []
    for draft, first in zip(drafts, firsts, strict=True):
        step = draft.step
        if isinstance(step, Kernel):
            loads = tuple(moved.apply(index, program.n_slots) for index in step.loads)
            instructions.append(replace(step, start=first, loads=loads))
        else:
            operands = tuple(moved.apply(index, program.n_slots) for index in step.operands)
            instructions.append(replace(step, start=first, operands=operands))
    outputs = moved.apply(Index.of(program.outputs), program.n_slots).to_array()
    return replace(
        program,
        parameters=parameters,
        constants=constants,
        instructions=tuple(instructions),
        outputs=np.ascontiguousarray(outputs, dtype=np.int32),
        n_slots=moved.top,
    )
