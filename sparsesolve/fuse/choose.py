"""Decide which kernels are stored, and which are recomputed inside their readers.

In reverse order every kernel knows all the places where it would be computed: the stored kernels
(roots) that need it, and at which positions, equal positions counted once. It is stored when
recomputing would cost more than `_RECOMPUTE` operations a point, or when a root would outgrow
`_LARGEST` nodes (`_LONGEST` by kernels that are computed once anyway); so the result is linear in
the size of the program. Stored kernels of one level and one length share one loop, hence common
subexpressions.

Separate from `write`, which only carries the decisions out.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import field

import numpy as np

from sparsesolve.ir.dataclass import dataclass
from sparsesolve.ir.program import Index, Kernel, Node, Opaque, Program, Slots
from sparsesolve.ir.scalar_ops import OPS

__all__ = ["Choice", "Item", "operands"]

_RECOMPUTE = 24
_LARGEST = 400
_LONGEST = 2000  # the same for what is read at one place only: long chains are cut
_MOST_OUTPUTS = 32
_FEW = 0.25


@dataclass(slots=True)
class Demand:
    """Positions of a kernel's domain that a reader needs, and which outputs there."""

    at: Index
    outputs: set[int]


@dataclass(slots=True)
class Item:
    """What fusing knows of one instruction.

    `stored`: its slots are written. `inlined`: readers recompute it. Both, where only a few of its
    slots must exist (elements of the output at a boundary) and recomputing the rest is cheap.
    """

    step: Kernel | Opaque
    stored: bool = False
    inlined: bool = True
    level: int = 0
    group: int = -1
    fixed_slots: int = 0  # slots that must exist: outputs, mixed loads
    costs: tuple[int, ...] = ()  # of each node alone
    cost: int = 0  # of all outputs together
    places: dict[int, list[Demand]] = field(default_factory=dict)  # by group
    known: dict[int, int] = field(default_factory=dict)  # cost of an output with what it needs

    def cost_of(self, outputs: set[int]) -> int:
        """Cost of some outputs, each computed by itself, but no more than that of all together."""
        if len(self.step.outputs if isinstance(self.step, Kernel) else ()) == 1:
            return self.cost
        total = 0
        for k in outputs:
            if total >= self.cost:
                return self.cost
            if k not in self.known:
                self.known[k] = self.cost_alone(k)
            total += self.known[k]
        return min(self.cost, total)

    def cost_alone(self, k: int) -> int:
        """Cost of one output."""
        assert isinstance(self.step, Kernel)
        needed = _needed(self.step.nodes, self.step.outputs[k])
        return sum(self.costs[number] for number in needed)


