"""Split kernels by what their loads read, so that no load mixes several producers.

``np.stack`` and ``np.concatenate`` of computed arrays, and the sums of an adjoint, leave loads that
read one producer at some points and another at others. Such producers cannot be inlined. Here a
kernel becomes one kernel for each combination of producers, over its own points of the domain, if
it then reads them in plain strides. Irregular mixtures, as in networks, stay whole: their producers
would not be inlined anyway, and many short loops cost more than one.

Separate from `choose` because it changes domains, not what is stored, and must come first: a split
kernel splits its readers in turn.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sparsesolve.fuse.renumber import Draft, rebuilt
from sparsesolve.ir.program import Index, Kernel, Program, Slots

__all__ = ["split_by_producer"]

_SHORTEST = 64  # shorter kernels are as quick with mixed loads
_LEAST = 16  # points a part of its own must have
_MOST_PARTS = 8
_MOST_GROWTH = 4  # kernels of the result, for each kernel of the program

Labels = NDArray[np.int64]


def split_by_producer(program: Program) -> Program:
    """Split the kernels whose loads mix producers.

    Parameters
    ----------
    program : Program
        Any program.

    Returns
    -------
    Program
        The same function; the same object where nothing is split.

    Notes
    -----
    One pass forward, linear in the size of the index arrays of long kernels.
    """
    owners = _Owners(program)
    drafts: list[Draft] = []
    for step in program.instructions:
        parts = [Draft.of(step)]
        left = _MOST_GROWTH * len(program.instructions) - len(drafts)
        if isinstance(step, Kernel) and step.segments is None and step.length >= _SHORTEST:
            points = owners.parts(step)
            if points and len(points) <= left:
                parts = [_part(step, positions) for positions in points]
        for part in parts:
            owners.add(part)
        drafts.extend(parts)
    return rebuilt(program, drafts) if len(drafts) > len(program.instructions) else program


def _part(step: Kernel, positions: Slots) -> Draft:
    """Take a kernel at some points of its domain."""
    points = Index.of(positions)
    loads = tuple(index.take(points) for index in step.loads)
    draft = Draft.of(step)
    return replace(draft, step=replace(step, length=points.length, loads=loads), kept=points)


class _Owners:
    """Which output of which kernel writes a slot: numbers from 1 on; 0 for leaves."""

    def __init__(self, program: Program) -> None:
        self.lowest = min((step.start for step in program.instructions), default=0)
        self.table = np.zeros(program.n_slots, dtype=np.int32)
        self.count = 0

    def add(self, draft: Draft) -> None:
        """Give numbers to the outputs of an instruction."""
        for start in draft.starts:
            self.count += 1
            if draft.kept is None:
                self.table[start : start + draft.rows] = self.count
            else:
                self.table[start + draft.kept.to_array()] = self.count

    def parts(self, step: Kernel) -> list[Slots]:
        """Positions at which all loads read the same producers; none: leave it whole."""
        labels: Labels | None = None
        mixed = self.mixed(step)
        for _, owner in mixed:
            labels = owner if labels is None else labels * (int(owner.max()) + 1) + owner
            labels = _compact(labels)
            if int(labels.max()) >= step.length // _LEAST:
                return []
        return [] if labels is None else _regular_parts(labels, [ids for ids, _ in mixed])

    def mixed(self, step: Kernel) -> list[tuple[Slots, Labels]]:
        """Slots and owners at every point, for each load that has more than one owner."""
        found = []
        for index in step.loads:
            low, high = index.bounds()
            if high < self.lowest or self._is_one_block(low, high):
                continue
            ids = index.to_array()
            owner = self.table[ids]
            if (owner != owner[0]).any():
                found.append((ids, _compact(owner.astype(np.int64))))
        return found

    def _is_one_block(self, low: int, high: int) -> bool:
        part = self.table[low : high + 1]
        return part[0] == part[-1] and bool((part == part[0]).all())


def _compact(labels: Labels) -> Labels:
    """Renumber labels without gaps, in their order."""
    seen = np.bincount(labels) > 0
    return (np.cumsum(seen) - 1)[labels]


def _regular_parts(labels: Labels, loads: list[Slots]) -> list[Slots]:
    """Positions of each large label where the loads become strides, then of all others together."""
    counts = np.bincount(labels)
    order = np.argsort(-counts, kind="stable")[: _MOST_PARTS - 1]
    parts = []
    for k in sorted(int(k) for k in order if counts[k] >= _LEAST):
        positions = np.flatnonzero(labels == k).astype(np.int32)
        if all(Index.of(ids[positions]).array is None for ids in loads):
            parts.append(positions)
    if 2 * sum(part.size for part in parts) < labels.size:
        return []
    rest = np.ones(labels.size, dtype=bool)
    for part in parts:
        rest[part] = False
    others = np.flatnonzero(rest).astype(np.int32)
    return [*parts, others] if others.size else parts
