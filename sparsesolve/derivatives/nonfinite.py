"""`explain_nonfinite`: which operation makes an entry of a derivative infinite or not a number.

Separate from `explain`, which looks at structure alone: here the program before fusing, where every
kernel is one primitive, is run with its tangents, and the bad entry is followed back to the first
operation that made it from finite tangents.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.explain import reached, read_at, writers
from sparsesolve.differentiate import tangent_program
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.ir.program import Kernel, Opaque, Program
from sparsesolve.structure.pattern import Pattern

__all__ = ["explain_nonfinite", "first_nonfinite"]

Array = NDArray[np.float64]


def explain_nonfinite(
    program: Program,
    pattern: Pattern,
    values: Array,
    point: tuple[Any, Sequence[Any]],
    what: str,
) -> str:
    """Say which primitive of which source line makes the first bad entry.

    Parameters
    ----------
    program : Program
        The program before fusing, whose Jacobian it is.
    pattern : Pattern
        The structure of that Jacobian.
    values : ndarray of float64, shape (nnz,)
        Its entries.
    point : tuple of x and a list of parameters
        Where.
    what : str
        What the matrix is called.

    Returns
    -------
    str
        A sentence; empty if all entries are finite.
    """
    place = first_nonfinite(pattern, values, what)
    if not place:
        return ""
    k = int(np.flatnonzero(~np.isfinite(values))[0])
    culprit = _culprit(program, point, int(pattern.rows[k]), int(pattern.indices[k]))
    return f"{place.removesuffix('.')}{culprit}."


def first_nonfinite(pattern: Pattern, values: Array, what: str) -> str:
    """Say in a sentence which entry is the first that is not finite; empty if all are.

    Parameters
    ----------
    pattern : Pattern
        The structure.
    values : ndarray of float64, shape (nnz,)
        The entries.
    what : str
        What the matrix is called.
    """
    bad = np.flatnonzero(~np.isfinite(values))
    if not bad.size:
        return ""
    k = int(bad[0])
    return f"The {what} is {values[k]} at row {pattern.rows[k]}, column {pattern.indices[k]}."


def _culprit(program: Program, point: tuple[Any, Sequence[Any]], i: int, j: int) -> str:
    """Name the operation from which row i of the tangent along x_j is not finite."""
    x, parameters = point
    tangent = tangent_program(program)
    direction = np.zeros(program.n)
    direction[j] = 1.0
    values = Interpreter(tangent).slots(x, [*parameters, direction])
    moving = reached(tangent, tangent.parameters[-1].start + j)
    slot = int(tangent.outputs[i])
    if np.isfinite(values[slot]) or not moving[slot]:
        return ""
    writer = writers(tangent)
    step = writer(slot)
    while True:
        read = [s for s in read_at(step, slot) if not np.isfinite(values[s])]
        onward = [s for s in read if moving[s]]
        if not onward:
            break
        slot = onward[0]
        step = writer(slot)
    where = _where(tangent, step)
    if not where:
        return ""
    if read:
        return f": {where} has a value that is not finite before it is differentiated"
    return f": {where} has no finite derivative there"


def _where(program: Program, step: Kernel | Opaque) -> str:
    """Return "`primitive` at file:line" of a step."""
    if not step.origin:
        return ""
    line, _, primitive = program.sources[step.origin[0]].rpartition(" ")
    return f"`{primitive}` at {line}" if line else f"`{primitive}`"
