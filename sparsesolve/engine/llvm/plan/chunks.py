"""Chunks of tasks, and an order in which what one writes is still in the cache when it is read.

It is a matter of memory, not of numbers: a program of several loops would stream
its intermediate values through the caches once a loop. Here a chunk runs when somebody needs it,
after the chunks that it needs itself. The numbers are the same in any order.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sparsesolve.engine.llvm.plan.spaces import Hull, Position, Positions
from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.program import Index

__all__ = ["Chunk", "cut", "tiled"]

_CHUNK = 1024  # positions of a chunk, about: a part of a first-level cache
_SHORTEST = 64  # elements of a chunk; no less than a vector
_LEAST = 2**14  # positions, or elements, that are worth to be cut
_SPILLED = 2**15  # intermediate values that are worth to be kept in the cache
_MOST_TASKS = 50


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a task.

    Parameters
    ----------
    low, high : int
        Part of the domain.
    stop : int
        Rows of the kernel up to here.
    first, reach : Position
        It writes positions ``first .. reach - 1`` of the result, if any.
    needs : tuple of Hull
        Hulls of the slots that each load reads.
    """

    low: int
    high: int
    stop: int
    first: Position
    reach: Position
    needs: tuple[Hull, ...] = ()


class Cut(Protocol):
    """A task with chunks."""

    @property
    def chunks(self) -> list[Chunk]:
        """Its parts, in order."""
        ...

    @property
    def writes(self) -> list[Hull]:
        """Slots of each output that is among the slots."""
        ...

    @property
    def reads_result(self) -> bool:
        """Whether it copies within the result."""
        ...

    @property
    def trips(self) -> int:
        """How many chunks of it are run one after the other, between those of its group."""
        ...

    @property
    def group(self) -> int:
        """Of a recurrence."""
        ...


class Domain(Protocol):
    """What a task goes through."""

    @property
    def rows(self) -> int:
        """Numbers that each output has."""
        ...

    @property
    def segments(self) -> NDArray[np.int64] | None:
        """Where the sums of each row begin and end, if it is a sum."""
        ...


