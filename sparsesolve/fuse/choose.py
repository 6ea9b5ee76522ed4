"""Decide which kernels are stored, and which are recomputed inside their readers.

In reverse order every kernel knows all the places where it would be computed: the stored kernels
(roots) that need it, and at which positions, equal positions counted once. It is stored when
recomputing would cost more than `_RECOMPUTE` operations a point, or when a root would outgrow
`_LARGEST` nodes; so the result is linear in the size of the program. Stored kernels of one level
and one length share one loop, hence common subexpressions.

Separate from `write`, which only carries the decisions out.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

import numpy as np

from sparsesolve.ops import OPS
from sparsesolve.program import Index, Kernel, Node, Opaque, Program, Slots

__all__ = ["Choice", "Item", "operands"]

_RECOMPUTE = 24
_LARGEST = 400
_MOST_OUTPUTS = 32


@dataclass(slots=True)
class Item:
    """What fusing knows of one instruction."""

    step: Kernel | Opaque
    stored: bool = False
    level: int = 0
    group: int = -1
    cost: int = 0
    # where it would be computed: group -> positions, None meaning its own domain in order
    places: dict[int, list[Index]] = field(default_factory=dict)


class Choice:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.items = [Item(step) for step in program.instructions]
        self.starts = [step.start for step in program.instructions]
        order = sorted(range(len(self.starts)), key=self.starts.__getitem__)
        self.order = order
        self.sorted_starts = [self.starts[k] for k in order]
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
        where = np.searchsorted(self.sorted_starts, ids, side="right") - 1
        for at in np.unique(where):
            if at < 0:
                continue
            item = self.items[self.order[at]]
            if int(ids[where == at].min()) < item.step.stop:
                item.stored = True

    # ----- the passes -----

    def run(self) -> None:
        self.mark_stored()
        self.set_levels()
        self.group_roots()
        self.choose()

    def mark_stored(self) -> None:
        if self.program.outputs.size:
            self.store_mixed(self.program.outputs)
        for item in self.items:
            step = item.step
            if isinstance(step, Opaque) or step.segments is not None:
                item.stored = True
            item.cost = _cost(step)
            for index in operands(step):
                found = self.producer(index)
                if isinstance(step, Opaque) or found is None:
                    low, high = index.bounds()
                    if high >= low and high >= (self.sorted_starts or [high + 1])[0]:
                        self.store_mixed(index.to_array())

    def set_levels(self) -> None:
        for item in self.items:
            level = 0
            for index in operands(item.step):
                level = max(level, self.level_of(index))
            item.level = level

    def level_of(self, index: Index) -> int:
        found = self.producer(index)
        if found is not None:
            source = self.items[found[0]]
            return source.level + (1 if source.stored else 0)
        low, high = index.bounds()
        if high < low or not self.sorted_starts or high < self.sorted_starts[0]:
            return 0
        where = np.unique(np.searchsorted(self.sorted_starts, index.to_array(), side="right") - 1)
        return max((self.items[self.order[at]].level + 1 for at in where if at >= 0), default=0)

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
        item = self.items[number]
        item.group = group
        self.members.setdefault(group, []).append(number)
        self.sizes[group] = self.sizes.get(group, 0) + len(_nodes(item.step))

    def choose(self) -> None:
        """Decide in reverse order what is recomputed where."""
        for number in range(len(self.items) - 1, -1, -1):
            item = self.items[number]
            if isinstance(item.step, Opaque):
                continue
            if not item.stored and self.too_dear(item):
                item.stored = True
                self.join(number, number)
            if item.stored:
                self.spread(item.step, item.group, None)
                continue
            for group, places in item.places.items():
                self.sizes[group] = self.sizes.get(group, 0) + len(places) * len(item.step.nodes)
                for place in places:
                    self.spread(item.step, group, place)
            item.places = {}

    def too_dear(self, item: Item) -> bool:
        step = item.step
        work = 0
        for group, places in item.places.items():
            work += sum(place.length for place in places)
            grown = self.sizes.get(group, 0) + len(places) * len(_nodes(step))
            if grown > _LARGEST and sum(map(len, item.places.values())) > 1:
                return True
        length = max(1, step.length if isinstance(step, Kernel) else 1)
        return (work / length - 1) * max(item.cost, 2) > _RECOMPUTE

    def spread(self, step: Kernel, group: int, place: Index | None) -> None:
        """Tell the producers that `step` reads where they would be computed."""
        for index in step.loads:
            found = self.producer(index)
            if found is None or self.items[found[0]].stored:
                continue
            source = self.items[found[0]]
            assert isinstance(source.step, Kernel)
            composed = index if place is None else index.take(place)
            position = composed.shifted(-(source.step.start + found[1] * source.step.rows))
            places = source.places.setdefault(group, [])
            if not any(position.same_as(other) for other in places):
                places.append(position)

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
        """The groups and opaque calls that a group reads, through whatever it inlines."""
        found: dict[int, None] = {}
        seen: set[int] = set()
        stack = list(self.members.get(head, [head]))
        while stack:
            number = stack.pop()
            for index in operands(self.items[number].step):
                for source in self.sources(index):
                    item = self.items[source]
                    if item.stored:
                        key = item.group if isinstance(item.step, Kernel) else source
                        if key != head:
                            found[key] = None
                    elif source not in seen:
                        seen.add(source)
                        stack.append(source)
        return list(found)

    def sources(self, index: Index) -> list[int]:
        """All instructions that write slots of `index`."""
        found = self.producer(index)
        if found is not None:
            return [found[0]]
        low, high = index.bounds()
        if high < low or not self.sorted_starts or high < self.sorted_starts[0]:
            return []
        where = np.unique(np.searchsorted(self.sorted_starts, index.to_array(), side="right") - 1)
        return [self.order[at] for at in where if at >= 0]


def operands(step: Kernel | Opaque) -> tuple[Index, ...]:
    return step.loads if isinstance(step, Kernel) else step.operands


def _nodes(step: Kernel | Opaque) -> tuple[Node, ...]:
    return step.nodes if isinstance(step, Kernel) else ()


def _cost(step: Kernel | Opaque) -> int:
    return sum(OPS[node.op].cost for node in _nodes(step) if node.op in OPS)
