"""Mass matrices: read, and initial values that satisfy the equations without derivatives.

Separate from the method, which wants a start that is consistent. Where M is singular, combinations
of equations hold no derivative: ``L' f(t, y) = 0`` with ``L' M = 0``. The parts of y that M does
not see, ``y + R a`` with ``M R = 0``, are moved until they hold. If these parts are determined by
these equations, which the matrix ``L' J R`` tells, the index of the system is one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import maximum_bipartite_matching

from sparsesolve.methods.sparse_lu import SparseLU

__all__ = ["consistent_start", "read_mass_matrix"]

Array = NDArray[np.float64]

_MOST_DENSE = 1000  # up to this size any singular matrix is taken apart
_MOST_ITERATIONS = 30
_SETTLED = 1e-12
_NEGLIGIBLE = 1e-2  # of what the tolerances allow
_SINGULAR = 1e-13


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
        If it is a function, has another shape, or is not finite.
    """
    if callable(given):
        raise TypeError(
            "`mass_matrix` must be a constant matrix, got a function. Multiply by its inverse in "
            "the right-hand side, or add unknowns for the derivatives."
        )
    matrix = sp.csc_array(given if sp.issparse(given) else np.asarray(given, dtype=np.float64))
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


def consistent_start(
    mass: sp.csc_array,
    fun: Callable[[float, Array], Array],
    jac: Callable[[float, Array], Any],
    t0: float,
    y0: Array,
    allowed: Array,
) -> tuple[Array, tuple[str, ...]]:
    """Return a start that satisfies the equations without derivatives.

    Parameters
    ----------
    mass : csc_array, shape (n, n)
        From `read_mass_matrix`.
    fun, jac : callable
        The right-hand side and its Jacobian, csc.
    t0, y0 : float, ndarray
        The start as given; ``M y0`` is kept.
    allowed : ndarray, shape (n,)
        What counts as an error of one.

    Returns
    -------
    y : ndarray, shape (n,)
        `y0` itself where it is consistent.
    notes : tuple of str
        A note where it was not.

    Raises
    ------
    ValueError
        If the index is greater than one, or no consistent start is found nearby.
    """
    left, right = _null_spaces(mass)
    if not left.shape[1]:
        return y0, ()
    y = y0
    for _ in range(_MOST_ITERATIONS):
        residual = left.T @ fun(t0, y)
        matrix = sp.csc_array(left.T @ jac(t0, y) @ right)
        step = right @ _solved(matrix, -residual, left, right)
        if y is y0 and _size(step / allowed) <= _NEGLIGIBLE:
            return y0, ()
        if not np.all(np.isfinite(step)):
            break
        y = y + step
        if np.all(np.abs(step) <= _SETTLED * np.maximum(np.abs(y), allowed)):
            change = y - y0
            k = int(np.argmax(np.abs(change) / allowed))
            note = (
                f"the start was made consistent with the {left.shape[1]} equations without "
                f"derivatives: y[{k}] moved most, from {y0[k]:g} to {y[k]:g}"
            )
            return y, (note,)
    raise ValueError(
        f"No start near `y0` satisfies the {left.shape[1]} equations without derivatives: Newton's "
        "method does not converge. Give a start that satisfies them."
    )


def _solved(matrix: sp.csc_array, b: Array, left: Any, right: Any) -> Array:
    """Solve for the free parts; where they are not determined, say which."""
    factor = SparseLU().factor(matrix)
    if factor.ok:
        pivots = np.abs(factor.lu.U.diagonal())
        if pivots.min(initial=np.inf) > _SINGULAR * pivots.max(initial=0.0):
            return np.asarray(factor.solve(b))
    raise ValueError(
        f"The {matrix.shape[0]} equations without derivatives do not determine the unknowns that "
        f"`mass_matrix` leaves out{_unmatched(matrix, left, right)}: the index of the system is "
        "greater than one. Differentiate some equations by t, or replace them by their derivatives."
    )


def _unmatched(matrix: sp.csc_array, left: Any, right: Any) -> str:
    """Name equations and unknowns that structure alone leaves over."""
    kept = sp.csr_array(matrix)
    kept.eliminate_zeros()
    columns = maximum_bipartite_matching(kept, perm_type="column")
    rows = np.flatnonzero(columns < 0)
    if not rows.size:
        return ""
    free = np.setdiff1d(np.arange(matrix.shape[1]), columns)
    equation, unknown = (
        int(np.argmax(np.abs(basis[:, [k]].toarray())))
        for basis, k in ((left, rows[0]), (right, free[0]))
    )
    return f" (the first: equation {equation} and unknown {unknown})"


def _null_spaces(mass: sp.csc_array) -> tuple[sp.csc_array, sp.csc_array]:
    """Return bases of what M' and M map to zero, in the columns of sparse matrices."""
    n = mass.shape[0]
    rows = np.setdiff1d(np.arange(n), mass.indices)
    columns = np.flatnonzero(np.diff(mass.indptr) == 0)
    if rows.size == columns.size:
        inner = mass[np.setdiff1d(np.arange(n), rows)][:, np.setdiff1d(np.arange(n), columns)]
        if _is_regular(sp.csc_array(inner)):
            eye = sp.csc_array(sp.eye_array(n))
            return sp.csc_array(eye[:, rows]), sp.csc_array(eye[:, columns])
    if n > _MOST_DENSE:
        raise ValueError(
            f"`mass_matrix` is singular, and with {n} unknowns the equations without derivatives "
            "are looked for among its rows of zeros only. Combine equations so that they are rows "
            "of zeros, and unknowns so that as many columns are."
        )
    U, sizes, V = np.linalg.svd(mass.toarray())
    rank = int(np.sum(sizes > n * np.finfo(float).eps * sizes[0])) if n and sizes[0] > 0 else 0
    return sp.csc_array(U[:, rank:]), sp.csc_array(V[rank:].T)


def _is_regular(matrix: sp.csc_array) -> bool:
    if not matrix.shape[0]:
        return True
    factor = SparseLU().factor(matrix)
    if not factor.ok:
        return False
    pivots = np.abs(factor.lu.U.diagonal())
    return bool(pivots.min() > _SINGULAR * pivots.max())


def _size(x: Array) -> float:
    return float(np.max(np.abs(x), initial=0.0))
