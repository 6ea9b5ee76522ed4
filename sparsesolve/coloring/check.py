"""`check`: whether the nonzeros of a pattern can be read from products with a coloring.

Separate because it is slow and plain: it asks what the definition asks, and shares nothing with the
algorithms that find colorings or with the recovery.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsesolve.coloring.value import Coloring, Recovered, Structure
from sparsesolve.errors import ColoringError
from sparsesolve.structure.pattern import Pattern

__all__ = ["check"]

Ints = NDArray[np.int64]


def check(
    pattern: Pattern | Any,
    coloring: Coloring | ArrayLike,
    *,
    structure: Structure = "columns",
    recovery: Recovered = "direct",
) -> str:
    """Say why nonzeros cannot be read from the products that a coloring stands for.

    A product with the columns of one color gives, in each row, the sum of the entries there. An
    entry can be read directly if it is alone in such a sum, or in one of the rows of its color, or
    if its mirror is, where the matrix is symmetric; by substitution if it is alone once all that
    was read before is taken away.

    Parameters
    ----------
    pattern : Pattern or any matrix, shape (m, n)
        Where nonzeros may be.
    coloring : Coloring or array_like of int
        A coloring, or the colors alone, as `Coloring.from_colors` takes them.
    structure, recovery : str, optional
        What the colors are of, and how entries are read; with colors alone.

    Returns
    -------
    str
        A sentence about the first entry that cannot be read; empty where all can.

    Raises
    ------
    ColoringError
        If the coloring is of a pattern of another shape.

    Examples
    --------
    >>> check([[1, 1, 0], [0, 1, 1]], [0, 1, 0])
    ''
    >>> check([[1, 1, 0], [0, 1, 1]], [0, 1, 1])
    'entry (1, 1) cannot be read: in row 1, color 1 is that of columns 1, 2'
    """
    given = Pattern.of(pattern)
    if not isinstance(coloring, Coloring):
        colors = coloring
        coloring = Coloring.from_colors(given, colors, structure=structure, recovery=recovery)
    if coloring.pattern.shape != given.shape:
        raise ColoringError(
            f"`coloring` must be of a pattern of shape {given.shape}, got one of "
            f"{coloring.pattern.shape}."
        )
    sums = _Sums(given, coloring)
    known = sums.read(np.zeros(given.nnz, dtype=bool))
    while coloring.recovery == "substitution" and not known.all():
        more = sums.read(known)
        if np.array_equal(more, known):
            break
        known = more
    return "" if known.all() else sums.describe(int(np.flatnonzero(~known)[0]))


class _Sums:
    """For each entry, the sums that hold it: by rows and colors, by columns and colors."""

    def __init__(self, pattern: Pattern, coloring: Coloring) -> None:
        self.coloring = coloring
        self.rows = pattern.rows.astype(np.int64)
        self.columns = pattern.indices.astype(np.int64)
        self.mirror = np.arange(pattern.nnz)
        if coloring.structure == "symmetric":
            self.mirror = np.lexsort((self.rows, self.columns))
        size = max(1, coloring.ncolors)
        self.keys: list[Ints] = []
        if coloring.structure != "rows":
            color = coloring.column_colors[self.columns]
            self.keys.append(np.where(color >= 0, self.rows * size + color, -1))
        if coloring.structure in ("rows", "bidirectional"):
            color = coloring.row_colors[self.rows]
            self.keys.append(np.where(color >= 0, self.columns * size + color, -1))

    def read(self, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return what is known after all sums with one unknown are read."""
        after = known.copy()
        for keys in self.keys:
            open_ = np.flatnonzero(~known & (keys >= 0))
            _, first, count = np.unique(keys[open_], return_index=True, return_counts=True)
            after[open_[first[count == 1]]] = True
        return after | after[self.mirror]

    def describe(self, k: int) -> str:
        """Say what is in the way of an entry."""
        i, j = int(self.rows[k]), int(self.columns[k])
        text = f"entry ({i}, {j}) cannot be read: "
        if self.coloring.structure == "rows":
            return text + self._line("column", j, "row", int(self.coloring.row_colors[i]), k)
        return text + self._line("row", i, "column", int(self.coloring.column_colors[j]), k)

    def _line(self, line: str, number: int, other: str, color: int, k: int) -> str:
        if color < 0:
            return f"its {other} has no color"
        across = self.rows if other == "row" else self.columns
        same = ", ".join(map(str, across[self.keys[0] == self.keys[0][k]]))
        return f"in {line} {number}, color {color} is that of {other}s {same}"
