"""A program with its wide sums cut out, and the sparse Jacobian of what is left.

Jacobians and Hessians by blocks both begin with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.blocks.sensitivities import Sensitivities
from sparsesolve.derivatives.blocks.submatrix import Array, SplitEntries
from sparsesolve.derivatives.comparison import CheckPoint
from sparsesolve.derivatives.fused import Fused, fused
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.traced_function import Executable, executable
from sparsesolve.differentiate import adjoint_program, jacobian_program
from sparsesolve.differentiate.cuts import extended_program
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.host.fork import forkable_property
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Program, Slots

__all__ = ["Extended"]

Ids = NDArray[np.intp]


class Extended:
    """A program, its wide sums, and the Jacobian of both by x and the sums."""

    def __init__(self, program: Program, cuts: Slots, log: PrepareLog) -> None:
        self.n, self.k, self.m = program.n, int(cuts.size), program.m
        self._cuts = executable(fused(Builder.resume(program).build(cuts), log), log)
        self.log = log
        if log.point is not None:
            x = self.point(log.point.x, log.point.parameters)
            self.log = replace(log, point=CheckPoint(x, log.point.parameters))
        with log.stage("differentiate"):
            self.program = fused(extended_program(program, cuts))
        with log.stage("detect"):
            found = jacobian_program(self.program)
        self.first = SplitEntries(found, self.log, "the Jacobian of a sum")
        with log.stage("detect"):
            self.sums = Sensitivities(self.first, self.n, self.k)
        self.method = "interpreted" if isinstance(self._cuts, Interpreter) else "compiled"

    def programs(self) -> dict[str, Executable]:
        """Return the programs of the sums and of their Jacobian, by what they compute."""
        sums = {"wide sums": self._cuts}
        return sums if self.first.run is None else {**sums, "their Jacobian": self.first.run}

    def point(self, x: Any, parameters: Sequence[Any]) -> Array:
        """Return x and the sums."""
        flat = np.asarray(x, dtype=np.float64).reshape(-1)
        return np.concatenate([flat, self._cuts(flat, parameters)])

    @forkable_property
    def curved(self) -> Ids:
        """Numbers of the sums that are not linear in x and the other sums."""
        stop = int(self.first.pattern.indptr[self.k])
        found = np.zeros(self.k, dtype=bool)
        found[self.first.pattern.rows[:stop][self.first.source[:stop] >= 0]] = True
        return np.flatnonzero(found)

    def bent(self, *, weighted: bool) -> Fused:
        """Return the adjoint of the sums that are not linear and the outputs, by x and the sums.

        Parameters
        ----------
        weighted : bool
            Whether outputs have weights as sums do, behind theirs; otherwise these are ones.
        """
        kept = np.concatenate([self.curved, np.arange(self.k, self.k + self.m)])
        program = Builder.resume(self.program).build(self.program.outputs[kept])
        return fused(adjoint_program(program, unweighted=0 if weighted else self.m))

    def outputs(self) -> tuple[Ids, Ids, Ids]:
        """Return row, column and number of each entry of the outputs' own rows."""
        pattern = self.first.pattern
        start = int(pattern.indptr[self.k])
        chosen = np.arange(start, pattern.nnz)
        rows = pattern.rows[start:].astype(np.intp) - self.k
        return rows, pattern.indices[start:].astype(np.intp), chosen
