"""`StorageOrder`: the order in which PETSc keeps the nonzeros of the rows of a rank.

PETSc keeps the rows of a rank as two matrices, one of the columns that the rank owns and one of all
others. Nonzeros are evaluated in the order of these two, into the very memory that PETSc reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.petsc.needed import Needed
from sparsesolve.adapters.petsc.numbering import Numbering

__all__ = ["MatrixEntries", "StorageOrder"]

Ids = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class MatrixEntries:
    """Nonzeros of some columns: rows from the first that is owned, PETSc's global columns.

    The column of a sum is -1 less its number.
    """

    rows: Ids
    columns: Ids


class StorageOrder:
    """Nonzeros of own columns first, then those of others' columns, then those of sums.

    Parameters
    ----------
    numbering : Numbering
        Which columns a rank owns.
    needed : Needed
        PETSc's number of each column of a pattern; the sums behind.
    """

    def __init__(self, numbering: Numbering, needed: Needed) -> None:
        self._begin, self._end = numbering.begin, numbering.end
        unknowns = needed.unknowns
        self._columns = np.concatenate([unknowns, -1 - needed.sums])
        self._in_order = bool(np.all(unknowns[1:] > unknowns[:-1]))

    def _kinds(self, columns: Ids) -> Ids:
        kinds = ((columns < self._begin) | (columns >= self._end)).astype(np.int8)
        kinds[columns < 0] = 2
        return kinds

    def order(self, pattern: Any) -> Ids | None:
        """Return which nonzero of a pattern comes at each place; None for the same order."""
        columns = self._columns[pattern.indices]
        kinds = self._kinds(columns)
        if not self._in_order:
            return np.lexsort((columns, pattern.rows, kinds)).astype(np.int32)
        if not kinds.any():
            return None
        parts = [np.flatnonzero(kinds == k).astype(np.int32) for k in range(3)]
        return np.concatenate(parts)

    def blocks(self, pattern: Any) -> list[MatrixEntries]:
        """Return own columns, others', and sums: nonzeros of each as they come in that order."""
        order = self.order(pattern)
        columns, rows = self._columns[pattern.indices], pattern.rows
        if order is not None:
            columns, rows = columns[order], rows[order]
        ends = np.cumsum(np.bincount(self._kinds(columns), minlength=3))
        cuts = zip([0, *ends[:2]], ends, strict=True)
        # copies: what is kept of few nonzeros must not keep all
        return [
            MatrixEntries(rows[begin:end].copy(), columns[begin:end].copy()) for begin, end in cuts
        ]
