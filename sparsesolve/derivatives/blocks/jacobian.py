"""``J = y_x + y_u U``: rows that read wide sums are products of thin blocks.

Separate from the Hessian, which has other terms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.blocks.assembly import Chain
from sparsesolve.derivatives.blocks.blocked import Blocked, NumberedBlocks, Plain
from sparsesolve.derivatives.blocks.classes import Unstructured, split_by_key
from sparsesolve.derivatives.blocks.extended import Extended
from sparsesolve.derivatives.blocks.low_rank import Part, SparsePlusLowRank
from sparsesolve.derivatives.blocks.places import samples_pay
from sparsesolve.derivatives.blocks.row_samples import RowSamples
from sparsesolve.derivatives.blocks.submatrix import Array, Submatrix
from sparsesolve.derivatives.blocks.sums import BlockSum, Box
from sparsesolve.derivatives.traced_function import Executable

__all__ = ["BlockedJacobian"]

Ids = NDArray[np.intp]


class BlockedJacobian(Blocked):
    """``y_x + y_u U``."""

    def __init__(self, extended: Extended, plain: Plain) -> None:
        self._extended, self._plain, self.method = extended, plain, extended.method
        n, sums = extended.n, extended.sums
        rows, columns, chosen = extended.outputs()
        direct = columns < n
        every = np.flatnonzero(direct)
        self._direct = Submatrix(
            extended.first, (extended.m, n), rows[every], columns[every], chosen[every]
        )
        self._factors: list[tuple[int, Submatrix]] = []
        boxes: list[Box] = []
        indirect = np.flatnonzero(~direct)
        read = columns[indirect] - n
        for number, mine in enumerate(split_by_key(sums.number[read], indirect, len(sums.groups))):
            if mine.size:
                used, at = np.unique(rows[mine], return_inverse=True)
                group = sums.groups[number]
                shape = (used.size, group.cuts.size)
                place = sums.place[columns[mine] - n]
                block = Submatrix(extended.first, shape, at.reshape(-1), place, chosen[mine])
                self._factors.append((number, block))
                boxes.append((used, group.columns))
        self._total = BlockSum(
            (extended.m, n), boxes, self._direct.rows, self._direct.columns, lower=False
        )
        self._samples = self._in_samples((rows[indirect], read, chosen[indirect]))

    def _in_samples(self, entries: tuple[Ids, Ids, Ids]) -> RowSamples | None:
        """Return the samples of the sums, where that is less work than products of blocks."""
        extended, total = self._extended, self._total
        if not self.is_formable or not total.is_dense:
            return None
        work = extended.sums.work
        for number, factor in self._factors:
            work += factor.work * extended.sums.groups[number].columns.size
        try:
            found = RowSamples(extended.first, total.shape, extended.sums.kind, *entries)
        except Unstructured:
            return None
        return found if samples_pay(found.work, work) else None

    def programs(self) -> dict[str, Executable]:
        """Return the programs whose values are multiplied, by what they compute."""
        return self._extended.programs()

    @property
    def is_formed_at_once(self) -> bool:
        """Whether the matrix is made by samples."""
        return self._samples is not None

    def dense(self, x: Any, parameters: Sequence[Any]) -> Array:
        """Return the whole matrix as a dense array."""
        if self._samples is None:
            return super().dense(x, parameters)
        values = self._extended.first(self._extended.point(x, parameters), parameters)
        total = self._total.add_single(self._samples(values), self._direct.data(values))
        return self._mended(total, x, parameters)

    def terms(self) -> float:
        """How many products of entries a list would hold."""
        groups = self._extended.sums.groups
        return float(sum(f.nnz * groups[number].columns.size for number, f in self._factors))

    @property
    def rank(self) -> int:
        """How many sums are read, each by as many rows as read it."""
        groups = self._extended.sums.groups
        return sum(groups[number].cuts.size for number, _ in self._factors)

    def _parts(self, x: Any, parameters: Sequence[Any]) -> tuple[NumberedBlocks, Array]:
        values = self._extended.first(self._extended.point(x, parameters), parameters)
        blocks = self._extended.sums(values)
        return self._products(values, blocks, self._kept), self._direct.data(values)

    def _products(
        self, values: Array, blocks: list[Array], left_out: frozenset[int]
    ) -> NumberedBlocks:
        for place, (number, factor) in enumerate(self._factors):
            if place not in left_out:
                yield place, factor.times(values, blocks[number])

    def factored(self, x: Any, parameters: Sequence[Any]) -> SparsePlusLowRank:
        """Return the matrix at a point without forming it."""
        values = self._extended.first(self._extended.point(x, parameters), parameters)
        blocks = self._extended.sums(values)
        parts: list[Part] = []
        for (number, factor), (rows, columns) in zip(
            self._factors, self._total.slices, strict=True
        ):
            parts.append((rows, factor.factor(values), blocks[number], columns))
        return SparsePlusLowRank(self._direct.sparse(values), parts)

    def by_entries(self, x: Any, parameters: Sequence[Any], v: Array) -> tuple[Array, float]:
        """Return the product with `v` entry by entry, and the size of its terms."""
        extended = self._extended
        values = extended.first(extended.point(x, parameters), parameters)
        chain = Chain(extended.first, values, extended.n, extended.k)
        moved = chain.forward(v)
        size = float((abs(chain.matrix) @ np.abs(moved)).max(initial=0.0))
        return chain.outputs(moved), size

    def _fixed_blocks(self) -> frozenset[int]:
        known = self._extended.sums.constant
        return frozenset(
            k for k, (number, f) in enumerate(self._factors) if f.is_constant and known[number]
        )

    def _fixed_products(self) -> NumberedBlocks:
        values = self._extended.first.nothing()
        return self._products(values, self._extended.sums(values), frozenset())
