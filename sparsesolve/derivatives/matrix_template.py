"""From values in the order of a pattern to matrices of one kind: sparse, or dense.

Jacobians, Hessians and the derivatives of a problem make them in the same way, and their cost
counts: for small matrices it is more than that of the values.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.options import Format
from sparsesolve.structure.pattern import Pattern

__all__ = ["DenseTemplate", "MatrixTemplate", "RowOfNumber", "Template", "template_of"]

Array = NDArray[np.float64]


class Template(Protocol):
    """Makes a matrix of values."""

    def __call__(self, values: Array) -> Any:
        """Return a matrix with these values, in the order of the pattern."""
        ...


def template_of(pattern: Pattern, format: Format, *, of_number: bool = False) -> Template:
    """Return what makes matrices.

    Parameters
    ----------
    pattern : Pattern
        Their structure.
    format : {"csr", "csc", "dense"}
        Their kind.
    of_number : bool, optional
        Whether they have one row since the function returns a number, no array. Default is False.
    """
    if format == "dense":
        return DenseTemplate(pattern, flat=of_number)
    return MatrixTemplate(pattern, format, of_number=of_number)


class RowOfNumber(sp.csr_array):  # type: ignore[misc]  # scipy has no types
    """The Jacobian of a function that returns a number, which is no gradient yet."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """Raise where no object is wanted: NumPy would make one, and solvers complain of that."""
        if dtype is not None and np.dtype(dtype).hasobject:  # as `vstack` asks for
            held = np.empty((), dtype=object)
            held[()] = self
            return held
        raise TypeError(
            "expected an array, got the sparse Jacobian of a function that returns a number. Use "
            "sparsesolve.gradient, or jacobian(..., format='dense'), where a gradient is wanted, "
            "and .toarray() to look at it."
        )


class MatrixTemplate:
    """Makes matrices of one pattern: fresh data, shared read-only indices.

    A shallow copy of one prepared matrix, made as `copy.copy` makes it, skips the checks of scipy's
    constructor, which for small matrices cost more than the values.
    """

    def __init__(
        self, pattern: Pattern, format: Format = "csr", *, of_number: bool = False
    ) -> None:
        csr = pattern.to_scipy(np.empty(pattern.nnz))  # pages that nobody touches
        self.order: NDArray[np.int32] | None = None
        if format == "csc":
            self.order = pattern.csc_order
            matrix: Any = csr.tocsc()
        else:
            matrix = RowOfNumber(csr) if of_number else csr
        matrix.has_canonical_format = True
        matrix.data = matrix.data[:0].copy()  # each matrix has its own
        self._kind = type(matrix)
        self._attributes = vars(matrix)
        for part in (matrix.indices, matrix.indptr):
            part.flags.writeable = False

    def __call__(self, values: Array) -> Any:
        """Return a matrix that owns `values`, which are given in the order of the pattern."""
        matrix = object.__new__(self._kind)
        vars(matrix).update(self._attributes)
        matrix.data = values if self.order is None else values.take(self.order)
        return matrix


class DenseTemplate:
    """Makes arrays of one pattern.

    Parameters
    ----------
    pattern : Pattern
        Where the values go.
    flat : bool, optional
        Whether a matrix of one row is an array of one dimension. Default is False.
    """

    def __init__(self, pattern: Pattern, *, flat: bool = False) -> None:
        m, n = pattern.shape
        self._shape = (n,) if flat else (m, n)
        self._full = pattern.nnz == m * n
        self._places = None if self._full else pattern.rows.astype(np.int64) * n + pattern.indices

    def __call__(self, values: Array) -> Array:
        """Return an array with these values, zero elsewhere."""
        if self._places is None:
            return values.reshape(self._shape)
        matrix = np.zeros(self._shape)
        matrix.reshape(-1)[self._places] = values
        return matrix
