"""`Pencil`: ``w M - J`` in one fixed structure.

Implicit integrators form such matrices at every change of the step, with new
weights mostly, new values sometimes, and a new structure hardly ever.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

__all__ = ["Pencil"]


class Pencil:
    """``w M - J`` in one fixed structure.

    Parameters
    ----------
    mass, jacobian : csc_array, shape (n, n)
        Fix the structure; their values do not matter.
    """

    def __init__(self, mass: Any, jacobian: Any) -> None:
        n = int(mass.shape[0])
        keys = [
            np.repeat(np.arange(n, dtype=np.int64), np.diff(part.indptr)) * n + part.indices
            for part in (mass, jacobian)
        ]
        union = np.union1d(*keys)
        counts = np.bincount(union // max(n, 1), minlength=n)
        self._indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        self._indices = (union % max(n, 1)).astype(np.int32)
        self._mass, self._jacobian = (np.searchsorted(union, key) for key in keys)
        self._n = n

    def fits(self, mass: Any, jacobian: Any) -> bool:
        """Whether matrices have this structure still; a branch may have made it grow."""
        return bool(self._mass.size == mass.nnz and self._jacobian.size == jacobian.nnz)

    def __call__(self, weight: complex, mass: Any, jacobian: Any) -> sp.csc_array:
        """Return the matrix for new values, real where `weight` is."""
        kind = np.result_type(np.asarray(weight).dtype, np.float64)
        data = np.zeros(self._indices.size, dtype=kind)
        data[self._mass] = weight * mass.data
        data[self._jacobian] -= jacobian.data
        return sp.csc_array((data, self._indices, self._indptr), shape=(self._n, self._n))
