"""`batch`: many small kernels become few long ones, so that Python loops run like array code.

Separate because it works on any program, wherever its small kernels come from. Two steps:

1. A long chain of scalar additions and subtractions (``f = f + term`` in a loop) becomes one sum
   with a segment, and the terms no longer wait for each other.
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

from sparsesolve.program import Constant, Index, Kernel, Node, Opaque, Program, Slots

__all__ = ["batch"]

_FEWEST_KERNELS = 48  # smaller programs are left alone: they fuse well as they are
_SMALL = 64  # elements of a kernel that counts as small
_SMALL_SUM = 1024  # the same for kernels that sum
_SMALLEST_GROUP = 4
_SHORTEST_CHAIN = 9
_ORIGINS = 4

_LOAD = (Node("load", (0,)),)
_PRODUCT = (Node("load", (0,)), Node("load", (1,)), Node("multiply", (0, 1)))

Step = Kernel | Opaque


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
    slots 200: x[100]
    100..198 = multiply(s[1+1i], s[0+1i]) for i < 99
    199..199 = s[[0, 100, 101, ...]] for i < 100 summed to 1
    return 199
    """
    if sum(map(_is_small, program.instructions)) < _FEWEST_KERNELS:
        return program
    constants = _Constants(program)
    steps = _flatten_chains(program, constants)
    groups = _group(steps, _levels(steps, constants.top))
    return _renumber(program, groups, constants)


def _is_small(step: Step) -> bool:
    if isinstance(step, Opaque) or len(step.outputs) != 1:
        return False
    return step.length <= (_SMALL if step.segments is None else _SMALL_SUM)


class _Constants:
    """New constants, numbered after the slots that the program has."""

    def __init__(self, program: Program) -> None:
        self.top = program.n_slots
        self.added: list[Constant] = []
        self._known: dict[float, int] = {}

    def block(self, values: Sequence[float]) -> int:
        start = self.top
        self.added.append(Constant(start, np.array(values, dtype=np.float64)))
        self.top += len(values)
        return start

    def scalar(self, value: float) -> int:
        slot = self._known.get(value)
        if slot is None:
            slot = self._known[value] = self.block([value])
        return slot


# ----- chains -----


def _flatten_chains(program: Program, constants: _Constants) -> list[Step]:
    """Replace long chains of scalar additions by sums; their links are dropped."""
    kernels = [step for step in program.instructions if isinstance(step, Kernel)]
    links = {step.start: step for step in kernels if _is_link(step)}
    if len(links) < _SHORTEST_CHAIN:
        return list(program.instructions)
    uses = _count_uses(program)
    chains: dict[int, _Chain] = {}  # by the slot of their last link
    for slot, link in links.items():
        chain = _extend(link, chains, uses, constants)
        if chain.links:
            del chains[chain.links[-1]]
        chain.links.append(slot)
        chains[slot] = chain
    long = {slot: chain for slot, chain in chains.items() if len(chain.links) >= _SHORTEST_CHAIN}
    dropped = {slot for chain in long.values() for slot in chain.links}
    steps: list[Step] = []
    for step in program.instructions:
        if step.start in long:
            steps.append(_sum_of(step, long[step.start], constants))
        elif step.start not in dropped:
            steps.append(step)
    return steps


def _sum_of(last: Step, chain: _Chain, constants: _Constants) -> Kernel:
    """Write a chain as one sum, in the place of its last link."""
    count = len(chain.terms)
    loads = [Index.of(np.array(chain.terms, dtype=np.int32))]
    nodes: tuple[Node, ...] = _LOAD
    if min(chain.signs) < 0.0:
        sign_slots = {sign: constants.scalar(sign) for sign in (1.0, -1.0)}
        loads.append(Index.of(np.array([sign_slots[s] for s in chain.signs], dtype=np.int32)))
        nodes = _PRODUCT
    segments = np.array([0, count], dtype=np.int64)
    return Kernel(last.start, count, tuple(loads), nodes, (len(nodes) - 1,), segments, last.origin)


def _is_link(step: Kernel) -> bool:
    return (
        step.length == 1
        and step.segments is None
        and len(step.outputs) == 1
        and len(step.nodes) == 3
        and step.nodes[2].op in ("add", "subtract")
    )


def _count_uses(program: Program) -> NDArray[np.int64]:
    """Count how often each slot is read, by instructions and as an output."""
    single: list[int] = []
    several: list[Slots] = [program.outputs]
    uses = np.zeros(program.n_slots, dtype=np.int64)
    for step in program.instructions:
        for index in _reads(step):
            if index.array is None and index.stride > 0:
                uses[index.start : index.start + index.stride * index.length : index.stride] += 1
            elif index.length == 1:
                single.append(index.start)
            else:
                several.append(index.to_array())
    several.append(np.array(single, dtype=np.int32))
    return uses + np.bincount(np.concatenate(several), minlength=program.n_slots)


def _reads(step: Step) -> tuple[Index, ...]:
    return step.loads if isinstance(step, Kernel) else step.operands


class _Chain:
    """Terms of a sum, in order, with their signs, and the links that it makes needless."""

    __slots__ = ("links", "signs", "terms")

    def __init__(self) -> None:
        self.terms: list[int] = []
        self.signs: list[float] = []
        self.links: list[int] = []


def _extend(
    link: Kernel, chains: dict[int, _Chain], uses: NDArray[np.int64], constants: _Constants
) -> _Chain:
    """Make the chain that ends in `link` out of the one that ends in its longer operand."""
    operands = [
        constants.scalar(node.value) if node.op == "const" else link.loads[node.args[0]].start
        for node in link.nodes[:2]
    ]
    signs = (1.0, 1.0 if link.nodes[2].op == "add" else -1.0)
    # the right operand of a subtraction stays one term: its signs would have to be turned
    open_ends = operands if signs[1] > 0.0 else operands[:1]
    grown = [chains[s] for s in open_ends if s in chains and uses[s] == 1]
    chain = max(grown, key=lambda c: len(c.terms), default=None) or _Chain()
    for slot, sign in zip(operands, signs, strict=True):
        if not chain.links or chain.links[-1] != slot:
            chain.terms.append(slot)
            chain.signs.append(sign)
    return chain


# ----- levels -----


def _levels(steps: Sequence[Step], n_slots: int) -> list[int]:
    """Longest way from the inputs to each step, in steps."""
    one = array("i", bytes(4 * n_slots))  # quick to read and write one by one
    level = np.frombuffer(one, dtype=np.int32)
    found: list[int] = []
    for step in steps:
        above = 0
        for index in _reads(step):
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


# ----- renumbering -----


def _renumber(program: Program, groups: Sequence[Sequence[Step]], constants: _Constants) -> Program:
    """Merge each group and give every slot its new number."""
    merged = [_merge(group, constants) if len(group) > 1 else group[0] for group in groups]
    new = np.full(constants.top, -1, dtype=np.int32)
    fixed = program.n + sum(block.size for block in program.parameters)
    new[:fixed] = np.arange(fixed)
    top = fixed
    blocks: list[Constant] = []
    for constant in (*program.constants, *constants.added):
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


def _merge(group: Sequence[Step], constants: _Constants) -> Kernel:
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
            start = constants.block(values)
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
