"""Reverse mode: the program of ``x -> J(x)^T w``, hence gradients and Lagrangian gradients.

One pass in reverse order. Every kernel becomes one that recomputes its expression and pulls the
adjoints of its outputs back to its loads; no values are kept but the stored slots. The adjoint of
a slot is the sum of what its readers sent, arranged here without scatter: slots with equally many
contributions are added elementwise, so that everything stays a kernel over index arrays and fuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.differentiate.activity import active_slots, any_slot
from sparsesolve.differentiate.kernel_reverse import known_load, known_values, reverse, truth_of
from sparsesolve.differentiate.opaque import vjp_function
from sparsesolve.differentiate.rows import ConstantTable
from sparsesolve.differentiate.singular import steep_slots
from sparsesolve.differentiate.sums import sum_runs
from sparsesolve.differentiate.trips import Trips, finished
from sparsesolve.fuse import with_parameter
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.dataclass import dataclass
from sparsesolve.ir.expression import Expressions, live_nodes, used_loads
from sparsesolve.ir.matrix_call import Called, MatrixCall
from sparsesolve.ir.program import Index, Kernel, Node, Opaque, Program, Slots
from sparsesolve.ir.recurrence import Recurrence, append_recurrence

__all__ = ["adjoint_program", "gradient_program"]

_Sent: TypeAlias = tuple[Slots, Slots, Slots | None]  # targets, sources, support
_UNROLL = 12  # sums of up to this many contributions become `add` maps, which fuse


def adjoint_program(program: Program, *, unweighted: int = 0) -> Program:
    """Build the vector-Jacobian product of a program.

    Parameters
    ----------
    program : Program
        A function with ``m`` outputs.
    unweighted : int, default 0
        How many outputs, the last ones, have weights that are always one.

    Returns
    -------
    Program
        The same input and parameters and one more parameter, the weights of shape
        (m - unweighted,), last; its outputs are the ``n`` elements of ``J(x)^T w``. Not fused yet.

    Notes
    -----
    Cost is a small multiple of the program's own, for any ``m``: Griewank and Walther (2008),
    "Evaluating Derivatives", section 3.2.
    """
    weighted = program.m - unweighted
    shifted = with_parameter(program, (weighted,))
    b = Builder.resume(shifted)
    start = shifted.parameters[-1].start
    weights = np.arange(start, start + weighted, dtype=np.int32)
    if unweighted:
        weights = np.concatenate([weights, b.constant(np.ones(unweighted))])
    return _Reverse(shifted, b).run(weights)


def gradient_program(program: Program) -> Program:
    """Build the gradient of a program with one output."""
    b = Builder.resume(program)
    return _Reverse(program, b).run(b.constant(np.ones(program.m)))


class _Reverse:
    """The state of one reverse pass: what has been sent to the slots of each instruction."""

    def __init__(self, program: Program, builder: Builder) -> None:
        self.program = program
        self.b = builder
        self.active = active_slots(program)
        self.steep = steep_slots(program)
        self.constants = ConstantTable(builder)
        self.zero = builder.scalar(0.0)
        self.one = builder.scalar(1.0)
        steps = program.instructions
        # blocks of slots, sorted by start: number 0 is the input, k + 1 instruction k
        starts = np.array([0, *(step.start for step in steps)], dtype=np.int64)
        self.order = np.argsort(starts, kind="stable")
        self.starts = starts[self.order]
        stops = np.array([program.n, *(step.stop for step in steps)], dtype=np.int64)
        self.stops = stops[self.order]
        self.sent: list[list[_Sent]] = [[] for _ in range(len(steps) + 1)]

    def run(self, weights: Slots) -> Program:
        return self.b.build(self.pull(weights))

    def pull(self, weights: Slots) -> Slots:
        """Slots of the adjoint of the input."""
        self.send(self.program.outputs, weights)
        for number in range(len(self.program.instructions), 0, -1):
            step = self.program.instructions[number - 1]
            if not self.sent[number] or not self.active[step.start : step.stop].any():
                continue
            bar, support = self.collect(number, step.start, step.stop - step.start)
            self.b.origin = step.origin
            if isinstance(step, Kernel):
                self.kernel(step, bar, support)
            elif isinstance(step, Recurrence):
                self.recurrence(step, bar, support)
            else:
                self.opaque(step, bar)
        return self.collect(0, 0, self.program.n)[0]

    def send(self, targets: Slots, sources: Slots, support: Slots | None = None) -> None:
        """Record that the adjoint of each target slot gets a source slot added.

        Where a slot of `support` is false, the source is the zero of what was not chosen.
        """
        if not targets.size:
            return
        at = np.searchsorted(self.starts, targets, side="right") - 1
        low, high = int(at.min()), int(at.max())
        for place in range(low, high + 1) if high - low < 8 else np.unique(at):
            if low == high:
                mine = targets < self.stops[place]
            else:
                mine = (at == place) & (targets < self.stops[place])
            if mine.all():
                self.sent[self.order[place]].append((targets, sources, support))
            elif mine.any():
                chosen = None if support is None else support[mine]
                self.sent[self.order[place]].append((targets[mine], sources[mine], chosen))

    def collect(self, number: int, start: int, size: int) -> tuple[Slots, Slots | None]:
        """Slots of the adjoint of consecutive slots, and of its support where it has one."""
        sent = self.sent[number]
        self.sent[number] = []
        if not sent:
            return np.full(size, self.zero, dtype=np.int32), None
        bar = _sum_by_target(self.b, [(t - start, s) for t, s, _ in sent], size, self.zero)
        return bar, self.support(sent, start, size)

    def support(self, sent: list[_Sent], start: int, size: int) -> Slots | None:
        """Slots that are false where all that was sent is the zero of what was not chosen."""
        if all(support is None for _, _, support in sent):
            return None
        whole = np.zeros(size, dtype=bool)
        for targets, _, support in sent:
            if support is None:
                whole[targets - start] = True
        parts = []
        for targets, _, support in sent:
            if support is not None:
                keep = ~whole[targets - start]
                parts.append((targets[keep] - start, support[keep]))
        found = _sum_by_target(self.b, parts, size, self.zero)
        return np.where(whole, np.int32(self.one), found)

    def kernel(self, step: Kernel, bar: Slots, support: Slots | None) -> None:
        """Pull the adjoints of a kernel's outputs back to its loads."""
        active = {k for k, index in enumerate(step.loads) if any_slot(self.active, index)}
        if not active or step.length == 0:
            return
        e = Expressions()
        numbers = e.graft(step.nodes)
        count = len(e.nodes)
        loads = list(step.loads)
        seeds: dict[int, int] = {}
        for k, output in enumerate(step.outputs):
            mine = _points(step, bar, k)
            if (mine == self.zero).all():
                continue
            seed = self.seed(e, loads, mine)
            if support is not None and self.steep[step.start]:
                chosen = self.seed(e, loads, _points(step, support, k))
                seed = e.apply("where", chosen, seed, e.const(0.0))
            root = numbers[output]
            seeds[root] = seed if root not in seeds else e.apply("add", seeds[root], seed)
        pulled = reverse(e, seeds, active, count)
        self.emit(step, e, loads, pulled)

    def seed(self, e: Expressions, loads: list[Index], bar: Slots) -> int:
        if (bar == self.one).all():
            return e.const(1.0)
        index = Index.of(bar)
        loads.append(index if bar.size > 1 else Index(1, int(bar[0]), 0))
        return e.load(len(loads) - 1)

    def emit(
        self, step: Kernel, e: Expressions, loads: list[Index], pulled: dict[int, int]
    ) -> None:
        """Append the kernel that computes what is pulled back, and send it."""
        steep = [load for load in pulled if any_slot(self.steep, step.loads[load])]
        chosen = {load: truth_of(e, pulled[load]) for load in steep}
        wanted = dict.fromkeys([*pulled.values(), *(c for c in chosen.values() if c is not None)])
        computed = [node for node in wanted if e.nodes[node].op not in ("load", "const")]
        start = 0
        vanishing: dict[int, NDArray[np.bool_]] = {}
        if computed:
            nodes, outputs = live_nodes(e.nodes, computed)
            used, nodes = used_loads(nodes)
            kept = [loads[k] for k in used]
            start = self.b.kernel(step.length, kept, nodes, outputs)
            if self.steep[step.start]:
                vanishing = self.vanishing(kept, nodes, dict(zip(outputs, computed, strict=True)))
        firsts = {node: start + k * step.length for k, node in enumerate(computed)}
        for load, node in pulled.items():
            targets = step.loads[load].to_array()
            kind = e.nodes[node]
            if kind.op == "const" and kind.value == 0.0:
                continue
            sources = self.slots_of(e, loads, node, step.length, firsts)
            truth = chosen.get(load)
            support = None
            if truth is not None:
                support = self.slots_of(e, loads, truth, step.length, firsts)
            if node in vanishing:
                keep = ~vanishing[node]
                targets, sources = targets[keep], sources[keep]
                support = None if support is None else support[keep]
            self.send(targets, sources, support)

    def slots_of(
        self, e: Expressions, loads: list[Index], node: int, length: int, firsts: dict[int, int]
    ) -> Slots:
        """Slots of a node at every point, by the first slot of those that were computed."""
        kind = e.nodes[node]
        if kind.op == "const":
            return np.full(length, self.b.scalar(kind.value), dtype=np.int32)
        if kind.op == "load":
            return loads[kind.args[0]].to_array()
        return np.arange(firsts[node], firsts[node] + length, dtype=np.int32)

    def vanishing(
        self, loads: list[Index], nodes: list[Node], names: dict[int, int]
    ) -> dict[int, NDArray[np.bool_]]:
        """Where nodes are zero because they are multiplied by constants that are.

        There, nothing is sent: zero times an infinite slope would be NaN.
        """
        known = [known_load(self.constants, k, k.to_array(), self.program.n) for k in loads]
        found = known_values(nodes, list(names), known, loads[0].length if loads else 0)
        return {names[node]: k.mask & (k.values == 0.0) for node, k in found.items()}

    def opaque(self, step: Opaque, bar: Slots) -> None:
        ids = [index.to_array() for index in step.operands]
        shaped = [i.reshape(shape) for i, shape in zip(ids, step.shapes, strict=True)]
        weights = bar.reshape(step.result_shape)
        wanted = [bool(i.size and self.active[i].any()) for i in ids]
        if isinstance(step.function, MatrixCall):
            found = step.function.pull(self.b, Called.of(step), weights, wanted)
            for operand, pulled in zip(ids, found, strict=True):
                if pulled is not None:
                    self.send(operand, pulled.reshape(-1))
            return
        for k in range(len(ids)):
            if not wanted[k]:
                continue
            function = vjp_function(step, k)
            name = f"vjp({step.name})"
            pulled = self.b.opaque(name, function, [weights, *shaped], step.shapes[k])
            self.send(ids[k], pulled.reshape(-1))

    def recurrence(self, step: Recurrence, bar: Slots, support: Slots | None) -> None:
        """Append the adjoint of a recurrence: the trips backward, each from what it is sent."""
        if support is not None:
            bar = self.b.map("where", support, bar, 0.0)
        trips = Trips(step)
        inputs = step.inputs()
        active, _ = trips.active(self.active[inputs])
        back = _Backward.of(trips, active, bar, self.zero)
        made = back.body(self.zero)
        at = trips.written(made)[::-1]
        back.given[back.inner] = ~at[back.trip, back.port]
        found = append_recurrence(self.b, made, np.concatenate([inputs, back.given], axis=1)[::-1])
        outside = ~trips.own[:, active] & self.active[inputs[:, active]]
        self.send(inputs[:, active][outside], (found.start + at)[outside])


