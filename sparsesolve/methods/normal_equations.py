"""`NormalEquations`: Levenberg-Marquardt steps from ``(J'J + mu D^2) d = -J'F``.

Separate from `Augmented`, which gives the same steps: here the system has n unknowns instead of
m + n, which pays where J has many short rows (bundle adjustment, curve fits with many data). Its
condition is the square of J's; the damping bounds it, and one step of refinement with the residual
of the least squares problem restores digits. Bjorck (1996), "Numerical Methods for Least Squares
Problems", section 2.9.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.methods.augmented_system import Augmented
from sparsesolve.methods.sparse_lu import SparseLU
from sparsesolve.structure.pattern import Pattern

__all__ = ["NormalEquations", "damped_system"]

Array = NDArray[np.float64]

_LARGE = 1000  # unknowns and residuals together; below, the better condition is free
_MOST_PRODUCTS = 30  # products of entries of one row, for each entry of J


def damped_system(pattern: Pattern) -> Augmented | NormalEquations:
    """Choose the system for the Jacobians of one pattern by what its products cost."""
    lengths = np.diff(pattern.indptr).astype(np.int64)
    short = int((lengths**2).sum()) <= _MOST_PRODUCTS * pattern.nnz
    if sum(pattern.shape) > _LARGE and pattern.shape[0] > pattern.shape[1] and short:
        return NormalEquations(pattern)
    return Augmented(pattern)


class NormalEquations:
    """Steps for Jacobians of one pattern.

    Parameters
    ----------
    pattern : Pattern, shape (m, n)
        Of J.

    Notes
    -----
    Memory and time a step: the sum of squared row lengths, besides the factorization.
    """

    def __init__(self, pattern: Pattern) -> None:
        self.n = pattern.shape[1]
        self._lu = SparseLU(symmetric=True, diagonal_pivot=0.0)
        place = np.argsort(pattern.csc_order)  # place in a csc_array of each entry, row by row
        lengths = np.diff(pattern.indptr).astype(np.int64)
        first = pattern.indptr[:-1].astype(np.int64)
        count = np.repeat(lengths, lengths)
        left = np.repeat(np.arange(pattern.nnz), count)
        offset = np.arange(left.size) - np.repeat(np.cumsum(count) - count, count)
        right = np.repeat(np.repeat(first, lengths), count) + offset
        rows, columns = pattern.indices[left], pattern.indices[right]
        diagonal = np.arange(self.n)
        rows, columns = np.append(rows, diagonal), np.append(columns, diagonal)
        keys, self._target = np.unique(
            columns.astype(np.int64) * self.n + rows, return_inverse=True
        )
        self._left, self._right = place[left], place[right]
        self._indices = (keys % self.n).astype(np.int32)
        ends = np.cumsum(np.bincount(keys // self.n, minlength=self.n))
        self._indptr = np.concatenate([[0], ends]).astype(np.int32)

    @property
    def factorizations(self) -> int:
        """Number of factorizations so far."""
        return self._lu.factorizations

    def step(self, J: sp.csc_array, F: Array, mu: float, weights: Array | None = None) -> Array:
        """Return the step d; arguments and result as in `Augmented.step`."""
        damping = mu * (np.ones(self.n) if weights is None else weights)
        products = np.append(J.data[self._left] * J.data[self._right], damping)
        data = np.bincount(self._target, products, minlength=self._indices.size)
        matrix = sp.csc_array((data, self._indices, self._indptr), shape=(self.n, self.n))
        factor = self._lu.factor(matrix)
        step = factor.solve(-np.asarray(J.T @ F))
        if factor.ok:
            step -= factor.solve(np.asarray(J.T @ (F + J @ step)) + damping * step)
        return step
