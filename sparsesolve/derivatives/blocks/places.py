"""`Places`: where sums stand in their samples, and what all samples are as arrays.

A sample is the sums of one row of the data, which read each other and meet those of other rows only
in inputs; a *place* is where a sum stands in its sample. What sums read of x themselves is an array
``A`` of all samples, and ``T = (I - S_u)^-1`` a small matrix of each: ``U = T A``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.derivatives.blocks.classes import Unstructured, distinct, levels_of
from sparsesolve.derivatives.blocks.submatrix import Array, SplitEntries, as_slice
from sparsesolve.host.dataclass import dataclass

__all__ = [
    "ByColumn",
    "Filled",
    "Places",
    "SumEntries",
    "in_samples",
    "require_meeting",
    "samples_pay",
    "split_entries",
]

Ids = NDArray[np.intp]
_GAIN = 1.5  # by which samples must be less work than blocks
_MOST_SIZES = 8  # of samples; where there are more, all are done together
_MOST_NUMBERS = 2**25  # of one array


@dataclass(frozen=True, eq=False, slots=True)
class SumEntries:
    """Entries of sums that are in samples of one size.

    Parameters
    ----------
    sample, place : ndarray of int
        Of the sum whose row it is.
    column : ndarray of int
        An input, or the place of another sum.
    chosen : ndarray of int
        Which entry it is.
    """

    sample: Ids
    place: Ids
    column: Ids
    chosen: Ids


class Filled:
    """An array of all samples that some entries of a matrix fill; zero elsewhere."""

    def __init__(self, entries: SplitEntries, chosen: Ids, at: Ids, shape: tuple[int, ...]) -> None:
        order = np.argsort(at, kind="stable")
        chosen = chosen[order]
        source = entries.source[chosen]
        self._numbers = entries.numbers[chosen]
        self._varying = np.flatnonzero(source >= 0)
        self._source = as_slice(source[self._varying])
        self._at, self._shape = at[order], shape

    def __call__(self, values: Array) -> Array:
        """Return it, from the entries that vary."""
        data = values[self._source]
        if data.size < self._at.size:
            mixed = self._numbers.copy()
            mixed[self._varying] = data
            data = mixed
        size = int(np.prod(self._shape))
        if data.size == size:
            return data.reshape(self._shape)
        block = np.zeros(size)
        block[self._at] = data
        return block.reshape(self._shape)


class ByColumn:
    """Columns in which the places of samples have entries, one place after the other."""

    def __init__(
        self, entries: SplitEntries, found: SumEntries, count: int, size: int, n: int
    ) -> None:
        keys, at = np.unique(found.place * n + found.column, return_inverse=True)
        self.place, self.columns = np.divmod(keys, n)
        self.starts = np.searchsorted(self.place, np.arange(size + 1))
        _require(count * keys.size)
        self.many: sp.csr_array | None = None  # adds up what places that share inputs have
        if distinct(self.columns).size < keys.size:
            where = self.columns, np.arange(keys.size)
            self.many = sp.csr_array((np.ones(keys.size), where), shape=(n, keys.size))
        at = found.sample * keys.size + at.reshape(-1)
        self.filled = Filled(entries, found.chosen, at, (count, keys.size))

    def of(self, place: int) -> slice:
        """Return where those of a place are."""
        return slice(int(self.starts[place]), int(self.starts[place + 1]))


class Places:
    """The sums of all samples of one size.

    Parameters
    ----------
    first : SplitEntries
        ``[S_x, S_u]``, other rows behind them.
    n : int
        Number of inputs.
    sample, place : ndarray of int, shape (k,)
        Of each sum; -1 where it is in no sample of this size.

    Raises
    ------
    Unstructured
        If arrays of all samples are too large.
    """

    def __init__(self, first: SplitEntries, n: int, sample: Ids, place: Ids) -> None:
        self.n, self.count = n, int(sample.max()) + 1
        self.size = int(place.max()) + 1
        _require(self.count * self.size**2)
        stop = int(first.pattern.indptr[sample.size])
        where = first.pattern.rows[:stop].astype(np.intp), first.pattern.indices[:stop]
        direct, reads = split_entries(*where, np.arange(stop), n, sample, place)
        self.own = ByColumn(first, direct, self.count, self.size, n)
        self._reads = self.square(first, reads)
        self._levels, self.reached = _order(reads, self.size)

    @property
    def is_deep(self) -> bool:
        """Whether sums read other sums."""
        return len(self._levels) > 1

    def square(self, entries: SplitEntries, found: SumEntries) -> Filled:
        """Return a matrix of each sample, by place, that some entries fill."""
        size = self.size
        at = (found.sample * size + found.place) * size + found.column
        return Filled(entries, found.chosen, at, (self.count, size, size))

    def inverse(self, first: Array) -> Array | None:
        """Return ``(I - S_u)^-1`` of each sample; None where all are unit matrices."""
        if not self.is_deep:
            return None
        reads = self._reads(first)
        found = np.zeros(reads.shape)
        found[:, np.arange(self.size), np.arange(self.size)] = 1.0
        for places in self._levels[1:]:
            found[:, places] += reads[:, places] @ found
        return found


def in_samples(label: Ids, kind: Ids) -> Iterator[tuple[Ids, Ids]]:
    """Yield sample and place of each sum, for the samples of one size after the other.

    Parameters
    ----------
    label : ndarray of int, shape (k,)
        Of the sample of each sum.
    kind : ndarray of int, shape (k,)
        Of each sum; those that others read have smaller ones. Sums of a kind take the same places.
    """
    size = np.bincount(label)[label]
    if distinct(size).size > _MOST_SIZES:
        size[:] = 0
    key = _turns(label, kind)
    for one in distinct(size):
        mine = size == one
        sample, place = np.full(kind.size, -1), np.full(kind.size, -1)
        sample[mine] = np.searchsorted(distinct(label[mine]), label[mine])
        place[mine] = np.searchsorted(distinct(key[mine]), key[mine])
        yield sample, place


def samples_pay(work: float, of_blocks: float) -> bool:
    """Whether samples are so much less work than blocks that they are taken."""
    return _GAIN * work < of_blocks


def _turns(label: Ids, kind: Ids) -> Ids:
    """Return a number for each kind, and turn among those of a kind in a sample."""
    order = np.lexsort((kind, label))
    new = (np.diff(label[order], prepend=-1) != 0) | (np.diff(kind[order], prepend=-1) != 0)
    begin = np.flatnonzero(new)
    turn = np.empty(kind.size, dtype=np.intp)
    turn[order] = np.arange(kind.size) - np.repeat(begin, np.diff(begin, append=kind.size))
    return kind * (int(turn.max(initial=0)) + 1) + turn


def require_meeting(label: Ids) -> None:
    """Raise where no sum meets another: blocks are as good, and are made in less time."""
    if int(label.max(initial=-1)) + 1 == label.size:
        raise Unstructured


def _require(numbers: int) -> None:
    if numbers > _MOST_NUMBERS:
        raise Unstructured


def split_entries(
    rows: Ids, columns: NDArray[np.int32], chosen: Ids, n: int, sample: Ids, place: Ids
) -> tuple[SumEntries, SumEntries]:
    """Find the entries of sums in samples: those in columns of inputs, and of sums."""
    mine = sample[rows] >= 0
    found: list[SumEntries] = []
    for ids in (np.flatnonzero(mine & (columns < n)), np.flatnonzero(mine & (columns >= n))):
        row, column = rows[ids], columns[ids].astype(np.intp)
        if found:
            column = place[column - n]
        found.append(SumEntries(sample[row], place[row], column, chosen[ids]))
    return found[0], found[1]


def _order(reads: SumEntries, size: int) -> tuple[list[Ids], NDArray[np.bool_]]:
    """Return places by level, and which places each depends on, itself too."""
    place, read = np.divmod(distinct(reads.place * size + reads.column), size)
    level, reached = levels_of(place, read, size), np.eye(size, dtype=np.float32)
    reading = np.zeros((size, size), dtype=np.float32)
    reading[place, read] = 1.0
    levels = [np.flatnonzero(level == k) for k in range(int(level.max()) + 1)]
    for places in levels[1:]:
        reached[places] += reading[places] @ reached > 0.0
    return levels, reached > 0.0
