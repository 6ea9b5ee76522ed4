"""Parts of a sparse matrix as factors of products: constant, diagonal, dense or sparse.

Products of blocks are quick only in the right form, and the form is known once the
structure is. `SplitEntries` are the entries of a matrix, those that are numbers apart from those
that a program computes; a `Submatrix` gathers some rows and columns of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.derivatives.fused import fused
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.traced_function import Executable, executable
from sparsesolve.differentiate import JacobianProgram
from sparsesolve.host.fork import forkable_property
from sparsesolve.ir.builder import Builder

__all__ = ["SplitEntries", "Submatrix", "as_slice"]

Array = NDArray[np.float64]
Ids = NDArray[np.intp]
_SPARSE = 8.0  # products of a dense block in the time of one of a sparse one
_DENSE = 8  # a block with one entry in so many places is multiplied as a dense one
_SMALL = 2**14  # entries of a block that is multiplied before SciPy would have begun


class SplitEntries:
    """Entries of a sparse matrix: numbers, and values that a program computes.

    Parameters
    ----------
    found : JacobianProgram
        Structure and program of all entries.
    log : PrepareLog
        How the program of those that vary is prepared.
    what : str
        What the matrix is called.
    """

    def __init__(self, found: JacobianProgram, log: PrepareLog, what: str) -> None:
        self.pattern = found.pattern
        slots = found.program.outputs
        constant = found.program.constant_mask()[slots]
        self.numbers = np.where(constant, found.program.constant_values()[slots], 0.0)
        varying = np.flatnonzero(~constant)
        self.source = np.full(slots.size, -1, dtype=np.intp)
        self.source[varying] = np.arange(varying.size)
        self.run: Executable | None = None
        if varying.size:
            rows, columns = self.pattern.rows[varying], self.pattern.indices[varying]
            program = fused(Builder.resume(found.program).build(slots[varying]), log)
            self.run = executable(program, log, lambda k: f"{what}[{rows[k]}, {columns[k]}]")

    def __call__(self, x: Any, parameters: Sequence[Any]) -> Array:
        """Return the entries that vary."""
        return np.empty(0) if self.run is None else self.run(x, parameters)

    def nothing(self) -> Array:
        """Return something in the place of the entries that vary, for products of the others."""
        return np.full(0 if self.run is None else self.run.size, np.nan)


class Submatrix:
    """A block of a matrix.

    Parameters
    ----------
    entries : SplitEntries
        Of the whole.
    shape : tuple of int
        Of the block.
    rows, columns : ndarray of int, shape (nnz,)
        Where each entry stands in the block, in any order, without repeats.
    chosen : ndarray of int, shape (nnz,)
        Which entry it is.
    """

    def __init__(
        self, entries: SplitEntries, shape: tuple[int, int], rows: Ids, columns: Ids, chosen: Ids
    ) -> None:
        self.shape = shape
        place = np.multiply(rows, shape[1], dtype=np.int64)
        place += columns
        if not np.all(place[1:] > place[:-1]):
            order = np.argsort(place, kind="stable")
            place, rows, columns, chosen = place[order], rows[order], columns[order], chosen[order]
        self.rows, self.columns, self._place = rows, columns, place
        taken = as_slice(chosen)
        self._numbers = entries.numbers[taken]
        source = entries.source[taken]
        self._varying = np.flatnonzero(source >= 0)
        self._source: Ids | slice = as_slice(source[self._varying])
        self.is_constant = not self._varying.size
        self.is_diagonal = (
            shape[0] == shape[1] == rows.size and bool((rows == columns).all()) and shape[0] > 0
        )
        self._is_dense = rows.size * _DENSE >= shape[0] * shape[1]
        self._is_whole = rows.size == shape[0] * shape[1]

    @property
    def nnz(self) -> int:
        """Number of entries."""
        return int(self.rows.size)

    @property
    def work(self) -> float:
        """How many products of numbers it takes to multiply a vector, or as long."""
        whole = float(self.shape[0]) * self.shape[1]
        return whole if self._is_dense and not self.is_diagonal else _SPARSE * self.nnz

    def data(self, values: Array) -> Array:
        """Return the entries by row, then column."""
        if self.is_constant:
            return self._numbers
        found: Array = values[self._source]
        if found.size == self.nnz:
            return found
        data = self._numbers.copy()
        data[self._varying] = found
        return data

    def dense(self, values: Array) -> Array:
        """Return the block as a dense matrix, which may be shared."""
        return self._constant_dense if self.is_constant else self._make_dense(values)

    def _make_dense(self, values: Array) -> Array:
        data = self.data(values)
        if self._is_whole:
            return data.reshape(self.shape)
        block = np.zeros(self.shape)
        block.reshape(-1)[self._place] = data
        return block

    @forkable_property
    def _constant_dense(self) -> Array:
        block = self._make_dense(np.empty(0)).copy()
        block.flags.writeable = False
        return block

    def times(self, values: Array, right: Array) -> Array:
        """Return the product with a dense matrix."""
        if self.is_diagonal:
            return self.data(values)[:, None] * right
        if self._is_dense:
            return np.asarray(self.dense(values) @ right)
        return np.asarray(self.sparse(values) @ right)

    def transposed_times(self, values: Array, right: Array) -> Array:
        """Return the product of the transposed block with a dense matrix or vector."""
        if self.is_diagonal:
            data = self.data(values)
            return (data if right.ndim == 1 else data[:, None]) * right
        if self._is_dense and right.ndim == 2:
            return np.asarray(self.dense(values).T @ right)
        if right.ndim == 1 and self.nnz < _SMALL:
            terms = self.data(values) * right[self.rows]
            total = np.bincount(self.columns, terms, minlength=self.shape[1])
            return np.asarray(total, dtype=np.float64)  # not so if there are no terms
        # by rows, a matrix is its transpose by columns: SciPy's own `.T` takes twice as long
        turned = (self.data(values), self.columns, self._indptr)
        return np.asarray(sp.csc_array(turned, shape=self.shape[::-1]) @ right)

    def factor(self, values: Array) -> Any:
        """Return the block as a matrix, dense or sparse, whichever multiplies better."""
        return self.dense(values) if self._is_dense else self.sparse(values)

    def sparse(self, values: Array) -> Any:
        """Return the block as a sparse matrix."""
        return sp.csr_array((self.data(values), self.columns, self._indptr), shape=self.shape)

    @forkable_property
    def _indptr(self) -> Ids:
        counts = np.bincount(self.rows, minlength=self.shape[0])
        return np.concatenate([[0], np.cumsum(counts)]).astype(self.columns.dtype)


def as_slice(ids: Ids) -> Ids | slice:
    """Return a slice where numbers are consecutive: it takes without a copy."""
    if ids.size and int(ids[-1]) - int(ids[0]) + 1 == ids.size and bool(np.all(np.diff(ids) == 1)):
        return slice(int(ids[0]), int(ids[-1]) + 1)
    return ids
