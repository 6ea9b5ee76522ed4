"""`batch`: many small kernels become few long ones, so that Python loops run like array code.

Separate because it works on any program, wherever its small kernels come from. Two steps:

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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.lower.chains import NewSlots, Step, flatten_chains, reads, split_chain
from sparsesolve.program import Constant, Index, Kernel, Node, Opaque, Program, Slots

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
    >>> from sparsesolve.builder import Builder
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
    if sum(map(_is_small, program.instructions)) < _FEWEST_KERNELS:
        return program
    slots = NewSlots(program)
    steps, chains = flatten_chains(program, slots)
    groups = _group(steps, _levels(steps, slots.top))
    if chains:
        family = _numbers(groups, slots.top)
        pieces = (
            split_chain(step, chains[step.start], family, slots) if step.start in chains else [step]
            for step in steps
        )
        steps = [step for piece in pieces for step in piece]
        groups = _group(steps, _levels(steps, slots.top))
    return _renumber(program, groups, slots)


def _is_small(step: Step) -> bool:
    if isinstance(step, Opaque) or len(step.outputs) != 1:
        return False
    return step.length <= (_SMALL if step.segments is None else _SMALL_SUM)


# ----- levels -----


def _levels(steps: Sequence[Step], n_slots: int) -> list[int]:
    """Longest way from the inputs to each step, in steps."""
    one = array("i", bytes(4 * n_slots))  # quick to read and write one by one
    level = np.frombuffer(one, dtype=np.int32)
    found: list[int] = []
    for step in steps:
        above = 0
        for index in reads(step):
            if index.array is None and (index.length == 1 or index.stride == 0):
                above = max(above, one[index.start] if index.length else 0)
            elif index.array is None and index.stride > 0:
                stop = index.start + index.stride * index.length
                above = max(above, int(level[index.start : stop : index.stride].max(initial=0)))
            else:
                above = max(above, int(level[index.to_array()].max(initial=0)))
        found.append(above + 1)
        if step.stop == step.start + 1:
            one[step.start] = above + 1
        else:
            level[step.start : step.stop] = above + 1
    return found


def _group(steps: Sequence[Step], levels: Sequence[int]) -> list[list[Step]]:
    """Collect equal steps of a level, in an order that respects the levels."""
    groups: dict[tuple[Any, ...], list[Step]] = {}
    key: tuple[Any, ...]
    for number, (step, level) in enumerate(zip(steps, levels, strict=True)):
        if isinstance(step, Kernel) and _is_small(step):
            signature = tuple((node.op, node.args) for node in step.nodes)
            key = (level, signature, step.outputs, step.segments is None)
        else:
            key = (level, number)
        groups.setdefault(key, []).append(step)
    ordered = sorted(groups.items(), key=lambda item: item[0][0])
    return [
        part
        for _, members in ordered
        for part in ([members] if len(members) >= _SMALLEST_GROUP else [[m] for m in members])
    ]


def _numbers(groups: Sequence[Sequence[Step]], n_slots: int) -> Slots:
    """Tell which group writes each slot, counted from 1; 0 where none does."""
    one = array("i", bytes(4 * n_slots))
    number = np.frombuffer(one, dtype=np.int32)
    for k, group in enumerate(groups, 1):
        for step in group:
            if step.stop == step.start + 1:
                one[step.start] = k
            else:
                number[step.start : step.stop] = k
    return number


# ----- renumbering -----


def _renumber(program: Program, groups: Sequence[Sequence[Step]], slots: NewSlots) -> Program:
    """Merge each group and give every slot its new number."""
    merged = [_merge(group, slots) if len(group) > 1 else group[0] for group in groups]
    new = np.full(slots.top, -1, dtype=np.int32)
    fixed = program.n + sum(block.size for block in program.parameters)
    new[:fixed] = np.arange(fixed)
    top = fixed
    blocks: list[Constant] = []
    for constant in (*program.constants, *slots.constants):
        blocks.append(Constant(top, constant.values))
        new[constant.start : constant.start + constant.values.size] = np.arange(
            top, top + constant.values.size
        )
        top += constant.values.size
    starts: list[int] = []
    for group in groups:
        starts.append(top)
        for step in group:
            new[step.start : step.stop] = np.arange(top, top + step.stop - step.start)
            top += step.stop - step.start
    moved = [_move(step, start, new) for step, start in zip(merged, starts, strict=True)]
    return replace(
        program,
        constants=tuple(blocks),
        instructions=tuple(moved),
        outputs=new[program.outputs],
        n_slots=top,
    )


def _move(step: Step, start: int, new: Slots) -> Step:
    if isinstance(step, Opaque):
        return replace(step, start=start, operands=tuple(_moved(i, new) for i in step.operands))
    return replace(step, start=start, loads=tuple(_moved(i, new) for i in step.loads))


def _moved(index: Index, new: Slots) -> Index:
    if index.array is None and index.stride == 0:
        return Index(index.length, int(new[index.start]), 0) if index.length else index
    return Index.of(new[index.to_array()])


def _merge(group: Sequence[Step], slots: NewSlots) -> Kernel:
    """Join kernels of one expression into one over all their elements, still in old slots."""
    kernels = [step for step in group if isinstance(step, Kernel)]
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
