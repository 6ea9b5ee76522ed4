"""The graphs behind a coloring: what is colored, and who its neighbors are.

Orders, coloring kernels and recovery all walk the same index arrays. A `Graph`
is two CSR structures walked one after the other (see `order_kernels`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import ColoringError
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.fork import forkable_property
from sparsesolve.structure.pattern import Pattern, frozen_index

__all__ = ["Graph", "adjacency_graph", "augmented_graph", "column_graph"]

Index = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Graph:
    """Vertices 0 .. n - 1; the neighbors of v are reached through `first`, then `second`."""

    n: int
    first_ptr: Index
    first_index: Index
    second_ptr: Index
    second_index: Index

    def __post_init__(self) -> None:
        # All read-only, so that Numba compiles each kernel for one kind of arguments only.
        for name in ("first_ptr", "first_index", "second_ptr", "second_index"):
            object.__setattr__(self, name, frozen_index(getattr(self, name)))

    @property
    def walk(self) -> tuple[Index, Index, Index, Index]:
        """The four index arrays, as the kernels take them."""
        return self.first_ptr, self.first_index, self.second_ptr, self.second_index

    @forkable_property
    def work(self) -> int:
        """Number of steps of a walk from all vertices: the cost of a degree count."""
        lengths = np.diff(self.second_ptr).astype(np.int64)
        return int(lengths[self.first_index].sum())

    def without_long_lists(self, work: int) -> Graph:
        """Empty the longest `second` lists, until a walk takes at most `work` steps."""
        if self.work <= work:
            return self
        lengths = np.diff(self.second_ptr).astype(np.int64)
        steps = lengths * np.bincount(self.first_index, minlength=lengths.size)
        shortest_first = np.argsort(lengths, kind="stable")
        affordable = np.cumsum(steps[shortest_first]) <= work
        kept = np.zeros(lengths.size, dtype=bool)
        kept[shortest_first[affordable]] = True
        second_ptr = frozen_index(np.concatenate(([0], np.cumsum(lengths * kept))))
        second_index = self.second_index[np.repeat(kept, lengths)]
        return Graph(self.n, self.first_ptr, self.first_index, second_ptr, second_index)


def column_graph(pattern: Pattern) -> Graph:
    """Columns, neighbors where they share a row."""
    by_column = pattern.T
    return Graph(
        pattern.shape[1], by_column.indptr, by_column.indices, pattern.indptr, pattern.indices
    )


def adjacency_graph(pattern: Pattern) -> Graph:
    """Rows = columns of a symmetric pattern, neighbors where an off-diagonal entry joins them."""
    if not pattern.is_symmetric:
        raise ColoringError(
            f"structure 'symmetric' needs a symmetric pattern, got one of shape {pattern.shape} "
            "with entries whose mirror is missing. Pass pattern.union(pattern.T), or choose "
            "structure 'columns' or 'rows'."
        )
    rows = pattern.rows
    off = rows != pattern.indices
    return _plain(pattern.shape[0], rows[off], pattern.indices[off])


def augmented_graph(pattern: Pattern) -> Graph:
    """Columns 0 .. n - 1 and rows n .. n + m - 1, neighbors where an entry joins them."""
    m, n = pattern.shape
    by_column = pattern.T
    indptr = np.concatenate((by_column.indptr, by_column.indptr[-1] + pattern.indptr[1:]))
    index = np.concatenate((by_column.indices + np.int32(n), pattern.indices))
    return _with_identity(n + m, frozen_index(indptr), index)


def _plain(n: int, rows: Index, columns: Index) -> Graph:
    """Build a graph from its edges, both directions, sorted by row."""
    indptr = np.zeros(n + 1, dtype=np.int32)
    np.cumsum(np.bincount(rows, minlength=n), out=indptr[1:])
    return _with_identity(n, indptr, np.ascontiguousarray(columns))


def _with_identity(n: int, indptr: Index, index: Index) -> Graph:
    return Graph(n, indptr, index, np.arange(n + 1, dtype=np.int32), np.arange(n, dtype=np.int32))
