"""`explain`: why an entry is in a pattern, as the chain of source lines from row to column.

It works on the program before fusing, where every kernel is one primitive.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ir.program import Index, Kernel, Opaque, Program
from sparsesolve.structure.pattern import Pattern

__all__ = ["explain", "reached", "read_at", "writers"]


def explain(program: Program, pattern: Pattern, i: int, j: int, what: str) -> str:
    """Describe one chain of operations from output element i back to input element j.

    Parameters
    ----------
    program : Program
        The program before fusing, whose Jacobian it is.
    pattern : Pattern
        The structure of that Jacobian.
    i, j : int
        Row and column.
    what : str
        What the outputs are called.

    Returns
    -------
    str
        One line an operation, the output's first.

    Raises
    ------
    IndexError
        If the entry lies outside the matrix.
    """
    m, n = pattern.shape
    if not (0 <= i < m and 0 <= j < n):
        raise IndexError(f"entry ({i}, {j}) is outside a matrix of shape {pattern.shape}.")
    row = pattern.indices[pattern.indptr[i] : pattern.indptr[i + 1]]
    if j not in row:
        return f"({i}, {j}) is structurally zero: no derivative path joins {what} {i} and input {j}"
    lines = [f"({i}, {j}): {what} {i} depends on input {j} through"]
    lines += [f"  {text}" for text in _chain(program, int(program.outputs[i]), j)]
    if len(lines) == 1:
        lines.append("  (it is that input element itself, moved)")
    return "\n".join(lines)


def _chain(program: Program, slot: int, j: int) -> list[str]:
    """List the sources of the instructions on one path from a slot to input slot j."""
    reaches = reached(program, j)
    writer = writers(program)
    path: list[str] = []
    while slot != j:
        step = writer(slot)
        text = program.sources[step.origin[0]] if step.origin else type(step).__name__
        if not path or path[-1] != text:
            path.append(text)
        slot = next(s for s in read_at(step, slot) if reaches[s])
    return path


def writers(program: Program) -> Callable[[int], Kernel | Opaque]:
    """Return the function from a slot to the instruction that writes it."""
    steps = sorted(program.instructions, key=lambda step: step.start)
    starts = np.array([step.start for step in steps], dtype=np.int64)
    return lambda slot: steps[int(np.searchsorted(starts, slot, side="right")) - 1]


def reached(program: Program, slot: int) -> NDArray[np.bool_]:
    """Mark the slots that depend on one slot."""
    mask = np.zeros(program.n_slots, dtype=bool)
    mask[slot] = True
    for step in program.instructions:
        if isinstance(step, Opaque):
            mask[step.start : step.stop] = any(mask[k.to_array()].any() for k in step.operands)
            continue
        touched = np.zeros(step.length, dtype=bool)
        for index in step.loads:
            touched |= mask[index.to_array()]
        if step.segments is not None:
            total = np.concatenate([[0], np.cumsum(touched)])
            touched = np.diff(total[step.segments]) > 0
        for k in range(len(step.outputs)):
            first = step.start + k * step.rows
            mask[first : first + step.rows] = touched
    return mask


def read_at(step: Kernel | Opaque, slot: int) -> list[int]:
    """Return the slots read to compute one slot."""
    if isinstance(step, Opaque):
        return [int(s) for index in step.operands for s in index.to_array()]
    row = (slot - step.start) % step.rows
    if step.segments is None:
        points = Index(1, row, 0)
    else:
        first, stop = int(step.segments[row]), int(step.segments[row + 1])
        points = Index(stop - first, first, 1)
    return [int(s) for index in step.loads for s in index.take(points).to_array()]
