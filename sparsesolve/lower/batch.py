"""`batch`: many small kernels become few long ones, so that Python loops run like array code.

It works on any program, wherever its small kernels come from. Two steps:

1. A long chain of scalar additions and subtractions (``f = f + term`` in a loop) becomes a sum for
   each kind of term (`sparsesolve.lower.chains`), and the terms no longer wait for each other.
2. Kernels of one expression at one level (longest way from the inputs) are independent; they become
   one kernel with their index arrays one after the other.

Slots are renumbered, so that what one kernel writes stays consecutive; those of the argument and of
the parameters stay. Time is linear in the number of kernels plus the size of their index arrays.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ir.program import Constant, Index, Kernel, Node, Opaque, Program, Slots
from sparsesolve.lower.chains import NewSlots, Step, flatten_chains, reads, split_chain

__all__ = ["batch"]

_FEWEST_KERNELS = 48  # smaller programs are left alone: they fuse well as they are
_SMALL = 64  # elements of a kernel that counts as small
_SMALL_SUM = 1024  # the same for kernels that sum
_SMALLEST_GROUP = 4
_ORIGINS = 4


def batch(program: Program) -> Program:
    """Gather equal small kernels into long ones.

    Parameters
    ----------
    program : Program
        Any program.

    Returns
    -------
    Program
        Computes the same values; sums of chains may differ in the last digits, as their order of
        addition is the engine's. Unchanged where there are few small kernels.

    Examples
    --------
    >>> from sparsesolve.ir.builder import Builder
    >>> b = Builder((100,))
    >>> total = b.x[0]
    >>> for i in range(1, 100):
    ...     total = b.map("add", total, b.map("multiply", b.x[i], b.x[i - 1]))
    >>> print(batch(b.build(total)))
    slots 201: x[100]
    100..198 = multiply(s[1+1i], s[0+1i]) for i < 99
    199..199 = s[100+1i] for i < 99 summed to 1
    200..200 = add(s[0], s[199]) for i < 1
    return 200
    """
    small = filter(_is_small, program.instructions)
    if sum(1 for _ in islice(small, _FEWEST_KERNELS)) < _FEWEST_KERNELS:
        return program
    slots = NewSlots(program)
    steps, chains = flatten_chains(program, slots)
    kinds: dict[Any, int] = {}
    items = _describe(steps, kinds)
    groups = _group(items, _levels(items, slots.top))
    if chains:
        family = _numbers(groups, slots.top)
        pieces: list[_Item] = []
        for item in items:
            chain = chains.get(item[0].start)
            if chain is None:
                pieces.append(item)
            else:
                pieces.extend(_describe(split_chain(item[0], chain, family, slots), kinds))
        groups = _group(pieces, _levels(pieces, slots.top))
    elif all(len(group) == 1 for group in groups):
        return program
    return _renumber(program, groups, slots)


def _is_small(step: Step) -> bool:
    if isinstance(step, Opaque) or len(step.outputs) != 1:
        return False
    return step.length <= (_SMALL if step.segments is None else _SMALL_SUM)


# ----- levels and groups -----

# a step, the number of its kind (-1: it stays alone), and how many slots it writes
_Item = tuple[Step, int, int]


def _describe(steps: Sequence[Step], kinds: dict[Any, int]) -> list[_Item]:
    """Give equal small kernels, which may be merged, the same number."""
    known: dict[int, int] = {}  # by identity: most scalar kernels share their nodes
    items: list[_Item] = []
    for step in steps:
        if not isinstance(step, Kernel) or not _is_small(step):
            items.append((step, -1, step.stop - step.start))
        elif step.segments is None:
            nodes = step.nodes
            kind = known.get(id(nodes))
            if kind is None:
                kind = known[id(nodes)] = _kind(step, kinds)
            items.append((step, kind, step.length))
        else:
            items.append((step, _kind(step, kinds), step.rows))
    return items


def _kind(step: Kernel, kinds: dict[Any, int]) -> int:
    nodes = tuple([(node.op, node.args) for node in step.nodes])
    return kinds.setdefault((nodes, step.outputs, step.segments is None), len(kinds))


def _levels(items: Sequence[_Item], n_slots: int) -> list[int]:
    """Longest way from the inputs to each step, in steps."""
    one = array("i", bytes(4 * n_slots))  # quick to read and write one by one
    level = np.frombuffer(one, dtype=np.int32)
    found: list[int] = []
    for step, _, count in items:
        above = 0
        for index in reads(step):
            if index.array is None and (index.length == 1 or index.stride == 0):
                here = one[index.start] if index.length else 0
            elif index.array is None and index.stride > 0:
                stop = index.start + index.stride * index.length
                here = int(level[index.start : stop : index.stride].max(initial=0))
            else:
                here = int(level[index.to_array()].max(initial=0))
            if here > above:
                above = here
        above += 1
        found.append(above)
        if count == 1:
            one[step.start] = above
        else:
            level[step.start : step.start + count] = above
    return found


def _group(items: Sequence[_Item], levels: Sequence[int]) -> list[list[_Item]]:
    """Collect equal steps of a level, in an order that respects the levels."""
    groups: dict[tuple[int, int], list[_Item]] = {}
    for number, (item, level) in enumerate(zip(items, levels, strict=True)):
        kind = item[1]
        key = (level, -number - 1 if kind < 0 else kind)
        group = groups.get(key)
        if group is None:
            groups[key] = [item]
        else:
            group.append(item)
    ordered = sorted(groups.items(), key=lambda item: item[0][0])
    return [
        part
        for _, members in ordered
        for part in ([members] if len(members) >= _SMALLEST_GROUP else [[m] for m in members])
    ]


def _numbers(groups: Sequence[Sequence[_Item]], n_slots: int) -> Slots:
    """Tell which group writes each slot, counted from 1; 0 where none does."""
    number = np.zeros(n_slots, dtype=np.int32)
    starts, counts = _written(groups)
    group = np.repeat(np.arange(1, len(groups) + 1), [len(group) for group in groups])
    number[_ranges(starts, counts, int(counts.sum()))] = np.repeat(group, counts)
    return number


def _written(groups: Sequence[Sequence[_Item]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First slots and sizes of what all steps write, in order."""
    starts = np.array([step.start for group in groups for step, _, _ in group], dtype=np.int64)
    counts = np.array([count for group in groups for _, _, count in group], dtype=np.int64)
    return starts, counts


