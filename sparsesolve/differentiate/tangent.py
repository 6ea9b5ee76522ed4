"""Forward mode: the program of ``x -> J(x) v``, and with it compressed Jacobian columns.

One pass in execution order: every kernel becomes one that computes its expression's local partials
and adds their products with the tangents of its loads.
"""

from __future__ import annotations

import numpy as np

from sparsesolve.builder import Builder
from sparsesolve.differentiate.local import reverse
from sparsesolve.differentiate.opaque import jvp_function
from sparsesolve.expression import Expressions, live_nodes
from sparsesolve.fuse import with_parameter
from sparsesolve.program import Index, Kernel, Opaque, Program, Slots

__all__ = ["tangent_program"]


def tangent_program(program: Program) -> Program:
    """Build the Jacobian-vector product of a program.

    Parameters
    ----------
    program : Program
        A function with ``m`` outputs.

    Returns
    -------
    Program
        The same input and parameters and one more parameter, the direction of shape (n,), last;
        its outputs are the ``m`` elements of ``J(x) v``. Not fused yet.

    Notes
    -----
    Cost is a small multiple of the program's own: Griewank and Walther (2008), section 3.1.
    """
    shifted = with_parameter(program, (program.n,))
    b = Builder.resume(shifted)
    zero = b.scalar(0.0)
    tangent = np.full(b.n_slots, zero, dtype=np.int32)
    direction = shifted.parameters[-1].start
    tangent[: program.n] = np.arange(direction, direction + program.n, dtype=np.int32)
    for step in shifted.instructions:
        b.origin = step.origin
        if isinstance(step, Kernel):
            _kernel(b, step, tangent, zero)
        else:
            _opaque(b, step, tangent, zero)
    return b.build(tangent[shifted.outputs])


def _kernel(b: Builder, step: Kernel, tangent: Slots, zero: int) -> None:
    directions = {k: tangent[index.to_array()] for k, index in enumerate(step.loads)}
    active = {k for k, ids in directions.items() if bool((ids != zero).any())}
    if not active:
        return
    e = Expressions()
    numbers = e.graft(step.nodes)
    count = len(e.nodes)
    loads: list[Index] = list(step.loads)
    moving: dict[int, int] = {}
    for k in sorted(active):
        moving[k] = len(loads)
        ids = directions[k]
        loads.append(Index(1, int(ids[0]), 0) if ids.size == 1 else Index.of(ids))
    roots: list[int] = []
    for output in step.outputs:
        total = e.const(0.0)
        for load, partial in reverse(e, {numbers[output]: e.const(1.0)}, active, count).items():
            total = e.apply("add", total, e.apply("multiply", partial, e.load(moving[load])))
        roots.append(total)
    stored = [root for root in roots if e.value(root) != 0.0]
    if not stored:
        return
    nodes, outputs = live_nodes(e.nodes, stored)
    start = b.kernel(step.length, loads, nodes, outputs, step.segments)
    for k, root in enumerate(roots):
        if e.value(root) != 0.0:
            first = step.start + k * step.rows
            tangent[first : first + step.rows] = np.arange(start, start + step.rows)
            start += step.rows


def _opaque(b: Builder, step: Opaque, tangent: Slots, zero: int) -> None:
    ids = [index.to_array() for index in step.operands]
    shaped = [i.reshape(shape) for i, shape in zip(ids, step.shapes, strict=True)]
    total: Slots | None = None
    for k, operand in enumerate(ids):
        moving = tangent[operand]
        if not (moving != zero).any():
            continue
        operands = [moving.reshape(step.shapes[k]), *shaped]
        part = b.opaque(f"jvp({step.name})", jvp_function(step, k), operands, step.result_shape)
        total = part if total is None else b.map("add", total, part)
    if total is not None:
        tangent[step.start : step.stop] = total.reshape(-1)
