"""How cut slots depend on x: ``U = du/dx`` in dense blocks of rows with equal structure.

Jacobians (``y_x + y_u U``) and Hessians (``Z' W Z``, ``Z = [I; U]``) need the same
matrix. Cuts that depend on no other cut come first, then those that depend on these: ``U = S_x +
S_u U`` is a substitution by levels, and the transposed one gives multipliers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.blocks.classes import Classes, distinct, split_by_key
from sparsesolve.derivatives.blocks.submatrix import Array, SplitEntries, Submatrix, as_slice
from sparsesolve.host.dataclass import dataclass

__all__ = ["Group", "Sensitivities"]

Ids = NDArray[np.intp]


@dataclass(frozen=True, eq=False, slots=True)
class Group:
    """Cuts whose rows of U have one structure.

    Parameters
    ----------
    cuts : ndarray of int
        Their numbers, increasing.
    columns : ndarray of int
        The inputs that they depend on, increasing.
    own : Submatrix
        S_x, in these columns.
    reads : list of tuple
        S_u for an earlier group, that group's number, and where its columns are in these.
    """

    cuts: Ids
    columns: Ids
    own: Submatrix
    reads: list[tuple[Submatrix, int, Ids | slice]]

    @property
    def is_constant(self) -> bool:
        """Whether own rows are numbers."""
        return self.own.is_constant


class Sensitivities:
    """The matrix U of the first k outputs of an extended program.

    Parameters
    ----------
    entries : SplitEntries
        The Jacobian of the extended program.
    n, k : int
        Number of inputs and of cuts.

    Raises
    ------
    Unstructured
        If blocks would be many and small, or too large.
    """

    def __init__(self, entries: SplitEntries, n: int, k: int) -> None:
        self.n, self.k = n, k
        pattern = entries.pattern
        stop = int(pattern.indptr[k])
        rows, columns = pattern.rows[:stop].astype(np.intp), pattern.indices[:stop].astype(np.intp)
        classes = Classes(rows, columns, n, k)
        self.number = np.empty(k, dtype=np.intp)  # of the group
        self.place = np.empty(k, dtype=np.intp)  # in it
        self.groups: list[Group] = []
        self.kind = classes.kind
        parts = classes.parts()
        for number, (cuts, _) in enumerate(parts):
            self.number[cuts] = number
            self.place[cuts] = np.arange(cuts.size)
        group_of = split_by_key(self.number[rows], np.arange(stop), len(parts))
        for (cuts, inputs), chosen in zip(parts, group_of, strict=True):
            self.groups.append(self._group(entries, cuts, inputs, chosen))
        self._fixed: dict[int, Array] = {}

    def _group(self, entries: SplitEntries, cuts: Ids, inputs: Ids, chosen: Ids) -> Group:
        pattern = entries.pattern
        rows, columns = self.place[pattern.rows[chosen]], pattern.indices[chosen]
        direct = columns < self.n
        place = np.empty(self.n, dtype=np.intp)
        place[inputs] = np.arange(inputs.size)
        at = place[columns[direct]]
        shape = (cuts.size, inputs.size)
        own = Submatrix(entries, shape, rows[direct], at, chosen[direct])
        rest = np.flatnonzero(~direct)
        read = columns[rest] - self.n
        reads: list[tuple[Submatrix, int, Ids | slice]] = []
        for number in distinct(self.number[read]):
            mine = self.number[read] == number
            earlier = self.groups[number]
            block = Submatrix(
                entries,
                (cuts.size, earlier.cuts.size),
                rows[rest[mine]],
                self.place[read[mine]],
                chosen[rest[mine]],
            )
            where = as_slice(np.searchsorted(inputs, earlier.columns))
            reads.append((block, int(number), where))
        return Group(cuts, inputs, own, reads)

    def __call__(self, values: Array) -> list[Array]:
        """Return the blocks of U, which may be shared, from the entries that vary."""
        blocks: list[Array] = []
        for group in self.groups:
            block = group.own.dense(values)
            if group.reads:
                block = block.copy()
            for factor, number, where in group.reads:
                block[:, where] += factor.times(values, blocks[number])
            blocks.append(block)
        return blocks

    @property
    def work(self) -> float:
        """How many products of numbers it takes to make U."""
        reads = [(f, self.groups[number]) for g in self.groups for f, number, _ in g.reads]
        return sum(factor.work * group.columns.size for factor, group in reads)

    def multipliers(self, values: Array, seeds: Array) -> Array:
        """Solve ``(I - S_u') lambda = seeds``, in place."""
        for group in reversed(self.groups):
            for factor, number, _ in group.reads:
                earlier = self.groups[number].cuts
                seeds[earlier] += factor.transposed_times(values, seeds[group.cuts])
        return seeds

    @property
    def constant(self) -> list[bool]:
        """Which groups have a constant block of U."""
        known: list[bool] = []
        for group in self.groups:
            reads = all(f.is_constant and known[number] for f, number, _ in group.reads)
            known.append(group.is_constant and reads)
        return known
