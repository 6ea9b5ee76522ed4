"""``H = Z' W Z``, ``Z = [I; U]``: second derivatives by wide sums are products of blocks.

Separate from the Jacobian, which has one kind of term only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.blocks.assembly import Chain, whole
from sparsesolve.derivatives.blocks.blocked import Blocked, NumberedBlocks, Plain
from sparsesolve.derivatives.blocks.classes import Unstructured, split_by_key
from sparsesolve.derivatives.blocks.extended import Extended
from sparsesolve.derivatives.blocks.low_rank import Part, SparsePlusLowRank
from sparsesolve.derivatives.blocks.places import samples_pay
from sparsesolve.derivatives.blocks.samples import Samples
from sparsesolve.derivatives.blocks.submatrix import Array, SplitEntries, Submatrix
from sparsesolve.derivatives.blocks.sums import BlockSum, Box
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.traced_function import Executable
from sparsesolve.differentiate import jacobian_program
from sparsesolve.host.dataclass import dataclass

__all__ = ["BlockedHessian"]

Ids = NDArray[np.intp]
_FEW_ROWS = 8  # a product of so few rows is formed at once
_FEW_PRODUCTS = 2**20  # and one of so few products of numbers, before weights were sorted by sign


@dataclass(frozen=True, eq=False, slots=True)
class _Term:
    """One block of ``Z' W Z``: ``U_a' W_ab U_b``, or ``U_a' W_ax`` where `right` is None.

    Parameters
    ----------
    left, right : int
        Numbers of groups.
    factor : Submatrix
        Of W.
    box : Box
        Where it goes.
    symmetric : bool
        Whether it is its own mirror; otherwise the mirror is added too.
    """

    left: int
    right: int | None
    factor: Submatrix
    box: Box
    symmetric: bool

    def __call__(self, second: Array, blocks: list[Array]) -> Array:
        left = blocks[self.left]
        if self.right is None:
            return self.factor.transposed_times(second, left).T
        if self.symmetric and self.factor.is_diagonal:
            return _gram(left, self.factor.data(second))
        right = self.factor.times(second, blocks[self.right])
        return np.asarray(left.T @ right)

    def right_factor(self, second: Array, blocks: list[Array]) -> Any:
        """Return what ``U_a'`` is multiplied by."""
        if self.right is None:
            return self.factor.factor(second)
        return self.factor.times(second, blocks[self.right])


def _gram(block: Array, weights: Array) -> Array:
    """Return ``B' diag(w) B``, at half the cost: BLAS has a routine for ``B' B``."""
    rows, columns = block.shape
    if rows <= _FEW_ROWS or rows * columns**2 <= _FEW_PRODUCTS:
        return np.asarray((block * weights[:, None]).T @ block)
    negative = weights < 0.0
    roots = np.sqrt(np.abs(weights))[:, None]
    if not negative.any():
        scaled = block * roots
        return np.asarray(scaled.T @ scaled)
    above, below = np.flatnonzero(~negative), np.flatnonzero(negative)
    scaled = block[above] * roots[above]
    total = np.asarray(scaled.T @ scaled)
    scaled = block[below] * roots[below]
    total -= scaled.T @ scaled
    return total


