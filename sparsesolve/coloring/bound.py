"""A number of colors that no coloring of a pattern can go below, by counting.

Separate because it depends on the pattern alone: a search stops there, and a report says how far a
coloring may be from the best.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.structure.pattern import Pattern

__all__ = ["lower_bound"]

_WORTH = 15 / 16  # share of the entries above which a smaller part is not looked at


def lower_bound(pattern: Pattern, structure: str) -> int:
    """Return the bound for a structure; it holds for direct recovery and by substitution.

    Notes
    -----
    Columns: the entries of one row need a product each. Symmetric and bidirectional: k products
    hold no more numbers than the rows (and columns) have places for, counted for the whole pattern
    and, if symmetric, for its densest principal parts, which a coloring of the whole colors too.
    A principal part that is full is a clique: star and acyclic colorings give it a color each.
    Time O(nnz).
    """
    by_row = np.diff(pattern.indptr).astype(np.int64)
    by_column = np.bincount(pattern.indices, minlength=pattern.shape[1])
    if structure == "columns":
        return int(by_row.max(initial=0))
    if structure == "rows":
        return int(by_column.max(initial=0))
    if structure == "symmetric":
        return _symmetric(pattern, by_row)
    return _both(pattern.nnz, by_row, by_column)


def _symmetric(pattern: Pattern, lengths: NDArray[np.int64]) -> int:
    """Bound the products of which each row holds at most one number for each of its entries."""
    best, kept, part = 0, np.ones(lengths.size, dtype=bool), pattern
    while part.nnz:
        lengths = np.diff(part.indptr).astype(np.int64)
        below = int(np.count_nonzero(part.rows > part.indices))
        unknowns = below + int(np.count_nonzero(part.rows == part.indices))
        best = max(best, _fewest(unknowns, lengths))
        present = int(np.count_nonzero(lengths))
        if part.nnz == present * present:
            return max(best, present)
        # Leave out the rows that are short of the average, as long as there are any.
        short = kept & (lengths * np.count_nonzero(kept) < part.nnz)
        if not short.any():
            return best
        kept = kept & ~short
        smaller = part.restrict(kept, kept)
        if smaller.nnz > _WORTH * part.nnz:  # a band would be peeled row by row from its ends
            return best
        part = smaller
    return best


def _fewest(unknowns: int, places: NDArray[np.int64]) -> int:
    """Return the least k for which the sum of ``min(k, places)`` reaches the unknowns."""
    ends = np.sort(places)
    full = np.concatenate(([0], np.cumsum(ends)))
    # With k = ends[i], places up to i are full and the others hold k each.
    reached = full[1:] + ends * (ends.size - 1 - np.arange(ends.size))
    i = int(np.searchsorted(reached, unknowns))
    if i == ends.size:
        return int(ends[-1]) if ends.size else 0
    return -(-(unknowns - int(full[i])) // (ends.size - i))


def _both(nnz: int, by_row: NDArray[np.int64], by_column: NDArray[np.int64]) -> int:
    """Bound p + q, where p products fill rows and q products fill columns."""
    if not nnz:
        return 0
    most = max(np.count_nonzero(by_row), np.count_nonzero(by_column))
    return -(-nnz // int(most))