class Choice:
    """The decisions on one program; `run` makes them."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.items = [Item(step) for step in program.instructions]
        self.starts = [step.start for step in program.instructions]
        order = sorted(range(len(self.starts)), key=self.starts.__getitem__)
        self.order = order
        self.sorted_starts = [self.starts[k] for k in order]
        self.starts_array = np.array(self.sorted_starts, dtype=np.int64)
        self.stops = np.array([self.items[k].step.stop for k in order], dtype=np.int64)
        self.sizes: dict[int, int] = {}
        self.members: dict[int, list[int]] = {}

    # ----- who produces what -----

    def producer(self, index: Index) -> tuple[int, int] | None:
        """Item and output whose slots contain all of `index`; None for mixtures and leaves."""
        low, high = index.bounds()
        if high < low:
            return None
        at = bisect_right(self.sorted_starts, low) - 1
        if at < 0:
            return None
        number = self.order[at]
        step = self.items[number].step
        if high >= step.stop:
            return None
        if isinstance(step, Opaque):
            return number, 0
        output = (low - step.start) // step.rows
        return (number, output) if high < step.start + (output + 1) * step.rows else None

    def store_mixed(self, ids: Slots) -> None:
        """Mark every instruction that writes one of these slots as stored."""
        if not self.sorted_starts:
            return
        for number, count in self.writers(ids):
            self.items[number].stored = True
            self.items[number].fixed_slots += count

    # ----- the passes -----

    def run(self) -> None:
        """Make all decisions."""
        self.mark_stored()
        self.set_levels()
        self.group_roots()
        self.choose()

    def mark_stored(self) -> None:
        """Mark what must exist as numbers: outputs, operands of calls, sums, mixed loads."""
        if self.program.outputs.size:
            self.store_mixed(self.program.outputs)
        for item in self.items:
            step = item.step
            if isinstance(step, Opaque) or step.segments is not None:
                item.stored, item.inlined = True, False
            item.costs = _costs(step)
            item.cost = sum(item.costs)
            for index in operands(step):
                found = self.producer(index)
                if isinstance(step, Opaque) or found is None:
                    low, high = index.bounds()
                    if high >= low and high >= (self.sorted_starts or [high + 1])[0]:
                        self.store_mixed(index.to_array())

    def set_levels(self) -> None:
        """Count, for each instruction, the stored ones that must come before it."""
        for item in self.items:
            level = 0
            for index in operands(item.step):
                level = max(level, self.level_of(index))
            item.level = level

    def level_of(self, index: Index) -> int:
        """Return the level of a reader of `index`."""
        found = self.producer(index)
        if found is not None:
            source = self.items[found[0]]
            return source.level + (1 if source.stored else 0)
        return max((self.items[k].level + 1 for k in self.sources(index)), default=0)

    def group_roots(self) -> None:
        """Let stored kernels of one level and one domain share a loop."""
        open_groups: dict[tuple[int, int], int] = {}
        outputs: dict[int, int] = {}
        for number, item in enumerate(self.items):
            if not item.stored or isinstance(item.step, Opaque):
                continue
            key = (item.level, item.step.length)
            group = number
            if item.step.segments is None and item.step.length > 1:
                group = open_groups.get(key, number)
                if outputs.get(group, 0) + len(item.step.outputs) > _MOST_OUTPUTS:
                    group = number
                open_groups[key] = group
            self.join(number, group)
            outputs[group] = outputs.get(group, 0) + len(item.step.outputs)

    def join(self, number: int, group: int) -> None:
        """Put a stored kernel into a group."""
        item = self.items[number]
        item.group = group
        self.members.setdefault(group, []).append(number)
        self.sizes[group] = self.sizes.get(group, 0) + len(_nodes(item.step))

    def choose(self) -> None:
        """Decide in reverse order what is recomputed where."""
        for number in range(len(self.items) - 1, -1, -1):
            item = self.items[number]
            step = item.step
            if isinstance(step, Opaque):
                continue
            if item.inlined and self.too_dear(item, step):
                item.inlined = False
                if not item.stored:
                    item.stored = True
                    self.join(number, number)
            if item.stored:
                self.spread(step, item.group, None)
            if item.inlined:
                for group, places in item.places.items():
                    self.sizes[group] = self.sizes.get(group, 0) + len(places) * len(step.nodes)
                    for place in places:
                        self.spread(step, group, place.at)
            item.places = {}

    def too_dear(self, item: Item, step: Kernel) -> bool:
        """Whether readers had better load the values than recompute them."""
        if item.fixed_slots > _FEW * (step.stop - step.start):
            return True
        work = 0
        count = sum(len(places) for places in item.places.values())
        for group, places in item.places.items():
            for place in places:
                work += place.at.length * max(item.cost_of(place.outputs), 2)
            grown = self.sizes.get(group, 0) + len(places) * len(step.nodes)
            if grown > (_LARGEST if count > 1 else _LONGEST):
                return True
        return work / max(1, step.length) - max(item.cost, 2) > _RECOMPUTE

    def spread(self, step: Kernel, group: int, at: Index | None) -> None:
        """Tell the producers that `step` reads where they would be computed."""
        for index in step.loads:
            found = self.producer(index)
            if found is None:
                continue
            source, output = self.items[found[0]], found[1]
            if not source.inlined or isinstance(source.step, Opaque):
                continue
            composed = index if at is None else index.take(at)
            position = composed.shifted(-(source.step.start + output * source.step.rows))
            places = source.places.setdefault(group, [])
            for place in places:
                if place.at.same_as(position):
                    place.outputs.add(output)
                    break
            else:
                places.append(Demand(position, {output}))

    def emission_order(self) -> list[int]:
        """Depth-first order of groups: what a group reads comes before it."""
        order: list[int] = []
        state: dict[int, int] = {}
        heads = [
            (item.group if isinstance(item.step, Kernel) else number)
            for number, item in enumerate(self.items)
            if item.stored
        ]
        needs = {head: self.reads(head) for head in dict.fromkeys(heads)}
        for head in needs:
            stack = [head]
            while stack:
                top = stack[-1]
                if state.get(top) == 2:
                    stack.pop()
                    continue
                if state.get(top) == 1:
                    state[top] = 2
                    order.append(top)
                    stack.pop()
                    continue
                state[top] = 1
                stack.extend(h for h in needs[top] if state.get(h, 0) == 0)
        return order

    def reads(self, head: int) -> list[int]:
        """List the groups and opaque calls that a group reads, through whatever it inlines."""
        found: dict[int, None] = {}
        seen: set[int] = set()
        stack = list(self.members.get(head, [head]))
        while stack:
            number = stack.pop()
            for index in operands(self.items[number].step):
                whole = self.producer(index) is not None
                for source in self.sources(index):
                    item = self.items[source]
                    if whole and item.inlined:
                        if source not in seen:
                            seen.add(source)
                            stack.append(source)
                        continue
                    key = item.group if isinstance(item.step, Kernel) else source
                    if key != head:
                        found[key] = None
        return list(found)

    def sources(self, index: Index) -> list[int]:
        """All instructions that write slots of `index`."""
        found = self.producer(index)
        if found is not None:
            return [found[0]]
        low, high = index.bounds()
        if high < low or not self.sorted_starts or high < self.sorted_starts[0]:
            return []
        return [number for number, _ in self.writers(index.to_array())]

    def writers(self, ids: Slots) -> list[tuple[int, int]]:
        """Instructions that write some of `ids`, and how many of them."""
        where = np.searchsorted(self.starts_array, ids, side="right") - 1
        inside = ids < self.stops[where]  # place -1 reads the last stop; masked next
        where = where[inside & (where >= 0)]
        if not where.size:
            return []
        first = int(where.min())
        counts = np.bincount(where - first)
        return [(self.order[first + at], int(counts[at])) for at in np.flatnonzero(counts)]


def operands(step: Kernel | Opaque) -> tuple[Index, ...]:
    """Return what an instruction reads."""
    return step.loads if isinstance(step, Kernel) else step.operands


def _nodes(step: Kernel | Opaque) -> tuple[Node, ...]:
    return step.nodes if isinstance(step, Kernel) else ()


def _costs(step: Kernel | Opaque) -> tuple[int, ...]:
    """Cost of each node alone."""
    return tuple(OPS[node.op].cost if node.op in OPS else 0 for node in _nodes(step))


def _needed(nodes: tuple[Node, ...], output: int) -> set[int]:
    """Return the nodes that one of them needs."""
    needed = {output}
    stack = [output]
    while stack:
        node = nodes[stack.pop()]
        if node.op != "load":
            fresh = [k for k in node.args if k not in needed]
            needed.update(fresh)
            stack += fresh
    return needed
