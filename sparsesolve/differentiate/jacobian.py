"""The Jacobian of a program as a program: its outputs are the nonzeros, row by row.

One pass in execution order carries a sparse row for every slot (columns, and the slots of the
values). A kernel contributes one term for each of its loads, local partial times row of what is
loaded; rows of the input are unit rows, so a kernel that loads only the input writes its partials
straight as entries. Detection is the same pass with the instructions thrown away: entries whose
terms cancel or are structurally zero are never made, so patterns are tight, and they hold at every
x because branches of `where` and `maximum` all count.

Separate from `kernel_reverse` (derivatives inside a kernel) and `rows` (terms to entries).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.differentiate.activity import any_slot
from sparsesolve.differentiate.carried_rows import CarriedRows
from sparsesolve.differentiate.index_sets import index_sets, terms_to_list
from sparsesolve.differentiate.input_kernels import Load, in_column_order, input_kernel_entries
from sparsesolve.differentiate.kernel_reverse import (
    Known,
    known_load,
    known_values,
    reverse,
    truth_of,
)
from sparsesolve.differentiate.opaque import jacobian_function
from sparsesolve.differentiate.recurrence_rows import (
    Irregular,
    Partials,
    fed_back,
    recurrence_rows,
)
from sparsesolve.differentiate.regular_chain_rule import stream_entries
from sparsesolve.differentiate.rows import ConstantTable, Entries, Gates, Rows, Terms, combine
from sparsesolve.differentiate.singular import steep_slots
from sparsesolve.differentiate.trips import Trips
from sparsesolve.differentiate.widths import widths
from sparsesolve.errors import SparseSolveError
from sparsesolve.fuse import fuse
from sparsesolve.fuse.unroll import unrolled
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.dataclass import dataclass
from sparsesolve.ir.expression import Expressions, live_nodes
from sparsesolve.ir.program import Index, Kernel, Opaque, Program, Slots
from sparsesolve.ir.recurrence import Recurrence, append_trips
from sparsesolve.structure.pattern import Pattern

__all__ = ["JacobianProgram", "TooManyTerms", "jacobian_pattern", "jacobian_program"]

MOST_TERMS = 100_000_000
_FREE_TERMS = 8_000_000
_SOME_TERMS = 1_000_000  # from which on all are counted before more are listed
_REDUNDANT = 16  # terms an entry, from which on structures alone are not found by a list
_MARGIN = 2  # by which they may be fewer than is counted
_TERMS_AN_ENTRY = 25  # beyond the free ones, terms are bounded by entries of the largest block


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
    try:
        walk = _Walk(program, most_terms)
        entries = walk.run()
    except Irregular:
        return jacobian_program(unrolled(program), lower=lower, most_terms=most_terms)
    if lower:
        entries = _lower_triangle(entries, program.n)
    return JacobianProgram(_pattern(program, entries), walk.builder.build(entries.slots))


def jacobian_pattern(program: Program, *, most_terms: int = MOST_TERMS) -> Pattern:
    """Return the pattern alone; parameters and errors as for `jacobian_program`."""
    try:
        return _pattern(program, _Walk(program, most_terms, bare=True).run())
    except Irregular:
        return jacobian_pattern(unrolled(program), most_terms=most_terms)


def _pattern(program: Program, entries: Entries) -> Pattern:
    columns = np.array(entries.columns, dtype=np.int32)
    return Pattern((program.m, program.n), entries.indptr.astype(np.int32), columns)


def _lower_triangle(entries: Entries, n: int) -> Entries:
    """Entries with row >= column of a symmetric matrix.

    An entry may have vanished on one side of the diagonal only; then the other side stands for it.
    """
    rows = np.repeat(np.arange(n, dtype=np.int32), np.diff(entries.indptr))
    keep = rows >= entries.columns
    above, below = np.flatnonzero(~keep), np.flatnonzero(keep)
    mirrored = entries.columns[above].astype(np.int64) * n + rows[above]
    rows, columns, slots = rows[below], entries.columns[below], entries.slots[below]
    key = rows.astype(np.int64) * n + columns
    strictly = key[rows > columns]
    # stable: what is mirrored comes as few sorted runs
    if not np.array_equal(np.sort(mirrored, kind="stable"), strictly):
        alone = ~np.isin(mirrored, strictly)
        key = np.concatenate([key, mirrored[alone]])
        order = np.argsort(key)
        slots = np.concatenate([slots, entries.slots[above][alone]])[order]
        rows, columns = np.divmod(key[order], max(1, n))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))])
    return Entries(indptr, columns.astype(np.int32, copy=False), slots)


class _Walk:
    """The state of one pass: the growing program and the row of every slot.

    Of a `bare` one only the structure is wanted.
    """

    def __init__(self, program: Program, most_terms: int, *, bare: bool = False) -> None:
        self.bare = bare
        self.program = program
        self.builder = Builder.resume(program)
        self.rows = Rows(program.n, program.n_slots, self.builder.scalar(1.0))
        self.constants = ConstantTable(self.builder)
        self.gates = Gates()
        self.steep = steep_slots(program)
        self.most = most_terms
        self.spent = 0
        self.n = program.n

    def run(self) -> Entries:
        """Rows of the outputs."""
        for step in self.program.instructions:
            if isinstance(step, Kernel):
                self.kernel(step)
            elif isinstance(step, Recurrence):
                self.recurrence(step)
            else:
                self.opaque(step)
        return self.rows.gather(self.program.outputs)

    def charge(self, terms: int) -> None:
        before, self.spent = self.spent, self.spent + terms
        self.require_few(self.spent, self.rows.largest)
        if before <= _SOME_TERMS < self.spent:
            self.look_ahead()

    def look_ahead(self) -> None:
        """Stop at once where there will be too many terms by far, if none of them cancel."""
        if not self.bare and widths(self.program, None)[2] <= self.bound(0):
            return
        for roughly in (True, False):  # exact sets take longer, and are found where it matters
            sets = index_sets(self.program, roughly=roughly)
            if sets is None:
                return
            terms, largest, entries = terms_to_list(self.program, sets)
            if terms <= _MARGIN * self.bound(largest) and not (
                self.bare and terms > _REDUNDANT * entries
            ):
                return
        self.require_few(int(terms / _MARGIN), largest)
        raise TooManyTerms("a structure is found in other ways")

    def bound(self, largest: int) -> int:
        """Return how many terms are listed at most."""
        return min(self.most, _FREE_TERMS + _TERMS_AN_ENTRY * largest)

    def require_few(self, terms: int, largest: int) -> None:
        bound = self.bound(largest)
        if terms > bound:
            raise TooManyTerms(
                f"expected at most {bound} terms in the chain rule, got {terms}: wide blocks "
                "are multiplied. Use method='colored'."
            )

    def kernel(self, step: Kernel) -> None:
        ids = {k: index.to_array() for k, index in enumerate(step.loads)}
        active = {k for k, a in ids.items() if self.is_active(step.loads[k], a)}
        if not active or step.length == 0:
            return
        e = Expressions()
        numbers = e.graft(step.nodes)
        count = len(e.nodes)
        pulled = [reverse(e, {numbers[k]: e.const(1.0)}, active, count) for k in step.outputs]
        truths = self.truths(step, e, pulled)
        wanted = sorted({*(p for partials in pulled for p in partials.values()), *truths.values()})
        partials = self.partials(step, e, wanted, ids)
        for p, truth in truths.items():
            self.gates.mark(partials[p][0], partials[truth][0])
        for k, by_load in enumerate(pulled):
            live = [(ids[j], *partials[p]) for j, p in by_load.items() if e.value(p) != 0.0]
            if live:
                self.rows.store(step.start + k * step.rows, self.entries(step, live))

    def truths(self, step: Kernel, e: Expressions, pulled: list[dict[int, int]]) -> dict[int, int]:
        """Find the partials that are choices, where what they multiply may be infinite."""
        found = {}
        for partials in pulled:
            for load, p in partials.items():
                if any_slot(self.steep, step.loads[load]):
                    truth = truth_of(e, p)
                    if truth is not None:
                        found[p] = truth
        return found

    def is_active(self, index: Index, ids: Slots) -> bool:
        """Whether a load reads a slot that has a row."""
        low, high = index.bounds()
        return 0 <= low <= high < self.n or bool((self.rows.count[ids] > 0).any())

    def partials(
        self, step: Kernel, e: Expressions, wanted: list[int], ids: dict[int, Slots]
    ) -> dict[int, tuple[Slots, NDArray[np.bool_] | None]]:
        """Slots of the local partials, each of shape (length,), and where they are known zeros.

        What is a number goes to constant slots, the rest is one new kernel.
        """
        b = self.builder
        found: dict[int, tuple[Slots, NDArray[np.bool_] | None]] = {}
        computed = []
        for p in wanted:
            value = e.value(p)
            if value is None:
                computed.append(p)
            else:
                found[p] = np.full(step.length, b.scalar(value), dtype=np.int32), None
        if not computed:
            return found
        nodes, roots = live_nodes(e.nodes, computed)
        used = {node.args[0] for node in nodes if node.op == "load"}
        known_loads = [
            known_load(self.constants, index, ids[k], self.n) if k in used else None
            for k, index in enumerate(step.loads)
        ]
        known = known_values(nodes, roots, known_loads, step.length)
        rest = []
        for p, root in zip(computed, roots, strict=True):
            if nodes[root].op == "load":
                found[p] = ids[nodes[root].args[0]], None
            elif root in known and known[root].mask.all():
                found[p] = b.constant(known[root].values), None
            else:
                rest.append((p, root))
        if rest:
            nodes_of_rest, outputs = live_nodes(nodes, [root for _, root in rest])
            b.origin = step.origin
            start = b.kernel(step.length, step.loads, nodes_of_rest, outputs)
            for k, (p, _) in enumerate(rest):
                first = start + k * step.length
                found[p] = np.arange(first, first + step.length, dtype=np.int32), None
        for p, root in zip(computed, roots, strict=True):
            if root in known:
                found[p] = self.with_numbers(found[p][0], known[root])
        return found

    def with_numbers(self, slots: Slots, known: Known) -> tuple[Slots, NDArray[np.bool_]]:
        """Put constant slots where a partial is a known number, and say where that is zero."""
        slots = slots.copy()
        slots[known.mask] = self.builder.constant(known.values[known.mask])
        return slots, known.mask & (known.values == 0.0)

    def entries(self, step: Kernel, loads: list[Load]) -> Entries:
        """Rows of one output."""
        if step.segments is None:
            found = input_kernel_entries(self.rows, self.n, loads)
            if found is not None:
                return found
        self.charge(sum(self.rows.size_of(ids) for ids, _, _ in loads))
        if step.segments is None:
            found = stream_entries(
                self.builder, self.constants, self.gates, self.rows, self.n, loads
            )
            if found is not None:
                return found
        ordered = in_column_order(loads)
        rows = self.row_numbers(step)
        single = all(int(self.rows.count[load[0]].max(initial=0)) <= 1 for load in ordered)
        if single and step.segments is None:
            ids = np.stack([load[0] for load in ordered], axis=1).reshape(-1)
            a = np.stack([load[1] for load in ordered], axis=1).reshape(-1)
            return self.combine(self.rows.expand(np.repeat(rows, len(ordered)), ids, a), step.rows)
        parts = [self.rows.expand(rows, load[0], load[1]) for load in ordered]
        return self.combine(Terms.joined(parts), step.rows)

    def row_numbers(self, step: Kernel) -> NDArray[np.int32]:
        if step.segments is None:
            return np.arange(step.length, dtype=np.int32)
        lengths = np.diff(step.segments)
        return np.repeat(np.arange(step.rows, dtype=np.int32), lengths)

    def combine(self, terms: Terms, n_rows: int) -> Entries:
        return combine(self.builder, self.constants, self.gates, terms, (n_rows, self.n))

    def recurrence(self, step: Recurrence) -> None:
        """Let rows follow the trips."""
        trips = Trips(step)
        inputs = step.inputs()
        active, _ = trips.active(self.rows.count[inputs] > 0)
        if not active.any():
            return
        b = self.builder
        b.origin = step.origin
        carried = CarriedRows.of(self.rows, trips, inputs)
        if carried is not None and carried.pays():
            self.rows.store(step.start, carried.entries(b, self.carry))
            return
        local = jacobian_program(trips.body)
        wanted = active[local.pattern.indices]
        output = local.pattern.rows[wanted].astype(np.intp)
        number = local.pattern.indices[wanted].astype(np.intp)
        outside = np.zeros(self.rows.count.size, dtype=bool)
        outside[inputs[~trips.own]] = True
        columns = np.zeros(self.n, dtype=bool)
        columns[self.rows.gather(np.flatnonzero(outside).astype(np.int32)).columns] = True
        width = int(np.count_nonzero(columns))
        self.charge(int(fed_back(trips, number)[output].sum()) * trips.count * width)
        body = Builder.resume(local.program).build(local.program.outputs[wanted])
        partials = Partials(output, number, append_trips(b, fuse(body), inputs))
        found = recurrence_rows(b, self.rows, self.combine, trips, inputs, partials)
        self.rows.store(step.start, found)

    def carry(self, body: Program, start: int, given: Entries) -> tuple[Builder, Entries]:
        """Carry rows that are given through a trip."""
        walk = _Walk(body, self.most)
        walk.steep = np.ones(body.n_slots, dtype=bool)  # what is given may be infinite
        walk.rows.store(start, given)
        return walk.builder, walk.run()

    def opaque(self, step: Opaque) -> None:
        """Let every output depend on every element of an active operand."""
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
            self.rows.store(step.start, self.combine(Terms.joined(parts), step.length))
