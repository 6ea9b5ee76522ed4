"""`Pattern`: the structure of a sparse matrix, without values.

Separate because detection makes patterns, coloring reads them and solvers want them, and none of
these should know another. Stored as CSR with sorted, unique column indices.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from sparsesolve.errors import PatternError

__all__ = ["Pattern"]


@dataclass(frozen=True, eq=False)
class Pattern:
    """Which entries of an ``(m, n)`` matrix may be nonzero.

    Parameters
    ----------
    shape : tuple of int
        ``(m, n)``.
    indptr : ndarray of int32, shape (m + 1,)
        Row ``i`` holds ``indices[indptr[i]:indptr[i + 1]]``.
    indices : ndarray of int32, shape (nnz,)
        Column of each entry, increasing within a row.

    Examples
    --------
    >>> p = Pattern.from_coo((2, 3), [0, 1, 1], [0, 2, 1])
    >>> p.nnz, p.indices.tolist()
    (3, [0, 1, 2])
    """

    shape: tuple[int, int]
    indptr: NDArray[np.int32]
    indices: NDArray[np.int32]

    def __post_init__(self) -> None:
        m, n = self.shape
        if self.indptr.shape != (m + 1,) or int(self.indptr[-1]) != self.indices.size:
            raise PatternError(
                f"`indptr` must have shape ({m + 1},) and end with {self.indices.size}, got shape "
                f"{self.indptr.shape}. Use Pattern.from_coo or Pattern.from_scipy."
            )
        if self.indices.size and not 0 <= int(self.indices.min()) <= int(self.indices.max()) < n:
            raise PatternError(f"column indices must be in [0, {n}).")

    @classmethod
    def from_scipy(cls, matrix: Any) -> Pattern:
        """Take the stored entries of any scipy sparse matrix (explicit zeros included)."""
        csr = sp.csr_array(matrix, copy=True)
        csr.data = np.ones(csr.nnz, dtype=np.int8)
        csr.sum_duplicates()
        return cls(
            (int(csr.shape[0]), int(csr.shape[1])),
            csr.indptr.astype(np.int32),
            csr.indices.astype(np.int32),
        )

    @classmethod
    def from_coo(cls, shape: tuple[int, int], rows: ArrayLike, columns: ArrayLike) -> Pattern:
        """Build from row and column indices in any order; repeats merge."""
        i = np.asarray(rows, dtype=np.int64).reshape(-1)
        j = np.asarray(columns, dtype=np.int64).reshape(-1)
        if i.size and (i.min() < 0 or j.min() < 0 or i.max() >= shape[0] or j.max() >= shape[1]):
            raise PatternError(f"indices must lie inside shape {shape}.")
        data = np.ones(i.size, dtype=np.int8)
        return cls.from_scipy(sp.coo_array((data, (i, j)), shape=shape))

    @classmethod
    def from_dense(cls, mask: ArrayLike) -> Pattern:
        """Take the nonzero entries of a dense array."""
        return cls.from_scipy(sp.csr_array(np.atleast_2d(np.asarray(mask)) != 0))

    @classmethod
    def from_offsets(cls, shape: tuple[int, int], offsets: Iterable[int]) -> Pattern:
        """Build a band matrix from its diagonals."""
        m, n = shape
        rows, columns = [], []
        for k in offsets:
            i = np.arange(max(0, -k), min(m, n - k))
            rows.append(i)
            columns.append(i + k)
        empty = [np.empty(0, dtype=np.int64)]
        return cls.from_coo(shape, np.concatenate(rows + empty), np.concatenate(columns + empty))

    @property
    def nnz(self) -> int:
        """Number of entries."""
        return int(self.indices.size)

    @property
    def rows(self) -> NDArray[np.int32]:
        """Row of each entry, shape (nnz,)."""
        return np.repeat(np.arange(self.shape[0], dtype=np.int32), np.diff(self.indptr))

    @property
    def density(self) -> float:
        """Share of entries that may be nonzero."""
        return self.nnz / max(1, self.shape[0] * self.shape[1])

    def to_scipy(self, data: ArrayLike | None = None) -> sp.csr_array:
        """Return a csr_array with these indices; all ones where `data` is not given."""
        values = np.ones(self.nnz) if data is None else np.asarray(data)
        return sp.csr_array((values, self.indices, self.indptr), shape=self.shape)

    def to_dense(self) -> NDArray[np.bool_]:
        """Return the pattern as a dense boolean array."""
        mask = np.zeros(self.shape, dtype=bool)
        mask[self.rows, self.indices] = True
        return mask

    @property
    def T(self) -> Pattern:
        """The transposed pattern."""
        return Pattern.from_scipy(self.to_scipy().T)

    def lower(self) -> Pattern:
        """Return the entries with row >= column."""
        keep = self.rows >= self.indices
        return Pattern.from_coo(self.shape, self.rows[keep], self.indices[keep])

    def union(self, other: Pattern) -> Pattern:
        """Return the entries of either pattern."""
        if self.shape != other.shape:
            raise PatternError(f"shapes must agree, got {self.shape} and {other.shape}.")
        return Pattern.from_scipy(self.to_scipy() + other.to_scipy())

    def covers(self, other: Pattern) -> bool:
        """Whether every entry of `other` is an entry of this pattern."""
        return self.shape == other.shape and self.union(other).nnz == self.nnz

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pattern):
            return NotImplemented
        return (
            self.shape == other.shape
            and np.array_equal(self.indptr, other.indptr)
            and np.array_equal(self.indices, other.indices)
        )

    __hash__ = None  # type: ignore[assignment]
