"""Systems with a traced sparse matrix: `spsolve`, `splu`, `factorized`, `spsolve_triangular`.

The factorization is the derivative as well: with ``A y = b`` and weights g on y,
``w = A^-T g`` are the weights on b, and ``-w[i] y[j]`` the weight on the entry ``A[i, j]``. All of
these are systems with one matrix, factorized once a point.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
import scipy.sparse
from autograd.extend import defvjp
from numpy.typing import NDArray

from sparsesolve.host.imports import importing
from sparsesolve.lower.opaque import kept
from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.naming import named
from sparsesolve.trace.operands import operand
from sparsesolve.trace.primitives import primitive
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line
from sparsesolve.trace.sparse_entries import is_sparse_tracer
from sparsesolve.trace.sparse_tracers import SparseTracer, holds_traced

__all__ = ["System", "sparse_system"]

Whole = NDArray[np.int64]


class System:
    """Where the entries of a square matrix stand, and its factors at the last point.

    Parameters
    ----------
    rows, columns : ndarray of int64
        Of the entries.
    order : int
        Of the matrix.
    """

    def __init__(self, rows: Whole, columns: Whole, order: int) -> None:
        self.rows, self.columns, self.order = rows, columns, order
        self._last: tuple[bytes, Any] | None = None

    def solve(self, entries: NDArray[Any], b: NDArray[Any], transposed: bool) -> NDArray[Any]:
        """Solve with the matrix or its transpose; NaN where it is singular."""
        factors = self._factors(entries)
        kind = np.result_type(entries, b, np.float64)
        if factors is None:
            return np.full(np.shape(b), np.nan, dtype=kind)
        if kind.kind == "c" and entries.dtype.kind != "c":
            parts = [self.solve(entries, part, transposed) for part in (b.real, b.imag)]
            return np.asarray(parts[0] + 1j * parts[1])
        return np.asarray(factors.solve(np.asarray(b, dtype=kind), "T" if transposed else "N"))

    def _factors(self, entries: NDArray[Any]) -> Any:
        key = entries.tobytes()
        last = self._last  # value and derivatives come at one point
        if last is None or last[0] != key:
            with importing():
                from scipy.sparse.linalg import splu  # noqa: PLC0415  (slow to import)

            places = self.rows, self.columns
            matrix = scipy.sparse.csc_array((entries, places), shape=(self.order, self.order))
            try:
                last = self._last = key, splu(matrix)
            except RuntimeError:  # exactly singular
                last = self._last = key, None
        return last[1]


@primitive
def sparse_system(system: System, transposed: bool, entries: Any, b: Any) -> Any:
    """Return the solution of a system whose matrix has some entries."""
    return system.solve(np.asarray(entries), np.asarray(b), transposed)


def _by_entries(
    ans: Any, system: System, transposed: bool, entries: Any, b: Any
) -> Callable[[Any], Any]:
    rows, columns = system.rows, system.columns
    into, out_of = (columns, rows) if transposed else (rows, columns)

    def pull(g: Any) -> Any:
        products = sparse_system(system, not transposed, entries, g)[into] * ans[out_of]
        return -(products if anp.ndim(products) == 1 else anp.sum(products, axis=1))

    return pull


defvjp(
    sparse_system,
    None,
    None,
    _by_entries,
    lambda ans, system, transposed, entries, b: (
        lambda g: sparse_system(system, not transposed, entries, g)
    ),
)
named(sparse_system, "sparse_system")
kept("sparse_system")


class _Factors:
    """What stands for the factors of a matrix with traced entries."""

    def __init__(self, matrix: Any) -> None:
        summed = SparseTracer.of(matrix).summed()
        rows, columns, positions = summed.triplets()
        if summed.ndim != 2 or summed.shape[0] != summed.shape[1]:
            raise ValueError(f"can only factor square matrices, got shape {summed.shape}")
        self.shape = summed.shape
        self._system = System(rows, columns, summed.shape[0])
        self._entries = summed.entries[positions]

    def solve(self, rhs: Any, trans: str = "N") -> Any:
        """Return the solution."""
        if scipy.sparse.issparse(rhs):
            raise refuse(f"a sparse right side at {user_line()}", "Use its .toarray()")
        b = operand(rhs)
        if np.shape(b)[:1] != self.shape[:1]:
            raise ValueError(f"expected {self.shape[0]} rows on the right side, got {np.shape(b)}")
        if trans == "H":
            return anp.conj(self.solve(anp.conj(b), "T"))
        return sparse_system(self._system, trans == "T", self._entries, b)


def _one_column(A: Any, b: Any) -> Any:
    """Solve as `spsolve` does, which makes a vector of a matrix of one column."""
    found = _Factors(A).solve(b)
    return found[:, 0] if np.ndim(found) == 2 and np.shape(found)[1] == 1 else found


@replaces("scipy.sparse.linalg", "spsolve", second=True)
def _spsolve(plain: Callable[..., Any]) -> Callable[..., Any]:
    def solve(A: Any, b: Any, permc_spec: Any = None, use_umfpack: bool = True) -> Any:
        traced = scipy.sparse.issparse(A) and holds_traced(A)
        return _one_column(A, b) if traced else plain(A, b, permc_spec, use_umfpack)

    return solve


@replaces("scipy.sparse.linalg", "spsolve_triangular", second=True)
def _triangular(plain: Callable[..., Any]) -> Callable[..., Any]:
    def solve(A: Any, b: Any, lower: bool = True, *args: Any, **options: Any) -> Any:
        if not holds_traced(A) and not holds_traced(b):
            return plain(A, b, lower, *args, **options)
        matrix = SparseTracer.of(A)
        if options.get("unit_diagonal"):
            matrix = matrix + scipy.sparse.diags_array(1.0 - matrix.diagonal())
        return _Factors(matrix).solve(b)

    return solve


for _name in ("splu", "factorized"):

    @replaces("scipy.sparse.linalg", _name, second=True)
    def _factoring(plain: Callable[..., Any], name: str = _name) -> Callable[..., Any]:
        def factor(A: Any, *args: Any, **options: Any) -> Any:
            if not (is_sparse_tracer(A) or (scipy.sparse.issparse(A) and holds_traced(A))):
                return plain(A, *args, **options)
            return _Factors(A).solve if name == "factorized" else _Factors(A)

        return factor
