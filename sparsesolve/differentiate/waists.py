"""Waists: wide sums that stand inside an expression, written as kernels of their own.

`cuts` chooses among slots. A sum that was written term by term, such as the taps of a convolution
or a polynomial with unknown coefficients, is no slot after fusing but a node with many loads below
it. Where what is above it is not linear and points read the same inputs, it is made one here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.differentiate.activity import active_slots, any_slot
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.expression import live_nodes, used_loads
from sparsesolve.ir.program import Index, Kernel, Node, Program
from sparsesolve.ir.scalar_ops import OPS

__all__ = ["WIDE", "waists", "with_waists"]

WIDE = 16  # inputs that a sum must read at least
_MOST_STRUCTURES = 128  # of points: more would not be blocks
_SUMS = frozenset({"add", "subtract"})
_LARGEST = frozenset({"maximum", "minimum"})
_MIX = np.uint64(0x9E3779B97F4A7C15)

Marks: TypeAlias = NDArray[np.uint64]


def waists(program: Program) -> frozenset[int]:
    """Find the kernels that compute one sum of many loads a point, where points share inputs.

    The largest or smallest of many is as good: a softmax that subtracts it reads it everywhere.

    Parameters
    ----------
    program : Program
        As `with_waists` makes it.

    Returns
    -------
    frozenset of int
        First slots of these kernels.
    """
    found = [
        step
        for step in program.instructions
        if isinstance(step, Kernel)
        and step.segments is None
        and len(step.loads) >= WIDE
        and len(step.outputs) == 1
        and step.nodes[step.outputs[0]].op in _SUMS | _LARGEST
    ]
    if not found:
        return frozenset()
    points = _Points(program)
    return frozenset(step.start for step in found if points.share(step, points.moving(step)))


def with_waists(program: Program) -> Program:
    """Give wide sums inside expressions slots, where they are read by what is not linear.

    Parameters
    ----------
    program : Program
        A fused program.

    Returns
    -------
    Program
        The same function; the same object where there is no such sum.
    """
    if not any(isinstance(s, Kernel) and len(s.loads) >= WIDE for s in program.instructions):
        return program
    points = _Points(program)
    b = Builder.resume(program)
    b.instructions = []
    for step in program.instructions:
        if isinstance(step, Kernel) and len(step.loads) >= WIDE:
            step = _split(b, step, points)
        b.instructions.append(step)
    if b.n_slots == program.n_slots:
        return program
    return replace(b.build(program.outputs), output_shape=program.output_shape)


class _Points:
    """What the points of a program's kernels read; how inputs are read is found when asked for."""

    def __init__(self, program: Program) -> None:
        self._program, self._active = program, active_slots(program)
        self._marks: Marks | None = None

    def moving(self, step: Kernel) -> set[int]:
        """Return the loads that depend on x."""
        return {k for k, index in enumerate(step.loads) if any_slot(self._active, index)}

    def share(self, step: Kernel, moving: set[int]) -> bool:
        """Whether moving loads are many, and few points differ in what they read by these."""
        if len(moving) < WIDE or step.length <= _MOST_STRUCTURES:
            return len(moving) >= WIDE
        if self._marks is None:
            self._marks = _marks(self._program)
        read = _together([step.loads[k] for k in moving], step.length, self._marks)
        return int(np.unique(read).size) <= _MOST_STRUCTURES


def _marks(program: Program) -> Marks:
    """Return a number for each slot: equal where the same inputs are read in the same way.

    What does not depend on the input has zero, so data do not tell points apart.
    """
    marks = np.zeros(program.n_slots, dtype=np.uint64)
    marks[: program.n] = np.random.default_rng(0).integers(1, 2**63, program.n, dtype=np.uint64)
    for step in program.instructions:
        if isinstance(step, Kernel):
            found = _together(step.loads, step.length, marks)
            if step.segments is not None:
                total = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(found)])
                found = total[step.segments[1:]] - total[step.segments[:-1]]
            marks[step.start : step.stop] = np.tile(found, len(step.outputs))
        else:
            read = [marks[index.to_array()].sum(dtype=np.uint64) for index in step.operands]
            marks[step.start : step.stop] = np.sum(read, dtype=np.uint64)
    return marks


def _together(loads: Sequence[Index], length: int, marks: Marks) -> Marks:
    """Return a number for each point: equal where loads have the same marks."""
    found = np.zeros(length, dtype=np.uint64)
    for index in loads:
        one = index.array is None and index.stride == 0
        found *= _MIX
        found += marks[index.start] if one else marks[index.to_array()]
    return found


def _split(b: Builder, step: Kernel, points: _Points) -> Kernel:
    """Append a kernel for each waist of a kernel, and return what is left of it."""
    moving = points.moving(step)
    numbers = _waists(step.nodes, moving) if len(moving) >= WIDE else []
    if not numbers or not points.share(step, moving):
        return step
    nodes, loads = list(step.nodes), list(step.loads)
    for number in numbers:
        b.origin = step.origin
        inner, outputs = live_nodes(nodes, [number])
        used, inner = used_loads(inner)
        start = b.kernel(step.length, [loads[k] for k in used], inner, outputs)
        nodes[number] = Node("load", (len(loads),))
        loads.append(Index(step.length, start, 1 if step.length > 1 else 0))
    left, outputs = live_nodes(nodes, step.outputs)
    used, left = used_loads(left)
    kept = tuple(loads[k] for k in used)
    return replace(step, loads=kept, nodes=tuple(left), outputs=tuple(outputs))


def _waists(nodes: Sequence[Node], moving: set[int]) -> list[int]:
    """List the sums of many moving terms that something not linear reads; a waist is one term."""
    bent = _bent(nodes, moving)
    below: list[int] = []  # which loads a node reads, one bit each
    found = []
    for number, node in enumerate(nodes):
        if node.op == "load":
            below.append(1 << node.args[0] if node.args[0] in moving else 0)
            continue
        mask = 0
        if node.op != "const" and not OPS[node.op].flat:
            for operand in node.args:
                mask |= below[operand]
        if node.op in _SUMS and bent[number] and mask.bit_count() >= WIDE:
            found.append(number)
            mask = 1 << (len(nodes) + number)
        below.append(mask)
    return found


def _bent(nodes: Sequence[Node], moving: set[int]) -> list[bool]:
    """Mark the nodes of which another one is not a linear function; multiples are as they are."""
    moves: list[bool] = []
    for node in nodes:
        if node.op == "load":
            moves.append(node.args[0] in moving)
        else:
            moves.append(node.op != "const" and any(moves[a] for a in node.args))
    bent = [False] * len(nodes)
    for number in reversed(range(len(nodes))):
        node = nodes[number]
        if node.op in ("load", "const", *_SUMS):
            continue
        linear = node.op == "negative"
        linear = linear or (node.op == "multiply" and sum(moves[a] for a in node.args) == 1)
        linear = linear or (node.op == "divide" and not moves[node.args[1]])
        if bent[number] or not linear:
            for operand in node.args:
                bent[operand] = True
    return bent