@dataclass(slots=True)
class _Backward:
    """What each trip is sent: of each output what comes from outside, and from later trips.

    `given` has a column for each of these, `width` says how many there are for each output; where
    `inner` is true it is an element of what trip `trip` sends to its input `port`.
    """

    trips: Trips
    active: NDArray[np.bool_]
    given: Slots
    width: list[int]
    inner: NDArray[np.bool_]
    trip: NDArray[np.intp]
    port: NDArray[np.intp]

    @classmethod
    def of(cls, trips: Trips, active: NDArray[np.bool_], bar: Slots, zero: int) -> _Backward:
        """Arrange what was sent to a recurrence, and what its own trips send."""
        outer = bar[trips.at]
        reader, number = np.nonzero(trips.own & active)
        source, output = trips.source(reader, number)
        order = np.lexsort((reader, output, source))
        reader, number, source, output = (a[order] for a in (reader, number, source, output))
        key = source * trips.body.m + output
        first = np.flatnonzero(np.diff(key, prepend=-1))
        rank = np.arange(key.size) - np.repeat(first, np.diff(np.append(first, key.size)))
        wanted = (outer != zero).any(axis=0)
        repeats = np.zeros(trips.body.m, dtype=np.intp)
        np.maximum.at(repeats, output, rank + 1)
        width = repeats + wanted
        start = np.cumsum(width) - width
        given = np.full((trips.count, int(width.sum())), zero, dtype=np.int32)
        given[:, start[wanted]] = outer[:, wanted]
        inner = np.zeros(given.shape, dtype=bool)
        where = np.zeros(given.shape, dtype=np.intp)
        column = start[output] + wanted[output] + rank
        inner[source, column] = True
        where[source, column] = np.arange(key.size)
        at = where[inner]
        port = np.cumsum(active) - 1
        return cls(trips, active, given, width.tolist(), inner, reader[at], port[number[at]])

    def body(self, zero: int) -> Program:
        """Write what a trip backward does: its inputs' adjoints, of the active ones."""
        body = with_parameter(self.trips.body, (sum(self.width),))
        b = Builder.resume(body)
        place = body.parameters[0].start
        weights = np.full(body.m, b.scalar(0.0), dtype=np.int32)
        width = np.array(self.width)
        first = place + np.cumsum(width) - width
        for j in range(max(self.width, default=0)):
            some = np.flatnonzero(width > j)
            read = (first[some] + j).astype(np.int32)
            weights[some] = read if j == 0 else b.map("add", weights[some], read)
        return finished(b, _Reverse(body, b).pull(weights)[self.active])


def _points(step: Kernel, slots: Slots, k: int) -> Slots:
    """Slots of output k at every point of a kernel's domain."""
    mine = slots[k * step.rows : (k + 1) * step.rows]
    return mine if step.segments is None else np.repeat(mine, np.diff(step.segments))


def _sum_by_target(
    b: Builder, sent: Sequence[tuple[NDArray[np.int32], Slots]], size: int, zero: int
) -> Slots:
    """Slot of the sum of all sources sent to each of `size` targets."""
    if len(sent) == 1:
        targets, sources = sent[0]
        if targets.size == size and np.array_equal(targets, np.arange(size)):
            return sources
    targets = np.concatenate([t for t, _ in sent])
    sources = np.concatenate([s for _, s in sent])
    counts = np.bincount(targets, minlength=size)
    result = np.full(size, zero, dtype=np.int32)
    if int(counts.max(initial=0)) <= 1:
        result[targets] = sources
        return result
    members = sources[np.argsort(targets, kind="stable")]
    return sum_runs(b, members, counts, unroll=_UNROLL)
