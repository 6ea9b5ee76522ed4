"""What a weight of the state does to the adjoint of ``M y' = f(t, y)``, where M may be singular.

Separate because it is linear algebra at one time. A weight w of y there adds d to the adjoint:
``M' d = w`` if M is regular. Else a part of w is seen by equations without derivatives alone, whose
multipliers m are a pulse: ``M' d + J' m = w`` and ``M' m = 0``. Of all d the one is wanted that the
adjoint equations without derivatives allow, ``J' d`` in the range of ``M'``.

Cao, Li, Petzold, Serban (2003), "Adjoint sensitivity analysis for differential-algebraic
equations", SIAM J. Sci. Comput. 24(3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

__all__ = ["AdjointJumps"]

Array = NDArray[np.float64]

_MOST_DENSE = 1000  # unknowns of a mass matrix whose null spaces are not unit vectors


class AdjointJumps:
    """Jumps of the adjoint for a constant mass matrix.

    Parameters
    ----------
    mass : csc_array, shape (n, n)
        M.

    Examples
    --------
    An unknown that follows another, ``0 = 2 y[0] - y[1]``: its weight counts twice for that one.

    >>> mass = sp.csc_array(np.diag([1.0, 0.0]))
    >>> step, pulse = AdjointJumps(mass)(np.array([0.0, 1.0]), np.array([[-3.0, 0], [2.0, -1.0]]))
    >>> step.tolist(), pulse.tolist()
    ([2.0, 0.0], [0.0, -1.0])
    """

    def __init__(self, mass: sp.csc_array) -> None:
        rows = np.flatnonzero(np.diff(mass.tocsr().indptr) == 0)
        columns = np.flatnonzero(np.diff(mass.indptr) == 0)
        by_units = rows.size == columns.size and self._by_units(mass, rows, columns)
        if not by_units and mass.shape[0] > _MOST_DENSE:
            raise ValueError(
                f"The adjoint takes a singular mass matrix of more than {_MOST_DENSE} unknowns "
                "only where rows and columns of zeros make it singular. Combine equations and "
                "unknowns so that they do."
            )
        if not by_units:
            self._by_values(mass.toarray())

    def _by_units(self, mass: sp.csc_array, rows: Any, columns: Any) -> bool:
        """Take empty rows and columns for all null vectors; return whether they are."""
        units = sp.eye_array(mass.shape[0], format="csc")
        kept_rows, kept_columns = (
            np.setdiff1d(np.arange(mass.shape[0]), none) for none in (rows, columns)
        )
        rest = sp.csc_array(mass.tocsr()[kept_rows][:, kept_columns])
        solve = _solver(rest)
        if solve is None:
            return False
        self._left, self._right = units[:, rows], units[:, columns]

        def solve_transposed(v: Array) -> Array:
            d = np.zeros(v.size)
            d[kept_rows] = solve(v[kept_columns], "T")
            return d

        self._solve_transposed: Callable[[Array], Array] = solve_transposed
        return True

    def _by_values(self, mass: Array) -> None:
        u, s, vt = np.linalg.svd(mass)
        rank = int(np.sum(s > s.size * np.finfo(float).eps * s.max(initial=0.0)))
        self._left, self._right = sp.csc_array(u[:, rank:]), sp.csc_array(vt[rank:].T)
        self._solve_transposed = lambda v: u[:, :rank] @ ((vt[:rank] @ v) / s[:rank])

    def __call__(self, weight: Array, jacobian: Any) -> tuple[Array, Array]:
        """Return d and m for a weight.

        Parameters
        ----------
        weight : ndarray, shape (n,)
            w.
        jacobian : array or sparse array, shape (n, n)
            J of f there.

        Raises
        ------
        ValueError
            If the index is greater than one there.
        """
        transposed = sp.csc_array(sp.csr_array(jacobian).T)
        if not self._left.shape[1]:
            return self._solve_transposed(weight), np.zeros(weight.size)
        solve = _solver(sp.csc_array(self._right.T @ transposed @ self._left))
        if solve is None:
            raise ValueError("The index of the system is greater than one at a weighted time.")
        pulse = self._left @ solve(self._right.T @ weight, "N")
        step = self._solve_transposed(weight - transposed @ pulse)
        step -= self._left @ solve(self._right.T @ (transposed @ step), "N")
        return step, pulse


def _solver(matrix: sp.csc_array) -> Callable[[Array, str], Array] | None:
    """Return what solves with a matrix or its transpose; None where it is singular."""
    if not matrix.shape[0]:
        return lambda v, _: v
    try:
        factors = splu(matrix)
    except RuntimeError:
        return None
    diagonal = np.abs(factors.U.diagonal())
    if not diagonal.min() > matrix.shape[0] * np.finfo(float).eps * diagonal.max():
        return None
    return lambda v, side: np.asarray(factors.solve(v, trans=side))
