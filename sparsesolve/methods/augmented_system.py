"""`Augmented`: Levenberg-Marquardt steps from one sparse system of fixed structure.

The nonlinear solver and the least squares solver share it. The step minimizes
``||J d + F||^2 + mu ||D d||^2``; the system

    [ I   J      ] [ r ]   [ -F ]
    [ J' -mu D^2 ] [ d ] = [  0 ]

has the nonzeros of J only (the normal matrix J'J fills where J has a dense row) and its condition
is that of J, not its square. Its structure is symmetric and never changes: one ordering serves.
Bjorck (1996), "Numerical Methods for Least Squares Problems", section 2.5.3.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.methods.sparse_lu import SparseLU
from sparsesolve.structure.pattern import Pattern

__all__ = ["Augmented"]

Array = NDArray[np.float64]

# The damped system is quasidefinite: its diagonal may be the pivot in any order (Vanderbei 1995).
# A small threshold keeps the fill low, and one step of refinement restores the digits.
_DIAGONAL_PIVOT = 1e-3


class Augmented:
    """Steps for Jacobians of one pattern.

    Parameters
    ----------
    pattern : Pattern, shape (m, n)
        Of J.
    """

    def __init__(self, pattern: Pattern) -> None:
        self.m, self.n = pattern.shape
        self._pattern = pattern
        self._lu = SparseLU(symmetric=True, diagonal_pivot=_DIAGONAL_PIVOT)
        self._template: sp.csc_array | None = None
        self._gather = np.empty(0, dtype=np.intp)

    @property
    def factorizations(self) -> int:
        """Number of factorizations so far."""
        return self._lu.factorizations

    def step(self, J: sp.csc_array, F: Array, mu: float, weights: Array | None = None) -> Array:
        """Return the step d.

        Parameters
        ----------
        J : csc_array, shape (m, n)
            Values in the structure of the pattern, sorted.
        F : ndarray, shape (m,)
            Residual.
        mu : float
            Damping, >= 0.
        weights : ndarray, shape (n,), optional
            Squares of the diagonal of D; ones where not given.

        Returns
        -------
        ndarray, shape (n,)
            NaN where the system is singular.
        """
        damping = -mu * (np.ones(self.n) if weights is None else weights)
        # A multiple s of the identity, with -mu / s opposite, leaves d as it is; s near the least
        # singular value of the damped J gives the best condition.
        scale = float(np.clip(np.sqrt(mu), 1e-6, 1e6)) if mu > 0.0 else 1.0
        values = np.concatenate([np.full(self.m, scale), J.data, J.data, damping / scale])
        if self._template is None or self._gather.size != values.size:  # or the pattern has grown
            self._build(J)
        assert self._template is not None
        matrix = sp.csc_array(
            (values[self._gather], self._template.indices, self._template.indptr),
            shape=self._template.shape,
        )
        right = np.concatenate([-F, np.zeros(self.n)])
        factor = self._lu.factor(matrix)
        solution = factor.solve(right)
        if factor.ok:
            solution += factor.solve(right - matrix @ solution)
        return np.asarray(solution[self.m :])

    def _build(self, J: sp.csc_array) -> None:
        """Place numbered values by scipy, in the order in which `step` lists them."""
        m, n, nnz = self.m, self.n, int(J.nnz)
        columns = np.repeat(np.arange(n), np.diff(J.indptr))
        rows = np.concatenate([np.arange(m), J.indices, m + columns, m + np.arange(n)])
        cols = np.concatenate([np.arange(m), m + columns, J.indices, m + np.arange(n)])
        numbers = np.arange(1, m + 2 * nnz + n + 1)
        template = sp.csc_array(sp.coo_array((numbers, (rows, cols)), shape=(m + n, m + n)))
        template.sort_indices()
        self._template = template
        self._gather = template.data.astype(np.intp) - 1
