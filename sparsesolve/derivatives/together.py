"""Several functions of one x and the same parameters, lowered into one program."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
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
from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Program
from sparsesolve.ir.tape import Tape
from sparsesolve.lower import lower_into
from sparsesolve.lower.batch import batch
from sparsesolve.lower.collector import collector_paused
from sparsesolve.lower.layers import Layers, may_have_layers

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

    def layered(self, log: PrepareLog) -> Fused | None:
        """Return the program with the sums of layers kept, for second derivatives.

        Parameters
        ----------
        log : PrepareLog
            Gets the times.

        Returns
        -------
        Fused or None
            None where no function has layers.
        """
        tapes = [found.traced.tape for found in self.functions if found is not None]
        layers = {tape: Layers(tape) for tape in tapes if may_have_layers(tape)}
        if not layers:
            return None
        shapes = [block.shape for block in self.program.parameters]
        with log.stage("lower"), collector_paused():
            program = _one_program(self.functions, self.program.n, shapes, layers)
            if not any(found.any for found in layers.values()):
                return None
            rolled = roll(batch(program))
        return fused(rolled, log)


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
    parts: list[LoweredPart] = []
    begin = 0
    for function in traced:
        if function is None:
            begin += 1
        else:
            parts += function.lowered_at(begin)
            begin += math.prod(function.output_shape)
    with log.stage("lower"), collector_paused():
        program = _one_program(traced, example[0].size, [p.shape for p in example[1:]], {})
        lowered = roll(batch(program))
    found = fused(lowered, log)
    with log.stage("check"):
        compare_lowering(found, parts)
    return found


def _one_program(
    traced: Sequence[TracedFunction | None],
    n: int,
    parameter_shapes: Sequence[tuple[int, ...]],
    layers: Mapping[Tape, Layers],
) -> Program:
    """Lower functions one after the other; with the sums of some tapes' layers kept."""
    b = Builder((n,))
    parameters = [b.parameter(shape) for shape in parameter_shapes]
    outputs: list[NDArray[np.int32]] = []
    for function in traced:
        if function is None:
            outputs.append(b.constant(np.zeros(1)))
            continue
        tape = function.traced.tape
        value = lower_into(b, tape, b.x, parameters, layers.get(tape))
        outputs.append(b.slots(value).reshape(-1))
    return b.build(np.concatenate(outputs))
