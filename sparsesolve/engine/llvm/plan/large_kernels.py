"""Kernels too large for one function, cut into several.

The reason lies in LLVM: the time for a function of many thousand instructions
without a branch grows much faster than their number. What a later part reads is stored, as any
value is that another kernel reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import field, replace

from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.program import Index, Kernel, Node, Opaque
from sparsesolve.ir.recurrence import Recurrence

__all__ = ["PlacedKernel", "in_parts", "placed"]

_MOST_NODES = 1500


@dataclass(frozen=True, slots=True, eq=False)
class PlacedKernel:
    """A kernel, and the first slot of each of its outputs, which need not lie back to back.

    One with several trips is run in as many parts, each after the same part of those next to it
    that have the same number of trips and the same `group`.
    """

    kernel: Kernel
    starts: tuple[int, ...]
    trips: int = 1
    group: int = -1


def placed(
    steps: Iterable[Kernel | Opaque], allocate: Callable[[int], int]
) -> Iterator[PlacedKernel | Opaque]:
    """Place the outputs of all kernels, the large ones in parts.

    Parameters
    ----------
    steps : iterable of Kernel or Opaque
        What runs.
    allocate : callable
        Gives new slots.
    """
    for step in steps:
        if isinstance(step, Recurrence):
            for kernel in step.kernels():
                yield from in_parts(_placed(kernel, step.trips, step.start), allocate)
        elif isinstance(step, Opaque):
            yield step
        else:
            yield from in_parts(_placed(step), allocate)


def _placed(step: Kernel, trips: int = 1, group: int = -1) -> PlacedKernel:
    starts = tuple(step.start + k * step.rows for k in range(len(step.outputs)))
    return PlacedKernel(step, starts, trips, group)


def in_parts(whole: PlacedKernel, allocate: Callable[[int], int]) -> Iterator[PlacedKernel]:
    """Cut a kernel that has too many nodes and no sums."""
    kernel = whole.kernel
    if len(kernel.nodes) <= _MOST_NODES or kernel.segments is not None:
        yield whole
        return
    edges = range(0, len(kernel.nodes), _MOST_NODES)
    starts = _stored(kernel.nodes, allocate, kernel.rows)
    for first in edges:
        part = _Part(whole, first, starts)
        part.add_nodes(min(first + _MOST_NODES, len(kernel.nodes)))
        for start, number in zip(whole.starts, kernel.outputs, strict=True):
            if first <= number < first + _MOST_NODES:
                part.store(number, start)
        if part.outputs:
            yield part.placed()


def _stored(nodes: tuple[Node, ...], allocate: Callable[[int], int], rows: int) -> dict[int, int]:
    """First slot of each node that a later part reads; loads and constants are repeated there."""
    found: dict[int, int] = {}
    for number, node in enumerate(nodes):
        for a in node.args if node.op != "load" else ():
            crosses = a // _MOST_NODES < number // _MOST_NODES
            if crosses and a not in found and nodes[a].op not in ("load", "const"):
                found[a] = allocate(rows)
    return found


@dataclass(slots=True)
class _Part:
    """A part being written."""

    placement: PlacedKernel
    first: int
    stored: dict[int, int]
    loads: list[Index] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    numbers: dict[int, int] = field(default_factory=dict)
    outputs: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)

    @property
    def whole(self) -> Kernel:
        """What is cut."""
        return self.placement.kernel

    def add_nodes(self, stop: int) -> None:
        """Add the nodes up to `stop`, and store what later parts read."""
        for number in range(self.first, stop):
            if self.whole.nodes[number].op not in ("load", "const"):
                self.number_of(number)
                if number in self.stored:
                    self.store(number, self.stored[number])

    def store(self, number: int, start: int) -> None:
        """Store a node of the whole."""
        self.outputs.append(self.number_of(number))
        self.starts.append(start)

    def number_of(self, number: int) -> int:
        """Return the node here that is a node of the whole."""
        found = self.numbers.get(number)
        if found is None:
            node = self.whole.nodes[number]
            if node.op == "load":
                node = self.load(self.whole.loads[node.args[0]])
            elif number < self.first and node.op != "const":
                node = self.load(Index(self.whole.length, self.stored[number], 1))
            elif node.args:
                node = Node(node.op, tuple([self.number_of(a) for a in node.args]))
            self.nodes.append(node)
            found = self.numbers[number] = len(self.nodes) - 1
        return found

    def load(self, index: Index) -> Node:
        """Add a load."""
        self.loads.append(index)
        return Node("load", (len(self.loads) - 1,))

    def placed(self) -> PlacedKernel:
        """Return what was written."""
        kernel = replace(
            self.whole,
            loads=tuple(self.loads),
            nodes=tuple(self.nodes),
            outputs=tuple(self.outputs),
        )
        return replace(self.placement, kernel=kernel, starts=tuple(self.starts))