def cut(
    domain: Domain,
    starts: NDArray[np.int64] | None,
    positions: Sequence[Positions],
    reads: Sequence[Index],
    size: int,
    trips: int = 1,
) -> list[Chunk]:
    """Cut the domain of a task.

    Parameters
    ----------
    domain : Kernel or Copy
        What it computes.
    starts : ndarray of int64, shape (units,), or None
        First rows of the units of the domain; None if they are the rows themselves.
    positions : sequence of Positions, one a row each
        Where its outputs go in the result.
    reads : sequence of Index
        Loads that may read what other tasks write.
    size : int
        Positions of the whole result.
    trips : int, default 1
        In so many equal chunks, if there are several.
    """
    rows = domain.rows
    units = rows if starts is None else starts.size
    step = rows // trips
    if trips == 1 and max(rows, size) >= _LEAST:
        step = min(_CHUNK, max(_SHORTEST, _CHUNK * rows // max(1, size)))
    if starts is None:
        edges = begin = step * np.arange(max(1, rows // step))
    else:
        edges = np.flatnonzero(np.diff(starts // step, prepend=-1))
        begin = starts[edges]
    stops = np.append(begin[1:], rows)
    least, reach = np.full(edges.size, size), np.zeros(edges.size, dtype=np.int64)
    for where in (part.numbers for part in positions):
        reach = np.maximum(reach, np.maximum.reduceat(where, begin) + 1)
        least = np.minimum(least, np.minimum.reduceat(np.where(where < 0, size, where), begin))
    begins, ends = begin, stops
    if domain.segments is not None:
        begins, ends = domain.segments[begin], domain.segments[stops]
    # trips run in their own order, whatever they need
    hulls = [_hulls(index, begins, ends) for index in (reads if trips == 1 else ())]
    needs = list(zip(*hulls, strict=True)) or [()] * edges.size
    columns = [edges, np.append(edges[1:], units), stops, least, reach]
    numbers = np.stack(columns, axis=1).tolist()
    return [
        Chunk(low, high, stop, first, reach, need)
        for (low, high, stop, first, reach), need in zip(numbers, needs, strict=True)
    ]


def _hulls(index: Index, begins: NDArray[np.int64], ends: NDArray[np.int64]) -> list[Hull]:
    """Bound the slots that a load reads from ``begins`` to ``ends`` of its domain."""
    if index.array is None:
        edges = index.start + index.stride * np.array([begins, ends - 1])
        return list(map(Hull, edges.min(axis=0).tolist(), edges.max(axis=0).tolist()))
    if (begins < ends).all() and int(ends[-1]) == index.length:
        low = np.minimum.reduceat(index.array, begins)
        high = np.maximum.reduceat(index.array, begins)
        return list(map(Hull, low.tolist(), high.tolist()))
    return [Hull(*index.bounds())] * begins.size


def tiled(tasks: Sequence[Cut]) -> list[tuple[int, Chunk]]:
    """Order the chunks of tasks so that values are read soon after they are written.

    Parameters
    ----------
    tasks : sequence
        In an order that is right.

    Returns
    -------
    list of (int, Chunk)
        Every chunk once, with the number of its task, after all that it needs.
    """
    if any(task.trips > 1 for task in tasks):
        return list(_trip_by_trip(tasks))
    spilled = sum(last + 1 - first for task in tasks for first, last in task.writes)
    if spilled < _SPILLED or not 1 < len(tasks) <= _MOST_TASKS:
        return [(k, chunk) for k, task in enumerate(tasks) for chunk in task.chunks]
    return _Tiler(tasks).order()


def _trip_by_trip(tasks: Sequence[Cut]) -> Iterator[tuple[int, Chunk]]:
    """Go through the chunks of the tasks of a group together, and of the others alone."""
    numbered = enumerate(tasks)
    for (_, trips), members in groupby(numbered, key=lambda item: (item[1].group, item[1].trips)):
        group = list(members)
        if trips > 1:
            for trip in range(trips):
                yield from ((k, task.chunks[trip]) for k, task in group)
        else:
            yield from ((k, chunk) for k, task in group for chunk in task.chunks)


class _Tiler:
    """Chunks that have been ordered so far: of each task the first ones."""

    def __init__(self, tasks: Sequence[Cut]) -> None:
        self._tasks = tasks
        self._done = [0] * len(tasks)
        self._stops = [[chunk.stop for chunk in task.chunks] for task in tasks]
        self._found: list[tuple[int, Chunk]] = []
        written = sorted((*write, k) for k, task in enumerate(tasks) for write in task.writes)
        self._written = written
        self._firsts = [first for first, _, _ in written]
        self._lasts = list(accumulate((last for _, last, _ in written), max))

    def order(self) -> list[tuple[int, Chunk]]:
        """Let the tasks that nobody reads advance together, and the others as they are needed."""
        wanted = [k for k, task in enumerate(self._tasks) if not (task.writes or task.reads_result)]
        steps = max((len(self._stops[k]) for k in wanted), default=0)
        for step in range(1, steps + 1):
            for k in wanted:
                self._advance(k, len(self._stops[k]) * step // steps)
        for k in range(len(self._tasks)):
            self._advance(k, len(self._stops[k]))
        return self._found

    def _advance(self, number: int, count: int) -> None:
        """Order the first `count` chunks of a task, and before each of them what it needs."""
        task = self._tasks[number]
        while self._done[number] < count:
            chunk = task.chunks[self._done[number]]
            for earlier, stop in self._needed(number, chunk):
                self._advance(earlier, stop)
            self._found.append((number, chunk))
            self._done[number] += 1

    def _needed(self, number: int, chunk: Chunk) -> list[tuple[int, int]]:
        """Return earlier tasks, in order, that write what a chunk reads, and how many chunks."""
        found: dict[int, int] = {}
        for low, high in chunk.needs:
            begin, end = bisect_left(self._lasts, low), bisect_right(self._firsts, high)
            for first, last, earlier in self._written[begin:end]:
                if low <= last and earlier < number:
                    row = min(high, last) - first
                    count = bisect_right(self._stops[earlier], row) + 1
                    found[earlier] = max(count, found.get(earlier, 0))
        return sorted(found.items())
