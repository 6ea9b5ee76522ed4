"""`Assembly`: the rows of a distributed matrix that one rank owns, filled again and again.

Separate because PETSc takes entries in two ways (by coordinates where petsc4py can, else by rows),
and because a matrix may be that of a Jacobian alone, or with a multiple of a mass matrix added.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.adapters.petsc.coordinates import by_coordinates, fill_by_coordinates
from sparsesolve.adapters.petsc.needed import Needed
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
    needed : Needed
        What they need: PETSc's number of each column, then the sums.
    mass : tuple of ndarray (rows, columns, values), optional
        Entries of M in these rows: rows counted from the first one owned, PETSc's columns.
    """

    def __init__(
        self,
        ranks: Ranks,
        numbering: Numbering,
        part: RowPart,
        needed: Needed,
        mass: tuple[Ids, Ids, Array] | None = None,
    ) -> None:
        kind, sizes = ranks.petsc.IntType, numbering.sizes
        pattern = part.pattern
        sparse = None  # which entries of J are of unknowns, and not of sums
        if needed.sums.size:
            sparse = pattern.indices < needed.unknowns.size
        entries = _Entries(numbering, pattern, needed.unknowns, sparse, mass)
        self._entries = entries
        self.indptr, self.columns = (
            part.astype(kind, copy=False) for part in (entries.indptr, entries.columns)
        )
        self.matrix = ranks.petsc.Mat().create(comm=ranks.comm)
        self.matrix.setSizes((sizes, sizes))
        self.matrix.setType("aij")
        self.matrix.setFromOptions()
        self._petsc = ranks.petsc
        rows = np.arange(numbering.begin, numbering.end, dtype=kind)
        rows = np.repeat(rows, np.diff(entries.indptr))
        self._by_coordinates = by_coordinates(ranks.petsc, self.matrix, rows, self.columns)
        if self._by_coordinates:
            self.indptr = self.columns = entries.indptr = entries.columns = np.empty(0, dtype=kind)
        else:
            self.matrix.setPreallocationCSR((self.indptr, self.columns))

    def fill(self, values: Array, shift: float | None = None) -> None:
        """Write the matrix: J, or with a `shift` that times M less J.

        Parameters
        ----------
        values : ndarray, shape (nnz,)
            Of J, in the order of the pattern.
        shift : float, optional
            Factor of M.
        """
        data = self._entries.data(values, shift)
        if self._by_coordinates:
            fill_by_coordinates(self._petsc, self.matrix, data)
        else:
            self.matrix.setValuesCSR(self.indptr, self.columns, data)
            self.matrix.assemble()


class _Entries:
    """Where the nonzeros of J go in rows that also have a diagonal, and the entries of M."""

    def __init__(
        self,
        numbering: Numbering,
        pattern: Any,
        inputs: Ids,
        sparse: NDArray[np.bool_] | None,
        mass: tuple[Ids, Ids, Array] | None,
    ) -> None:
        self._sparse = sparse
        self._buffer: Array | None = None
        rows = np.repeat(np.arange(pattern.shape[0], dtype=np.int32), np.diff(pattern.indptr))
        indices = pattern.indices
        if sparse is not None:
            rows, indices = rows[sparse], indices[sparse]
        columns, n = inputs[indices], max(numbering.n, 1)
        own, count = np.arange(pattern.shape[0]), pattern.shape[0]
        whole = np.count_nonzero(columns == rows + numbering.begin) == count
        in_order = inputs.size < 2 or bool(np.all(inputs[1:] > inputs[:-1]))
        if mass is None and sparse is None and whole and in_order:
            self.indptr, self.columns = pattern.indptr, columns
            return
        # factorizations want a place for each entry of the diagonal
        added = (own, own + numbering.begin, np.zeros(count)) if mass is None else mass
        keys = rows.astype(np.int64) * n + columns
        others = added[0].astype(np.int64) * n + added[1]
        known = np.unique(np.concatenate([keys, others]))
        self._place = np.searchsorted(known, keys)
        self._mass = np.searchsorted(known, others), added[2]
        counts = np.bincount(known // n, minlength=count)
        self.indptr = np.concatenate([[0], np.cumsum(counts)])
        self.columns = known % n
        self._buffer = np.zeros(known.size)

    def data(self, values: Array, shift: float | None) -> Array:
        """Return the values of all entries; valid until the next call."""
        if self._buffer is None:
            return values
        found = values if self._sparse is None else values[self._sparse]
        self._buffer.fill(0.0)
        self._buffer[self._place] = found if shift is None else -found
        if shift is not None:
            place, entries = self._mass
            self._buffer[place] += shift * entries
        return self._buffer


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
