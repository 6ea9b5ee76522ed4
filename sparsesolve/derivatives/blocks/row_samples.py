"""`RowSamples`: first derivatives of rows that read sums of one sample each.

Separate from `jacobian`, which multiplies whole blocks of U: where a row of ``J = y_x + y_u U``
reads sums of its own sample only, ``y_u T`` is a small matrix of each sample, and every entry of
``y_u T A`` one product of numbers, whatever the depth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.blocks.classes import Unstructured, connected
from sparsesolve.derivatives.blocks.places import Filled, Places, in_samples, require_meeting
from sparsesolve.derivatives.blocks.submatrix import Array, SplitEntries

__all__ = ["RowSamples"]

Ids = NDArray[np.intp]
_RAGGED = 2.0  # by which there may be more places for rows than rows
_EACH = 6.0  # products of a large matrix in the time of one entry
_MOST_NUMBERS = 2**25  # of all entries of one batch


class _RowBatch(Places):
    """All samples of one size, and the rows that read their sums."""

    def __init__(
        self, first: SplitEntries, n: int, sums: tuple[Ids, Ids], entries: tuple[Ids, Ids, Ids]
    ) -> None:
        super().__init__(first, n, *sums)
        sample, place = sums
        rows, cuts, chosen = (part[sample[entries[1]] >= 0] for part in entries)
        known, first_of = np.unique(rows, return_index=True)
        order = np.argsort(sample[cuts[first_of]], kind="stable")
        known, of = known[order], sample[cuts[first_of]][order]
        begin = np.searchsorted(of, np.arange(self.count))
        turn = np.arange(known.size) - begin[of]
        self.most = int(turn.max(initial=0)) + 1
        numbers = self.count * self.most
        if numbers > _RAGGED * known.size or numbers * self.own.columns.size > _MOST_NUMBERS:
            raise Unstructured
        self._rows = np.full((self.count, self.most), -1, dtype=np.intp)
        self._rows[of, turn] = known
        at = np.empty(int(known.max(initial=-1)) + 1, dtype=np.intp)
        at[known] = of * self.most + turn
        shape = (self.count, self.most, self.size)
        self._reading = Filled(first, chosen, at[rows] * self.size + place[cuts], shape)
        deep = float(self.size**2 if self.is_deep else 0)
        each = self.most * (deep + _EACH * self.own.columns.size) + self.size * deep
        self.work = self.count * each

    def write(self, total: Array, first: Array) -> None:
        """Write the rows into a dense Jacobian."""
        own, through = self.own.filled(first), self.inverse(first)
        reading = self._reading(first)
        if through is not None:
            reading = reading @ through
        entries = reading.take(self.own.place, axis=2) * own[:, None, :]
        there = self._rows >= 0
        found, rows = entries[there], self._rows[there]
        if self.own.many is not None:
            total[rows] = (self.own.many @ found.T).T
        else:
            total[rows[:, None], self.own.columns] = found


class RowSamples:
    """The samples of a function, and what rows take from them.

    Parameters
    ----------
    first : SplitEntries
        ``[S_x, S_u]``, rows of outputs behind them.
    shape : tuple of int
        Of the Jacobian.
    kind : ndarray of int, shape (k,)
        Of each sum; those that others read have smaller ones.
    rows, cuts, chosen : ndarray of int
        The entries of outputs in columns of sums, and which entries they are; by row.

    Attributes
    ----------
    work : float
        How many products of numbers, or as long, one evaluation takes.

    Raises
    ------
    Unstructured
        If samples are too large, each is one sum, or they have too different numbers of rows.
    """

    def __init__(
        self,
        first: SplitEntries,
        shape: tuple[int, int],
        kind: Ids,
        rows: Ids,
        cuts: Ids,
        chosen: Ids,
    ) -> None:
        label = _components(first, shape[1], kind.size, rows, cuts)
        self.shape = shape
        require_meeting(label)
        self._batches = [
            _RowBatch(first, shape[1], where, (rows, cuts, chosen))
            for where in in_samples(label, kind)
            if np.any(where[0][cuts] >= 0)
        ]
        self.work = sum(batch.work for batch in self._batches)

    def __call__(self, first: Array) -> Array:
        """Return ``y_u U``, shape (m, n), from the entries that vary."""
        total = np.zeros(self.shape)
        for batch in self._batches:
            batch.write(total, first)
        return total


def _components(first: SplitEntries, n: int, k: int, rows: Ids, cuts: Ids) -> Ids:
    """Return the number of each sum's sample: those are in one that meet in a sum, or a row."""
    stop = int(first.pattern.indptr[k])
    readers = first.pattern.rows[:stop].astype(np.intp)
    columns = first.pattern.indices[:stop].astype(np.intp) - n
    between = np.flatnonzero(columns >= 0)
    same = np.flatnonzero(rows[1:] == rows[:-1])
    one = np.concatenate([readers[between], cuts[same]])
    return connected(one, np.concatenate([columns[between], cuts[same + 1]]), k)
