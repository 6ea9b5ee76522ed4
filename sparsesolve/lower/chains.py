"""Long chains of scalar additions, and the sums that replace them.

Separate from `sparsesolve.lower.batch`, which calls it: a chain (``f = f + term`` in a loop) has to
become a sum before the terms can be seen to be independent of each other, and the sum is cut into
families of like terms after it is known which terms will lie side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ir.program import Constant, Index, Kernel, Node, Opaque, Program, Slots

__all__ = ["NewSlots", "Step", "SumChain", "flatten_chains", "reads", "split_chain"]

_SHORTEST_CHAIN = 9
_SMALLEST_FAMILY = 4  # terms of one kind that get a sum of their own
_MOST_SINGLES = 8  # other terms that are added one by one

_LOADS = (Node("load", (0,)), Node("load", (1,)))

Step = Kernel | Opaque


def reads(step: Step) -> tuple[Index, ...]:
    """List what an instruction loads."""
    return step.loads if isinstance(step, Kernel) else step.operands


class NewSlots:
    """Allocates slots, and new constants, after the slots that a program has."""

    def __init__(self, program: Program) -> None:
        self.top = program.n_slots
        self.constants: list[Constant] = []
        self._known: dict[float, int] = {}

    def reserve(self, count: int) -> int:
        """Take consecutive slots; return the first."""
        start = self.top
        self.top += count
        return start

    def block(self, values: Sequence[float]) -> int:
        """Take slots for constants; return the first."""
        start = self.reserve(len(values))
        self.constants.append(Constant(start, np.array(values, dtype=np.float64)))
        return start

    def scalar(self, value: float) -> int:
        """Return the slot of one constant."""
        slot = self._known.get(value)
        if slot is None:
            slot = self._known[value] = self.block([value])
        return slot


class SumChain:
    """Terms of a sum, in order, with their signs, and the links that it makes needless."""

    __slots__ = ("links", "signs", "terms")

    def __init__(self) -> None:
        self.terms: list[int] = []
        self.signs: list[float] = []
        self.links: list[int] = []


def flatten_chains(program: Program, slots: NewSlots) -> tuple[list[Step], dict[int, SumChain]]:
    """Replace every long chain by one kernel that reads all its terms.

    Returns
    -------
    steps : list of Kernel or Opaque
        Where a chain ended, a kernel that only stands for it: `split_chain` writes the sum.
    chains : dict of int to Chain
        The chains, by the slot of their last link.
    """
    kernels = [step for step in program.instructions if isinstance(step, Kernel)]
    links = {step.start: step for step in kernels if _is_link(step)}
    if len(links) < _SHORTEST_CHAIN:
        return list(program.instructions), {}
    uses = memoryview(_count_uses(program).data)  # quick to read one by one
    chains: dict[int, SumChain] = {}
    for slot, link in links.items():
        chain = _extend(link, chains, uses, slots)
        if chain.links:
            del chains[chain.links[-1]]
        chain.links.append(slot)
        chains[slot] = chain
    long = {slot: chain for slot, chain in chains.items() if len(chain.links) >= _SHORTEST_CHAIN}
    dropped = {slot for chain in long.values() for slot in chain.links}
    steps: list[Step] = []
    for step in program.instructions:
        if step.start in long:
            steps.append(_sum(long[step.start].terms, step.start, step.origin))
        elif step.start not in dropped:
            steps.append(step)
    return steps, long


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
        for index in reads(step):
            if index.array is None and index.stride > 0:
                uses[index.start : index.start + index.stride * index.length : index.stride] += 1
            elif index.length == 1:
                single.append(index.start)
            else:
                several.append(index.to_array())
    several.append(np.array(single, dtype=np.int32))
    return uses + np.bincount(np.concatenate(several), minlength=program.n_slots)


def _extend(
    link: Kernel, chains: dict[int, SumChain], uses: memoryview, slots: NewSlots
) -> SumChain:
    """Make the chain that ends in `link` out of the one that ends in its longer operand."""
    operands = [
        slots.scalar(node.value) if node.op == "const" else link.loads[node.args[0]].start
        for node in link.nodes[:2]
    ]
    signs = (1.0, 1.0 if link.nodes[2].op == "add" else -1.0)
    # the right operand of a subtraction stays one term: its signs would have to be turned
    open_ends = operands if signs[1] > 0.0 else operands[:1]
    grown = [chains[s] for s in open_ends if s in chains and uses[s] == 1]
    chain = max(grown, key=lambda c: len(c.terms), default=None) or SumChain()
    for slot, sign, node in zip(operands, signs, link.nodes, strict=False):
        is_zero = node.op == "const" and node.value == 0.0  # as in `f = 0.0` before a loop
        if not is_zero and (not chain.links or chain.links[-1] != slot):
            chain.terms.append(slot)
            chain.signs.append(sign)
    return chain


def _sum(terms: Sequence[int] | NDArray[np.int32], start: int, origin: tuple[int, ...]) -> Kernel:
    load = Index.of(np.asarray(terms, dtype=np.int32))
    segments = np.array([0, load.length], dtype=np.int64)
    return Kernel(start, load.length, (load,), _LOADS[:1], (0,), segments, origin)


def split_chain(last: Step, chain: SumChain, family: Slots, slots: NewSlots) -> list[Step]:
    """Write a chain as one sum a family of terms, and the sum of these.

    Terms of one family will lie side by side, so that such a sum reads consecutive slots.

    Parameters
    ----------
    last : Kernel
        What stands for the chain; its slot gets the result.
    chain : Chain
        Its terms.
    family : ndarray of int32
        Which slots belong together.
    slots : NewSlots
        Gives the slots of the partial sums.
    """
    terms = np.array(chain.terms, dtype=np.int32)
    signs = np.array(chain.signs)
    keys = 2 * family[terms].astype(np.int64) + (signs < 0.0)
    order = np.lexsort((terms, keys))
    _, first, counts = np.unique(keys[order], return_index=True, return_counts=True)
    small = np.flatnonzero(counts < _SMALLEST_FAMILY)
    if counts[small].sum() > _MOST_SINGLES:  # all the odd ones together
        odd = np.isin(keys[order], keys[order][first[small]])
        rank = np.where(odd, -2 + (signs[order] < 0.0), keys[order])
        order = order[np.argsort(rank, kind="stable")]
        _, first, counts = np.unique(np.sort(rank), return_index=True, return_counts=True)
    steps: list[Step] = []
    parts: list[tuple[float, int]] = []
    for begin, count in zip(first.tolist(), counts.tolist(), strict=True):
        members = order[begin : begin + count]
        sign = float(signs[members[0]])
        if count < _SMALLEST_FAMILY:
            parts.extend((sign, int(slot)) for slot in terms[members])
            continue
        start = last.start if count == terms.size and sign > 0.0 else slots.reserve(1)
        steps.append(_sum(terms[members], start, last.origin))
        parts.append((sign, start))
    if len(parts) > 1 or parts[0][0] < 0.0:
        steps.extend(_add_up(parts, last, slots))
    return steps


def _add_up(parts: list[tuple[float, int]], last: Step, slots: NewSlots) -> list[Step]:
    """Add and subtract the parts of a chain one by one, into its slot."""
    parts = sorted(parts, key=lambda part: -part[0])  # one to start from comes first
    total = parts[0][1]
    steps: list[Step] = []
    if parts[0][0] < 0.0:
        target = slots.reserve(1) if len(parts) > 1 else last.start
        nodes = (_LOADS[0], Node("negative", (0,)))
        steps.append(Kernel(target, 1, (Index(1, total, 0),), nodes, (1,), None, last.origin))
        total = target
    for k, (sign, slot) in enumerate(parts[1:], 2):
        target = last.start if k == len(parts) else slots.reserve(1)
        loads = (Index(1, total, 0), Index(1, slot, 0))
        nodes3 = (*_LOADS, Node("add" if sign > 0.0 else "subtract", (0, 1)))
        steps.append(Kernel(target, 1, loads, nodes3, (2,), None, last.origin))
        total = target
    return steps
