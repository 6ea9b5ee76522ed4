"""Tables of what runs when, on one thread or on several.

Separate because the order of work is independent of what the work is. Tasks that do not read what
another one of their phase writes run without waiting; a long task is split, as its parts write
to different places. The parts are the same for the same number of threads, and every element is
computed in the same way in any of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
from numpy.typing import NDArray

from sparsesolve.engine.fill import Row
from sparsesolve.engine.tasks import Task

__all__ = ["make_table", "make_tables", "run_tables"]

_WORTH_A_THREAD = 5_000_000  # nodes times elements of a phase, below which one thread does all

Table = NDArray[np.int64]


def make_tables(
    tasks: Sequence[Task], entries: Sequence[tuple[int, int]], threads: int, width: int
) -> list[list[Table]]:
    """Lay out a stage.

    Parameters
    ----------
    tasks : sequence of Task
        In order.
    entries : sequence of (int, int)
        Address of the code and of the words of each task.
    threads : int
        How many threads may be used.
    width : int
        Lanes of a vector; no part of a task is shorter.

    Returns
    -------
    list of list of ndarray of int64, shape (tasks + 1, 4)
        For each phase, a table for each thread that takes part in it.
    """
    if threads == 1:
        rows = [(*entry, t.low, t.high) for t, entry in zip(tasks, entries, strict=True)]
        return [[make_table(rows)]] if rows else []
    return [
        _shared(
            [tasks[k] for k in phase],
            [entries[k] for k in phase],
            threads if sum(tasks[k].work for k in phase) >= _WORTH_A_THREAD else 1,
            width,
        )
        for phase in _phases(tasks)
    ]


def run_tables(phases: Sequence[Sequence[int]], drive: Callable[[int], None]) -> None:
    """Run phases one after the other; the tables of one phase go to threads.

    Parameters
    ----------
    phases : sequence of sequence of int
        Addresses of the tables.
    drive : callable
        Runs the table at an address.
    """
    for tables in phases:
        if len(tables) == 1:
            drive(tables[0])
            continue
        others = [_pool().submit(drive, table) for table in tables[1:]]
        drive(tables[0])
        for other in others:
            other.result()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="sparsesolve")


if hasattr(os, "register_at_fork"):  # threads do not survive a fork
    os.register_at_fork(after_in_child=_pool.cache_clear)


def _phases(tasks: Sequence[Task]) -> list[list[int]]:
    """Group tasks that need not wait for each other; hulls of slots stand for the slots."""
    phases: list[list[int]] = []
    written: list[tuple[int, int]] = []
    for number, task in enumerate(tasks):
        waits = not phases or task.reads_result
        waits = waits or any(
            low <= last and first <= high for low, high in task.reads for first, last in written
        )
        if waits:
            phases.append([])
            written = []
        phases[-1].append(number)
        written += task.writes
    return phases


def _shared(
    tasks: Sequence[Task], entries: Sequence[tuple[int, int]], threads: int, width: int
) -> list[Table]:
    shares: list[list[tuple[int, int, int, int]]] = [[] for _ in range(threads)]
    for task, entry in zip(tasks, entries, strict=True):
        least = width if task.form.mode == "map" else 1
        parts = min(threads, (task.high - task.low) // least) if task.work >= 1000 else 1
        size = (task.high - task.low) // max(1, parts)
        for part in range(parts):
            low = task.low + part * size
            high = task.high if part == parts - 1 else low + size
            shares[part].append((*entry, low, high))
    return [make_table(rows) for rows in shares if rows]


def make_table(rows: Sequence[Row]) -> Table:
    """Write rows of (code, words, low, high), and a row that ends the table."""
    return np.array([*rows, (0, 0, 0, 0)], dtype=np.int64)
