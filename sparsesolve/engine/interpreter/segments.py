"""Sums over consecutive pieces of a vector, with NumPy.

Separate because ``numpy.add.reduceat`` alone is wrong for empty pieces, and because the quickest
way depends on how long the pieces are: the choice is made once, when a program is prepared.

All ways sum long pieces pairwise, so the error grows with the logarithm of their length.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["SegmentSum"]

_COLUMNS_UP_TO = 8  # below this, adding columns beats one reduction per row


class SegmentSum:
    """Sums ``values[..., segments[r]:segments[r + 1]]`` for every row ``r``.

    Parameters
    ----------
    segments : ndarray of int64, shape (rows + 1,)
        Where the pieces begin and end; not decreasing.
    """

    def __init__(self, segments: NDArray[np.int64]) -> None:
        counts = np.diff(segments)
        self.rows = counts.size
        self._first = int(segments[0])
        self._stop = int(segments[-1])
        self._width = -1  # the common length of all pieces, if there is one
        if self.rows and bool((counts == counts[0]).all()):
            self._width = int(counts[0])
        self._filled: NDArray[np.intp] | None = None
        if self._width < 0:
            filled = np.flatnonzero(counts)
            if filled.size < self.rows:
                self._filled = filled
            self._starts = segments[:-1][filled].astype(np.intp)

    def into(self, values: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        """Write the sums, shape (..., rows), of `values`, shape (..., length)."""
        if self.rows == 0:
            return
        if self._width < 0:
            self._uneven(out, values[..., : self._stop])
        elif self._width == 0:
            out[...] = 0.0
        else:
            shape = (*values.shape[:-1], self.rows, self._width)
            table = values[..., self._first : self._stop].reshape(shape)
            self._even(out, table)

    def _even(self, out: NDArray[np.float64], table: NDArray[np.float64]) -> None:
        if self._width > _COLUMNS_UP_TO or self.rows == 1:
            np.add.reduce(table, axis=-1, out=out)
            return
        if self._width == 1:
            out[...] = table[..., 0]
            return
        np.add(table[..., 0], table[..., 1], out=out)
        for column in range(2, self._width):
            np.add(out, table[..., column], out=out)

    def _uneven(self, out: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        if self._filled is None:
            np.add.reduceat(values, self._starts, axis=-1, out=out)
        else:
            out[...] = 0.0
            out[..., self._filled] = np.add.reduceat(values, self._starts, axis=-1)
