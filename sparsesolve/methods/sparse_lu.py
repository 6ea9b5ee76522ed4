"""`SparseLU`: factorizations of matrices of one structure, with the ordering found once.

The nonlinear solvers and the stiff integrators need the same three things: an
ordering that suits the structure (minimum degree on A^T + A with symmetric permutation where the
pattern is nearly symmetric, which halves the fill on meshes; COLAMD elsewhere), no repeated search
for it, and singular or non-finite matrices reported instead of raised.

SuperLU gives no access to its symbolic phase; but its column order can be applied beforehand by
one gather, and then asked to be kept. Li, Demmel (2003), "SuperLU_DIST", ACM TOMS 29(2).
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass

__all__ = ["SparseLU", "symmetry"]

# share of off-diagonal entries whose mirror image is an entry too
_NEARLY_SYMMETRIC = 0.8

# from so many unknowns and such a share of entries on, dense factors are quicker
_DENSE_SIZE = 64
_DENSE_SHARE = 0.25

# In symmetric mode the diagonal is kept as pivot down to this share of the largest entry: below
# it fill grows for no gain, and Newton's iteration corrects what little accuracy it costs.
_DIAGONAL_PIVOT = 0.1

# Supernodes and panels of meshes are small: these beat SuperLU's defaults (10, 20) by a fifth.
_RELAX = 5
_PANEL = 4


def symmetry(matrix: Any) -> float:
    """Return the share of off-diagonal entries whose mirror image is stored too.

    Parameters
    ----------
    matrix : sparse array, shape (n, n)
        Only its structure is read.

    Returns
    -------
    float
        1 for a symmetric pattern, or without off-diagonal entries.
    """
    coo = sp.coo_array(matrix)
    off = coo.row != coo.col
    if not off.any():
        return 1.0
    n = int(coo.shape[0])
    keys = coo.row[off].astype(np.int64) * n + coo.col[off]
    mirror = coo.col[off].astype(np.int64) * n + coo.row[off]
    return float(np.mean(np.isin(mirror, keys)))


@dataclass(frozen=True, eq=False, slots=True)
class _Dense:
    """Dense factors: LAPACK's blocks are quicker than lists where little is zero."""

    factors: tuple[Any, Any]

    @classmethod
    def of(cls, matrix: Any) -> _Dense | None:
        """Factorize; None where a pivot is zero."""
        from scipy.linalg import LinAlgWarning, lu_factor  # noqa: PLC0415 - slow to import

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LinAlgWarning)
            factors = lu_factor(matrix.toarray(), overwrite_a=True, check_finite=False)
        return cls(factors) if np.all(np.diagonal(factors[0])) else None

    def solve(self, b: NDArray[Any]) -> NDArray[Any]:
        """Return the solution."""
        from scipy.linalg import lu_solve  # noqa: PLC0415 - slow to import

        return np.asarray(lu_solve(self.factors, b, check_finite=False))


@dataclass(frozen=True, eq=False, slots=True)
class _Plan:
    """An ordering for one structure: B = A[rows][:, columns], as one gather of values."""

    indptr: NDArray[np.int32]
    indices: NDArray[np.int32]
    order: NDArray[np.intp]
    symmetric: bool
    permuted: sp.csc_array
    gather: NDArray[np.intp]


@dataclass(frozen=True, eq=False, slots=True)
class Factor:
    """A factorization; ``solve(b)`` returns NaN where the matrix was singular."""

    lu: Any
    order: NDArray[np.intp] | None
    symmetric: bool
    fill: int

    @property
    def ok(self) -> bool:
        """Whether the matrix could be factorized."""
        return self.lu is not None

    def solve(self, b: NDArray[Any]) -> NDArray[Any]:
        """Return the solution, shape of `b`."""
        if self.lu is None:
            return np.full_like(b, np.nan)
        if self.order is None:
            return np.asarray(self.lu.solve(b))
        right = b[self.order] if self.symmetric else b
        x = np.empty_like(b)
        x[self.order] = self.lu.solve(right)
        return x


class SparseLU:
    """Factorizes sparse square matrices, most of which have the same structure.

    Parameters
    ----------
    symmetric : bool, optional
        Order by A^T + A with pivots on the diagonal; decided from the first structure where not
        given.
    diagonal_pivot : float, optional
        In symmetric mode: share of the largest entry down to which the diagonal stays the pivot.
    """

    def __init__(
        self, *, symmetric: bool | None = None, diagonal_pivot: float = _DIAGONAL_PIVOT
    ) -> None:
        self.symmetric = symmetric
        self.diagonal_pivot = diagonal_pivot
        self.factorizations = 0
        self.orderings = 0
        self._plan: _Plan | None = None

    def factor(self, matrix: Any) -> Factor:
        """Factorize.

        Parameters
        ----------
        matrix : csc_array or csc_matrix, shape (n, n)
            Real or complex.

        Returns
        -------
        Factor
            Its ``ok`` is false where the matrix is singular or not finite.
        """
        self.factorizations += 1
        if self.symmetric is None:
            self.symmetric = symmetry(matrix) >= _NEARLY_SYMMETRIC
        if not np.all(np.isfinite(matrix.data)):
            return Factor(None, None, self.symmetric, 0)
        n = int(matrix.shape[0])
        if n >= _DENSE_SIZE and matrix.nnz >= _DENSE_SHARE * n * n:
            dense = _Dense.of(matrix)
            return Factor(dense, None, self.symmetric, 0 if dense is None else n * n)
        plan = self._plan
        if plan is None or not _same_structure(plan, matrix):
            return self._first(matrix)
        permuted = sp.csc_array(
            (matrix.data[plan.gather], plan.permuted.indices, plan.permuted.indptr),
            shape=matrix.shape,
        )
        lu = self._splu(permuted, "NATURAL", plan.symmetric)
        return Factor(lu, plan.order, plan.symmetric, 0 if lu is None else int(lu.nnz))

    def _first(self, matrix: Any) -> Factor:
        symmetric = bool(self.symmetric)
        self.orderings += 1
        lu = self._splu(matrix, "MMD_AT_PLUS_A" if symmetric else "COLAMD", symmetric)
        if lu is None:
            return Factor(None, None, symmetric, 0)
        order = np.asarray(np.argsort(lu.perm_c))
        numbers = np.arange(1, matrix.nnz + 1)
        numbered = sp.csc_array((numbers, matrix.indices, matrix.indptr), shape=matrix.shape)
        permuted = numbered[:, order]
        if symmetric:
            permuted = permuted[order]
        permuted = sp.csc_array(permuted)
        permuted.sort_indices()
        self._plan = _Plan(
            np.array(matrix.indptr),
            np.array(matrix.indices),
            order,
            symmetric,
            permuted,
            permuted.data.astype(np.intp) - 1,
        )
        return Factor(lu, None, symmetric, int(lu.nnz))

    def _splu(self, matrix: Any, order: str, symmetric: bool) -> Any:
        from scipy.sparse.linalg import splu  # noqa: PLC0415 - slow to import

        try:
            if symmetric:
                return splu(
                    matrix,
                    permc_spec=order,
                    diag_pivot_thresh=self.diagonal_pivot,
                    relax=_RELAX,
                    panel_size=_PANEL,
                    options={"SymmetricMode": True},
                )
            return splu(matrix, permc_spec=order)
        except RuntimeError:  # "Factor is exactly singular"
            return None


def _same_structure(plan: _Plan, matrix: Any) -> bool:
    return (
        plan.indices.size == matrix.indices.size
        and np.array_equal(plan.indptr, matrix.indptr)
        and np.array_equal(plan.indices, matrix.indices)
    )
