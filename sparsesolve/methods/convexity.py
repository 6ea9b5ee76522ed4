"""Is a symmetric matrix positive semidefinite? Decided by a factorization of the whole of it.

The matrix is scaled to a diagonal of ones, which changes no sign, and moved by a multiple of the
rounding of one factorization: what passes has no eigenvalue below that, so a matrix that is only
semidefinite (a sum of squares of fewer terms than unknowns) passes too.

Higham (2002), "Accuracy and Stability of Numerical Algorithms", 2nd ed., chapter 10.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

__all__ = ["is_positive_semidefinite"]

_ROUNDING = 1e-12  # of the scaled matrix
_DENSE_SIZE = 200  # up to which the matrix is factorized as a dense one
_LARGEST_DENSE = 4000


def is_positive_semidefinite(matrix: Any) -> bool:
    """Whether a symmetric matrix is proven positive semidefinite, to rounding.

    Parameters
    ----------
    matrix : sparse array, shape (n, n)
        Symmetric, both triangles.

    Returns
    -------
    bool
        False also where it could not be decided.

    Examples
    --------
    >>> is_positive_semidefinite(sp.csr_array([[1.0, 1.0], [1.0, 1.0]]))
    True
    >>> is_positive_semidefinite(sp.csr_array([[1.0, 2.0], [2.0, 1.0]]))
    False
    """
    whole = sp.csr_array(matrix, dtype=np.float64)
    if not np.isfinite(whole.data).all():
        return False
    diagonal = whole.diagonal()
    used = np.flatnonzero(diagonal)
    empty = np.flatnonzero(diagonal == 0.0)
    if (diagonal < 0.0).any() or np.any(whole[empty].data):
        return False
    scale = sp.diags_array(1.0 / np.sqrt(diagonal[used]))
    scaled = scale @ whole[used][:, used] @ scale
    if np.any(np.abs(scaled.data) > 1.0 + _ROUNDING):
        return False
    n = used.size
    shift = max(_ROUNDING, 4.0 * n * np.finfo(float).eps)
    return n == 0 or _is_positive_definite(scaled + shift * sp.eye_array(n))


def _is_positive_definite(matrix: Any) -> bool:
    n = matrix.shape[0]
    if n <= _DENSE_SIZE or (matrix.nnz > 0.25 * n * n and n <= _LARGEST_DENSE):
        from scipy.linalg import cholesky  # noqa: PLC0415 - slow to import

        try:
            cholesky(matrix.toarray(), check_finite=False)
        except np.linalg.LinAlgError:
            return False
        return True
    return _pivots_are_positive(sp.csc_array(matrix))


def _pivots_are_positive(matrix: Any) -> bool:
    """Whether a factorization that keeps to the diagonal has positive pivots alone."""
    from scipy.sparse.linalg import splu  # noqa: PLC0415 - slow to import

    symmetric = {"SymmetricMode": True}
    try:
        lu = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=symmetric)
    except (RuntimeError, MemoryError):  # singular, or its factors are too large
        return False
    kept = np.array_equal(lu.perm_r, lu.perm_c)
    return kept and bool((lu.U.diagonal() > 0.0).all())
