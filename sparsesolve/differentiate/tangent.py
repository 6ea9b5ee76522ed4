"""Forward mode: the program of ``x -> J(x) v``, and with it compressed Jacobian columns.

One pass in execution order: every kernel becomes one that computes its expression's local partials
and adds their products with the tangents of its loads.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sparsesolve.differentiate.kernel_reverse import Known, known_load, known_values, reverse
from sparsesolve.differentiate.opaque import jvp_function
from sparsesolve.differentiate.rows import ConstantTable
from sparsesolve.differentiate.singular import steep_slots
from sparsesolve.differentiate.trips import Trips, finished
from sparsesolve.fuse import with_parameter
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.expression import Expressions, live_nodes
from sparsesolve.ir.matrix_call import Called, MatrixCall
from sparsesolve.ir.program import Index, Kernel, Opaque, Program, Slots
from sparsesolve.ir.recurrence import Recurrence, append_recurrence

__all__ = ["push", "tangent_program"]

Tangents = NDArray[np.int32]


def tangent_program(program: Program, directions: int = 1) -> Program:
    """Build Jacobian-vector products of a program.

    Parameters
    ----------
    program : Program
        A function with ``m`` outputs.
    directions : int, default 1
        How many directions it takes at once; local partials are computed once for all.

    Returns
    -------
    Program
        The same input and parameters and one more parameter, the directions of shape
        (directions * n,), last; its outputs are the ``m`` elements of ``J(x) v`` for each of them,
        one direction behind the other. Not fused yet.

    Notes
    -----
    Cost is a small multiple of the program's own: Griewank and Walther (2008), section 3.1.
    """
    shifted = with_parameter(program, (directions * program.n,))
    b = Builder.resume(shifted)
    zero = b.scalar(0.0)
    first = shifted.parameters[-1].start
    tangents = np.full((directions, b.n_slots), zero, dtype=np.int32)
    seeds = np.arange(first, first + directions * program.n, dtype=np.int32)
    tangents[:, : program.n] = seeds.reshape(directions, program.n)
    push(b, shifted, tangents, zero)
    return b.build(tangents[:, shifted.outputs].reshape(-1))


def push(b: Builder, program: Program, tangents: Tangents, zero: int) -> None:
    """Append the tangents of all instructions; fills `tangents`, of shape (directions, slots)."""
    steep = steep_slots(program)
    constants = ConstantTable(b)
    for step in program.instructions:
        b.origin = step.origin
        if isinstance(step, Kernel):
            known = constants if steep[step.start : step.stop].any() else None
            _kernel(b, step, tangents, zero, known)
        elif isinstance(step, Recurrence):
            _recurrence(b, step, tangents, zero)
        else:
            for tangent in tangents:
                _opaque(b, step, tangent, zero)


def _recurrence(b: Builder, step: Recurrence, tangents: Tangents, zero: int) -> None:
    """Append the tangents of a recurrence as one more, which runs behind it."""
    trips = Trips(step)
    inputs = step.inputs()
    moving = tangents[:, inputs]  # (directions, trips, n)
    active, reached = trips.active((moving != zero).any(axis=0))
    count = len(tangents)
    if not reached.any():
        return
    body = with_parameter(trips.body, (count * int(active.sum()),))
    inner = Builder.resume(body)
    none = inner.scalar(0.0)
    within = np.full((count, inner.n_slots), none, dtype=np.int32)
    seeds = body.parameters[0].start + np.arange(body.parameters[0].size, dtype=np.int32)
    within[:, : body.n][:, active] = seeds.reshape(count, -1)
    push(inner, body, within, none)
    made = finished(inner, within[:, body.outputs[reached]].reshape(-1))
    at = trips.written(made).reshape(trips.count, count, -1)
    given = moving.transpose(1, 0, 2).copy()
    trip, number = np.nonzero(trips.own & active)
    port = np.cumsum(reached) - 1
    source, output = trips.source(trip, number)
    given[trip, :, number] = ~at[source, :, port[output]]
    given = given[:, :, active].reshape(trips.count, -1)
    found = append_recurrence(b, made, np.concatenate([inputs, given], axis=1))
    tangents[:, step.start + trips.at[:, reached]] = (found.start + at).transpose(1, 0, 2)


def _kernel(
    b: Builder, step: Kernel, tangents: Tangents, zero: int, constants: ConstantTable | None
) -> None:
    """Append the tangents of a kernel; constants are given where slopes may be infinite."""
    moving = {k: tangents[:, index.to_array()] for k, index in enumerate(step.loads)}
    active = {k for k, ids in moving.items() if bool((ids != zero).any())}
    if not active:
        return
    e = Expressions()
    numbers = e.graft(step.nodes)
    count = len(e.nodes)
    loads: list[Index] = list(step.loads)
    seeds: dict[tuple[int, int], int] = {}
    for k in sorted(active):
        for d, ids in enumerate(moving[k]):
            seeds[k, d] = e.load(len(loads))
            loads.append(Index(1, int(ids[0]), 0) if ids.size == 1 else Index.of(ids))
    stored: list[tuple[int, int]] = []  # place of the output, node
    known: list[Known | None] | None = None
    if constants is not None:
        known = [known_load(constants, index, index.to_array(), b.n) for index in step.loads]
    for k, output in enumerate(step.outputs):
        pulled = reverse(e, {numbers[output]: e.const(1.0)}, active, count)
        if not pulled:
            continue
        gates = {} if known is None else _gates(b, step, e, pulled, loads, known)
        for d in range(len(tangents)):
            total = e.const(0.0)
            for load, partial in pulled.items():
                term = e.apply("multiply", partial, seeds[load, d])
                if load in gates:
                    term = e.apply("where", gates[load], term, e.const(0.0))
                total = e.apply("add", total, term)
            stored.append((k * len(tangents) + d, total))
    if not stored:
        return
    nodes, outputs = live_nodes(e.nodes, [node for _, node in stored])
    start = b.kernel(step.length, loads, nodes, outputs, step.segments)
    for place, _ in stored:
        k, d = divmod(place, len(tangents))
        first = step.start + k * step.rows
        tangents[d, first : first + step.rows] = np.arange(start, start + step.rows)
        start += step.rows


def _gates(
    b: Builder,
    step: Kernel,
    e: Expressions,
    pulled: Mapping[int, int],
    loads: list[Index],
    known_loads: list[Known | None],
) -> dict[int, int]:
    """Load constants that are false where a partial is zero because a constant is.

    There, the product with an infinite slope or tangent would be NaN.
    """
    if all(load is None for load in known_loads):
        return {}
    nodes, roots = live_nodes(e.nodes, list(pulled.values()))
    given = [*known_loads, *[None] * (len(loads) - len(step.loads))]
    known = known_values(nodes, roots, given, step.length)
    gates = {}
    for load, root in zip(pulled, roots, strict=True):
        if root in known and (vanishing := known[root].mask & (known[root].values == 0.0)).any():
            gates[load] = e.load(len(loads))
            loads.append(Index.of(b.constant(np.where(vanishing, 0.0, 1.0))))
    return gates


def _opaque(b: Builder, step: Opaque, tangent: Slots, zero: int) -> None:
    ids = [index.to_array() for index in step.operands]
    shaped = [i.reshape(shape) for i, shape in zip(ids, step.shapes, strict=True)]
    total: Slots | None = None
    if isinstance(step.function, MatrixCall):
        given = [t if (t != zero).any() else None for t in (tangent[i] for i in shaped)]
        if any(t is not None for t in given):
            found = step.function.push(b, Called.of(step), given)
            tangent[step.start : step.stop] = found.reshape(-1)
        return
    for k, operand in enumerate(ids):
        moving = tangent[operand]
        if not (moving != zero).any():
            continue
        operands = [moving.reshape(step.shapes[k]), *shaped]
        part = b.opaque(f"jvp({step.name})", jvp_function(step, k), operands, step.result_shape)
        total = part if total is None else b.map("add", total, part)
    if total is not None:
        tangent[step.start : step.stop] = total.reshape(-1)
