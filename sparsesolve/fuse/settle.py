"""Settle loops that were written as such: fuse what a trip does, or unroll what cannot stay a loop.

Separate because lowering leaves them as they are, valid but slow; it knows nothing of fusing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sparsesolve.fuse.body import fused_body
from sparsesolve.fuse.fit import calls_functions, is_affine
from sparsesolve.fuse.renames import renamed
from sparsesolve.fuse.unroll import unrolled
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Kernel, Program, Slots
from sparsesolve.ir.recurrence import Recurrence, append_recurrence, places

__all__ = ["settled"]

_FEW = 2000  # kernels of all trips, up to which affine loops are unrolled


def settled(program: Program, *, unroll: bool = True) -> Program:
    """Fuse the bodies of all recurrences, and unroll those that differentiate better so.

    Parameters
    ----------
    program : Program
        As it was lowered.
    unroll : bool, default True
        Whether derivatives are wanted.

    Returns
    -------
    Program
        The same function; the same object where there are none.
    """
    if not any(isinstance(step, Recurrence) for step in program.instructions):
        return program
    fused = _Settler(program).run()
    return unrolled(fused, _stays) if unroll else fused


class _Settler:
    """The new program, and where each slot of the old one went."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.b = Builder.resume(program)
        self.b.instructions = []
        self.moved = np.arange(program.n_slots, dtype=np.int32)
        self.read = _read_outside(program)

    def run(self) -> Program:
        for step in self.program.instructions:
            if isinstance(step, Recurrence):
                self.recurrence(step)
            else:
                self.b.instructions.append(renamed(step, self.moved))
        outputs = self.moved[self.program.outputs]
        return replace(self.b.build(outputs), output_shape=self.program.output_shape)

    def recurrence(self, step: Recurrence) -> None:
        """Append a recurrence of a fused body, with the outputs that somebody reads."""
        ports = np.unique(step.body.outputs)
        at = places(step.body, step.trips)[:, ports]
        mine = self.read[step.start : step.stop].copy()
        mine[~step.sources[step.sources < 0]] = True
        some = mine[at].any(axis=0)
        ports, at = ports[some], at[:, some]
        body = fused_body(replace(step.body, outputs=ports, output_shape=(ports.size,)))
        now = places(body, step.trips)[:, body.outputs]
        table = np.zeros(step.length, dtype=np.int32)
        table[at] = now
        own = step.sources < 0
        inside = ~table[np.where(own, ~step.sources, 0)]
        sources = np.where(own, inside, self.moved[np.where(own, 0, step.inputs())])
        self.b.origin = step.origin
        start = append_recurrence(self.b, body, sources).start
        self.moved[step.start + at] = start + now


def _read_outside(program: Program) -> NDArray[np.bool_]:
    """Mark the slots that something else than a recurrence's own trips reads."""
    read = np.zeros(program.n_slots, dtype=bool)
    read[program.outputs] = True
    for step in program.instructions:
        for index in step.loads if isinstance(step, Kernel) else step.operands:
            read[index.to_array()] = True
    return read


def _stays(step: Recurrence, b: Builder) -> bool:
    """Whether a recurrence differentiates well as it is."""
    given: Slots = np.where(step.sources < 0, -1, step.inputs())
    if calls_functions(step.body):
        return False
    few = step.trips * len(step.body.instructions) <= _FEW
    return not (few and is_affine(step.body, given, b))
