"""`Samples`: second derivatives by sums that meet only others of their own sample.

Separate from `hessian`, which multiplies whole blocks of U. In ``H = Z' W Z`` the sums of one row
of the data (the neurons of a network, for one example) read each other, and those of other rows
only through x. With ``U = T A``, where ``A = S_x`` is what sums read of x themselves and ``T = (I -
S_u)^-1`` stays within a sample,

    ``H = W_xx + sum over samples of A' (T' W_uu T) A + (T A)' W_ux + its transpose``,

so that only small matrices are as deep as the function: the work is that of ``A' A``, not of ``U'
U``. All samples of one size are done together; a *place* is where a sum stands in its sample.

Gower and Mello (2012), "A new framework for the computation of Hessians", Optimization Methods and
Software 27: values are eliminated in reverse order, here many at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.derivatives.blocks.classes import Unstructured, connected, distinct
from sparsesolve.derivatives.blocks.submatrix import Array, SplitEntries, as_slice

__all__ = ["Samples"]

Ids = NDArray[np.intp]
_MOST_SIZES = 8  # of samples; where there are more, all are done together
_MOST_NUMBERS = 2**25  # of one array
_AT_ONCE = 2**17  # numbers that a product reads: they stay in a processor's cache
_FEWEST = 32  # samples at once
_CALL = 1e5  # products in the time of what a step costs besides


@dataclass(frozen=True, eq=False, slots=True)
class _Found:
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


class _Filled:
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


class _ByColumn:
    """Columns in which the places of samples have entries, one place after the other."""

    def __init__(self, entries: SplitEntries, found: _Found, count: int, size: int, n: int) -> None:
        keys, at = np.unique(found.place * n + found.column, return_inverse=True)
        self.place, self.columns = np.divmod(keys, n)
        self.starts = np.searchsorted(self.place, np.arange(size + 1))
        _require(count * keys.size)
        at = found.sample * keys.size + at.reshape(-1)
        self.filled = _Filled(entries, found.chosen, at, (count, keys.size))

    def of(self, place: int) -> slice:
        """Return where those of a place are."""
        return slice(int(self.starts[place]), int(self.starts[place + 1]))


class _Batch:
    """All samples of one size."""

    def __init__(
        self, first: SplitEntries, second: SplitEntries, n: int, sample: Ids, place: Ids
    ) -> None:
        self.n, self.count = n, int(sample.max()) + 1
        size = self.size = int(place.max()) + 1
        _require(self.count * size**2)
        k = sample.size
        stop = int(first.pattern.indptr[k])
        where = first.pattern.rows[:stop].astype(np.intp), first.pattern.indices[:stop]
        direct, reads = _split(*where, np.arange(stop), n, sample, place)
        self.own = _ByColumn(first, direct, self.count, size, n)
        self._reads = self._square(first, reads)
        self._levels, self._reached = _order(reads, size)
        rows, columns = second.pattern.rows.astype(np.intp), second.pattern.indices
        deep = np.flatnonzero(rows >= n)
        cross, pairs = _split(rows[deep] - n, columns[deep], deep, n, sample, place)
        self.cross = _ByColumn(second, cross, self.count, size, n)
        strict = np.flatnonzero(pairs.place != pairs.column)
        mirrored = _Found(
            np.append(pairs.sample, pairs.sample[strict]),
            np.append(pairs.place, pairs.column[strict]),
            np.append(pairs.column, pairs.place[strict]),
            np.append(pairs.chosen, pairs.chosen[strict]),
        )
        self._pairs = self._square(second, mirrored)
        widths = [np.flatnonzero(reached[self.own.place]) for reached in self._reached]
        self._through = [as_slice(ids) for ids in widths]
        self.work = self._work([ids.size for ids in widths])

    def _square(self, entries: SplitEntries, found: _Found) -> _Filled:
        size = self.size
        at = (found.sample * size + found.place) * size + found.column
        return _Filled(entries, found.chosen, at, (self.count, size, size))

    def _work(self, widths: list[int]) -> float:
        """How many products, or as long, one evaluation takes."""
        own, cross = np.diff(self.own.starts), np.diff(self.cross.starts)
        each = float(((own + 8) * self.own.starts[1:]).sum())
        each += float(((cross + 8) * np.array(widths))[cross > 0].sum())
        if len(self._levels) > 1:
            each += 3.0 * self.size**3
        steps = len(self._chunks()) * (self.size + int((cross > 0).sum()))
        return self.count * each + _CALL * steps

    def _chunks(self) -> list[slice]:
        many = max(_FEWEST, _AT_ONCE // max(1, self.own.columns.size))
        return [slice(begin, begin + many) for begin in range(0, self.count, many)]

    def add(self, total: Array, first: Array, second: Array) -> None:
        """Add the terms of all samples to a dense Hessian."""
        own, through = self.own.filled(first), self._inverse(first)
        pairs, cross = self._pairs(second), self.cross.filled(second)
        if through is not None:
            pairs = through.transpose(0, 2, 1) @ (pairs @ through)
        width = self.own.columns.size
        inner, outer = np.zeros((width, width)), np.zeros((width, self.n))
        for chunk in self._chunks():
            self._add_inner(inner, own[chunk], pairs[chunk])
            deep = None if through is None else through[chunk]
            self._add_outer(outer, own[chunk], deep, cross[chunk])
        for place in range(self.size):
            mine = self.own.of(place)
            inner[: mine.start, mine] = inner[mine, : mine.start].T
        self._spread(total, inner, outer)

    def _inverse(self, first: Array) -> Array | None:
        """Return ``(I - S_u)^-1`` of each sample; None where all are unit matrices."""
        if len(self._levels) < 2:
            return None
        reads = self._reads(first)
        found = np.zeros(reads.shape)
        found[:, np.arange(self.size), np.arange(self.size)] = 1.0
        for places in self._levels[1:]:
            found[:, places] += reads[:, places] @ found
        return found

    def _add_inner(self, inner: Array, own: Array, pairs: Array) -> None:
        """Add ``A' M A``, the lower triangle of places."""
        columns = self.own
        for place in range(self.size):
            mine = columns.of(place)
            if mine.start < mine.stop:
                left = pairs[:, place].take(columns.place[: mine.stop], axis=1)
                left *= own[:, : mine.stop]
                inner[mine, : mine.stop] += own[:, mine].T @ left

    def _add_outer(self, outer: Array, own: Array, through: Array | None, cross: Array) -> None:
        """Add ``(T A)' W_ux``."""
        for place in range(self.size):
            mine, reached = self.cross.of(place), self._through[place]
            if mine.start == mine.stop:
                continue
            left = own[:, reached]
            if through is not None:
                left = left * through[:, place].take(self.own.place[reached], axis=1)
            product = left.T @ cross[:, mine]
            columns = as_slice(self.cross.columns[mine])
            if isinstance(reached, slice) or isinstance(columns, slice):
                outer[reached, columns] += product
            else:
                outer[reached[:, None], columns] += product

    def _spread(self, total: Array, inner: Array, outer: Array) -> None:
        columns = self.own.columns
        if distinct(columns).size < columns.size:  # places share inputs, as in a convolution
            ones = np.ones(columns.size)
            many = sp.csr_array(
                (ones, (columns, np.arange(columns.size))), shape=total.shape[:1] + columns.shape
            )
            inner, outer = many @ (many @ inner).T, many @ outer
            columns = np.arange(self.n)
        total[columns[:, None], columns] += inner
        if self.cross.columns.size:
            total[columns] += outer
            total[:, columns] += outer.T


