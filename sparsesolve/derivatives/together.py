"""Several functions of one x, lowered into one program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.branches import Guarded
from sparsesolve.derivatives.comparison import LoweredPart, compare_lowering
from sparsesolve.derivatives.fused import Fused, fused
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.traced_function import TracedFunction
from sparsesolve.fuse.roll import roll
from sparsesolve.ir.builder import Builder
from sparsesolve.lower import lower_into
from sparsesolve.lower.batch import batch

__all__ = ["Together", "lower_together"]


@dataclass(frozen=True, slots=True)
class Together:
    """One program for several functions.

    Parameters
    ----------
    program : Fused
        Its outputs are theirs, flattened, in order.
    sizes : tuple of int
        How many each has.
    functions : tuple of TracedFunction or None
        Them, traced and checked.
    """

    program: Fused
    sizes: tuple[int, ...]
    functions: tuple[TracedFunction | None, ...]


def lower_together(
    functions: Sequence[Callable[..., Any] | None],
    start: NDArray[np.float64],
    log: PrepareLog,
    guarded: Guarded = "never",
) -> Together:
    """Trace functions of one x, check each, and lower them into one program; None gives a zero."""
    b = Builder((start.size,))
    outputs: list[NDArray[np.int32]] = []
    traced: list[TracedFunction | None] = []
    parts: list[LoweredPart] = []
    for function in functions:
        if function is None:
            traced.append(None)
            outputs.append(b.constant(np.zeros(1)))
            continue
        checked = log.options.check
        found = TracedFunction(function, [start], checked=checked, log=log, guarded=guarded)
        parts += found.lowered_at(sum(part.size for part in outputs))
        traced.append(found)
        with log.stage("lower"):
            outputs.append(b.slots(lower_into(b, found.traced.tape, b.x, [])).reshape(-1))
    with log.stage("lower"):
        lowered = roll(batch(b.build(np.concatenate(outputs))))
    program = fused(lowered, log)
    with log.stage("check"):
        compare_lowering(program, parts)
    return Together(program, tuple(part.size for part in outputs), tuple(traced))
