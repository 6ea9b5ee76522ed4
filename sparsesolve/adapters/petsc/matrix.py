"""`Assembly`: the rows of a distributed matrix that one rank owns, filled again and again.

Separate because PETSc takes entries in two ways (by coordinates where petsc4py can, else by rows),
and because a matrix may be that of a Jacobian alone, or with a multiple of a mass matrix added.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.adapters.petsc.numbering import Numbering
from sparsesolve.adapters.petsc.ranks import Ranks
from sparsesolve.derivatives.row_part import RowPart

__all__ = ["Assembly", "constant_matrix"]

Array = NDArray[np.float64]
Ids = NDArray[Any]


class Assembly:
    """A square matrix ``shift * M - J`` or ``J``, of which this rank fills its rows.

    Parameters
    ----------
    ranks, numbering : Ranks, Numbering
        Who owns what.
    part : RowPart
        The rows of J.
    inputs : ndarray of int
        PETSc's number of each column of the pattern.
    mass : tuple of ndarray (rows, columns, values), optional
        Entries of M in these rows: rows counted from the first one owned, PETSc's columns.
    """

    def __init__(
        self,
        ranks: Ranks,
        numbering: Numbering,
        part: RowPart,
        inputs: Ids,
        mass: tuple[Ids, Ids, Array] | None = None,
    ) -> None:
        self._place: Ids | None = None
        self._mass: tuple[Ids, Array] | None = None
        kind = ranks.petsc.IntType
        pattern = part.pattern
        columns, indptr = inputs[pattern.indices], pattern.indptr
        if mass is not None or (inputs.size > 1 and np.any(np.diff(inputs) < 0)):
            rows, columns = self._joined(pattern.rows, columns, numbering.n, mass)
            indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=pattern.shape[0]))])
        self.indptr, self.columns = indptr.astype(kind), columns.astype(kind)
        self._data = np.zeros(columns.size) if self._place is not None else None
        sizes = numbering.sizes
        self.matrix = ranks.petsc.Mat().create(comm=ranks.comm)
        self.matrix.setSizes((sizes, sizes))
        self.matrix.setType("aij")
        self.matrix.setFromOptions()
        self._by_coordinates = hasattr(self.matrix, "setPreallocationCOO")
        if self._by_coordinates:
            rows = np.repeat(np.arange(indptr.size - 1), np.diff(indptr)) + numbering.begin
            self.matrix.setPreallocationCOO(rows.astype(kind), self.columns)
        else:
            self.matrix.setPreallocationCSR((self.indptr, self.columns))

    def _joined(
        self, rows: Ids, columns: Ids, n: int, mass: tuple[Ids, Ids, Array] | None
    ) -> tuple[Ids, Ids]:
        """Return rows and columns of J and M together, sorted, and remember what is where."""
        keys = rows.astype(np.int64) * n + columns
        if mass is None:
            known = np.sort(keys)
        else:
            of_mass = mass[0].astype(np.int64) * n + mass[1]
            known = np.unique(np.concatenate([keys, of_mass]))
            self._mass = np.searchsorted(known, of_mass), mass[2]
        self._place = np.searchsorted(known, keys)
        return known // max(n, 1), known % max(n, 1)

    def fill(self, values: Array, shift: float | None = None) -> None:
        """Write the matrix: J, or with a `shift` that times M less J.

        Parameters
        ----------
        values : ndarray, shape (nnz,)
            Of J, in the order of the pattern.
        shift : float, optional
            Factor of M.
        """
        data = values
        if self._data is not None:
            data = self._data
            data.fill(0.0)
            data[self._place] = values if shift is None else -values
            if shift is not None and self._mass is not None:
                place, entries = self._mass
                data[place] += shift * entries
        if self._by_coordinates:
            self.matrix.setValuesCOO(data)
        else:
            self.matrix.setValuesCSR(self.indptr, self.columns, data)
            self.matrix.assemble()


def constant_matrix(
    ranks: Ranks, numbering: Numbering, rows: Ids, columns: Ids, values: Array
) -> Any:
    """Return a distributed matrix whose entries never change.

    Parameters
    ----------
    ranks, numbering : Ranks, Numbering
        Who owns what.
    rows, columns, values : ndarray
        The entries in the rows of this rank, counted from the first one owned; PETSc's columns.
    """
    kind, sizes = ranks.petsc.IntType, numbering.sizes
    own = sp.csr_array((values, (rows, columns)), shape=sizes)
    own.sort_indices()
    structure = own.indptr.astype(kind), own.indices.astype(kind)
    made = ranks.petsc.Mat().createAIJ((sizes, sizes), csr=(*structure, own.data), comm=ranks.comm)
    made.assemble()
    return made
