"""Kernels in the form that machine code likes: before the compiled engine plans a program.

Every rewrite gives an ordinary program part again, so each can be tested against
the interpreter.

- Short sums of one common length become a plain expression, so they need no inner loop.
- Long sums are cut into pieces, summed, and the sums of the pieces added: the error grows with the
  length of a piece and the number of pieces, not with their product, and pieces can go to threads.
- Short uneven sums of costly terms are split in the terms, computed in vectors, and the sums.
- Equal nodes and equal loads of a kernel are merged; what no output needs is dropped.
- Operands of opaque calls are brought together in consecutive slots.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ir.program import Index, Kernel, Node, Opaque, Program
from sparsesolve.ir.recurrence import Recurrence
from sparsesolve.ir.scalar_ops import OPS

__all__ = ["prune", "rewritten"]

_UNROLL_TERMS = 8
_UNROLL_NODES = 256
_LONG = 4096
_PIECE = 1024
_SHORT_MEAN = 16
_COSTLY = 10  # in the units of ScalarOp.cost


def rewritten(program: Program) -> tuple[list[Kernel | Opaque], int]:
    """Rewrite the instructions of a program.

    Returns
    -------
    instructions : list of Kernel or Opaque
        What to run instead; slots of the program keep their numbers.
    n_slots : int
        Number of slots, including new ones behind those of the program.
    """
    work = _Rewriter(program)
    done: list[Kernel | Opaque] = []
    for step in program.instructions:
        if isinstance(step, Recurrence):
            done.append(step)
        else:
            done.extend(work.opaque(step) if isinstance(step, Opaque) else work.kernel(step))
    return done, work.top


def prune(kernel: Kernel, outputs: tuple[int, ...]) -> Kernel:
    """Merge equal nodes and loads, and drop what the nodes `outputs` do not need."""
    loads: list[Index] = []
    nodes: list[Node] = []
    numbers: dict[tuple[object, ...], int] = {}
    slots: dict[tuple[object, ...], int] = {}
    needed = _needed(kernel.nodes, outputs)
    renamed: dict[int, int] = {}
    for number, node in enumerate(kernel.nodes):
        if not needed[number]:
            continue
        if node.op == "load":
            index = kernel.loads[node.args[0]]
            place = slots.setdefault((index.start, index.stride, id(index.array)), len(loads))
            if place == len(loads):
                loads.append(index)
            node = Node("load", (place,))
        elif node.args:
            node = Node(node.op, tuple(renamed[a] for a in node.args))
        key = (node.op, node.args, struct.pack("d", node.value))
        renamed[number] = numbers.setdefault(key, len(nodes))
        if renamed[number] == len(nodes):
            nodes.append(node)
    return Kernel(
        kernel.start,
        kernel.length,
        tuple(loads),
        tuple(nodes),
        tuple(renamed[number] for number in outputs),
        kernel.segments,
        kernel.origin,
    )


def _needed(nodes: tuple[Node, ...], outputs: tuple[int, ...]) -> list[bool]:
    needed = [False] * len(nodes)
    for number in outputs:
        needed[number] = True
    for number in range(len(nodes) - 1, -1, -1):
        if needed[number] and nodes[number].op != "load":
            for argument in nodes[number].args:
                needed[argument] = True
    return needed


class _Rewriter:
    def __init__(self, program: Program) -> None:
        self.top = program.n_slots
        self._inputs_end = max(
            [program.n, *(block.start + block.size for block in program.parameters)]
        )

    def _allocate(self, count: int) -> int:
        start = self.top
        self.top += count
        return start

    def kernel(self, kernel: Kernel) -> Iterator[Kernel]:
        """Rewrite one kernel."""
        if kernel.segments is None or kernel.rows == 0:
            yield kernel
            return
        counts = np.diff(kernel.segments)
        longest = int(counts.max())
        short = longest <= _UNROLL_TERMS and longest * len(kernel.nodes) <= _UNROLL_NODES
        if short and int(counts.min()) == longest:
            yield _unrolled(kernel, longest)
        elif longest > _LONG:
            yield from self._cut(kernel, counts)
        elif kernel.length < _SHORT_MEAN * kernel.rows and _is_costly(kernel):
            yield from self._two_steps(kernel)
        else:
            yield kernel

    def _cut(self, kernel: Kernel, counts: NDArray[np.int64]) -> Iterator[Kernel]:
        assert kernel.segments is not None
        pieces = np.maximum(1, -(-counts // _PIECE))
        ends = np.concatenate([[0], np.cumsum(pieces)])
        within = np.arange(ends[-1]) - np.repeat(ends[:-1], pieces)
        starts = np.repeat(kernel.segments[:-1], pieces) + _PIECE * within
        edges = np.append(starts, kernel.segments[-1])
        count = int(ends[-1])
        start = self._allocate(count * len(kernel.outputs))
        yield replace(kernel, start=start, segments=edges)
        yield from self.kernel(_sums_of(kernel, start, count, ends))

    def _two_steps(self, kernel: Kernel) -> Iterator[Kernel]:
        start = self._allocate(kernel.length * len(kernel.outputs))
        yield replace(kernel, start=start, segments=None)
        assert kernel.segments is not None
        yield _sums_of(kernel, start, kernel.length, kernel.segments)

    def opaque(self, step: Opaque) -> Iterator[Kernel | Opaque]:
        """Gather each operand that is not already a run of computed slots."""
        operands: list[Index] = []
        for index in step.operands:
            unit = index.array is None and (index.stride == 1 or index.length == 1)
            if unit and index.bounds()[0] >= self._inputs_end:
                operands.append(index)
                continue
            start = self._allocate(index.length)
            yield Kernel(start, index.length, (index,), (Node("load", (0,)),), (0,))
            operands.append(Index(index.length, start, 1))
        yield replace(step, operands=tuple(operands))


def _is_costly(kernel: Kernel) -> bool:
    return any(node.op in OPS and OPS[node.op].cost >= _COSTLY for node in kernel.nodes)


def _sums_of(kernel: Kernel, start: int, count: int, edges: NDArray[np.int64]) -> Kernel:
    """Sum what stands in consecutive blocks of `count` slots, one block an output."""
    blocks = range(len(kernel.outputs))
    return Kernel(
        kernel.start,
        count,
        tuple(Index(count, start + k * count, 1) for k in blocks),
        tuple(Node("load", (k,)) for k in blocks),
        tuple(blocks),
        edges,
        kernel.origin,
    )


def _unrolled(kernel: Kernel, terms: int) -> Kernel:
    """Write sums of `terms` terms as one expression, added in order."""
    assert kernel.segments is not None
    rows, first = kernel.rows, int(kernel.segments[0])
    loads: list[Index] = []
    nodes: list[Node] = [Node("const", (), 0.0)]
    totals = [0] * len(kernel.outputs)
    for term in range(terms):
        moved: list[int] = []
        for node in kernel.nodes:
            if node.op == "load":
                loads.append(_every(kernel.loads[node.args[0]], first + term, terms, rows))
                nodes.append(Node("load", (len(loads) - 1,)))
            else:
                nodes.append(replace(node, args=tuple(moved[a] for a in node.args)))
            moved.append(len(nodes) - 1)
        for k, number in enumerate(kernel.outputs):
            if term:
                nodes.append(Node("add", (totals[k], moved[number])))
                totals[k] = len(nodes) - 1
            else:
                totals[k] = moved[number]
    return Kernel(
        kernel.start, rows, tuple(loads), tuple(nodes), tuple(totals), None, kernel.origin
    )


def _every(index: Index, first: int, step: int, count: int) -> Index:
    """Return the positions ``first, first + step, ...`` of an index."""
    if index.array is None:
        return Index(count, index.start + index.stride * first, index.stride * step)
    return Index.of(index.array[first : first + step * count : step])
