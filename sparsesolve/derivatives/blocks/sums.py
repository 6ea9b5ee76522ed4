"""Sums of dense blocks and single entries, as the values of one fixed pattern.

Where a block goes is known before any value is. A full matrix, or nearly full one,
is summed as a dense array: its pattern is arithmetic, and is made only when somebody asks for it.
Otherwise each block knows the places of its elements among the values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.blocks.submatrix import as_slice
from sparsesolve.errors import StructureTooLarge
from sparsesolve.host.fork import forkable_property
from sparsesolve.structure.pattern import Pattern

__all__ = ["MOST_FORMED", "BlockSum", "Box"]

Array = NDArray[np.float64]
Ids = NDArray[np.intp]
Box: TypeAlias = tuple[Ids, Ids]
"""Rows and columns of a block, each increasing."""

MOST_FORMED = 2**27  # entries of a matrix: 1 GiB of values
_DENSE = 8  # a pattern with one entry in so many places is summed as a dense array
_MOST_DENSE = 2**26


_Stretch: TypeAlias = tuple[Ids | slice, Ids | slice]
_LONG = 32  # consecutive numbers
_MOST_RUNS = 4


def _stretches(ids: Ids) -> list[_Stretch]:
    """Cut increasing numbers into long runs, whose slices are quick, and the rest.

    Returns
    -------
    list of tuple
        Places and the numbers there.
    """
    ends = np.concatenate([[0], np.flatnonzero(np.diff(ids) != 1) + 1, [ids.size]])
    begins = ends[:-1][np.diff(ends) >= _LONG]
    ends = ends[1:][np.diff(ends) >= _LONG]
    if not begins.size or begins.size > _MOST_RUNS:
        return [(slice(None), as_slice(ids))]
    rest = np.ones(ids.size, dtype=bool)
    found: list[_Stretch] = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        rest[begin:end] = False
        found.append((slice(begin, end), slice(int(ids[begin]), int(ids[begin]) + end - begin)))
    others = np.flatnonzero(rest)
    return [*found, (as_slice(others), as_slice(ids[others]))] if others.size else found


class BlockSum:
    """A matrix that is a sum of blocks, and of entries.

    Parameters
    ----------
    shape : tuple of int
        Of the matrix.
    boxes : sequence of Box
        Where the blocks go.
    rows, columns : ndarray of int
        Where the entries go, without repeats.
    lower : bool, default False
        Whether the values are those of the lower triangle of a symmetric matrix; blocks and entries
        are then those of both triangles.
    """

    def __init__(
        self, shape: tuple[int, int], boxes: Sequence[Box], rows: Ids, columns: Ids, *, lower: bool
    ) -> None:
        self.shape, self.lower = shape, lower
        self.boxes = list(boxes)
        self._entries = rows.astype(np.int64) * shape[1] + columns
        self.is_full = any(r.size == shape[0] and c.size == shape[1] for r, c in boxes)

    @property
    def nnz(self) -> int:
        """Number of entries of the pattern."""
        m, n = self.shape
        if self.is_full:
            return n * (n + 1) // 2 if self.lower else m * n
        return self.pattern.nnz

    @forkable_property
    def pattern(self) -> Pattern:
        """Structure of the values."""
        if self.is_full:
            self.require_formable()
            return Pattern.full(self.shape, lower=self.lower)
        keys = self._keys
        indptr = np.searchsorted(keys, np.arange(self.shape[0] + 1) * np.int64(self.shape[1]))
        columns = (keys % max(1, self.shape[1])).astype(np.int32)
        return Pattern(self.shape, indptr.astype(np.int32), columns)

    @property
    def is_formable(self) -> bool:
        """Whether the matrix is small enough to be formed."""
        return (self.nnz if self.is_full else self._area) <= MOST_FORMED

    @property
    def single(self) -> int:
        """Number of single entries."""
        return int(self._entries.size)

    @property
    def most(self) -> int:
        """Number of entries, at most; known without the pattern."""
        return self.nnz if self.is_full else self._area + self.single

    @property
    def _area(self) -> int:
        return sum(r.size * c.size for r, c in self.boxes)

    def require_formable(self) -> None:
        """Raise where the matrix would have too many entries."""
        if not self.is_formable:
            self._refuse(self.nnz if self.is_full else self._area)

    def _refuse(self, count: float) -> None:
        raise StructureTooLarge(
            f"expected a matrix of at most {MOST_FORMED} entries, got {count:.2g}: a sum couples "
            "most unknowns. Use `as_linear_operator`, whose products do without it."
        )

    @forkable_property
    def _keys(self) -> NDArray[np.int64]:
        """Flat places of all entries of the pattern, increasing."""
        self.require_formable()
        size = self.shape[0] * self.shape[1]
        if size <= _MOST_DENSE:
            mask = np.zeros(size, dtype=bool)
            mask[self._entries] = True
            for rows, columns in self.boxes:
                mask.reshape(self.shape)[np.ix_(rows, columns)] = True
            keys = np.flatnonzero(mask)
        else:
            keys = np.unique(np.concatenate([self._entries, *map(self._places, self.boxes)]))
        return self._below(keys)

    def _places(self, box: Box) -> NDArray[np.int64]:
        rows, columns = box
        return (rows.astype(np.int64)[:, None] * self.shape[1] + columns).reshape(-1)

    def _below(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        if not self.lower:
            return keys
        rows, columns = np.divmod(keys, max(1, self.shape[1]))
        return keys[columns <= rows]

    @forkable_property
    def is_dense(self) -> bool:
        """Whether the sum is a dense array."""
        size = self.shape[0] * self.shape[1]
        return self.is_full or (size <= _MOST_DENSE and self.nnz * _DENSE >= size)

    # ----- dense -----

    def dense(
        self,
        blocks: Iterable[tuple[int, Array]],
        entries: Array | None,
        base: Array | None = None,
    ) -> Array:
        """Return `base` and numbered blocks, each once at most, and the entries, as a dense sum."""
        self.require_formable()
        total: Array | None = None if base is None else base.copy()
        for number, block in blocks:
            total = self._add(total, block, number)
        if total is None:
            total = np.zeros(self.shape)
        return total if entries is None else self.add_single(total, entries)

    def add_single(self, total: Array, entries: Array) -> Array:
        """Add the single entries to a dense array, and return it."""
        total.reshape(-1)[self._entries] += entries
        return total

    def _add(self, total: Array | None, block: Array, number: int) -> Array:
        if total is None:
            if block.shape == self.shape:
                own = block.flags.c_contiguous and block.flags.writeable
                return block if own else np.array(block, order="C")
            total = np.zeros(self.shape)
        for (rows, to_rows), (columns, to_columns) in product(*self._stretches[number]):
            part = block[rows][:, columns]
            if isinstance(to_rows, slice) or isinstance(to_columns, slice):
                total[to_rows, to_columns] += part
            else:
                total[to_rows[:, None], to_columns] += part
        return total

    @forkable_property
    def _stretches(self) -> list[tuple[list[_Stretch], list[_Stretch]]]:
        """Rows and columns of each block, and of the sum, in stretches that are added at once."""
        return [(_stretches(rows), _stretches(columns)) for rows, columns in self.boxes]

    @forkable_property
    def slices(self) -> list[tuple[Ids | slice, Ids | slice]]:
        """Rows and columns of each block, slices where they are consecutive."""
        return [(as_slice(rows), as_slice(columns)) for rows, columns in self.boxes]

    def values(self, dense: Array, out: Array | None = None) -> Array:
        """Return the values of the pattern from the dense array."""
        if not self.is_full:
            return dense.reshape(-1).take(self._keys, out=out, mode="clip")
        if not self.lower:
            if out is None:
                return dense.reshape(-1)
            out[:] = dense.reshape(-1)
            return out
        values = np.empty(self.nnz) if out is None else out
        start = 0
        for row, numbers in enumerate(dense):
            values[start : start + row + 1] = numbers[: row + 1]
            start += row + 1
        return values

    # ----- sparse -----

    def sparse(self, blocks: Iterable[tuple[int, Array]], entries: Array, values: Array) -> None:
        """Write the values of the pattern, from numbered blocks, each once at most."""
        values[:] = 0.0
        for number, block in blocks:
            chosen, places = self._targets[number]
            values[places] += block.reshape(-1)[chosen]
        self.add_entries(values, entries)

    def add_entries(self, values: Array, entries: Array) -> None:
        """Add the single entries to values of the pattern."""
        chosen, places = self._entry_targets
        values[places] += entries[chosen]

    @forkable_property
    def _entry_targets(self) -> tuple[Ids, Ids]:
        return self._target(self._entries)

    @forkable_property
    def _targets(self) -> list[tuple[Ids, Ids]]:
        return [self._target(self._places(box)) for box in self.boxes]

    def _target(self, places: NDArray[np.int64]) -> tuple[Ids, Ids]:
        """Which of some places have values, and where these are."""
        rows, columns = np.divmod(places, max(1, self.shape[1]))
        chosen = np.flatnonzero(columns <= rows) if self.lower else np.arange(places.size)
        if not self.is_full:
            return chosen, np.searchsorted(self._keys, places[chosen])
        if self.lower:
            rows, columns = rows[chosen], columns[chosen]
            return chosen, rows * (rows + 1) // 2 + columns
        return chosen, places[chosen]
