"""The structure of a sparse matrix with traced entries, and what moves them.

Separate because nothing is computed here but sums of entries that have one place. A plain matrix
of whole numbers, which SciPy itself moves about, says where which entry stands; the number k means
entry k - 1. So each rearrangement is SciPy's own, and the structure is what SciPy's would be.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, Self

import autograd.numpy as anp
import numpy as np
import scipy.sparse
from autograd.tracer import isbox
from numpy.typing import NDArray

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.trace.box_errors import NoAttributeError, UnsupportedAttributeError
from sparsesolve.trace.primitives import sparse_matmul
from sparsesolve.trace.sources import user_line
from sparsesolve.trace.writable import current

__all__ = ["SparseEntries", "Whole", "is_sparse_tracer", "row_bounds", "segment_sums"]

Whole = NDArray[np.int64]


def is_sparse_tracer(value: Any) -> bool:
    """Whether a value is a sparse matrix with traced entries."""
    return hasattr(type(value), "triplets")


class SparseEntries:
    """Entries, and where they stand.

    Parameters
    ----------
    numbers : sparse matrix
        Where which entry stands: one more than its position in `entries`; 0 for padding.
    entries : traced vector, or ndarray
        The values.
    """

    def __init__(self, numbers: Any, entries: Any) -> None:
        self.numbers = numbers
        self.entries = entries

    @classmethod
    def of(cls, matrix: Any) -> Any:
        """Take over a plain matrix, whose values may have been replaced by traced ones."""
        if is_sparse_tracer(matrix):
            return matrix
        data = vars(matrix).get("data")
        if isbox(data):
            return cls(*_with_entries(matrix, data))
        coo = matrix.tocoo()
        keep = coo.data != 0
        numbers = np.arange(1, 1 + np.count_nonzero(keep))
        made = type(coo)((numbers, tuple(c[keep] for c in coo.coords)), shape=coo.shape)
        if matrix.format == "coo":
            return cls(made, _real(coo.data[keep]))
        return cls(made, _real(coo.data[keep])).asformat(matrix.format)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What `isinstance` and `issparse` shall see: the class that SciPy would have made."""
        return type(self.numbers)

    # --- structure ---

    shape = property(lambda self: self.numbers.shape)
    ndim = property(lambda self: self.numbers.ndim)
    format = property(lambda self: self.numbers.format)
    nnz = property(lambda self: self.numbers.nnz)
    size = property(lambda self: self.numbers.size)
    dtype = property(lambda self: np.result_type(self.entries))
    indices = property(lambda self: self.numbers.indices)
    indptr = property(lambda self: self.numbers.indptr)
    offsets = property(lambda self: self.numbers.offsets)
    row = property(lambda self: self.numbers.row)
    col = property(lambda self: self.numbers.col)
    coords = property(lambda self: self.numbers.coords)
    T = property(lambda self: self.transpose())

    @property
    def data(self) -> Any:
        """The entries, as SciPy keeps them; they may be assigned into."""
        if self.format in ("lil", "dok"):
            self._refuse(f".data of a {self.format} matrix", "Use .tocsr() before")
        held = self.numbers.data
        in_order = np.arange(1, held.size + 1).reshape(held.shape)
        if np.size(self.entries) != held.size or not np.array_equal(held, in_order):
            self.entries = anp.reshape(self._at(held), (-1,))
            self.numbers.data = in_order
        return anp.reshape(self.entries, held.shape)

    @data.setter
    def data(self, value: Any) -> None:
        self.numbers, self.entries = _with_entries(self.numbers, current(value))

    def triplets(self) -> tuple[Whole, Whole, Whole]:
        """Rows, columns and positions of all entries, repeated places included."""
        coo = self.numbers.tocoo()
        held = coo.data > 0
        rows, columns = coo.coords if coo.ndim == 2 else (np.zeros_like(coo.col), coo.col)
        return (
            rows[held].astype(np.int64),
            columns[held].astype(np.int64),
            coo.data[held].astype(np.int64) - 1,
        )

    def summed(self) -> Self:
        """Sum entries of one place."""
        rows, columns, positions = self.triplets()
        places = rows * self.shape[-1] + columns
        order = np.argsort(places, kind="stable")
        first = np.flatnonzero(np.diff(places[order], prepend=-1))
        if first.size == places.size:
            return self
        segments = np.append(first, places.size)
        entries = segment_sums(self.entries[positions[order]], segments)
        distinct = order[first]
        return self._like(rows[distinct], columns[distinct], entries, self.shape, self.format)

    def _like(self, rows: Whole, columns: Whole, entries: Any, shape: Any, kind: str) -> Self:
        """Make a matrix of triplets in order."""
        is_array = isinstance(self.numbers, scipy.sparse.sparray)
        make = scipy.sparse.coo_array if is_array else scipy.sparse.coo_matrix
        places = (rows, columns) if len(shape) == 2 else (columns,)
        coo = make((np.arange(1, rows.size + 1), places), shape=shape)
        return type(self)(coo, entries).asformat(kind)

    @property
    def _kind(self) -> str:
        """The format in which results come."""
        return "csc" if self.format == "csc" else "csr"

    def _at(self, numbers: Any) -> Any:
        """Gather entries by number; zero where the number is."""
        numbers = np.asarray(numbers, dtype=np.int64)
        if (numbers > 0).all():
            return self.entries[numbers - 1]
        return anp.concatenate([np.zeros(1), self.entries])[numbers]

    def _moved(self, result: Any) -> Any:
        """Make of moved numbers what they stand for: a matrix again, or dense values."""
        if scipy.sparse.issparse(result):
            return type(self)(result, self.entries)
        return self._at(np.asarray(result))

    # --- movement ---

    def asformat(self, format: str | None, copy: bool = False) -> Self:
        """Convert to another format."""
        if format is None or format == self.format:
            return self
        summed = self if format == "coo" else self.summed()
        return type(self)(summed.numbers.asformat(format), summed.entries)

    def toarray(self, order: Any = None, out: None = None) -> Any:
        """Return the dense array."""
        summed = self.summed()
        return summed._moved(summed.numbers.toarray())

    def todense(self, order: Any = None, out: None = None) -> Any:
        """Return the dense array; `np.matrix` is not followed."""
        if not isinstance(self.numbers, scipy.sparse.sparray):
            self._refuse(".todense() of a sparse matrix, an np.matrix", "Use .toarray()")
        return self.toarray()

    def __getitem__(self, index: Any) -> Any:
        summed = self.summed()
        return summed._moved(summed.numbers[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        numbers, value = self._extended(value)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", scipy.sparse.SparseEfficiencyWarning)
            numbers[index] = value

    def setdiag(self, values: Any, k: int = 0) -> None:
        """Set a diagonal."""
        numbers, values = self._extended(values)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", scipy.sparse.SparseEfficiencyWarning)
            numbers.setdiag(values, k)

    def _extended(self, value: Any) -> tuple[Any, Any]:
        """Append values to the entries; return the numbers to write into, and those of the new."""
        summed = self.summed()
        before = np.size(summed.entries)
        self.numbers = summed.numbers.copy()
        if scipy.sparse.issparse(value):
            value = type(self).of(value).toarray()
        value = current(value)
        self.entries = anp.concatenate([summed.entries, anp.reshape(value, (-1,))])
        size = int(np.size(value))
        new = np.arange(before + 1, before + size + 1, dtype=self.numbers.dtype)
        return self.numbers, new.reshape(np.shape(value))[()]

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(self.shape[0]))

    def __len__(self) -> int:
        return len(self.numbers)  # which raises

    # --- what changes nothing that a formula sees ---

    def eliminate_zeros(self) -> None:
        """Keep all places: which values are zero may change."""

    def sum_duplicates(self) -> None:
        """Sum entries of one place."""
        summed = self.summed()
        self.numbers, self.entries = summed.numbers, summed.entries

    def sort_indices(self) -> None:
        """Sort the entries of each row or column."""
        self.numbers = self.numbers.sorted_indices()

    # --- what is refused ---

    def _refuse(self, got: str, fix: str) -> NoReturn:
        raise UnsupportedOperation(
            f"expected operations that can be recorded and differentiated, got {got} at "
            f"{user_line()}. {fix}."
        )

    def __bool__(self) -> bool:
        self._refuse("the truth of a traced sparse matrix", "Compare numbers")

    def __getattr__(self, name: str) -> NoReturn:
        known = hasattr(vars(self).get("numbers"), name) and not name.startswith("_")
        raise (UnsupportedAttributeError if known else NoAttributeError)(
            f"expected what sparse matrices with traced entries have, got `.{name}` at "
            f"{user_line()}. Use .toarray()."
        )

    def __repr__(self) -> str:
        return f"<traced sparse {self.format} {self.shape}, {self.nnz} entries>"


def _movement(name: str) -> Callable[..., Any]:
    def method(self: SparseEntries, *args: Any, **options: Any) -> Any:
        summed = self if name in ("copy", "transpose", "tocoo") else self.summed()
        return summed._moved(getattr(summed.numbers, name)(*args, **options))

    method.__name__ = name
    return method


for _name in (
    *("copy", "diagonal", "getcol", "getrow", "reshape", "tobsr", "tocoo", "tocsc", "tocsr"),
    *("todia", "todok", "tolil", "transpose"),
):
    setattr(SparseEntries, _name, _movement(_name))


def _real(values: NDArray[Any]) -> NDArray[Any]:
    return values if values.dtype.kind == "c" else values.astype(np.float64)


def _with_entries(matrix: Any, data: Any) -> tuple[Any, Any]:
    """Let a matrix of some structure have other values, numbered in order."""
    numbers = matrix.copy() if not isbox(vars(matrix).get("data")) else _emptied(matrix)
    numbers.data = np.arange(1, 1 + np.size(data)).reshape(np.shape(data))
    return numbers, anp.reshape(data, (-1,))


def _emptied(matrix: Any) -> Any:
    """Return a copy whose values, which are no array of NumPy's, are left out."""
    made = object.__new__(type(matrix))
    vars(made).update(vars(matrix))
    return made


def row_bounds(rows: Whole, count: int) -> Whole:
    """Where the entries of each row begin, when they are sorted by row."""
    return np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=count))]).astype(np.int64)


def segment_sums(terms: Any, bounds: Whole) -> Any:
    """Sum consecutive terms, along the first axis."""
    counts = np.diff(bounds)
    if counts.size and (counts == counts[0]).all() and 0 < counts[0] <= 16:
        shape = (counts.size, int(counts[0]), *np.shape(terms)[1:])
        return terms if counts[0] == 1 else anp.sum(anp.reshape(terms, shape), axis=1)
    places = np.arange(bounds[-1])
    sums = scipy.sparse.csr_array(
        (np.ones(places.size), places, bounds), shape=(counts.size, places.size)
    )
    return sparse_matmul(sums, terms)
