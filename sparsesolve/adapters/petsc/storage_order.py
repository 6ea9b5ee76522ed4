"""`StorageOrder`: the order in which PETSc keeps the nonzeros of the rows of a rank.

PETSc keeps the rows of a rank as two matrices, one of the columns that the rank owns and one of all
others. Nonzeros are evaluated in the order of these two, into the very memory that PETSc reads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.petsc.needed import Needed
from sparsesolve.adapters.petsc.numbering import Numbering
from sparsesolve.host.dataclass import dataclass

__all__ = ["MatrixEntries", "StorageOrder", "indptr_of"]

Ids = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class MatrixEntries:
    """Nonzeros of some columns: where each row that is owned begins, and PETSc's global columns.

    The column of a sum is -1 less its number.
    """

    indptr: Ids
    columns: Ids

    @classmethod
    def of(cls, rows: Ids, columns: Ids, count: int) -> MatrixEntries:
        """Take entries by their rows, which do not decrease; `count` rows are owned."""
        return cls(indptr_of(rows, count), columns)

    @property
    def rows(self) -> Ids:
        """Row of each, counted from the first that is owned; made when asked for."""
        count = self.indptr.size - 1
        return np.repeat(np.arange(count, dtype=np.int32), np.diff(self.indptr))


def indptr_of(rows: Ids, count: int) -> Ids:
    """Return where each of some rows begins, and the end."""
    begins = np.zeros(count + 1, dtype=np.int32)
    np.cumsum(np.bincount(rows, minlength=count), out=begins[1:])
    return begins


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
        unknowns = needed.unknowns
        self._columns = np.concatenate([unknowns, -1 - needed.sums])
        self._kinds = np.zeros(self._columns.size, dtype=np.int8)
        self._kinds[: unknowns.size] = (unknowns < numbering.begin) | (unknowns >= numbering.end)
        self._kinds[unknowns.size :] = 2
        self._in_order = bool(np.all(unknowns[1:] > unknowns[:-1]))

    def order(self, pattern: Any) -> Ids | None:
        """Return which nonzero of a pattern comes at each place; None for the same order."""
        kinds = self._kinds[pattern.indices]
        if not self._in_order:
            columns = self._columns[pattern.indices]
            return np.lexsort((columns, pattern.rows, kinds)).astype(np.int32)
        others = np.flatnonzero(kinds)  # few
        if not others.size:
            return None
        found, own = np.empty(kinds.size, dtype=np.int32), kinds.size - others.size
        found[:own] = np.arange(kinds.size, dtype=np.int32)[kinds == 0]
        found[own:] = others[np.argsort(kinds[others], kind="stable")]
        return found

    def blocks(self, pattern: Any) -> list[MatrixEntries]:
        """Return own columns, others', and sums: nonzeros of each as they come in that order."""
        columns, kinds = self._columns[pattern.indices], self._kinds[pattern.indices]
        if not self._in_order:
            order = np.lexsort((columns, pattern.rows))
            columns, kinds = columns[order], kinds[order]
        begins, others = np.array(pattern.indptr), []
        for k in (1, 2):
            places = np.flatnonzero(kinds == k)  # few
            rows = np.searchsorted(pattern.indptr, places, side="right") - 1
            others.append(MatrixEntries.of(rows, columns[places], pattern.shape[0]))
            begins -= others[-1].indptr
        own = columns if begins[-1] == columns.size else columns[kinds == 0]
        return [MatrixEntries(begins, own), *others]
