"""Restrict a program to the slots that its outputs need: the dependency cone, element by element.

It is what makes any part of a program a program again: rows of a Jacobian, the
lower triangle of a Hessian, a boundary that outlived the interior it was computed with.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sparsesolve.fuse.renumber import Draft, rebuilt
from sparsesolve.ir.expression import live_nodes
from sparsesolve.ir.program import Index, Kernel, Node, Opaque, Program

__all__ = ["mark_read", "restrict"]

_WORTH = 0.75


def restrict(program: Program, worth: float = _WORTH) -> Program:
    """Drop rows of kernels that no output needs.

    Parameters
    ----------
    program : Program
        Any program.
    worth : float, optional
        A kernel keeps all of its rows where more than this share of them is needed. Default is
        0.75: a little work too much costs less than index arrays; with 1.0 nothing is too much.

    Returns
    -------
    Program
        The same function; the same object where nothing can be dropped.

    Notes
    -----
    One pass backward, linear in the size of the index arrays.
    """
    need = np.zeros(program.n_slots, dtype=bool)
    need[program.outputs] = True
    drafts: list[Draft] = []
    changed = False
    for step in reversed(program.instructions):
        draft = _opaque(step, need) if isinstance(step, Opaque) else _kernel(step, need, worth)
        changed |= draft is None or draft.step is not step
        if draft is not None:
            drafts.append(draft)
            mark_read(need, draft.step)
    return rebuilt(program, drafts[::-1]) if changed else program


def _opaque(step: Opaque, need: NDArray[np.bool_]) -> Draft | None:
    return Draft.of(step) if need[step.start : step.stop].any() else None


def _kernel(step: Kernel, need: NDArray[np.bool_], worth: float) -> Draft | None:
    wanted = need[step.start : step.stop].reshape(len(step.outputs), step.rows)
    live = [k for k in range(len(step.outputs)) if wanted[k].any()]
    if not live:
        return None
    rows = np.asarray(wanted.any(axis=0))
    count = int(rows.sum())
    whole = count == step.rows or count > worth * step.rows
    if len(live) == len(step.outputs) and whole:
        return Draft.of(step)
    starts = tuple(step.start + k * step.rows for k in live)
    nodes, outputs = live_nodes(step.nodes, [step.outputs[k] for k in live])
    used: dict[int, int] = {}
    for k, node in enumerate(nodes):
        if node.op == "load":
            nodes[k] = Node("load", (used.setdefault(node.args[0], len(used)),))
    loads = tuple(step.loads[k] for k in used)
    thin = replace(step, loads=loads, nodes=tuple(nodes), outputs=tuple(outputs))
    if whole:
        return Draft(thin, starts, step.rows)
    kept = _marked(rows, count)
    points, segments = _points(step, kept)
    thin = replace(
        thin,
        length=points.length,
        loads=tuple(index.take(points) for index in loads),
        segments=segments,
    )
    return Draft(thin, starts, step.rows, kept)


def _marked(rows: NDArray[np.bool_], count: int) -> Index:
    """Where a mask is true: a run where it can be, as where a rank owns rows of a grid."""
    first = int(rows.argmax())
    if rows[first : first + count].all():
        return Index(count, first, int(count > 1))
    return Index.of(np.flatnonzero(rows).astype(np.int32))


def _points(step: Kernel, rows: Index) -> tuple[Index, NDArray[np.int64] | None]:
    """Points of the domain that some rows need, and the segments these rows then have."""
    if step.segments is None:
        return rows, None
    kept = rows.to_array()
    lengths = np.diff(step.segments)[kept]
    segments = np.concatenate([[0], np.cumsum(lengths)])
    offset = np.repeat(step.segments[kept] - segments[:-1], lengths)
    return Index.of((np.arange(int(segments[-1])) + offset).astype(np.int32)), segments


def mark_read(need: NDArray[np.bool_], step: Kernel | Opaque) -> None:
    """Mark the slots that an instruction reads."""
    for index in step.operands if isinstance(step, Opaque) else step.loads:
        _mark(need, index)


def _mark(need: NDArray[np.bool_], index: Index) -> None:
    low, high = index.bounds()
    if index.array is not None:
        need[index.array] = True
    elif high >= low:
        need[low : high + 1 : abs(index.stride) or 1] = True
