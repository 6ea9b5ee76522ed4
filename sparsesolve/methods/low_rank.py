"""`LowRankSum`: a Jacobian as sparse + low rank, and the linear systems of steps with it.

Separate because the matrix itself is never formed: where one sum couples all unknowns it would be
full. A system with it is one with the sparse part, bordered by as many rows and columns as the
rank:

    [ K   P ] [ y ]   [ b ]
    [ Q  -E ] [ t ] = [ 0 ]

which is solved by K's factors and the Schur complement ``E + Q K^-1 P`` (Woodbury 1950, "Inverting
Modified Matrices"; Hager 1989, SIAM Review 31(2)), with refinement. Where K is singular, or the
digits are lost, the bordered matrix is factorized as a whole.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.methods.sparse_lu import Factor, SparseLU

__all__ = ["LowRankAugmented", "LowRankLU", "LowRankSum", "column_squares", "reach", "scaled_rows"]

Array = NDArray[np.float64]

_REFINED = 2  # steps of refinement at most
_ENOUGH = 1e-13  # of the right side: residual of a system that needs none
_LOST = 1e-6  # the same, where digits are lost
_DIAGONAL_PIVOT = 1e-3  # as in `Augmented`


@dataclass(frozen=True, eq=False, slots=True)
class LowRankSum:
    """``S + U V``.

    Parameters
    ----------
    sparse : csc_array, shape (m, n)
        S.
    left : ndarray, shape (m, r)
        U.
    right : ndarray, shape (r, n)
        V.
    """

    sparse: Any
    left: Array
    right: Array

    @classmethod
    def of(cls, found: Any) -> LowRankSum:
        """Put the parts of what a prepared Jacobian gives into one block each."""
        m, n = found.sparse.shape
        left, right = [np.empty((m, 0))], [np.empty((0, n))]
        for rows, tall, wide, columns in found.parts:
            tall, wide = (f.toarray() if sp.issparse(f) else np.asarray(f) for f in (tall, wide))
            left.append(np.zeros((m, tall.shape[1])))
            left[-1][rows] = tall
            right.append(np.zeros((wide.shape[0], n)))
            right[-1][:, columns] = wide
        return cls(sp.csc_array(found.sparse), np.hstack(left), np.vstack(right))

    @property
    def shape(self) -> tuple[int, int]:
        """Of the whole matrix."""
        return self.left.shape[0], self.right.shape[1]

    @property
    def rank(self) -> int:
        """At most the rank of ``U V``."""
        return int(self.left.shape[1])

    @property
    def data(self) -> Array:
        """All numbers in it."""
        return np.concatenate([self.sparse.data, self.left.reshape(-1), self.right.reshape(-1)])

    @property
    def T(self) -> LowRankSum:
        """The transposed matrix."""
        return LowRankSum(self.sparse.T, self.right.T, self.left.T)

    def __matmul__(self, v: Array) -> Array:
        return np.asarray(self.sparse @ v + self.left @ (self.right @ v))


def column_squares(J: Any) -> Array:
    """Return the squared lengths of the columns of a sparse matrix or a `LowRankSum`."""
    if not isinstance(J, LowRankSum):
        J = sp.csc_array(J)
        squares: Array = np.add.reduceat(np.append(J.data**2, 0.0), J.indptr[:-1])
        return np.asarray(np.where(np.diff(J.indptr) == 0, 0.0, squares))
    mixed = np.asarray(J.sparse.T @ J.left) * 2.0 + J.right.T @ (J.left.T @ J.left)
    squares = column_squares(J.sparse) + np.sum(mixed * J.right.T, axis=1)
    return np.maximum(squares, 0.0)


def reach(J: Any, v: Array) -> Array:
    """Return ``abs(J) @ v`` for ``v >= 0``, or somewhat more of a `LowRankSum`."""
    if not isinstance(J, LowRankSum):
        return np.asarray(abs(J) @ v)
    return np.asarray(abs(J.sparse) @ v + np.abs(J.left) @ (np.abs(J.right) @ v))


def scaled_rows(J: Any, weights: Array) -> Any:
    """Return a matrix whose rows are multiplied by weights; a csc_array, or a `LowRankSum`."""
    if isinstance(J, LowRankSum):
        return LowRankSum(scaled_rows(J.sparse, weights), J.left * weights[:, None], J.right)
    J = sp.csc_array(J)
    return sp.csc_array((J.data * weights[J.indices], J.indices, J.indptr), shape=J.shape)


@dataclass(frozen=True, eq=False, slots=True)
class _Bordered:
    """A factorized bordered system; ``solve(b)`` returns y, NaN where it is singular."""

    lu: SparseLU
    core: Any
    above: Array
    below: Array
    corner: Array

    def solve(self, b: Array) -> Array:
        factor = self.lu.factor(self.core)
        if factor.ok:
            found = self._by_complement(factor, b)
            if found is not None:
                return found
        return self._whole(b)

    def _by_complement(self, factor: Any, b: Array) -> Array | None:
        ahead = factor.solve(self.above)
        try:
            inverse = np.linalg.inv(self.corner + self.below @ ahead)
        except np.linalg.LinAlgError:
            return None
        y, t = np.zeros(b.size), np.zeros(inverse.shape[0])
        size = float(np.abs(b).max(initial=0.0))
        for _ in range(1 + _REFINED):
            rest = b - self.core @ y - self.above @ t
            border = self.corner @ t - self.below @ y
            plain = factor.solve(rest)
            step = inverse @ (self.below @ plain - border)
            t += step
            y += plain - ahead @ step
            error = float(np.abs(b - self.core @ y - self.above @ t).max(initial=0.0))
            error = max(error, float(np.abs(self.corner @ t - self.below @ y).max(initial=0.0)))
            if not error > _ENOUGH * size:
                break
        return y if error <= _LOST * size else None

    def _whole(self, b: Array) -> Array:
        parts = [
            [self.core, sp.csc_array(self.above)],
            [sp.csc_array(self.below), sp.csc_array(-self.corner)],
        ]
        matrix = sp.csc_array(sp.block_array(parts))
        right = np.concatenate([b, np.zeros(self.corner.shape[0])])
        factor = SparseLU(symmetric=False).factor(matrix)
        solution = factor.solve(right)
        if factor.ok:
            solution += factor.solve(right - matrix @ solution)
        return np.asarray(solution[: b.size])


class _Factor:
    """As `sparse_lu.Factor`: what a Newton method asks of a factorization."""

    def __init__(self, system: _Bordered) -> None:
        self._system = system
        self.ok = True

    def solve(self, b: Array) -> Array:
        """Return the solution; afterwards `ok` says whether there was one."""
        found = self._system.solve(b)
        self.ok = bool(np.all(np.isfinite(found)))
        return found


class _LastLU(SparseLU):
    """As `SparseLU`; the last matrix is not factorized again: often sums alone are not linear."""

    def __init__(self) -> None:
        super().__init__()
        self._last: tuple[Any, Factor] | None = None

    def factor(self, matrix: Any) -> Factor:
        """Factorize, or return the factorization of the last matrix if this one is equal."""
        if self._last is None or not _are_equal(self._last[0], matrix):
            self._last = matrix.copy(), super().factor(matrix)
        return self._last[1]


def _are_equal(one: Any, other: Any) -> bool:
    pairs = ((getattr(a, name) for a in (one, other)) for name in ("data", "indices", "indptr"))
    return all(np.array_equal(*pair) for pair in pairs)


class LowRankLU:
    """Systems with a square `LowRankSum`; as `SparseLU`."""

    def __init__(self) -> None:
        self._lu = _LastLU()

    def factor(self, J: LowRankSum) -> _Factor:
        """Prepare the system ``J y = b``."""
        return _Factor(_Bordered(self._lu, J.sparse, J.left, J.right, np.eye(J.rank)))


class LowRankAugmented:
    """Damped steps for a `LowRankSum`; as `Augmented`, whose system is bordered twice."""

    def __init__(self) -> None:
        self._lu = SparseLU(symmetric=True, diagonal_pivot=_DIAGONAL_PIVOT)

    def step(self, J: LowRankSum, F: Array, mu: float, weights: Array | None = None) -> Array:
        """Return the step d; arguments and result as in `Augmented.step`."""
        m, n = J.shape
        damping = -mu * (np.ones(n) if weights is None else weights)
        scale = float(np.clip(np.sqrt(mu), 1e-6, 1e6)) if mu > 0.0 else 1.0
        diagonals = sp.diags_array(np.full(m, scale)), sp.diags_array(damping / scale)
        core = sp.block_array([[diagonals[0], J.sparse], [J.sparse.T, diagonals[1]]])
        none, r = np.zeros((n, J.rank)), J.rank
        above = np.block([[J.left, np.zeros((m, r))], [none, J.right.T]])
        corner = np.block([[np.zeros((r, r)), np.eye(r)], [np.eye(r), np.zeros((r, r))]])
        # t holds V d, which U reads, and U' r, which V' reads
        system = _Bordered(self._lu, _sorted(core), above, above.T, corner)
        return system.solve(np.concatenate([-F, np.zeros(n)]))[m:]


def _sorted(matrix: Any) -> Any:
    found = sp.csc_array(matrix)
    found.sort_indices()
    return found
