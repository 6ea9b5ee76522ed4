"""`Pattern`: the structure of a sparse matrix, without values.

Separate because detection makes patterns, coloring reads them and solvers want them, and none of
these should know another. Stored as CSR with sorted, unique column indices, all int32. What takes
a pass over the entries (transpose, hash) is computed once, when first asked for. The arrays are
read-only: matrices share them, and none may change the pattern.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from sparsesolve.errors import ArchiveError, PatternError, StructureTooLarge
from sparsesolve.host.fork import forkable_property
from sparsesolve.host.imports import importing
from sparsesolve.structure.archive import Target, read_archive, write_archive
from sparsesolve.structure.textplot import draw

__all__ = ["Pattern", "frozen_index", "whole_numbers"]


_MOST = int(np.iinfo(np.int32).max)


def whole_numbers(name: str, given: ArrayLike, error: type[Exception]) -> NDArray[np.int64]:
    """Return integers as a flat array; raise where something else was given."""
    array = np.asarray(given).reshape(-1)
    if array.size and array.dtype.kind not in "iu":
        raise error(f"`{name}` must be integers, got {array.dtype}. Use .astype(int) on indices.")
    if array.size and array.dtype == np.uint64 and int(array.max()) > np.iinfo(np.int64).max:
        raise error(f"`{name}` must be below 2**63, got {int(array.max())}.")
    return array.astype(np.int64)


def frozen_index(array: ArrayLike) -> NDArray[np.int32]:
    """Return an int32 view or copy that cannot be written to; `array` itself still can."""
    view = np.ascontiguousarray(array, dtype=np.int32).view()
    view.flags.writeable = False
    return view


def checked_shape(shape: Any) -> tuple[int, int]:
    """Return rows and columns; raise where they are not two sizes that int32 can count."""
    sizes = tuple(shape) if isinstance(shape, Iterable) else (shape,)
    whole = all(isinstance(size, Integral) and not isinstance(size, bool) for size in sizes)
    if len(sizes) != 2 or not whole:
        raise PatternError(f"`shape` must be two whole numbers, got {shape!r}.")
    m, n = (int(size) for size in sizes)
    if m < 0 or n < 0:
        raise PatternError(f"`shape` must not be negative, got {shape}.")
    if max(m, n) > _MOST:
        raise PatternError(f"a pattern has at most {_MOST} rows and columns, got shape {shape}.")
    return m, n


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
        m, n = checked_shape(self.shape)
        indptr, indices = np.asarray(self.indptr), np.asarray(self.indices)
        for name, array in (("indptr", indptr), ("indices", indices)):
            if array.dtype.kind not in "iu" and array.size:
                raise PatternError(f"`{name}` must be integers, got {array.dtype}.")
        if indptr.shape != (m + 1,) or indices.ndim != 1 or int(indptr[-1]) != indices.size:
            raise PatternError(
                f"`indptr` must have shape ({m + 1},) and end with {indices.size}, got shape "
                f"{indptr.shape}. Use Pattern.from_coo or Pattern.from_scipy."
            )
        if indices.size > _MOST:
            raise PatternError(f"a pattern holds fewer than 2**31 entries, got {indices.size}.")
        if indices.size and not 0 <= int(indices.min()) <= int(indices.max()) < n:
            raise PatternError(f"column indices must be in [0, {n}).")
        if int(indptr[0]) != 0 or np.any(indptr[1:] < indptr[:-1]):
            raise PatternError("`indptr` must start with 0 and must not decrease.")
        falls = np.flatnonzero(indices[1:] <= indices[:-1]) + 1
        if not np.all(indptr[np.searchsorted(indptr, falls)] == falls):
            raise PatternError(
                "`indices` must increase within each row, without repeats. Use Pattern.from_coo "
                "or Pattern.from_scipy, which sort and merge."
            )
        object.__setattr__(self, "shape", (m, n))
        object.__setattr__(self, "indptr", frozen_index(indptr))
        object.__setattr__(self, "indices", frozen_index(indices))

    @classmethod
    def known(
        cls, shape: tuple[int, int], indptr: NDArray[np.int32], indices: NDArray[np.int32]
    ) -> Pattern:
        """Take the arrays of a pattern that was checked before."""
        made = object.__new__(cls)
        parts = {"shape": shape, "indptr": frozen_index(indptr), "indices": frozen_index(indices)}
        vars(made).update(parts)
        return made

    @classmethod
    def from_scipy(cls, matrix: Any) -> Pattern:
        """Take the stored entries of any scipy sparse matrix (explicit zeros included)."""
        checked_shape(matrix.shape)
        csr = sp.csr_array(matrix, copy=True)
        csr.data = np.ones(csr.nnz, dtype=np.int8)
        csr.sum_duplicates()
        return cls(
            (int(csr.shape[0]), int(csr.shape[1])),
            csr.indptr.astype(np.int32),
            csr.indices.astype(np.int32),
        )

    @classmethod
    def of(cls, matrix: Any) -> Pattern:
        """Take any matrix: a pattern as it is, stored entries, or a dense array's nonzeros.

        Of what has a pattern, such as a `Jacobian`, that is taken.
        """
        if isinstance(matrix, Pattern):
            return matrix
        known = getattr(matrix, "pattern", None)  # of a derivative, or a coloring
        if isinstance(known, Pattern):
            return known
        return cls.from_scipy(matrix) if sp.issparse(matrix) else cls.from_dense(matrix)

    @classmethod
    def load(cls, source: Target) -> Pattern:
        """Read a pattern that `save` wrote.

        Raises
        ------
        ArchiveError
            If the file is something else, or damaged.
        """
        arrays = read_archive(source, "pattern", ("shape", "indptr", "indices"))
        try:
            m, n = arrays["shape"].tolist()
            return cls((m, n), arrays["indptr"], arrays["indices"])
        except (PatternError, ValueError, TypeError) as error:
            raise ArchiveError(f"expected a valid pattern, got one that is not: {error}") from error

    def save(self, target: Target) -> None:
        """Write the pattern to one compressed npz file (a path or a binary file)."""
        shape: NDArray[np.int64] = np.asarray(self.shape, dtype=np.int64)
        arrays: dict[str, NDArray[Any]] = {
            "shape": shape,
            "indptr": self.indptr,
            "indices": self.indices,
        }
        write_archive(target, "pattern", arrays)

    @classmethod
    def from_matrix_market(cls, source: Any) -> Pattern:
        """Read a file in Matrix Market's format (its path, or a stream); explicit zeros count."""
        with importing():
            from sparsesolve.structure.matrix_market import (  # noqa: PLC0415 - rarely needed
                read_matrix_market,
            )

        return cls.from_coo(*read_matrix_market(source))

    @classmethod
    def from_coo(cls, shape: tuple[int, int], rows: ArrayLike, columns: ArrayLike) -> Pattern:
        """Build from row and column indices in any order; repeats merge."""
        shape = checked_shape(shape)
        i = whole_numbers("rows", rows, PatternError)
        j = whole_numbers("columns", columns, PatternError)
        if i.size != j.size:
            raise PatternError(
                f"`rows` and `columns` must be equally long, got {i.size} and {j.size}."
            )
        if i.size and (i.min() < 0 or j.min() < 0 or i.max() >= shape[0] or j.max() >= shape[1]):
            raise PatternError(f"indices must lie inside shape {shape}.")
        data = np.ones(i.size, dtype=np.int8)
        return cls.from_scipy(sp.coo_array((data, (i, j)), shape=shape))

    @classmethod
    def from_dense(cls, mask: ArrayLike) -> Pattern:
        """Take the nonzero entries of a dense array."""
        if np.asarray(mask).dtype.kind not in "biufc" or np.ndim(mask) not in (1, 2):
            kind = type(mask).__name__
            shape = f" of shape {np.shape(mask)}" if hasattr(mask, "shape") else ""
            raise PatternError(
                f"a matrix was expected, got {kind}{shape}. Pass a Pattern, a matrix of "
                "scipy.sparse, an array of two dimensions, or a derivative such as jacobian(f, x)."
            )
        return cls.from_scipy(sp.csr_array(np.atleast_2d(np.asarray(mask)) != 0))

    @classmethod
    def full(cls, shape: tuple[int, int], *, lower: bool = False) -> Pattern:
        """Take all entries, or with `lower` those with row >= column; nothing is sorted.

        Examples
        --------
        >>> Pattern.full((2, 3)).nnz, Pattern.full((3, 3), lower=True).nnz
        (6, 6)
        """
        m, n = checked_shape(shape)
        lengths = np.minimum(np.arange(1, m + 1), n) if lower else np.full(m, n)
        indptr = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        if int(indptr[-1]) > _MOST:
            raise StructureTooLarge(
                f"a pattern holds fewer than 2**31 entries, got {int(indptr[-1])}."
            )
        numbers = np.arange(n, dtype=np.int32)
        indices = np.empty(int(indptr[-1]), dtype=np.int32)
        for row in range(m):
            indices[indptr[row] : indptr[row + 1]] = numbers[: lengths[row]]
        made = object.__new__(cls)  # right as it is: the checks would take longer than all this
        object.__setattr__(made, "shape", (m, n))
        object.__setattr__(made, "indptr", frozen_index(indptr.astype(np.int32)))
        object.__setattr__(made, "indices", frozen_index(indices))
        return made

    @classmethod
    def from_offsets(cls, shape: tuple[int, int], offsets: Iterable[int]) -> Pattern:
        """Build a band matrix from its diagonals."""
        m, n = checked_shape(shape)
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

    def to_matrix_market(self, target: Any, comment: str = "") -> None:
        """Write the entries to a file in Matrix Market's format, field "pattern"."""
        with importing():
            import scipy.io  # noqa: PLC0415 - slow to import, and rarely needed

        scipy.io.mmwrite(target, self.to_scipy().tocoo(), comment=comment, field="pattern")

    def to_dense(self) -> NDArray[np.bool_]:
        """Return the pattern as a dense boolean array."""
        mask = np.zeros(self.shape, dtype=bool)
        mask[self.rows, self.indices] = True
        return mask

    @forkable_property
    def _transposed(self) -> tuple[Pattern, NDArray[np.int32]]:
        numbered = sp.csr_array(
            (np.arange(self.nnz, dtype=np.int32), self.indices, self.indptr), shape=self.shape
        ).tocsc()
        m, n = self.shape
        return Pattern((n, m), numbered.indptr, numbered.indices), numbered.data

    @property
    def T(self) -> Pattern:
        """The transposed pattern."""
        return self._transposed[0]

    @property
    def csc_order(self) -> NDArray[np.int32]:
        """Entries by column, then row, shape (nnz,): ``data[csc_order]`` belongs to ``T``."""
        return self._transposed[1]

    @forkable_property
    def transposed_places(self) -> NDArray[np.int32]:
        """Place of each entry in the transposed pattern, shape (nnz,)."""
        places = np.empty(self.nnz, dtype=np.int32)
        places[self.csc_order] = np.arange(self.nnz, dtype=np.int32)
        return places

    @forkable_property
    def is_symmetric(self) -> bool:
        """Whether the mirror of every entry is an entry."""
        return self.shape[0] == self.shape[1] and self == self.T

    @forkable_property
    def digest(self) -> str:
        """A hash of shape and entries, the same in every run and on every machine."""
        digest = hashlib.blake2b(np.asarray(self.shape, dtype="<i8").tobytes(), digest_size=16)
        digest.update(self.indptr.astype("<i4", copy=False).data)
        digest.update(self.indices.astype("<i4", copy=False).data)
        return digest.hexdigest()

    @property
    def nbytes(self) -> int:
        """Bytes held by the index arrays."""
        return self.indptr.nbytes + self.indices.nbytes

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Diagonals that hold an entry, increasing: 0 is the main one, positive ones above it."""
        m, n = self.shape
        diagonal = self.indices.astype(np.int64) - self.rows + (m - 1)
        return np.flatnonzero(np.bincount(diagonal, minlength=max(0, m + n - 1))) - (m - 1)

    @property
    def bandwidth(self) -> tuple[int, int]:
        """Numbers of diagonals below and above the main one that the entries reach to."""
        if not self.nnz:
            return 0, 0
        distance = self.indices.astype(np.int64) - self.rows
        return max(0, -int(distance.min())), max(0, int(distance.max()))

    def lower(self) -> Pattern:
        """Return the entries with row >= column."""
        keep = self.rows >= self.indices
        counts = np.concatenate(([0], np.cumsum(keep)))[self.indptr]
        return Pattern(self.shape, counts, self.indices[keep])

    def union(self, other: Pattern) -> Pattern:
        """Return the entries of either pattern."""
        if self.shape != other.shape:
            raise PatternError(f"shapes must agree, got {self.shape} and {other.shape}.")
        return Pattern.from_scipy(self.to_scipy() + other.to_scipy())

    def restrict(self, rows: ArrayLike | None = None, columns: ArrayLike | None = None) -> Pattern:
        """Return the entries of these rows and columns alone, in a matrix of the same shape.

        A coloring of it evaluates only what is wanted: other columns get no color, and other rows
        do not keep columns apart.

        Parameters
        ----------
        rows, columns : array_like of int or bool, optional
            Indices or a mask; all where not given.

        Raises
        ------
        PatternError
            If an index lies outside, or a mask has another length.
        """
        kept = _mask("rows", rows, self.shape[0])[self.rows]
        kept &= _mask("columns", columns, self.shape[1])[self.indices]
        counts = np.concatenate(([0], np.cumsum(kept)))[self.indptr]
        return Pattern(self.shape, counts, self.indices[kept])

    def holds(self, i: int, j: int) -> bool:
        """Whether there is an entry in row i and column j."""
        if not 0 <= i < self.shape[0]:
            return False
        return j in self.indices[self.indptr[i] : self.indptr[i + 1]]

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

    def __repr__(self) -> str:
        m, n = self.shape
        return f"Pattern({m} x {n}, nnz={self.nnz}, density={self.density:.2g})"

    def __str__(self) -> str:
        """Return the size and a picture of at most 60 x 30 characters."""
        return self.text(30)

    def text(self, height: int) -> str:
        """Return the size and a picture of at most 60 characters a line and `height` lines."""
        picture = draw(self.shape, self.rows, self.indices, height=height)
        return f"{self._title()}\n{picture}".rstrip("\n")

    def _title(self) -> str:
        m, n = self.shape
        return f"{m} x {n}, {self.nnz} entries ({100 * self.density:.3g} %)"

    def _repr_html_(self) -> str:
        with importing():
            from sparsesolve.structure.htmlplot import html_picture  # noqa: PLC0415

        picture = html_picture(self.shape, self.rows, self.indices)
        return f"<div>{self._title()}</div>{picture}"


def _mask(name: str, chosen: ArrayLike | None, size: int) -> NDArray[np.bool_]:
    """Turn indices or a mask into a mask of shape (size,)."""
    if chosen is None:
        return np.ones(size, dtype=bool)
    given = np.atleast_1d(np.asarray(chosen))
    if given.dtype == np.bool_:
        if given.shape != (size,):
            raise PatternError(f"a mask for `{name}` must have shape ({size},), got {given.shape}.")
        return given.copy()
    if given.size and not (
        np.issubdtype(given.dtype, np.integer) and -size <= given.min() <= given.max() < size
    ):
        raise PatternError(f"`{name}` must be integers in [0, {size}), got {chosen!r}.")
    mask = np.zeros(size, dtype=bool)
    mask[given.astype(np.intp)] = True
    return mask
