"""Projection of a state onto equations that it should satisfy.

Separate from Newton's method for roots: there are fewer equations than unknowns, and of all
solutions the nearest is wanted, in units of what counts as an error of one.

Eich (1993), "Convergence results for a coordinate projection method applied to mechanical systems
with algebraic constraints", SIAM J. Numer. Anal. 30(5).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.methods.sparse_lu import SparseLU

__all__ = ["KeptEquations", "Projection"]

Array = NDArray[np.float64]

_SETTLED = 1e-6  # size of a Newton step, in units of the error, after which the next is nothing
_ROUNDING = 1e-13
_FEW = 60  # unknowns up to which dense arithmetic is faster


class KeptEquations(Protocol):
    """Fewer equations than unknowns."""

    def value(self, t: float, y: Array) -> Array:
        """Return what should vanish."""
        ...

    def matrix(self, t: float, y: Array) -> sp.csc_array:
        """Return the derivative of that by y."""
        ...


class Projection:
    """Moves states to the nearest that satisfy some equations.

    Parameters
    ----------
    equations : KeptEquations
        Independent of each other.
    most : int, default 8
        How many Newton steps are taken.

    Examples
    --------
    The nearest point of a circle:

    >>> class Circle:
    ...     def value(self, t, y):
    ...         return np.array([y @ y - 1.0])
    ...     def matrix(self, t, y):
    ...         return sp.csc_array(2.0 * y[None])
    >>> Projection(Circle())(0.0, np.array([3.0, 4.0]), np.ones(2))
    array([0.6, 0.8])
    """

    def __init__(self, equations: KeptEquations, most: int = 8) -> None:
        self._equations, self._most = equations, most
        self._maker = SparseLU(symmetric=False)

    def __call__(self, t: float, y: Array, scale: Array) -> Array | None:
        """Return the state; None where Newton's method finds none, or is given what is not finite.

        Parameters
        ----------
        t : float
            Time.
        y : ndarray, shape (n,)
            State.
        scale : ndarray, shape (n,)
            By how much each unknown moves equally willingly; positive.
        """
        for _ in range(self._most):
            step = self._step(t, y, scale)
            if step is None:
                return None
            y = y + scale * step
            size = float(np.max(np.abs(step), initial=0.0))
            small = np.all(np.abs(scale * step) <= _ROUNDING * np.abs(y))
            if size <= _SETTLED or small:
                return y
        return None

    def _step(self, t: float, y: Array, scale: Array) -> Array | None:
        """Return the shortest Newton step, in units of `scale`."""
        value, matrix = self._equations.value(t, y), self._equations.matrix(t, y)
        if not (np.all(np.isfinite(value)) and np.all(np.isfinite(matrix.data))):
            return None
        solve = _few if y.size <= _FEW else self._many
        step = solve(matrix, -value, scale)
        return step if step is not None and np.all(np.isfinite(step)) else None

    def _many(self, matrix: sp.csc_array, right: Array, scale: Array) -> Array | None:
        scaled = sp.csr_array(matrix @ sp.diags_array(scale))
        sizes = np.ravel(abs(scaled).max(axis=1).toarray())
        if not np.all(sizes > 0.0):
            return None
        rows = sp.csr_array(sp.diags_array(1.0 / sizes) @ scaled)
        augmented = sp.block_array([[sp.eye_array(scale.size), rows.T], [rows, None]], format="csc")
        factor = self._maker.factor(augmented)
        if not factor.ok:
            return None
        return np.asarray(factor.solve(np.concatenate([0.0 * scale, right / sizes]))[: scale.size])


def _few(matrix: sp.csc_array, right: Array, scale: Array) -> Array | None:
    """Return the shortest solution by dense arithmetic."""
    rows = matrix.toarray() * scale
    sizes = np.max(np.abs(rows), axis=1, initial=0.0)
    if not np.all(sizes > 0.0):
        return None
    return np.asarray(np.linalg.lstsq(rows / sizes[:, None], right / sizes)[0])
