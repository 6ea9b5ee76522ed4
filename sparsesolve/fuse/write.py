"""Write the fused kernels that `choose` decided on.

Separate from the decisions because here nothing is weighed: expressions are grown by composing
index arrays.
"""

from __future__ import annotations

from dataclasses import field

from sparsesolve.fuse.choose import Choice
from sparsesolve.fuse.renumber import Draft, rebuilt
from sparsesolve.ir.dataclass import dataclass
from sparsesolve.ir.expression import Expressions, live_nodes, used_loads
from sparsesolve.ir.program import Index, Kernel, Opaque, Program

__all__ = ["write"]


def write(choice: Choice) -> Program:
    """Build the program of fused kernels."""
    drafts = [_draft(choice, head) for head in choice.emission_order()]
    return rebuilt(choice.program, drafts)


def _draft(choice: Choice, head: int) -> Draft:
    step = choice.items[head].step
    if isinstance(step, Opaque):
        return Draft.of(step)
    writer = _Writer(choice)
    starts: list[int] = []
    roots: list[int] = []
    for number in choice.members[head]:
        member = choice.items[number].step
        assert isinstance(member, Kernel)
        numbers = writer.expand(member)
        for k, node in enumerate(member.outputs):
            starts.append(member.start + k * member.rows)
            roots.append(numbers[node])
    nodes, outputs = live_nodes(writer.expressions.nodes, roots)
    used, nodes = used_loads(nodes)
    loads = tuple(writer.loads[k] for k in used)
    origin = tuple(dict.fromkeys(writer.origin))
    kernel = Kernel(
        starts[0], step.length, loads, tuple(nodes), tuple(outputs), step.segments, origin
    )
    return Draft(kernel, tuple(starts), kernel.rows)


@dataclass(slots=True)
class _Expansion:
    """A kernel that is being inlined: its loads, as its reader sees them, and their nodes."""

    step: Kernel
    loads: tuple[Index, ...]
    number: int = -1
    node: int = -1
    position: Index | None = None
    leaves: list[int] = field(default_factory=list)


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

    def expand(self, step: Kernel) -> list[int]:
        """Node numbers of all nodes of a kernel, computed at every point of its domain.

        What it reads is expanded first, by a stack: chains may be longer than Python's is deep.
        """
        stack = [_Expansion(step, step.loads)]
        while True:
            top = stack[-1]
            while len(top.leaves) < len(top.loads):
                found = self.resolve(top.loads[len(top.leaves)])
                if isinstance(found, _Expansion):
                    stack.append(found)
                    break
                top.leaves.append(found)
            else:
                self.origin.extend(top.step.origin)
                numbers = self.expressions.graft(top.step.nodes, top.leaves.__getitem__)
                stack.pop()
                if not stack:
                    return numbers
                assert top.position is not None, "only producers are on the stack"
                self._expanded[top.number].append((top.position, numbers))
                stack[-1].leaves.append(numbers[top.node])

    def resolve(self, index: Index) -> int | _Expansion:
        """Node that reads `index`, or what must be expanded to have it."""
        found = self.choice.producer(index)
        if found is None or not self.choice.items[found[0]].inlined:
            return self.expressions.load(self.load_number(index))
        number, output = found
        step = self.choice.items[number].step
        assert isinstance(step, Kernel)
        position = index.shifted(-(step.start + output * step.rows))
        for place, numbers in self._expanded.setdefault(number, []):
            if place.same_as(position):
                return numbers[step.outputs[output]]
        loads = step.loads
        whole = position.array is None and position.start == 0 and position.stride == 1
        if not whole or index.length != step.length:
            loads = tuple(load.take(position) for load in loads)
        return _Expansion(step, loads, number, step.outputs[output], position)

    def load_number(self, index: Index) -> int:
        """Return the number of a load, equal index arrays shared."""
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
