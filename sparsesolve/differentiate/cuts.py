"""Cuts: wide sums as inputs of their own, so that the chain rule need not list what they multiply.

A sum over many inputs, read again by something that is not linear (or by many outputs), has a wide
row that the chain rule would multiply entry by entry. Here such slots u are chosen, and the program
is extended: inputs ``z = (x, u)``, outputs ``(S(z), y(z))``, where S defines u again. The extended
program is sparse; what multiplies wide rows is left to products of matrices.

Griewank and Walther (2008), "Evaluating Derivatives", section 10.3: an extended system whose Schur
complement is the Jacobian.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

import numpy as np

from sparsesolve.differentiate.activity import active_slots, any_slot
from sparsesolve.differentiate.kernel_reverse import reverse
from sparsesolve.differentiate.waists import WIDE, waists
from sparsesolve.differentiate.widths import Choice, Counts, Mask, add_to, widths
from sparsesolve.ir.expression import Expressions, live_nodes
from sparsesolve.ir.program import Block, Constant, Index, Kernel, Opaque, Program, Slots

__all__ = [
    "MANY_TERMS",
    "curved_sums",
    "extended_program",
    "global_sums",
    "pays",
    "wide_sums",
    "widely_read_sums",
]

_GLOBAL = 32  # terms from which on a sum is worth being added up by several processes
_READERS = 4  # outputs that a sum must enter for first derivatives
_SHORTEST = 4  # sums below this length are not looked at
_NARROW, _OFTEN = 4, 16  # inputs, and later sums that read them, from which on narrow sums are cut
MANY_TERMS = 2_000_000  # listing as many takes a second
_SOME_TERMS = 400_000  # below this, listing is quick and its code quicker than any product
_TERMS_AN_ENTRY = 4  # of the result, from which products are quicker


def pays(terms: float, entries: float) -> bool:
    """Whether products of blocks are better than a list of terms.

    Parameters
    ----------
    terms : float
        Products of entries that the chain rule would list.
    entries : float
        Entries of the result.
    """
    return terms > MANY_TERMS or terms > max(_SOME_TERMS, _TERMS_AN_ENTRY * entries)


def wide_sums(program: Program) -> Slots:
    """Choose the sums to cut for second derivatives: those that enter what is not linear in them.

    Parameters
    ----------
    program : Program
        A fused program.

    Returns
    -------
    ndarray of int32
        Increasing; empty where a list of terms is as good.
    """
    cuts, _ = curved_sums(program)
    if not cuts.size:
        return cuts
    reached = widths(program, None)[0][cuts]
    return cuts if pays(float((reached**2).sum()), 0.0) else cuts[:0]


def curved_sums(program: Program) -> tuple[Slots, Counts]:
    """Find all wide sums that enter what is not linear in them.

    Parameters
    ----------
    program : Program
        A fused program.

    Returns
    -------
    sums : ndarray of int32, shape (k,)
        Increasing.
    widths : ndarray, shape (k,)
        How many inputs each reads, another sum counting as one.
    """
    none = np.empty(0, dtype=np.int32)
    long = _long_sums(program)
    if not long:
        return none, np.empty(0)
    curved = _curved_slots(program, long)
    if not curved.any():
        return none, np.empty(0)
    width, cuts, _ = widths(program, _choice(program, curved, long))
    return cuts, width[cuts]


def widely_read_sums(program: Program) -> Slots:
    """Choose the sums to cut for first derivatives: those on which many outputs depend.

    Parameters
    ----------
    program : Program
        A fused program.

    Returns
    -------
    ndarray of int32
        Increasing; empty where a list of terms is as good.
    """
    long = _long_sums(program)
    if not long:
        return np.empty(0, dtype=np.int32)
    readers = _readers(program)
    width, cuts, _ = widths(program, _choice(program, readers >= _READERS, long))
    return cuts if pays(float((width[cuts] * readers[cuts]).sum()), 0.0) else cuts[:0]


def global_sums(program: Program, readers: int = 0) -> Slots:
    """Choose the long sums over what depends on the input, for processes that add their parts.

    Parameters
    ----------
    program : Program
        Any program.
    readers : int, default 0
        How many outputs must depend on a sum.

    Returns
    -------
    ndarray of int32
        Increasing; few, as each is an exchange of its own.
    """
    long = [step for step in program.instructions if _is_global(step)]
    if long:
        active = active_slots(program)
        long = [step for step in long if active[step.start : step.stop].any()]
    if long and readers:
        counts = _readers(program)
        long = [step for step in long if counts[step.start : step.stop].max() >= readers]
    found = [np.arange(step.start, step.stop, dtype=np.int32) for step in long]
    return np.concatenate([np.empty(0, dtype=np.int32), *found])


def _is_global(step: Kernel | Opaque) -> bool:
    if not isinstance(step, Kernel) or step.segments is None:
        return False
    few = step.rows * len(step.outputs) <= WIDE
    return few and int(np.diff(step.segments).min(initial=_GLOBAL)) >= _GLOBAL


def extended_program(program: Program, cuts: Slots) -> Program:
    """Make cut slots inputs behind x, and what defines them outputs before the others.

    Parameters
    ----------
    program : Program
        A function of ``n`` inputs and ``m`` outputs.
    cuts : ndarray of int32, shape (k,)
        Slots that kernels write.

    Returns
    -------
    Program
        The function of ``n + k`` inputs and ``k + m`` outputs, not fused.
    """
    n, k = program.n, int(cuts.size)
    moved = np.arange(program.n_slots, dtype=np.int32)
    moved[n:] += k
    written = moved[cuts]
    moved[cuts] = np.arange(n, n + k, dtype=np.int32)
    low, high = int(cuts[0]), int(cuts[-1])

    def move(index: Index) -> Index:
        first, last = index.bounds()
        if last < n:
            return index
        if first >= n and (last < low or first > high):
            return index.shifted(k)
        return Index.of(moved[index.to_array()])

    def moved_step(step: Kernel | Opaque) -> Kernel | Opaque:
        if isinstance(step, Kernel):
            return replace(step, start=step.start + k, loads=tuple(map(move, step.loads)))
        return replace(step, start=step.start + k, operands=tuple(map(move, step.operands)))

    outputs = np.concatenate([written, moved[program.outputs]])
    return replace(
        program,
        n=n + k,
        input_shape=(n + k,),
        parameters=tuple(Block(b.start + k, b.shape) for b in program.parameters),
        constants=tuple(Constant(c.start + k, c.values) for c in program.constants),
        instructions=tuple(map(moved_step, program.instructions)),
        outputs=outputs,
        output_shape=outputs.shape,
        n_slots=program.n_slots + k,
    )


def _long_sums(program: Program) -> frozenset[int]:
    """First slots of the kernels that compute long sums, over points or over loads."""
    found = [
        step.start
        for step in program.instructions
        if isinstance(step, Kernel)
        and step.segments is not None
        and int(np.diff(step.segments).max(initial=0)) >= _SHORTEST
    ]
    return waists(program).union(found)


def _choice(program: Program, wanted: Mask, long: Container[int]) -> Choice:
    """Say which outputs of a kernel are cut: wide sums, and narrow ones that many others read."""
    repeated = _read_by_sums(program, long) >= _OFTEN

    def choose(step: Kernel, first: int, rows: Counts) -> Mask:
        mine = slice(first, first + step.rows)
        if step.segments is None and step.start not in long:
            return np.zeros(step.rows, dtype=bool)
        return wanted[mine] & ((rows >= WIDE) | ((rows >= _NARROW) & repeated[mine]))

    return choose


def _read_by_sums(program: Program, long: Container[int]) -> Counts:
    """How many terms of long sums read each slot, not through other long sums.

    What a slot reads itself would be listed again for each of them, as the inputs of a network for
    all neurons behind the first layer.
    """
    reads = np.zeros(program.n_slots)
    for step in reversed(program.instructions):
        if isinstance(step, Opaque):
            continue
        if step.start in long:
            terms = np.ones(step.length)
        else:
            rows = reads[step.start : step.stop].reshape(len(step.outputs), step.rows)
            if not rows.any():
                continue
            terms = rows.sum(axis=0)
            if step.segments is not None:
                terms = np.repeat(terms, np.diff(step.segments))
        for index in step.loads:
            add_to(reads, index, terms)
    return reads


def _curved_slots(program: Program, long: Container[int]) -> Mask:
    """Mark slots in which an output may be other than linear; all sums that are such, at least."""
    curved = np.zeros(program.n_slots, dtype=bool)
    readers = _readers_of_sums(program, long)
    active = active_slots(program) if readers else curved
    for step in reversed(readers):
        if isinstance(step, Opaque):
            for index in step.operands:
                curved[index.to_array()] = True
        elif active[step.start : step.stop].any():
            _mark_curved(step, active, curved)
    return curved


def _readers_of_sums(program: Program, long: Container[int]) -> list[Kernel | Opaque]:
    """List what depends on a long sum, in order: nothing else can curve one."""
    behind = np.zeros(program.n_slots, dtype=bool)
    found: list[Kernel | Opaque] = []
    for step in program.instructions:
        loads = step.loads if isinstance(step, Kernel) else step.operands
        if any(any_slot(behind, index) for index in loads):
            found.append(step)
            behind[step.start : step.stop] = True
        elif step.start in long:
            behind[step.start : step.stop] = True
    return found


def _mark_curved(step: Kernel, active: Mask, curved: Mask) -> None:
    """Mark what a kernel reads: all of a load with a varying partial, or as its results are."""
    moving = {k for k, index in enumerate(step.loads) if any_slot(active, index)}
    e = Expressions()
    numbers = e.graft(step.nodes)
    count = len(e.nodes)
    for k, output in enumerate(step.outputs):
        first = step.start + k * step.rows
        rows = curved[first : first + step.rows]
        if step.segments is not None:
            rows = np.repeat(rows, np.diff(step.segments))
        pulled = reverse(e, {numbers[output]: e.const(1.0)}, moving, count)
        for load, partial in pulled.items():
            nodes, _ = live_nodes(e.nodes, [partial])
            varies = any(node.op == "load" and node.args[0] in moving for node in nodes)
            ids = step.loads[load].to_array()
            curved[ids if varies else ids[rows]] = True


def _readers(program: Program) -> Counts:
    """How many outputs depend on each slot, at most."""
    readers = np.bincount(program.outputs, minlength=program.n_slots).astype(np.float64)
    for step in reversed(program.instructions):
        if isinstance(step, Opaque):
            total = readers[step.start : step.stop].sum()
            for index in step.operands:
                readers[index.to_array()] += total
            continue
        rows = readers[step.start : step.stop].reshape(len(step.outputs), step.rows).sum(axis=0)
        if step.segments is not None:
            rows = np.repeat(rows, np.diff(step.segments))
        for index in step.loads:
            add_to(readers, index, rows)
    return np.minimum(readers, program.m)
