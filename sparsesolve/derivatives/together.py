"""Several functions of one x and the same parameters, lowered into one program."""

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
from sparsesolve.derivatives.structures import Structure, structure_of
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
    shapes : tuple of tuple of int
        Of the value of each.
    functions : tuple of TracedFunction or None
        Them, traced and checked.
    structure : Structure
        What else is made of them.
    """

    program: Fused
    shapes: tuple[tuple[int, ...], ...]
    functions: tuple[TracedFunction | None, ...]
    structure: Structure


def lower_together(
    functions: Sequence[Callable[..., Any] | None],
    example: Sequence[NDArray[np.float64]],
    log: PrepareLog,
    guarded: Guarded = "never",
) -> Together:
    """Trace functions of x and parameters, check each, and lower them into one program.

    Parameters
    ----------
    functions : sequence of callable or None
        None gives a zero.
    example : sequence of ndarray
        x, and the parameters if they have any.
    log, guarded
        As for `TracedFunction`.
    """
    checked = log.options.check
    traced = [
        None
        if function is None
        else TracedFunction(function, example, checked=checked, log=log, guarded=guarded)
        for function in functions
    ]
    structure = structure_of(
        "functions", [None if f is None else f.traced.tape for f in traced], log
    )
    program = structure.get("program", log, lambda: _lowered(traced, example, log))
    shapes = tuple(() if f is None else f.output_shape for f in traced)
    return Together(program, shapes, tuple(traced), structure)


def _lowered(
    traced: Sequence[TracedFunction | None],
    example: Sequence[NDArray[np.float64]],
    log: PrepareLog,
) -> Fused:
    b = Builder((example[0].size,))
    parameters = [b.parameter(p.shape) for p in example[1:]]
    outputs: list[NDArray[np.int32]] = []
    parts: list[LoweredPart] = []
    for found in traced:
        if found is None:
            outputs.append(b.constant(np.zeros(1)))
            continue
        parts += found.lowered_at(sum(part.size for part in outputs))
        with log.stage("lower"):
            value = lower_into(b, found.traced.tape, b.x, parameters)
            outputs.append(b.slots(value).reshape(-1))
    with log.stage("lower"):
        lowered = roll(batch(b.build(np.concatenate(outputs))))
    program = fused(lowered, log)
    with log.stage("check"):
        compare_lowering(program, parts)
    return program
