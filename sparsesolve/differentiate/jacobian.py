"""The Jacobian of a program as a program: its outputs are the nonzeros, row by row.

One pass in execution order carries a sparse row for every slot (columns, and the slots of the
values). A kernel contributes one term for each of its loads, local partial times row of what is
loaded; rows of the input are unit rows, so a kernel that loads only the input writes its partials
straight as entries. Detection is the same pass with the instructions thrown away: entries whose
terms cancel or are structurally zero are never made, so patterns are tight, and they hold at every
x because branches of `where` and `maximum` all count.

Separate from `local` (derivatives inside a kernel) and `rows` (terms to entries).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparsesolve.builder import Builder
from sparsesolve.differentiate.local import Known, known_values, reverse
from sparsesolve.differentiate.opaque import jacobian_function
from sparsesolve.differentiate.rows import ConstantTable, Entries, Rows, Terms, combine
from sparsesolve.errors import SparseSolveError
from sparsesolve.expression import Expressions, live_nodes
from sparsesolve.pattern import Pattern
from sparsesolve.program import Index, Kernel, Opaque, Program, Slots

__all__ = ["JacobianProgram", "TooManyTerms", "jacobian_program"]

MOST_TERMS = 40_000_000


class TooManyTerms(SparseSolveError):
    """The chain rule has more terms than it pays to list; compressed evaluation is better."""


@dataclass(frozen=True, eq=False)
class JacobianProgram:
    """A Jacobian: where its entries are, and the program that computes them.

    Parameters
    ----------
    pattern : Pattern, shape (m, n)
        Its structure.
    program : Program
        Output ``k`` is the value of entry ``k`` of the pattern, for the same input and parameters.
    """

    pattern: Pattern
    program: Program


def jacobian_program(
    program: Program, *, lower: bool = False, most_terms: int = MOST_TERMS
) -> JacobianProgram:
    """Differentiate a program with respect to its input.

    Parameters
    ----------
    program : Program
        A fused program with ``m`` outputs.
    lower : bool, default False
        Whether to keep only entries with row >= column (for Hessians).
    most_terms : int
        Bound on the number of chain-rule terms.

    Returns
    -------
    JacobianProgram
        Not fused yet.

    Raises
    ------
    TooManyTerms
        If the number of terms exceeds the bound.

    Notes
    -----
    Time and memory are linear in the number of terms, up to one sort. Forward accumulation of
    sparse rows: Griewank and Walther (2008), "Evaluating Derivatives", section 7.1.
    """
    walk = _Walk(program, most_terms)
    for step in program.instructions:
        if isinstance(step, Kernel):
            walk.kernel(step)
        else:
            walk.opaque(step)
    entries = walk.rows.gather(program.outputs)
    rows = np.repeat(np.arange(program.m, dtype=np.int32), np.diff(entries.indptr))
    columns, slots = entries.columns, entries.slots
    if lower:
        rows, columns, slots = _lower_triangle(rows, columns, slots, program.n)
    counts = np.bincount(rows, minlength=program.m)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    pattern = Pattern((program.m, program.n), indptr, np.ascontiguousarray(columns, np.int32))
    return JacobianProgram(pattern, walk.builder.build(slots))


def _lower_triangle(
    rows: NDArray[np.int32], columns: NDArray[np.int32], slots: Slots, n: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], Slots]:
    """Entries with row >= column of a symmetric matrix.

    An entry may have vanished on one side of the diagonal only; then the other side stands for it.
    """
    keep = rows >= columns
    below = rows[keep].astype(np.int64) * n + columns[keep]
    mirrored = columns[~keep].astype(np.int64) * n + rows[~keep]
    alone = ~np.isin(mirrored, below, kind="sort")
    key = np.concatenate([below, mirrored[alone]])
    slots = np.concatenate([slots[keep], slots[~keep][alone]])
    if alone.any():
        order = np.argsort(key)
        key, slots = key[order], slots[order]
    return (key // max(1, n)).astype(np.int32), (key % max(1, n)).astype(np.int32), slots


class _Walk:
    """The state of one pass: the growing program and the row of every slot."""

    def __init__(self, program: Program, most_terms: int) -> None:
        self.builder = Builder.resume(program)
        self.rows = Rows(program.n, program.n_slots, self.builder.scalar(1.0))
        self.constants = ConstantTable(self.builder)
        self.left = most_terms
        self.n = program.n

    def charge(self, terms: int) -> None:
        self.left -= terms
        if self.left < 0:
            raise TooManyTerms(
                f"expected at most {MOST_TERMS} terms in the chain rule, got more: large dense "
                "blocks are multiplied. Use method='colored'."
            )

    def kernel(self, step: Kernel) -> None:
        ids = {k: index.to_array() for k, index in enumerate(step.loads)}
        active = {k for k, a in ids.items() if bool((self.rows.count[a] > 0).any())}
        if not active or step.length == 0:
            return
        e = Expressions()
        numbers = e.graft(step.nodes)
        count = len(e.nodes)
        pulled = [reverse(e, {numbers[k]: e.const(1.0)}, active, count) for k in step.outputs]
        wanted = sorted({p for partials in pulled for p in partials.values()} - {-1})
        slots = self.partial_slots(step, e, wanted, ids)
        for k, partials in enumerate(pulled):
            start = step.start + k * step.rows
            live = {j: p for j, p in partials.items() if e.value(p) != 0.0}
            if live:
                terms = self.terms(step, {j: (ids[j], slots[p]) for j, p in live.items()})
                self.rows.store(start, self.combine(terms, step.rows))

    def partial_slots(
        self, step: Kernel, e: Expressions, wanted: list[int], ids: dict[int, Slots]
    ) -> dict[int, Slots]:
        """Slots of the local partials, each of shape (length,); numbers go to constant slots."""
        b = self.builder
        slots: dict[int, Slots] = {}
        computed = [p for p in wanted if e.value(p) is None]
        for p in wanted:
            value = e.value(p)
            if value is not None:
                slots[p] = np.full(step.length, b.scalar(value), dtype=np.int32)
        if not computed:
            return slots
        known = known_values(e.nodes, computed, self.known_loads(step.loads, ids), step.length)
        for p in [p for p in computed if p in known and known[p].mask.all()]:
            slots[p] = b.constant(known[p].values)
        plain = {p: e.nodes[p].args[0] for p in computed if e.nodes[p].op == "load"}
        slots.update({p: ids[load] for p, load in plain.items() if p not in slots})
        rest = [p for p in computed if p not in slots]
        if rest:
            nodes, outputs = live_nodes(e.nodes, rest)
            b.origin = step.origin
            start = b.kernel(step.length, step.loads, nodes, outputs)
            for k, p in enumerate(rest):
                first = start + k * step.length
                slots[p] = np.arange(first, first + step.length, dtype=np.int32)
        for p, partial in known.items():
            if not partial.mask.all():
                slots[p] = slots[p].copy()
                slots[p][partial.mask] = b.constant(partial.values[partial.mask])
        return slots

    def known_loads(
        self, loads: tuple[Index, ...], ids: dict[int, Slots]
    ) -> list[Known | None]:
        """Where each load reads a constant."""
        known: list[Known | None] = []
        for k, index in enumerate(loads):
            values = self.constants(ids[k][:1] if index.stride == 0 else ids[k])
            mask = ~np.isnan(values)
            if not mask.any():
                known.append(None)
                continue
            shape = (index.length,)
            filled = np.where(mask, values, 0.0)
            known.append(Known(np.broadcast_to(mask, shape), np.broadcast_to(filled, shape)))
        return known

    def terms(self, step: Kernel, loads: dict[int, tuple[Slots, Slots]]) -> Terms:
        """All terms of one output, arranged row by row where each load gives at most one."""
        self.charge(sum(self.rows.size_of(ids) for ids, _ in loads.values()))
        middle = step.length // 2
        ordered = sorted(loads.values(), key=lambda pair: int(pair[0][middle]))
        rows = self.row_numbers(step)
        single = all(int(self.rows.count[ids].max(initial=0)) <= 1 for ids, _ in ordered)
        if single and step.segments is None:
            ids = np.stack([pair[0] for pair in ordered], axis=1).reshape(-1)
            a = np.stack([pair[1] for pair in ordered], axis=1).reshape(-1)
            return self.rows.expand(np.repeat(rows, len(ordered)), ids, a)
        parts = [self.rows.expand(rows, ids, a) for ids, a in ordered]
        return Terms(
            np.concatenate([t.rows for t in parts]),
            np.concatenate([t.columns for t in parts]),
            np.concatenate([t.a for t in parts]),
            np.concatenate([t.d for t in parts]),
        )

    def row_numbers(self, step: Kernel) -> NDArray[np.int32]:
        if step.segments is None:
            return np.arange(step.length, dtype=np.int32)
        lengths = np.diff(step.segments)
        return np.repeat(np.arange(step.rows, dtype=np.int32), lengths)

    def combine(self, terms: Terms, n_rows: int) -> Entries:
        return combine(self.builder, self.constants, terms, n_rows, self.n)

    def opaque(self, step: Opaque) -> None:
        """An opaque block: every output depends on every element of an active operand."""
        b = self.builder
        ids = [index.to_array() for index in step.operands]
        shaped = [i.reshape(shape) for i, shape in zip(ids, step.shapes, strict=True)]
        parts: list[Terms] = []
        for k, operand in enumerate(ids):
            if not (self.rows.count[operand] > 0).any():
                continue
            self.charge(step.length * self.rows.size_of(operand))
            b.origin = step.origin
            shape = (step.length, operand.size)
            block = b.opaque(f"d({step.name})", jacobian_function(step, k), shaped, shape)
            rows = np.repeat(np.arange(step.length, dtype=np.int32), operand.size)
            parts.append(self.rows.expand(rows, np.tile(operand, step.length), block.reshape(-1)))
        if parts:
            terms = Terms(
                np.concatenate([t.rows for t in parts]),
                np.concatenate([t.columns for t in parts]),
                np.concatenate([t.a for t in parts]),
                np.concatenate([t.d for t in parts]),
            )
            self.rows.store(step.start, self.combine(terms, step.length))