# ----- renumbering -----


class _Moves:
    """Where slots go. Slots of one block, which lay side by side, still do."""

    def __init__(self, n_slots: int) -> None:
        self.new = np.full(n_slots, -1, dtype=np.int32)
        self.block = np.full(n_slots, -1, dtype=np.int32)
        self.top = self._blocks = 0
        self._one, self._of = memoryview(self.new.data), memoryview(self.block.data)
        self._single: dict[int, Index] = {}

    def put(self, starts: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        """Lay blocks of slots one behind the other."""
        total = int(counts.sum())
        old = _ranges(starts, counts, total)
        self.new[old] = np.arange(self.top, self.top + total)
        blocks = np.arange(self._blocks, self._blocks + counts.size)
        self.block[old] = np.repeat(blocks, counts)
        self.top += total
        self._blocks += counts.size

    def step(self, step: Step, start: int) -> Step:
        """Return an instruction in new slots."""
        if isinstance(step, Opaque):
            return replace(step, start=start, operands=tuple(map(self.index, step.operands)))
        loads = tuple([self.index(index) for index in step.loads])
        return Kernel(
            start, step.length, loads, step.nodes, step.outputs, step.segments, step.origin
        )

    def index(self, index: Index) -> Index:
        """Return what an index reads in new slots; most read one slot, or some of one block."""
        length, first = index.length, index.start
        if index.array is not None or not length:
            return Index.of(self.new[index.to_array()])
        if length == 1:
            known = self._single.get(first)
            if known is None:
                known = self._single[first] = Index(1, self._one[first], 0)
            return known
        if self._of[first] == self._of[first + index.stride * (length - 1)]:
            return Index(length, self._one[first], index.stride)
        return Index.of(self.new[index.to_array()])


def _ranges(starts: NDArray[np.int64], counts: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Count up from each start, one range behind the other."""
    offsets = np.cumsum(counts) - counts
    return np.repeat(starts - offsets, counts) + np.arange(total)


def _renumber(program: Program, groups: Sequence[Sequence[_Item]], slots: NewSlots) -> Program:
    """Merge each group and give every slot its new number."""
    merged = [_merge(group, slots) if len(group) > 1 else group[0][0] for group in groups]
    moves = _Moves(slots.top)
    fixed = program.n + sum(block.size for block in program.parameters)
    moves.put(np.zeros(1, dtype=np.int64), np.array([fixed]))
    constants = (*program.constants, *slots.constants)
    sizes = np.fromiter((constant.values.size for constant in constants), np.int64, len(constants))
    at = moves.top + np.cumsum(sizes) - sizes
    moves.put(np.fromiter((c.start for c in constants), np.int64, len(constants)), sizes)
    blocks = [Constant(start, c.values) for start, c in zip(at.tolist(), constants, strict=True)]
    starts, counts = _written(groups)
    firsts = np.cumsum([0, *map(len, groups)])[:-1]
    at = moves.top + np.concatenate([[0], np.cumsum(counts)])[firsts]
    moves.put(starts, counts)
    moved = [moves.step(step, start) for step, start in zip(merged, at.tolist(), strict=True)]
    return replace(
        program,
        constants=tuple(blocks),
        instructions=tuple(moved),
        outputs=moves.new[program.outputs],
        n_slots=moves.top,
    )


def _merge(group: Sequence[_Item], slots: NewSlots) -> Kernel:
    """Join kernels of one expression into one over all their elements, still in old slots."""
    kernels = [step for step, _, _ in group if isinstance(step, Kernel)]
    first = kernels[0]
    length = sum(kernel.length for kernel in kernels)
    loads = [
        Index(length, array=_joined([kernel.loads[k] for kernel in kernels]))
        for k in range(len(first.loads))
    ]
    nodes: list[Node] = []
    for k, node in enumerate(first.nodes):
        values = [kernel.nodes[k].value for kernel in kernels] if node.op == "const" else []
        if len(set(values)) > 1 or any(value != value for value in values):
            start = slots.block(values)
            ids = np.arange(start, start + len(values), dtype=np.int32)
            lengths = [kernel.length for kernel in kernels]
            nodes.append(Node("load", (len(loads),)))
            loads.append(Index(length, array=np.repeat(ids, lengths)))
        else:
            nodes.append(node)
    return Kernel(
        first.start,
        length,
        tuple(loads),
        tuple(nodes),
        first.outputs,
        _joined_segments(kernels) if first.segments is not None else None,
        tuple(dict.fromkeys(k for kernel in kernels[:_ORIGINS] for k in kernel.origin)),
    )


def _joined(indices: Sequence[Index]) -> Slots:
    if all(index.length == 1 and index.array is None for index in indices):
        return np.fromiter((index.start for index in indices), np.int32, len(indices))
    return np.concatenate([index.to_array() for index in indices])


def _joined_segments(kernels: Iterable[Kernel]) -> NDArray[np.int64]:
    counts = [np.diff(kernel.segments) for kernel in kernels if kernel.segments is not None]
    return np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64)