class Samples:
    """The samples of a function, and what they add to its Hessian.

    Parameters
    ----------
    first, second : SplitEntries
        ``[S_x, S_u]``, rows of outputs behind them; and the lower triangle of W.
    n : int
        Number of inputs.
    kind : ndarray of int, shape (k,)
        Of each sum; those that others read have smaller ones. Sums of a kind take the same places.

    Attributes
    ----------
    work : float
        How many products of numbers, or as long, one evaluation takes.

    Raises
    ------
    Unstructured
        If samples are too large.
    """

    def __init__(self, first: SplitEntries, second: SplitEntries, n: int, kind: Ids) -> None:
        label = _components(first, second, n, kind.size)
        size = np.bincount(label)[label]
        if distinct(size).size > _MOST_SIZES:
            size[:] = 0
        key = _turns(label, kind)
        self.n = n
        self._batches: list[_Batch] = []
        for one in distinct(size):
            mine = size == one
            sample, place = np.full(kind.size, -1), np.full(kind.size, -1)
            sample[mine] = np.searchsorted(distinct(label[mine]), label[mine])
            place[mine] = np.searchsorted(distinct(key[mine]), key[mine])
            self._batches.append(_Batch(first, second, n, sample, place))
        self.work = sum(batch.work for batch in self._batches)

    def __call__(self, first: Array, second: Array) -> Array:
        """Return the Hessian but for ``W_xx``, shape (n, n), from the entries that vary."""
        total = np.zeros((self.n, self.n))
        for batch in self._batches:
            batch.add(total, first, second)
        return total


