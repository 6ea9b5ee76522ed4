"""What depends on some parameters of a program.

It is a question about programs that has nothing to do with how they are run; the
interpreter asks it to compute once what is the same for a whole batch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.program import Kernel, Program, Slots

__all__ = ["BatchDependence", "batch_dependence"]


@dataclass(frozen=True, slots=True, eq=False)
class BatchDependence:
    """What depends on the batched parameters.

    ``column`` maps slots to columns of the stacked buffer, -1 where a slot has none. A slot that
    does not depend on a batched parameter but is read together with one that does is *mirrored*:
    it is copied to a column once it is known.
    """

    instructions: tuple[bool, ...]
    depends: NDArray[np.bool_]
    mirrored: NDArray[np.intp]
    column: Slots
    width: int
    plain_outputs: NDArray[np.intp]
    batched_outputs: NDArray[np.intp]


def batch_dependence(program: Program, numbers: frozenset[int]) -> BatchDependence:
    """Find what depends on the parameters of these numbers; linear in all index arrays."""
    depends = np.zeros(program.n_slots, dtype=bool)
    mirrored = np.zeros(program.n_slots, dtype=bool)
    for number in numbers:
        block = program.parameters[number]
        depends[block.start : block.start + block.size] = True
    instructions: list[bool] = []
    for step in program.instructions:
        reads = [i.to_array() for i in (step.loads if isinstance(step, Kernel) else step.operands)]
        mixed = [ids for ids in reads if depends[ids].any()]
        for ids in mixed:
            mirrored[ids] = True
        instructions.append(bool(mixed))
        depends[step.start : step.stop] = bool(mixed)
    kept = depends | mirrored
    column = np.where(kept, np.cumsum(kept, dtype=np.int32) - 1, -1).astype(np.int32)
    found = depends[program.outputs]
    return BatchDependence(
        tuple(instructions),
        depends,
        np.flatnonzero(mirrored & ~depends),
        column,
        int(kept.sum()),
        np.flatnonzero(~found),
        np.flatnonzero(found),
    )
