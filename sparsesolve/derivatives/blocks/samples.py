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

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.blocks.classes import connected
from sparsesolve.derivatives.blocks.places import (
    ByColumn,
    Places,
    SumEntries,
    in_samples,
    require_meeting,
    split_entries,
)
from sparsesolve.derivatives.blocks.submatrix import Array, SplitEntries, as_slice
from sparsesolve.host.fork import forkable_property

__all__ = ["Samples"]

Ids = NDArray[np.intp]
_AT_ONCE = 2**17  # numbers that a product reads: they stay in a processor's cache
_FEWEST = 32  # samples at once
_CALL = 1e5  # products in the time of what a step costs besides


class _Batch(Places):
    """All samples of one size, and the second derivatives of their sums."""

    def __init__(
        self, first: SplitEntries, second: SplitEntries, n: int, sample: Ids, place: Ids
    ) -> None:
        super().__init__(first, n, sample, place)
        rows, columns = second.pattern.rows.astype(np.intp), second.pattern.indices
        deep = np.flatnonzero(rows >= n)
        cross, pairs = split_entries(rows[deep] - n, columns[deep], deep, n, sample, place)
        self.cross = ByColumn(second, cross, self.count, self.size, n)
        strict = np.flatnonzero(pairs.place != pairs.column)
        mirrored = SumEntries(
            np.append(pairs.sample, pairs.sample[strict]),
            np.append(pairs.place, pairs.column[strict]),
            np.append(pairs.column, pairs.place[strict]),
            np.append(pairs.chosen, pairs.chosen[strict]),
        )
        self._pairs = self.square(second, mirrored)
        self.work = self._work()

    @forkable_property
    def _through(self) -> list[Ids | slice]:
        """Own columns of all places that each depends on."""
        return [as_slice(np.flatnonzero(reached[self.own.place])) for reached in self.reached]

    def _work(self) -> float:
        """How many products, or as long, one evaluation takes."""
        own, cross = np.diff(self.own.starts), np.diff(self.cross.starts)
        widths = self.reached @ own.astype(np.float64)
        each = float(((own + 8) * self.own.starts[1:]).sum())
        each += float(((cross + 8) * widths)[cross > 0].sum())
        if self.is_deep:
            each += 3.0 * self.size**3
        steps = len(self._chunks()) * (self.size + int((cross > 0).sum()))
        return self.count * each + _CALL * steps

    def _chunks(self) -> list[slice]:
        many = max(_FEWEST, _AT_ONCE // max(1, self.own.columns.size))
        return [slice(begin, begin + many) for begin in range(0, self.count, many)]

    def add(self, total: Array, first: Array, second: Array) -> None:
        """Add the terms of all samples to a dense Hessian."""
        own, through = self.own.filled(first), self.inverse(first)
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
        columns, many = self.own.columns, self.own.many
        if many is not None:
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
        If samples are too large, or each is one sum.
    """

    def __init__(self, first: SplitEntries, second: SplitEntries, n: int, kind: Ids) -> None:
        label = _components(first, second, n, kind.size)
        require_meeting(label)
        self.n = n
        self._batches = [_Batch(first, second, n, *where) for where in in_samples(label, kind)]
        self.work = sum(batch.work for batch in self._batches)

    def __call__(self, first: Array, second: Array) -> Array:
        """Return the Hessian but for ``W_xx``, shape (n, n), from the entries that vary."""
        total = np.zeros((self.n, self.n))
        for batch in self._batches:
            batch.add(total, first, second)
        return total


def _components(first: SplitEntries, second: SplitEntries, n: int, k: int) -> Ids:
    """Return the number of each sum's sample: those are in one that read each other, or meet."""
    stop = int(first.pattern.indptr[k])
    first_rows, second_rows = first.pattern.rows[:stop] + n, second.pattern.rows
    rows = np.concatenate([first_rows, second_rows]).astype(np.intp)
    columns = np.concatenate([first.pattern.indices[:stop], second.pattern.indices])
    between = np.flatnonzero((rows >= n) & (columns >= n))
    return connected(rows[between] - n, columns[between].astype(np.intp) - n, k)
