"""GMRES for the Newton systems of an integrator: few steps, a loose tolerance, any inner product.

scipy's stops by another norm and costs more for itself than a product with a
sparse Jacobian. Saad, Schultz (1986), "GMRES: a generalized minimal residual algorithm for solving
nonsymmetric linear systems", SIAM J. Sci. Stat. Comput. 7(3).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Gmres"]

Array = NDArray[np.float64]
Rotations: TypeAlias = list[tuple[float, float]]


class Gmres:
    """Solves ``A x = b`` without restarts.

    Parameters
    ----------
    n : int
        Size.
    most : int
        Products with A in one solve.
    """

    def __init__(self, n: int, most: int) -> None:
        self.most = min(most, n)
        self._n = n
        self._basis = np.zeros((2, n))

    def _room(self, count: int) -> Array:
        if count > self._basis.shape[0]:
            wider = np.zeros((min(2 * count, self.most + 1), self._n))
            wider[: self._basis.shape[0]] = self._basis
            self._basis = wider
        return self._basis

    def solve(
        self, product: Callable[[Array], Array], b: Array, tolerance: float
    ) -> tuple[Array, int, bool]:
        """Return x, the products that were made, and whether ``|A x - b| <= tolerance``.

        Parameters
        ----------
        product : callable
            Returns ``A v`` as a fresh array.
        b : ndarray, shape (n,)
            Right-hand side.
        tolerance : float
            Absolute, of the Euclidean norm.
        """
        left = math.sqrt(b @ b)
        if not left > tolerance:
            return np.zeros(self._n), 0, bool(np.isfinite(left))
        self._room(2)[0] = b / left
        columns: list[Array] = []
        rotations: Rotations = []
        sides = [left]
        while len(columns) < self.most:
            k = len(columns)
            basis = self._room(k + 2)
            w = product(basis[k])
            h = basis[: k + 1] @ w
            w -= h @ basis[: k + 1]
            size = math.sqrt(w @ w)
            if not math.isfinite(size):
                return np.full(self._n, np.nan), k + 1, False
            column, last = _rotated(h, size, rotations)
            c, s = rotations[-1]
            sides[k:] = [c * sides[k], -s * sides[k]]
            columns.append(column)
            if abs(sides[-1]) <= tolerance or size == 0.0 or last == 0.0:
                break
            basis[k + 1] = w / size
        x = _back(columns, sides) @ self._basis[: len(columns)]
        return x, len(columns), abs(sides[-1]) <= tolerance


def _rotated(h: Array, size: float, rotations: Rotations) -> tuple[Array, float]:
    """Apply all rotations to a column and add one that removes its last entry."""
    column = h.tolist()
    for i, (c, s) in enumerate(rotations):
        column[i : i + 2] = (
            c * column[i] + s * column[i + 1],
            c * column[i + 1] - s * column[i],
        )
    radius = math.hypot(column[-1], size)
    rotations.append((column[-1] / radius, size / radius) if radius else (1.0, 0.0))
    column[-1] = radius
    return np.array(column), radius


def _back(columns: list[Array], sides: list[float]) -> Array:
    """Solve the triangular system of the rotated columns; no part where a diagonal is zero."""
    count = len(columns)
    right = np.array(sides[:count])
    x = np.zeros(count)
    for k in reversed(range(count)):
        x[k] = right[k] / columns[k][k] if columns[k][k] else 0.0
        right[:k] -= columns[k][:k] * x[k]
    return x
