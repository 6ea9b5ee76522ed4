"""``M y' = f(t, y)`` with a constant matrix M as an implicit system.

Separate from `dae`, which traces such systems as a whole: here M is read once, and only f is the
user's function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.problem.bounds import real_array

__all__ = ["MassConstant", "MassSystem", "read_mass_matrix"]

Array = NDArray[np.float64]

_FEW = 40


def read_mass_matrix(given: Any, n: int) -> sp.csc_array:
    """Return a mass matrix as csc, sorted, without explicit zeros.

    Parameters
    ----------
    given : array_like or sparse matrix, shape (n, n)
        Constant.
    n : int
        How many unknowns there are.

    Raises
    ------
    TypeError, ValueError
        If it is complex, has another shape, or is not finite.
    """
    if np.iscomplexobj(given):
        raise TypeError("`mass_matrix` must be real, got complex numbers.")
    if not sp.issparse(given):
        given = np.atleast_1d(real_array("mass_matrix", given))
    matrix = sp.csc_array(given)
    if matrix.shape != (n, n):
        raise ValueError(f"`mass_matrix` must have shape ({n}, {n}), got {matrix.shape}.")
    if matrix.dtype.kind == "c":
        raise TypeError("`mass_matrix` must be real, got complex numbers.")
    matrix = matrix.astype(np.float64)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    matrix.sort_indices()
    if not np.all(np.isfinite(matrix.data)):
        raise ValueError("`mass_matrix` must be finite, got NaN or infinity.")
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    return matrix


class MassConstant:
    """A constant mass matrix as a function.

    Parameters
    ----------
    given : array_like or sparse matrix, shape (n, n)
        See `read_mass_matrix`.
    n : int
        How many unknowns there are.
    """

    def __init__(self, given: Any, n: int) -> None:
        self.matrix = read_mass_matrix(given, n)

    def __call__(self, *args: Any) -> sp.csc_array:
        """Return it."""
        return self.matrix


class MassSystem:
    """``M y' - f(t, y) = 0``.

    Parameters
    ----------
    mass : csc_array, shape (n, n)
        M, from `read_mass_matrix`.
    function, jac : callable
        ``f(t, y)``, and its Jacobian as csc.
    """

    def __init__(
        self,
        mass: sp.csc_array,
        function: Callable[[float, Array], Array],
        jac: Callable[[float, Array], sp.csc_array],
    ) -> None:
        self.mass, self._function, self._jac = mass, function, jac
        # a product with a few numbers costs less than a call of sparse arithmetic
        self._factor = mass.toarray() if mass.shape[0] <= _FEW else mass

    def slopes(self, t: float, y: Array) -> Array:
        """Return f."""
        return self._function(t, y)

    def residual(self, t: float, y: Array, slope: Array) -> Array:
        """Return ``M y' - f``."""
        return np.asarray(self._factor @ slope - self._function(t, y))

    def linearize(self, t: float, y: Array, slope: Array) -> tuple[sp.csc_array, sp.csc_array]:
        """Return M and the Jacobian of f."""
        return self.mass, self._jac(t, y)