class BlockedHessian(Blocked):
    """The lower triangle of ``Z' W Z``."""

    def __init__(
        self, extended: Extended, plain: Plain, log: PrepareLog, *, weighted: bool
    ) -> None:
        self._extended, self._plain, self.method = extended, plain, extended.method
        self._weighted = weighted
        n, m, k = extended.n, extended.m, extended.k
        self._curved = extended.curved
        with log.stage("differentiate"):
            adjoint = extended.bent(weighted=weighted)
        with log.stage("detect"):
            found = jacobian_program(adjoint, lower=True)
        self._second = SplitEntries(found, extended.log, "the Hessian of a sum")
        rows, columns, chosen = extended.outputs()
        by_sums = np.flatnonzero(columns >= n)
        self._seeds = Submatrix(
            extended.first, (m, k), rows[by_sums], columns[by_sums] - n, chosen[by_sums]
        )
        self._split(n)
        self._samples = self._in_samples()

    def _in_samples(self) -> Samples | None:
        """Return the samples of the sums, where that is less work than products of blocks."""
        extended = self._extended
        if not self.is_formable or not self._total.is_dense:
            return None
        try:
            found = Samples(extended.first, self._second, extended.n, extended.sums.kind)
        except Unstructured:
            return None
        return found if samples_pay(found.work, self._work()) else None

    def _work(self) -> float:
        """How many products of numbers one evaluation takes."""
        groups = self._extended.sums.groups
        work = self._extended.sums.work
        for term in self._terms:
            a, factor = groups[term.left], term.factor
            if term.right is None:
                work += a.columns.size * factor.work
            elif term.symmetric and factor.is_diagonal:
                work += 0.5 * a.cuts.size * a.columns.size**2
            else:
                wide = groups[term.right].columns.size
                work += wide * (factor.work + a.cuts.size * a.columns.size)
        return work

    def _split(self, n: int) -> None:
        """Sort the entries of W by the groups that they join."""
        pattern = self._second.pattern
        rows, columns = pattern.rows.astype(np.intp), pattern.indices.astype(np.intp)
        direct = np.flatnonzero(rows < n)
        i, j = rows[direct], columns[direct]
        strict = np.flatnonzero(i > j)
        self._direct = Submatrix(
            self._second,
            (n, n),
            np.concatenate([i, j[strict]]),
            np.concatenate([j, i[strict]]),
            np.concatenate([direct, direct[strict]]),
        )
        self._terms = [*self._pair_terms(rows, columns, n), *self._cross_terms(rows, columns, n)]
        boxes = [term.box for term in self._terms]
        self._mirrors: list[int] = []  # number of the mirrored block, or -1
        for term in self._terms:
            self._mirrors.append(-1 if term.symmetric else len(boxes))
            if not term.symmetric:
                boxes.append(term.box[::-1])
        self._total = BlockSum((n, n), boxes, self._direct.rows, self._direct.columns, lower=True)

    def _cross_terms(self, rows: Ids, columns: Ids, n: int) -> Iterator[_Term]:
        sums = self._extended.sums
        cross = np.flatnonzero((rows >= n) & (columns < n))
        parts = split_by_key(sums.number[rows[cross] - n], cross, len(sums.groups))
        for number, mine in enumerate(parts):
            if mine.size:
                used, at = np.unique(columns[mine], return_inverse=True)
                group = sums.groups[number]
                place = sums.place[rows[mine] - n]
                shape = (group.cuts.size, used.size)
                factor = Submatrix(self._second, shape, place, at.reshape(-1), mine)
                yield _Term(number, None, factor, (group.columns, used), symmetric=False)

    def _pair_terms(self, rows: Ids, columns: Ids, n: int) -> Iterator[_Term]:
        sums = self._extended.sums
        chosen = np.flatnonzero(columns >= n)
        i, j = rows[chosen] - n, columns[chosen] - n
        swap = sums.number[i] < sums.number[j]
        i, j = np.where(swap, j, i), np.where(swap, i, j)
        count = len(sums.groups)
        for key, mine in enumerate(
            split_by_key(sums.number[i] * count + sums.number[j], np.arange(i.size), count**2)
        ):
            if mine.size:
                left, right = divmod(key, count)
                yield self._pair(left, right, i[mine], j[mine], chosen[mine])

    def _pair(self, left: int, right: int, i: Ids, j: Ids, chosen: Ids) -> _Term:
        sums = self._extended.sums
        if left == right:
            strict = np.flatnonzero(i != j)
            i, j = np.concatenate([i, j[strict]]), np.concatenate([j, i[strict]])
            chosen = np.concatenate([chosen, chosen[strict]])
        a, b = sums.groups[left], sums.groups[right]
        shape = (a.cuts.size, b.cuts.size)
        factor = Submatrix(self._second, shape, sums.place[i], sums.place[j], chosen)
        return _Term(left, right, factor, (a.columns, b.columns), symmetric=left == right)

    def programs(self) -> dict[str, Executable]:
        """Return the programs whose values are multiplied, by what they compute."""
        found, second = self._extended.programs(), self._second.run
        return found if second is None else {**found, "second derivatives by the sums": second}

    @property
    def is_formed_at_once(self) -> bool:
        """Whether the matrix is made by samples."""
        return self._samples is not None

    @property
    def rank(self) -> int:
        """How many sums are read by something that is not linear, once for each way."""
        groups, count = self._extended.sums.groups, 0
        for term in self._terms:
            count += (1 if term.symmetric else 2) * groups[term.left].cuts.size
        return count

    def terms(self) -> float:
        """How many products of entries a list would hold."""
        groups, count = self._extended.sums.groups, 0.0
        for term in self._terms:
            width = 1 if term.right is None else groups[term.right].columns.size
            count += float(term.factor.nnz * groups[term.left].columns.size * width)
        return count

    def _parts(self, x: Any, parameters: Sequence[Any]) -> tuple[NumberedBlocks, Array]:
        second, blocks = self._at(x, parameters)
        return self._products(second, blocks, self._kept), self._direct.data(second)

    def dense(self, x: Any, parameters: Sequence[Any]) -> Array:
        """Return both triangles as a dense array."""
        if self._samples is None:
            return super().dense(x, parameters)
        first, second = self._entries(x, parameters)
        total = self._total.add_single(self._samples(first, second), self._direct.data(second))
        return self._mended(total, x, parameters)

    def _at(self, x: Any, parameters: Sequence[Any]) -> tuple[Array, list[Array]]:
        """Return the entries of W that vary, and U."""
        first, second = self._entries(x, parameters)
        return second, self._extended.sums(first)

    def _entries(self, x: Any, parameters: Sequence[Any]) -> tuple[Array, Array]:
        """Return the entries that vary, of the sums' rows and of W."""
        extended, given = self._extended, list(parameters)
        weights = np.ones(extended.m)
        if self._weighted:
            weights = np.asarray(given.pop(), dtype=np.float64).reshape(-1)
        z = extended.point(x, given)
        first = extended.first(z, given)
        seeds = self._seeds.transposed_times(first, weights)
        multipliers = extended.sums.multipliers(first, seeds)[self._curved]
        if self._weighted:
            multipliers = np.concatenate([multipliers, weights])
        return first, self._second(z, [*given, multipliers])

    def factored(self, x: Any, parameters: Sequence[Any]) -> SparsePlusLowRank:
        """Return both triangles at a point without forming them."""
        second, blocks = self._at(x, parameters)
        slices = self._total.slices
        parts: list[Part] = []
        for number, (term, mirror) in enumerate(zip(self._terms, self._mirrors, strict=True)):
            rows, columns = slices[number]
            left, right = blocks[term.left].T, term.right_factor(second, blocks)
            parts.append((rows, left, right, columns))
            if mirror >= 0:
                parts.append((columns, right.T, left.T, rows))
        return SparsePlusLowRank(self._direct.sparse(second), parts)

    def check_arguments(self, x: Array, parameters: Sequence[Any]) -> tuple[Array, Sequence[Any]]:
        """Return arguments at a point, with weights that differ from each other."""
        weights = np.linspace(0.5, 1.0, self._extended.m)
        return x, [*parameters, weights] if self._weighted else parameters

    def by_entries(self, x: Any, parameters: Sequence[Any], v: Array) -> tuple[Array, float]:
        """Return the product with `v` entry by entry, and the size of its terms."""
        extended, given = self._extended, list(parameters)
        weights = np.asarray(given.pop()) if self._weighted else np.ones(extended.m)
        z = extended.point(x, given)
        chain = Chain(extended.first, extended.first(z, given), extended.n, extended.k)
        _, multipliers = chain.backward(np.zeros(z.size), weights)
        multipliers = multipliers[self._curved]
        both = np.concatenate([multipliers, weights]) if self._weighted else multipliers
        lower = whole(self._second, self._second(z, [*given, both]))
        moved = chain.forward(v)
        by_z = lower @ moved + lower.T @ moved - lower.diagonal() * moved
        found, _ = chain.backward(by_z, np.zeros(extended.m))
        sizes = abs(chain.matrix).T @ np.append(np.abs(by_z[extended.n :]), np.zeros(extended.m))
        return found, float(np.max(sizes, initial=0.0) + np.abs(by_z).max(initial=0.0))

    def _products(
        self, second: Array, blocks: list[Array], left_out: frozenset[int]
    ) -> NumberedBlocks:
        for number, (term, mirror) in enumerate(zip(self._terms, self._mirrors, strict=True)):
            if number not in left_out:
                block = term(second, blocks)
                yield number, block
                if mirror >= 0:
                    yield mirror, block.T

    def _fixed_blocks(self) -> frozenset[int]:
        known = self._extended.sums.constant
        fixed = [
            k
            for k, term in enumerate(self._terms)
            if term.factor.is_constant
            and known[term.left]
            and (term.right is None or known[term.right])
        ]
        return frozenset([*fixed, *(self._mirrors[k] for k in fixed if self._mirrors[k] >= 0)])

    def _fixed_products(self) -> NumberedBlocks:
        blocks = self._extended.sums(self._extended.first.nothing())
        return self._products(self._second.nothing(), blocks, frozenset())
