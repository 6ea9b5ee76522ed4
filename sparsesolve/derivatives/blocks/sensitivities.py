"""How cut slots depend on x: ``U = du/dx`` in dense blocks of rows with equal structure.

Jacobians (``y_x + y_u U``) and Hessians (``Z' W Z``, ``Z = [I; U]``) need the same
matrix. Cuts that depend on no other cut come first, then those that depend on these: ``U = S_x +
S_u U`` is a substitution by levels, and the transposed one gives multipliers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.derivatives.blocks.submatrix import Array, SplitEntries, Submatrix, as_slice

__all__ = ["Group", "Sensitivities", "Unstructured", "split_by_key"]

Ids = NDArray[np.intp]
_MOST_LEVELS = 32
_MOST_GROUPS = 128
_MOST_NUMBERS = 2**26  # of U
_FILL = 2.0  # by which rows of one level may grow to become one group
_FEW = 4  # groups of a level that are never merged


class Unstructured(Exception):
    """Rows of the sums have too many different structures for products of blocks."""


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
        level = _levels(rows, columns, n, k)
        supports = _supports(rows, columns, level, (k, n))
        self.number = np.empty(k, dtype=np.intp)  # of the group
        self.place = np.empty(k, dtype=np.intp)  # in it
        self.groups: list[Group] = []
        parts = _parts(level, supports)
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
        at = np.searchsorted(inputs, columns[direct])
        shape = (cuts.size, inputs.size)
        own = Submatrix(entries, shape, rows[direct], at, chosen[direct])
        rest = np.flatnonzero(~direct)
        read = columns[rest] - self.n
        reads: list[tuple[Submatrix, int, Ids | slice]] = []
        for number in np.unique(self.number[read]):
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


def split_by_key(keys: Ids, things: Ids, count: int) -> list[Ids]:
    """Split things by key, each part in its order."""
    order = np.argsort(keys, kind="stable")
    ends = np.cumsum(np.bincount(keys, minlength=count))[:-1]
    return np.split(things[order], ends) if count else []


def _levels(rows: Ids, columns: Ids, n: int, k: int) -> Ids:
    """How many cuts lie behind each other on the way to each cut, at most."""
    level = np.zeros(k, dtype=np.intp)
    between = columns >= n
    reader, read = rows[between], columns[between] - n
    for _ in range(_MOST_LEVELS):
        raised = level.copy()
        np.maximum.at(raised, reader, level[read] + 1)
        if np.array_equal(raised, level):
            return level
        level = raised
    raise Unstructured


def _supports(rows: Ids, columns: Ids, level: Ids, shape: tuple[int, int]) -> sp.csr_array:
    """Structure of U."""
    k, n = shape
    matrix = sp.csr_array((np.ones(rows.size), (rows, columns)), shape=(k, n + k))
    direct, between = matrix[:, :n], matrix[:, n:]
    found = direct
    for number in range(1, int(level.max(initial=0)) + 1):
        mine = np.flatnonzero(level == number)
        reached = between[mine] @ found
        pick = sp.csr_array(
            (np.ones(mine.size), (mine, np.arange(mine.size))), shape=(k, mine.size)
        )
        found = found + pick @ reached
        if found.nnz > _MOST_NUMBERS:
            raise Unstructured
    found.sum_duplicates()
    found.data[:] = 1.0
    return found


def _parts(level: Ids, supports: sp.csr_array) -> list[tuple[Ids, Ids]]:
    """Cuts of one level and structure, and the structure."""
    parts: list[tuple[Ids, Ids]] = []
    numbers = np.random.default_rng(0).uniform(1.0, 2.0, (supports.shape[1], 2))
    marks = supports @ numbers
    for number in range(int(level.max(initial=0)) + 1):
        mine = np.flatnonzero(level == number)
        _, key = np.unique(marks[mine], axis=0, return_inverse=True)
        key = key.reshape(-1)
        groups = split_by_key(key, mine, int(key.max(initial=-1)) + 1)
        found = [(cuts, _union(supports, cuts)) for cuts in groups[: _MOST_GROUPS + 1]]
        if len(groups) > _FEW:
            every = _union(supports, mine)
            if mine.size * every.size <= _FILL * int(np.diff(supports.indptr)[mine].sum()):
                found = [(mine, every)]
        parts += found
    if len(parts) > _MOST_GROUPS or sum(a.size * b.size for a, b in parts) > _MOST_NUMBERS:
        raise Unstructured
    return parts


def _union(supports: sp.csr_array, cuts: Ids) -> Ids:
    """Columns of some rows; marks may collide, so all rows count."""
    used = np.zeros(supports.shape[1], dtype=bool)
    used[supports[cuts].indices] = True
    return np.flatnonzero(used)
