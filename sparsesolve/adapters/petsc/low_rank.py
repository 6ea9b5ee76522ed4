"""`SumsOperator`: a sparse matrix and what global sums add to it, a product of two thin matrices.

Separate because a row that reads a sum over all unknowns has an entry for every unknown: such rows
are never formed. With sums ``s = S(x, s)`` and rows ``y(x, s)``, the Jacobian is
``y_x + y_s (I - S_s)^-1 S_x``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.petsc.matrix import Assembly
from sparsesolve.adapters.petsc.needed import SharedSums
from sparsesolve.adapters.petsc.numbering import Numbering
from sparsesolve.adapters.petsc.ranks import Ranks

__all__ = ["SumsOperator"]

Array = NDArray[np.float64]


class SumsOperator:
    """The matrix by which PETSc multiplies; preconditioners see its sparse part.

    Parameters
    ----------
    ranks, numbering : Ranks, Numbering
        Who owns what.
    sums : SharedSums
        The sums.
    assembly : Assembly
        The sparse part, and where the values of the other part are.
    """

    def __init__(
        self,
        ranks: Ranks,
        numbering: Numbering,
        sums: SharedSums,
        assembly: Assembly,
    ) -> None:
        self.ranks, self.sums, sparse = ranks, sums, assembly.matrix
        self._at = assembly.sums.rows, -1 - assembly.sums.columns
        shape = numbering.sizes, (None, sums.count)
        self._left, self._right = (
            ranks.petsc.Mat().createDense(shape, comm=ranks.comm) for _ in range(2)
        )
        for made in (self._left, self._right):
            made.setUp()
            made.assemble()
        self._buffers = ranks.together(lambda: [share.buffer() for share in sums.shares])
        self._column = sparse.createVecRight()
        self.matrix = ranks.petsc.Mat().createLRC(sparse, self._left, None, self._right)

    def fill(
        self, values: Array, x: Any, at: Array, parameters: Sequence[Array], sign: float
    ) -> None:
        """Write the thin factors.

        Parameters
        ----------
        values : ndarray
            Nonzeros of the rows of this rank, those by sums last.
        x : Vec
            Where.
        at : ndarray, shape (k,)
            The sums there.
        parameters : sequence of ndarray
            All other arguments.
        sign : float
            Of J in the matrix.
        """
        left = self._left.getDenseArray()
        left[:] = 0.0
        left[self._at] = sign * values[values.size - self._at[0].size :]
        right = self._right.getDenseArray()
        mutual = np.eye(self.sums.count)
        for k in range(self.sums.count):
            mutual[k] -= self._slopes(k, x, at, parameters)
            right[:, k] = self._column.getArray(readonly=True)
        right[:] = np.linalg.solve(mutual, right.T).T
        for made in (self._left, self._right):
            made.assemble()

    def _slopes(self, k: int, x: Any, at: Array, parameters: Sequence[Array]) -> Array:
        """Put the derivatives of a sum by the unknowns into the column; return those by sums."""
        share, needed = self.sums.shares[k], self.sums.needed[k]
        values = share.refill(self._buffers[k], needed.of(x, at), parameters)
        inputs = np.zeros(share.inputs.size)
        inputs[share.pattern.indices] = values
        self._column.zeroEntries()
        needed.give(inputs[: needed.unknowns.size], self._column)
        mutual = np.zeros(self.sums.count)
        mutual[needed.sums] = inputs[needed.unknowns.size :]
        return np.array([self.ranks.total(float(v)) for v in mutual])
