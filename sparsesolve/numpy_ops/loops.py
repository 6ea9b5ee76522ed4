"""A loop of equal steps as one operation: recorded once, lowered to a `Recurrence`.

Its instruction holds a tape of its own, that of one trip.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Index, Kernel, Node, Program, Slots
from sparsesolve.ir.recurrence import append_recurrence, places
from sparsesolve.ir.tape import Repeated, evaluate
from sparsesolve.lower.batch import batch
from sparsesolve.lower.context import Context, rule
from sparsesolve.lower.lowering import lower_into
from sparsesolve.trace.naming import named
from sparsesolve.trace.primitives import primitive
from sparsesolve.trace.rehearsal import note_rows

__all__ = ["RUNNERS", "evaluate_trips", "scan_trips", "trips_program"]

Array = NDArray[np.float64]
_LEAST_TRIPS = 24  # fewer are lowered one by one
_MANY = 4000  # evaluations of instructions, from which on a quicker way is worth preparing

RUNNERS: list[Callable[[Repeated, Sequence[Any]], Array | None]] = []
"""A quicker way to evaluate all trips, where a higher stage offers one: a row for each trip."""


@primitive
def scan_trips(loop: Repeated, *operands: Any) -> Any:
    """Return what is carried in the end, then what each trip returns, flat."""
    rows = None
    if RUNNERS and loop.trips * len(loop.tape.instructions) >= _MANY:
        rows = RUNNERS[0](loop, operands)
        if rows is not None:
            note_rows(loop, operands, rows)
    if rows is None:
        with np.errstate(all="ignore"):  # what a step itself ignores is not recorded
            rows = evaluate_trips(loop, operands)
    size = loop.carried_size
    return np.concatenate([rows[-1, :size], rows[:, size:].reshape(-1)])


named(scan_trips, "scan")


def evaluate_trips(loop: Repeated, operands: Sequence[Any]) -> Array:
    """Run all trips with NumPy, one by one; return a row for each."""
    size, infos = loop.carried_size, loop.tape.parameters
    ends = loop.carried, loop.carried + loop.given
    carried, given, fixed = operands[: ends[0]], operands[ends[0] : ends[1]], operands[ends[1] :]
    rows = []
    for trip in range(loop.trips):
        now = [np.asarray(whole)[trip] for whole in given]
        rows.append(np.asarray(evaluate(loop.tape, np.empty(0), [*carried, *now, *fixed])))
        carried = _cut(rows[-1][:size], infos[: loop.carried])
    return np.array(rows, dtype=np.float64).reshape(loop.trips, -1)


def _cut(flat: Array, infos: Sequence[Any]) -> tuple[Any, ...]:
    """Cut arrays of some shapes and kinds out of one that holds them all."""
    ends = np.cumsum([info.size for info in infos])
    parts = zip(np.split(flat, ends[:-1]), infos, strict=True) if infos else ()
    return tuple(part.reshape(info.shape).astype(info.dtype)[()] for part, info in parts)


@rule("scan", "loops")
def _scan(c: Context, loop: Repeated, *operands: Any) -> Slots:
    """Lower a loop: to a recurrence where it can be one, and what is left to single trips."""
    given = [np.asarray(c.slots(operand)) for operand in operands]
    whole = loop.trips // loop.stride if loop.trips >= _LEAST_TRIPS else 0
    carried, results = _flat(given[: loop.carried]), []
    if whole:
        body = _body(loop)
        if all(isinstance(step, Kernel) for step in body.instructions):
            at = _appended(c.builder, loop, body, given)
            carried = at[-1, : loop.carried_size]
            results = [at[:, loop.carried_size :].reshape(-1)]
        else:
            whole = 0
    for trip in range(whole * loop.stride, loop.trips):
        now = [slots[trip] if loop.is_given(k) else slots for k, slots in enumerate(given)]
        out = _trip(c.builder, loop, np.concatenate([carried, _flat(now[loop.carried :])]))
        carried = out[: loop.carried_size]
        results.append(out[loop.carried_size :])
    return np.concatenate([carried, *results]).astype(np.int32)


def _flat(slots: Sequence[Slots]) -> Slots:
    return np.concatenate([np.empty(0, dtype=np.int32), *map(np.ravel, slots)])


def _trip(b: Builder, loop: Repeated, inputs: Slots) -> Slots:
    """Append one trip; `inputs` are the slots of all parameters, one behind the other."""
    parts = np.split(inputs, np.cumsum(loop.sizes)[:-1])
    shaped = [s.reshape(i.shape) for s, i in zip(parts, loop.tape.parameters, strict=True)]
    made = lower_into(b, loop.tape, np.empty(0, dtype=np.int32), shaped)
    return np.asarray(b.slots(made)).reshape(-1)


def _body(loop: Repeated) -> Program:
    """Make the program of as many trips as are one step; kernels write all its outputs."""
    sizes, ends = loop.sizes, (loop.carried, loop.carried + loop.given)
    size, step, rest = loop.carried_size, sum(sizes[ends[0] : ends[1]]), sum(sizes[ends[1] :])
    b = Builder((size + loop.stride * step + rest,))
    carried, given, fixed = np.split(b.x, [size, size + loop.stride * step])
    outputs = []
    for now in given.reshape(loop.stride, step):
        out = _trip(b, loop, np.concatenate([carried, now, fixed]))
        carried = out[:size]
        outputs.append(out[size:])
    return batch(b.build(_written(b, np.concatenate([carried, *outputs]))))


def _written(b: Builder, outputs: Slots) -> Slots:
    """Let kernels write all outputs, each its own."""
    computed = {slot for step in b.instructions for slot in range(step.start, step.stop)}
    slots: list[int] = []
    for slot in outputs.tolist():
        if slot not in computed:
            slot = b.kernel(1, [Index(1, slot, 0)], [Node("load", (0,))], (0,))
        computed.discard(slot)
        slots.append(slot)
    return np.array(slots, dtype=np.int32)


def _appended(b: Builder, loop: Repeated, body: Program, operands: Sequence[Slots]) -> Slots:
    """Append a recurrence; return the slots of what its trips compute, (trips, outputs)."""
    size, trips = loop.carried_size, loop.trips // loop.stride
    at = places(body, trips)[:, body.outputs]
    begin, end = loop.carried, loop.carried + loop.given
    sources = np.empty((trips, body.n), dtype=np.int32)
    sources[:, :size] = _flat(operands[:begin])
    sources[1:, :size] = ~at[:-1, :size]
    given = [
        slots[: trips * loop.stride].reshape(trips, loop.stride, -1)
        for slots in operands[begin:end]
    ]
    fixed = _flat(operands[end:])
    sources[:, body.n - fixed.size :] = fixed
    if given:
        sources[:, size : body.n - fixed.size] = np.concatenate(given, axis=2).reshape(trips, -1)
    start = append_recurrence(b, body, sources).start
    return (start + at).astype(np.int32)


def trips_program(loop: Repeated) -> Program | None:
    """Return the program of all trips, where these can be a recurrence.

    Its input is all operands, one behind the other; its outputs are what trips compute.
    """
    body = _body(loop)
    if not all(isinstance(step, Kernel) for step in body.instructions):
        return None
    counts = [n * (loop.trips if loop.is_given(k) else 1) for k, n in enumerate(loop.sizes)]
    b = Builder((sum(counts),))
    parts = np.split(b.x, np.cumsum(counts)[:-1])
    operands = [p.reshape(loop.trips, -1) if loop.is_given(k) else p for k, p in enumerate(parts)]
    return b.build(_appended(b, loop, body, operands))
