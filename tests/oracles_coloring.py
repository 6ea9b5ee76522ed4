"""Slow, obviously right checks of colorings, straight from the definitions, for small patterns."""

from __future__ import annotations

from itertools import combinations, permutations, product

import numpy as np
from numpy.typing import NDArray

from sparsesolve.coloring import Coloring
from sparsesolve.structure.pattern import Pattern

Mask = NDArray[np.bool_]


def is_partial_coloring(mask: Mask, colors: NDArray[np.int32]) -> bool:
    """No two columns of one color share a row; every column with an entry has a color."""
    if any(c < 0 and mask[:, j].any() for j, c in enumerate(colors)):
        return False
    return not any(
        colors[j] == colors[k] >= 0 and (mask[:, j] & mask[:, k]).any()
        for j, k in combinations(range(mask.shape[1]), 2)
    )


def is_proper(mask: Mask, colors: NDArray[np.int32]) -> bool:
    """Neighbors differ in color."""
    return not any(colors[i] == colors[j] for i, j in np.argwhere(mask) if i != j)


def is_star_coloring(mask: Mask, colors: NDArray[np.int32]) -> bool:
    """Neighbors differ, and no path of four vertices has only two colors."""
    n = mask.shape[0]
    return is_proper(mask, colors) and not any(
        mask[a, b]
        and mask[b, c]
        and mask[c, d]
        and colors[a] == colors[c]
        and colors[b] == colors[d]
        for a, b, c, d in permutations(range(n), 4)
    )


def is_acyclic_coloring(mask: Mask, colors: NDArray[np.int32]) -> bool:
    """Neighbors differ, and the vertices of any two colors span a forest."""
    if not is_proper(mask, colors):
        return False
    for one, two in combinations(set(colors.tolist()), 2):
        members = np.flatnonzero((colors == one) | (colors == two))
        edges = np.triu(mask[np.ix_(members, members)], 1).sum()
        if edges != members.size - count_components(mask[np.ix_(members, members)]):
            return False
    return True


def count_components(mask: Mask) -> int:
    """Number of connected components of a small graph."""
    seen: set[int] = set()
    count = 0
    for start in range(mask.shape[0]):
        if start in seen:
            continue
        count += 1
        stack = [start]
        while stack:
            v = stack.pop()
            if v not in seen:
                seen.add(v)
                stack.extend(np.flatnonzero(mask[v]).tolist())
    return count


def is_directly_recoverable(coloring: Coloring) -> bool:
    """Each entry is the only one of its row (or column) within some color."""
    mask = coloring.pattern.to_dense()
    columns, rows = coloring.column_colors, coloring.row_colors
    symmetric = coloring.structure == "symmetric"

    def alone_in_row(i: int, j: int) -> bool:
        return columns[j] >= 0 and sum(mask[i] & (columns == columns[j])) == 1

    def alone_in_column(i: int, j: int) -> bool:
        return rows[i] >= 0 and sum(mask[:, j] & (rows == rows[i])) == 1

    return all(
        (columns.size and alone_in_row(i, j))
        or (rows.size and alone_in_column(i, j))
        or (symmetric and alone_in_row(j, i))
        for i, j in np.argwhere(mask)
    )


def fewest_colors(mask: Mask, valid: object) -> int:
    """Smallest number of colors for which `valid(mask, colors)` holds, by trying all."""
    n = mask.shape[1]
    for count in range(n + 1):
        for colors in product(range(count), repeat=n):
            if valid(mask, np.array(colors, dtype=np.int32)):  # type: ignore[operator]
                return count
    raise AssertionError("one color a vertex is always valid")


def integer_matrix(
    pattern: Pattern, seed: int = 0, *, symmetric: bool = False
) -> NDArray[np.float64]:
    """Small nonzero integers on the pattern: their sums and differences are exact."""
    rng = np.random.default_rng(seed)
    matrix = rng.integers(1, 100, pattern.shape) * pattern.to_dense()
    return (np.tril(matrix) + np.tril(matrix, -1).T if symmetric else matrix).astype(float)
