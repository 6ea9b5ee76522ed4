"""`fused_body`: what a trip of a loop does, as one kernel where that is small.

Separate because fusing chooses what to store by what an array of elements costs. A trip has a few
numbers, and starts each of its kernels anew: one expression of all of them is quicker to run, and
to plan for thousands of trips.
"""

from __future__ import annotations

import numpy as np

from sparsesolve.fuse import fuse
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.expression import Expressions, live_nodes
from sparsesolve.ir.program import Index, Kernel, Node, Program

__all__ = ["fused_body"]

_MOST_NODES = 250


def fused_body(program: Program) -> Program:
    """Merge the kernels of a trip.

    Parameters
    ----------
    program : Program
        Kernels and constants, without parameters; kernels write all outputs.

    Returns
    -------
    Program
        The same function; one kernel of one point where that has few nodes.
    """
    body = fuse(program)
    kernels = [step for step in body.instructions if isinstance(step, Kernel)]
    size = sum(step.length * len(step.nodes) for step in kernels)
    if size > _MOST_NODES or len(kernels) != len(body.instructions) or len(kernels) < 2:
        return body
    return _at_one_point(body, kernels)


def _at_one_point(body: Program, kernels: list[Kernel]) -> Program:
    """Write one expression of all that kernels compute."""
    e = Expressions()
    known = [e.load(slot) for slot in range(body.n)] + [-1] * (body.n_slots - body.n)
    for constant in body.constants:
        for k, value in enumerate(constant.values):
            known[constant.start + k] = e.const(float(value))
    for kernel in kernels:
        _graft(e, kernel, known)
    nodes, outputs = live_nodes(e.nodes, [known[slot] for slot in body.outputs])
    loads = [node.args[0] for node in nodes if node.op == "load"]
    number = {slot: k for k, slot in enumerate(loads)}
    nodes = [Node("load", (number[n.args[0]],)) if n.op == "load" else n for n in nodes]
    b = Builder((body.n,))
    b.sources = list(body.sources)
    b.origin = tuple(dict.fromkeys(origin for kernel in kernels for origin in kernel.origin))
    start = b.kernel(1, [Index(1, slot, 0) for slot in loads], nodes, outputs)
    return b.build(start + np.arange(len(outputs), dtype=np.int32))


def _graft(e: Expressions, kernel: Kernel, known: list[int]) -> None:
    """Write a kernel point by point; `known` has the node of each slot."""
    loads = [index.to_array().tolist() for index in kernel.loads]
    row_of = np.arange(kernel.length)
    if kernel.segments is not None:
        row_of = np.repeat(np.arange(kernel.rows), np.diff(kernel.segments))
        zero = e.const(0.0)
        for slot in range(kernel.start, kernel.stop):
            known[slot] = zero
    first = kernel.segments[:-1].tolist() if kernel.segments is not None else []
    for point, row in enumerate(row_of.tolist()):
        read = [known[load[point]] for load in loads]
        here = e.graft(kernel.nodes, read.__getitem__)
        for k, output in enumerate(kernel.outputs):
            slot = kernel.start + k * kernel.rows + row
            alone = kernel.segments is None or point == first[row]
            known[slot] = here[output] if alone else e.intern("add", known[slot], here[output])
