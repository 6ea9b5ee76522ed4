"""Values of a recorded loop by machine code, some trips a call.

Tracing and checking need values of loops that have no derivative yet.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.fused import fused
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.traced_function import Executable, executable
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.fuse.settle import settled
from sparsesolve.ir.tape import Repeated
from sparsesolve.numpy_ops.loops import RUNNERS, trips_program

__all__ = ["run_trips"]

Array = NDArray[np.float64]
_AT_ONCE = 256  # trips; more are no quicker
_PREPARED: weakref.WeakKeyDictionary[Repeated, Executable | None] = weakref.WeakKeyDictionary()


def run_trips(loop: Repeated, operands: Sequence[Any]) -> Array | None:
    """Return a row for what each trip computes; None where there is no machine code.

    Parameters
    ----------
    loop : Repeated
        Any loop.
    operands : sequence
        What is carried at first, what trips are given, and what is the same in all.
    """
    at_once = min(_AT_ONCE, loop.trips)
    run = _prepared(loop, at_once)
    if run is None:
        return None
    flat = [np.asarray(a, dtype=np.float64) for a in operands]
    first, last = loop.carried, loop.carried + loop.given
    carried = np.concatenate([np.empty(0), *map(np.ravel, flat[:first])])
    rows = np.empty((loop.trips, run.size // at_once))
    for begin in range(0, loop.trips, at_once):
        size = min(at_once, loop.trips - begin)
        # the last call begins with the last trips there are and repeats the final one
        given = [_padded(whole[begin : begin + size], at_once) for whole in flat[first:last]]
        pieces = [carried, *given, *map(np.ravel, flat[last:])]
        found = run(np.concatenate(pieces)).reshape(at_once, -1)
        rows[begin : begin + size] = found[:size]
        carried = found[size - 1, : carried.size]
    return rows


def _padded(rows: Array, count: int) -> Array:
    """Repeat the last row until there are enough."""
    return np.ravel(rows[np.minimum(np.arange(count), len(rows) - 1)])


def _prepared(loop: Repeated, at_once: int) -> Executable | None:
    if loop not in _PREPARED:
        program = trips_program(replace(loop, trips=at_once, stride=1))
        run = None
        if program is not None:
            run = executable(fused(settled(program, unroll=False)), PrepareLog())
        _PREPARED[loop] = None if isinstance(run, Interpreter) else run
    return _PREPARED[loop]


RUNNERS.append(run_trips)
