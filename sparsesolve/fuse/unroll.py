"""Unroll recurrences: every kernel of every trip by itself.

Separate because it is the way out: what cannot be done for all trips at once is right, if slow, for
each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

from sparsesolve.fuse.renumber import Draft, rebuilt
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Index, Kernel, Program
from sparsesolve.ir.recurrence import Recurrence

__all__ = ["unrolled"]

Stays: TypeAlias = Callable[[Recurrence, Builder], bool]


def unrolled(program: Program, stays: Stays | None = None) -> Program:
    """Return the same function without recurrences, but for those that may stay."""
    b = Builder.resume(program)
    leave = [
        isinstance(step, Recurrence) and not (stays is not None and stays(step, b))
        for step in program.instructions
    ]
    if not any(leave):
        return program
    drafts: list[Draft] = []
    for step, gone in zip(program.instructions, leave, strict=True):
        drafts.extend(_trips(step) if gone and isinstance(step, Recurrence) else [Draft.of(step)])
    return rebuilt(program, drafts)


def _trips(step: Recurrence) -> Iterator[Draft]:
    kernels = step.kernels()
    for trip in range(step.trips):
        for kernel in kernels:
            yield _part(kernel, trip, step.trips)


def _part(kernel: Kernel, trip: int, trips: int) -> Draft:
    length, rows = kernel.length // trips, kernel.rows // trips
    points = Index(length, trip * length, 1)
    segments = kernel.segments
    if segments is not None:
        segments = segments[trip * rows : (trip + 1) * rows + 1] - trip * length
    loads = tuple(index.take(points) for index in kernel.loads)
    starts = tuple(kernel.start + k * kernel.rows + trip * rows for k in range(len(kernel.outputs)))
    return Draft(replace(kernel, length=length, loads=loads, segments=segments), starts, rows)