def _turns(label: Ids, kind: Ids) -> Ids:
    """Return a number for each kind, and turn among those of a kind in a sample."""
    order = np.lexsort((kind, label))
    new = (np.diff(label[order], prepend=-1) != 0) | (np.diff(kind[order], prepend=-1) != 0)
    begin = np.flatnonzero(new)
    turn = np.empty(kind.size, dtype=np.intp)
    turn[order] = np.arange(kind.size) - np.repeat(begin, np.diff(begin, append=kind.size))
    return kind * (int(turn.max(initial=0)) + 1) + turn


def _require(numbers: int) -> None:
    if numbers > _MOST_NUMBERS:
        raise Unstructured


def _components(first: SplitEntries, second: SplitEntries, n: int, k: int) -> Ids:
    """Return the number of each sum's sample: those are in one that read each other, or meet."""
    stop = int(first.pattern.indptr[k])
    first_rows, second_rows = first.pattern.rows[:stop] + n, second.pattern.rows
    rows = np.concatenate([first_rows, second_rows]).astype(np.intp)
    columns = np.concatenate([first.pattern.indices[:stop], second.pattern.indices])
    between = np.flatnonzero((rows >= n) & (columns >= n))
    return connected(rows[between] - n, columns[between].astype(np.intp) - n, k)


def _split(
    rows: Ids, columns: NDArray[np.int32], chosen: Ids, n: int, sample: Ids, place: Ids
) -> tuple[_Found, _Found]:
    """Find the entries of sums in samples: those in columns of inputs, and of sums."""
    mine = sample[rows] >= 0
    found: list[_Found] = []
    for ids in (np.flatnonzero(mine & (columns < n)), np.flatnonzero(mine & (columns >= n))):
        row, column = rows[ids], columns[ids].astype(np.intp)
        if found:
            column = place[column - n]
        found.append(_Found(sample[row], place[row], column, chosen[ids]))
    return found[0], found[1]


def _order(reads: _Found, size: int) -> tuple[list[Ids], NDArray[np.bool_]]:
    """Return places by level, and which places each depends on, itself too."""
    level, reached = np.zeros(size, dtype=np.intp), np.eye(size, dtype=bool)
    keys = distinct(reads.place * size + reads.column)
    for place, read in zip(*np.divmod(keys, size), strict=True):  # those that are read come first
        level[place] = max(level[place], level[read] + 1)
        reached[place] |= reached[read]
    return [np.flatnonzero(level == k) for k in range(int(level.max()) + 1)], reached
