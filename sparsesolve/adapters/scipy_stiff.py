"""scipy's BDF and Radau with a better factorization.

Separate from the choice of a method: they factorize ``c I - J`` again and again with COLAMD, whose
fill on meshes is twice that of a symmetric ordering; here `SparseLU` does, and the matrix is
assembled in one fixed structure.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.integrate import BDF, Radau

from sparsesolve.methods.sparse_lu import SparseLU

__all__ = ["ShiftedIdentity", "SparseBDF", "SparseRadau"]


class ShiftedIdentity:
    """``scale * I`` whose difference with a sparse matrix is assembled in one fixed structure.

    Stands where scipy's methods keep their sparse identity; they only scale it and subtract from
    it.

    Parameters
    ----------
    matrix : csc_matrix, shape (n, n)
        Fixes the structure.
    """

    __array_ufunc__ = None  # numpy scalars leave the product to us

    def __init__(self, matrix: Any) -> None:
        n = int(matrix.shape[0])
        diagonal = np.arange(n)
        columns = np.repeat(diagonal, np.diff(matrix.indptr))
        rows = np.concatenate([matrix.indices, diagonal])
        both = sp.coo_array(
            (np.ones(rows.size), (rows, np.concatenate([columns, diagonal]))), shape=(n, n)
        )
        union = sp.csc_array(both)
        union.sort_indices()
        # entries by columns, rows sorted: so their numbers are sorted too
        keys = np.repeat(diagonal, np.diff(union.indptr)) * n + union.indices
        self.template = union
        self.source = (matrix.indptr, matrix.indices)
        self.places = np.searchsorted(keys, columns * n + matrix.indices)
        self.diagonal = np.searchsorted(keys, diagonal * (n + 1))
        self.scale: complex | float = 1.0

    def __rmul__(self, scale: Any) -> ShiftedIdentity:
        other = object.__new__(ShiftedIdentity)
        other.__dict__.update(self.__dict__)
        other.scale = scale * self.scale
        return other

    def __sub__(self, matrix: Any) -> sp.csc_array:
        if matrix.nnz != self.source[1].size:  # a branch has made the structure grow
            self.__dict__.update(ShiftedIdentity(matrix).__dict__ | {"scale": self.scale})
        kind = np.result_type(np.asarray(self.scale).dtype, matrix.data.dtype)
        data = np.zeros(self.template.nnz, dtype=kind)
        data[self.places] = -matrix.data
        data[self.diagonal] += self.scale
        return sp.csc_array(
            (data, self.template.indices, self.template.indptr), shape=self.template.shape
        )


class _SparseFactorization:
    """Mixed into scipy's implicit methods: their factorization and identity, replaced."""

    def _replace(self) -> None:
        solver: Any = self
        if not sp.issparse(solver.J):
            return
        factors = SparseLU()

        def factorize(matrix: Any) -> Any:
            solver.nlu += 1
            return factors.factor(matrix)

        solver.lu = factorize
        solver.I = ShiftedIdentity(solver.J)


class SparseBDF(_SparseFactorization, BDF):  # type: ignore[misc]
    """scipy's BDF with the factorization of `SparseLU`; takes the same arguments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # scipy leaves these differences uninitialized and computes with them in the first steps;
        # their values are never used, but may be NaN and then warn
        self.D[2:] = 0.0
        self._replace()


class SparseRadau(_SparseFactorization, Radau):  # type: ignore[misc]
    """scipy's Radau with the factorization of `SparseLU`; takes the same arguments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._replace()
