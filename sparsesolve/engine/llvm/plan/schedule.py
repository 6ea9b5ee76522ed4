"""Tables of what runs when, on one thread or on several.

The order of work is independent of what the work is. Tasks that do not read what
another one of their phase writes run without waiting; a long task is split, as its parts write
to different places. Every element is computed in the same way in any part.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sparsesolve.engine.llvm.plan.fill import Row
from sparsesolve.engine.llvm.plan.spaces import Hull
from sparsesolve.engine.llvm.plan.tasks import Task

__all__ = ["divide", "find_phases", "is_long", "make_table"]

_WORTH_A_THREAD = 200_000  # nodes times elements of a phase, below which one thread does all
_WORTH_A_SPLIT = 1000  # the same for a task of a longer phase

Table = NDArray[np.int64]


def make_table(rows: Sequence[Row], apart: Container[int] = ()) -> Table:
    """Write rows of (code, words, low, high), and a row that ends the table; join what is one.

    Rows whose words are in `apart` stay as they are.
    """
    joined: list[Row] = []
    for row in rows:
        if joined and row[1] not in apart and joined[-1][:2] == row[:2] and joined[-1][3] == row[2]:
            row = (*row[:2], joined.pop()[2], row[3])
        joined.append(row)
    return np.array([*joined, (0, 0, 0, 0)], dtype=np.int64)


def divide(tasks: Sequence[Task], rows: Sequence[Row], width: int, count: int) -> list[list[Row]]:
    """Divide the tasks of one phase into parts of about the same length.

    Parameters
    ----------
    tasks : sequence of Task
        None of them reads what another one writes.
    rows : sequence of Row
        What runs each of them whole.
    width : int
        Lanes of a vector; no part of a task is shorter.
    count : int
        How many parts there may be.
    """
    parts: list[list[Row]] = [[] for _ in range(count)]
    for task, row in zip(tasks, rows, strict=True):
        least = width if task.signature.mode == "map" else 1
        size = task.high - task.low
        pieces = min(count, size // least) if task.work >= _WORTH_A_SPLIT else 1
        edges = [task.low + size * k // max(1, pieces) for k in range(pieces)] + [task.high]
        for part, edge in zip(parts, pairwise(edges), strict=False):
            part.append((*row[:2], *edge))
    return [part for part in parts if part]


def is_long(tasks: Sequence[Task]) -> bool:
    """Whether several threads are quicker than one."""
    return sum(task.work for task in tasks) >= _WORTH_A_THREAD


def find_phases(tasks: Sequence[Task]) -> list[list[int]]:
    """Group tasks that need not wait for each other; hulls of slots stand for the slots."""
    phases: list[list[int]] = []
    written: list[Hull] = []
    for number, task in enumerate(tasks):
        waits = not phases or task.reads_result
        waits = waits or any(read.meets(other) for read in task.reads for other in written)
        if waits:
            phases.append([])
            written = []
        phases[-1].append(number)
        written += task.writes
    return phases
