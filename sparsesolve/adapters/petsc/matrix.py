"""`Assembly`: the rows of a distributed matrix that one rank owns, filled again and again.

Separate because a matrix may be that of a Jacobian alone, whose values are evaluated where PETSc
reads them, or one with a diagonal or a multiple of a mass matrix added; and because PETSc may be
asked for another kind of matrix, by its option ``mat_type``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.adapters.petsc.needed import Needed
from sparsesolve.adapters.petsc.numbering import Numbering
from sparsesolve.adapters.petsc.ranks import Ranks
from sparsesolve.adapters.petsc.storage_order import MatrixEntries, StorageOrder, indptr_of
from sparsesolve.derivatives.row_part import RowPart
from sparsesolve.host.memory import give_back

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

    Attributes
    ----------
    matrix : Mat
        PETSc's.
    sums : MatrixEntries
        Nonzeros of J by sums, which are not in the matrix, and come last.
    """

    def __init__(
        self,
        ranks: Ranks,
        numbering: Numbering,
        part: RowPart,
        needed: Needed,
        mass: tuple[Ids, Ids, Array] | None = None,
    ) -> None:
        self._part = part
        stored = StorageOrder(numbering, needed)
        part.arrange(stored.order)
        *blocks, self.sums = stored.blocks(ranks.together(lambda: part.pattern))
        part.drop_pattern()
        give_back()
        data = self._values = part.buffer()
        self._added: _Added | None = None
        self._rows: _ByRows | None = None
        if mass is not None or not _has_diagonal(blocks[0], numbering):
            self._added = _Added(blocks, numbering, mass)
            data, blocks = self._added.data, self._added.blocks
        if ranks.petsc.Options().hasName("mat_type"):
            self._rows = _ByRows(ranks, numbering, blocks, data)
            self.matrix = self._rows.matrix
        else:
            self.matrix = _matrix_in(ranks, numbering, blocks, data)
        self._state = self.matrix.stateGet()

    def buffer(self) -> Array:
        """Return where the nonzeros of J are to be written; those that are constant are there."""
        is_shared = self._added is None and self._rows is None
        if is_shared and self.matrix.stateGet() != self._state:
            # PETSc has changed all entries, as by its option ksp_diagonal_scale
            np.copyto(self._values, self._part.buffer())
        return self._values

    def fill(self, shift: float | None = None) -> None:
        """Complete the matrix after its buffer: J, or with a `shift` that times M less J.

        Parameters
        ----------
        shift : float, optional
            Factor of M.
        """
        if self._added is not None:
            self._added.fill(self._values, shift)
        if self._rows is not None:
            self._rows.fill()
        self.matrix.assemble()
        self._state = self.matrix.stateGet()


class _Added:
    """J with a diagonal, for which factorizations want a place, or with M."""

    def __init__(
        self,
        blocks: Sequence[MatrixEntries],
        numbering: Numbering,
        mass: tuple[Ids, Ids, Array] | None,
    ) -> None:
        count, n = numbering.sizes
        own = np.arange(count)
        rows, columns, entries = mass or (own, own + numbering.begin, np.zeros(count))
        self._entries: Array = entries
        mine = (columns >= numbering.begin) & (columns < numbering.end)
        self.blocks: list[MatrixEntries] = []
        others = np.empty(rows.size, dtype=np.intp)
        places: list[Ids] = []
        size = 0
        for block, chosen in zip(blocks, (mine, ~mine), strict=True):
            keys = block.rows.astype(np.int64) * n + block.columns
            more = rows[chosen].astype(np.int64) * n + columns[chosen]
            known = np.unique(np.concatenate([keys, more]))
            places.append(size + np.searchsorted(known, keys))
            others[chosen] = size + np.searchsorted(known, more)
            self.blocks.append(MatrixEntries.of(*np.divmod(known, max(n, 1)), count))
            size += known.size
        self._place, self._mass = np.concatenate(places), others
        self.data = np.zeros(size)

    def fill(self, values: Array, shift: float | None) -> None:
        """Write the values of all entries."""
        found = values[: self._place.size]
        self.data.fill(0.0)
        self.data[self._place] = found if shift is None else -found
        if shift is not None:
            self.data[self._mass] += shift * self._entries


class _ByRows:
    """A matrix of any kind, into which values are copied row by row."""

    def __init__(
        self, ranks: Ranks, numbering: Numbering, blocks: Sequence[MatrixEntries], data: Array
    ) -> None:
        kind, sizes = ranks.petsc.IntType, numbering.sizes
        rows, columns = (np.concatenate([getattr(b, name) for b in blocks]) for name in _NAMES)
        self._data, self._order = data, np.lexsort((columns, rows))
        self._indptr = indptr_of(rows, sizes[0]).astype(kind, copy=False)
        self._columns = columns[self._order].astype(kind)
        made = self.matrix = ranks.petsc.Mat().create(comm=ranks.comm)
        made.setSizes((sizes, sizes))
        made.setFromOptions()
        made.setPreallocationCSR((self._indptr, self._columns))
        made.setUp()

    def fill(self) -> None:
        """Copy the values."""
        self.matrix.setValuesCSR(self._indptr, self._columns, self._data[self._order])


_NAMES = "rows", "columns"
_SOME = 1 << 16


def _matrix_in(
    ranks: Ranks, numbering: Numbering, blocks: Sequence[MatrixEntries], data: Array
) -> Any:
    """Return a matrix whose values are `data` itself."""
    kind, sizes = ranks.petsc.IntType, numbering.sizes
    parts, begin = [], 0
    for block, first in zip(blocks, (numbering.begin, 0), strict=True):
        end = begin + block.columns.size
        columns = (block.columns - first).astype(kind, copy=False)
        parts.append((block.indptr.astype(kind, copy=False), columns, data[begin:end]))
        begin = end
    csr = parts[0] if ranks.size == 1 else tuple(parts)
    made = ranks.petsc.Mat().createAIJWithArrays((sizes, sizes), csr, comm=ranks.comm)
    made.setFromOptions()
    return made


def _has_diagonal(own: MatrixEntries, numbering: Numbering) -> bool:
    """Whether every row that is owned has an entry on the diagonal; some rows at a time."""
    count = numbering.sizes[0]
    for first in range(0, count, _SOME):
        rows = np.arange(first, min(first + _SOME, count))
        begins = own.indptr[first : rows[-1] + 2]
        columns = own.columns[begins[0] : begins[-1]]
        on_it = columns == np.repeat(rows + numbering.begin, np.diff(begins))
        if np.count_nonzero(on_it) < rows.size:
            return False
    return True


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
