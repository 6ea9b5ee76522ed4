"""What differentiating a recurrence needs to know of its trips.

Tangents, adjoints and Jacobians ask the same: which trip computed what another one
reads, and what depends on what.
"""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sparsesolve.fuse.body import fused_body
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Index, Kernel, Node, Program, Slots
from sparsesolve.ir.recurrence import Recurrence, places

__all__ = ["Trips", "dependence", "finished"]

Mask = NDArray[np.bool_]
Ids = NDArray[np.intp]


class Trips:
    """The trips of a recurrence.

    Attributes
    ----------
    body : Program
        What each does, every output once.
    own : ndarray of bool, shape (trips, n)
        Which inputs are what an earlier trip computed.
    at : ndarray of int32, shape (trips, m)
        Where each output stands in what the recurrence writes.
    """

    def __init__(self, step: Recurrence) -> None:
        ports = np.unique(step.body.outputs)
        self.step = step
        self.body = replace(step.body, outputs=ports, output_shape=(ports.size,))
        self.count = step.trips
        self.own: Mask = step.sources < 0
        self.at = places(self.body, step.trips)[:, ports]
        self._of = np.full(step.length, -1, dtype=np.int64)
        self._of[self.at] = np.arange(self.at.size).reshape(self.at.shape)

    def source(self, trip: Ids, number: Ids) -> tuple[Ids, Ids]:
        """Return the trips and the outputs that some own inputs are."""
        found = self._of[~self.step.sources[trip, number]]
        source, output = np.divmod(found, self.body.m)
        return source, output

    def written(self, body: Program) -> Slots:
        """Where another body writes its outputs in as many trips."""
        return places(body, self.count)[:, body.outputs]

    def active(self, given: Mask) -> tuple[Mask, Mask]:
        """Which inputs and outputs depend on what is given, shape (trips, n), from outside."""
        depends = dependence(self.body)
        outer: Mask = np.any(given & ~self.own, axis=0)
        trip, number = np.nonzero(self.own)
        _, output = self.source(trip, number)
        inputs, reached = outer, depends @ outer
        while True:
            more = inputs.copy()
            more[number[reached[output]]] = True
            if (more == inputs).all():
                return inputs, reached
            inputs, reached = more, depends @ more


def _any_of(points: Mask, segments: NDArray[np.int64]) -> Mask:
    """Whether anything in a segment is true, column by column."""
    found = np.zeros((segments.size - 1, points.shape[1]), dtype=bool)
    some = segments[1:] > segments[:-1]
    if some.any():
        found[some] = np.logical_or.reduceat(points, segments[:-1][some], axis=0)
    return found


@functools.lru_cache(maxsize=16)  # each derivative asks
def dependence(body: Program) -> Mask:
    """Which outputs of a program of kernels depend on which inputs, shape (m, n)."""
    table = np.zeros((body.n_slots, body.n), dtype=bool)
    table[: body.n] = np.eye(body.n, dtype=bool)
    for step in body.instructions:
        assert isinstance(step, Kernel)
        reads = [table[index.to_array()] for index in step.loads]
        points = np.logical_or.reduce(reads) if reads else np.zeros((step.length, body.n), bool)
        if step.segments is not None:
            points = _any_of(points, step.segments)
        for k in range(len(step.outputs)):
            first = step.start + k * step.rows
            table[first : first + step.rows] = points
    return table[body.outputs]


def finished(b: Builder, outputs: Slots) -> Program:
    """Build the body of a recurrence: parameters are inputs, and kernels write all outputs."""
    fresh = b.n + sum(block.size for block in b.parameters)
    computed = {slot for step in b.instructions for slot in range(step.start, step.stop)}
    seen: set[int] = set()
    slots = []
    for slot in outputs.tolist():
        if slot not in computed or slot in seen:
            slot = b.kernel(1, [Index(1, slot, 0)], [Node("load", (0,))], (0,))
        seen.add(slot)
        slots.append(slot)
    made = b.build(np.array(slots, dtype=np.int32))
    return fused_body(replace(made, n=fresh, input_shape=(fresh,), parameters=()))
