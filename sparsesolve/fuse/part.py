"""Part of a program: some of its outputs, as a program of the inputs alone that these need.

Separate from `restrict`, which keeps the input: a part has an input of its own, so that whoever
holds a part of the unknowns can run it, and its size is that of what it computes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sparsesolve.fuse.renumber import Draft, rebuilt
from sparsesolve.fuse.restrict import mark_read, restrict
from sparsesolve.ir.program import Program, Slots

__all__ = ["part_of"]


def part_of(program: Program, outputs: Slots) -> tuple[Program, Slots]:
    """Return the program of some slots, and which inputs it takes.

    Parameters
    ----------
    program : Program
        Any program.
    outputs : ndarray of int32, shape (k,)
        The slots that it is to compute.

    Returns
    -------
    part : Program
        Of one vector, with the parameters of `program`.
    inputs : ndarray of int32
        Which inputs of `program` this vector holds, increasing.

    Examples
    --------
    >>> from sparsesolve.ir.builder import Builder
    >>> b = Builder((5,))
    >>> y = b.map("subtract", b.x[1:], b.x[:-1])
    >>> part, inputs = part_of(b.build(y), y[2:3])
    >>> inputs.tolist()
    [2, 3]
    >>> print(part)
    slots 3: x[2]
    2..2 = subtract(s[1], s[0]) for i < 1
    return 2
    """
    chosen = restrict(replace(program, outputs=outputs, output_shape=outputs.shape), worth=1.0)
    read = np.zeros(chosen.n_slots, dtype=bool)
    read[chosen.outputs] = True
    for step in chosen.instructions:
        mark_read(read, step)
    drafts = [Draft.of(step) for step in chosen.instructions]
    inputs = np.flatnonzero(read[: chosen.n]).astype(np.int32)
    return rebuilt(chosen, drafts, read=read), inputs
