"""What loops computed when a tape was evaluated, for the plain call that it is compared with.

A plain call takes all the steps of a loop in Python. It may take over what the
tape has computed, where some steps, taken at the values of the tape, give the values of the tape.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.tape import Repeated

__all__ = ["LoopRun", "next_run", "note_rows", "rehearsed", "repeated"]


@dataclass(frozen=True, slots=True, eq=False)
class LoopRun:
    """One loop that a tape ran: its operands, and a row for what each trip computed."""

    loop: Repeated
    operands: Sequence[Any]
    rows: NDArray[np.float64]


class _Known(threading.local):
    """Loops that this thread's tape runs, and those that its plain call may take over."""

    noted: list[LoopRun] | None = None
    offered: list[LoopRun] | None = None


_known = _Known()


@contextmanager
def rehearsed() -> Iterator[list[LoopRun]]:
    """Note the loops of a tape that is evaluated."""
    before = _known.noted
    noted: list[LoopRun] = []
    _known.noted = noted
    try:
        yield noted
    finally:
        _known.noted = before


@contextmanager
def repeated(runs: Sequence[LoopRun]) -> Iterator[None]:
    """Offer these loops to a plain call of the same function."""
    before = _known.offered
    _known.offered = list(runs)
    try:
        yield
    finally:
        _known.offered = before


def note_rows(loop: Repeated, operands: Sequence[Any], rows: NDArray[np.float64]) -> None:
    """Note what a loop computed, where somebody wants to know."""
    if _known.noted is not None:
        _known.noted.append(LoopRun(loop, operands, rows))


def next_run(trips: int) -> LoopRun | None:
    """Return the next loop that is offered, where it has as many trips."""
    offered = _known.offered
    if not offered or offered[0].loop.trips != trips:
        return None
    return offered.pop(0)
