"""Seeds of compressed products: which columns, and which rows, are added up.

Separate from `recover`, which reads the products: whoever computes them needs the seeds alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.coloring import Coloring, require_coloring
from sparsesolve.errors import StructureMismatch

__all__ = ["compress", "forward_seeds", "reverse_seeds", "seed_chunks"]

Index = NDArray[np.int32]
Block = NDArray[Any]


def forward_seeds(coloring: Coloring, first: int = 0, last: int | None = None) -> Block:
    """Return the seeds of ``J @ seeds`` for colors first .. last - 1, shape (n, last - first)."""
    return _seeds(coloring.column_colors, first, last, coloring.nforward, coloring.pattern.shape[1])


def reverse_seeds(coloring: Coloring, first: int = 0, last: int | None = None) -> Block:
    """Return the seeds of ``J.T @ seeds``, shape (m, last - first); 0 is the first row color."""
    colors = coloring.row_colors - np.int32(coloring.nforward)
    return _seeds(colors, first, last, coloring.nreverse, coloring.pattern.shape[0])


def _seeds(colors: Index, first: int, last: int | None, ncolors: int, size: int) -> Block:
    last = ncolors if last is None else last
    if not 0 <= first <= last <= ncolors:
        raise ValueError(f"colors must be in 0 <= first <= last <= {ncolors}, got {first}, {last}.")
    seeds = np.zeros((size, last - first))
    member = np.flatnonzero((colors >= first) & (colors < last))
    seeds[member, colors[member] - first] = 1.0
    return seeds


def seed_chunks(
    coloring: Coloring, size: int, *, reverse: bool = False
) -> Iterator[tuple[int, int, Block]]:
    """Yield ``first, last, seeds`` for at most `size` colors at a time, to bound memory."""
    if size < 1:
        raise ValueError(f"`size` must be at least 1, got {size}.")
    make, ncolors = forward_seeds, coloring.nforward
    if reverse:
        make, ncolors = reverse_seeds, coloring.nreverse
    for first in range(0, ncolors, size):
        last = min(first + size, ncolors)
        yield first, last, make(coloring, first, last)


def compress(coloring: Coloring, matrix: Any) -> tuple[Block, Block]:
    """Return the products of a known matrix with the seeds of a coloring.

    Parameters
    ----------
    coloring : Coloring
        Says which columns, and which rows, are added up.
    matrix : sparse matrix or ndarray, shape (m, n)
        Entries outside of the pattern of the coloring must be zero, or lie in rows and columns that
        were not wanted.

    Returns
    -------
    forward : ndarray, shape (m, nforward)
        ``matrix @ forward_seeds(coloring)``.
    reverse : ndarray, shape (n, nreverse)
        ``matrix.T @ reverse_seeds(coloring)``.

    Raises
    ------
    StructureMismatch
        If `matrix` has another shape.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsesolve.coloring import color
    >>> matrix = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 4.0]])
    >>> compress(color(matrix), matrix)[0].tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    require_coloring(coloring)
    if np.shape(matrix) != coloring.pattern.shape:
        raise StructureMismatch(
            f"`matrix` must have shape {coloring.pattern.shape}, got {np.shape(matrix)}."
        )
    if coloring.structure == "symmetric" and not _is_symmetric(matrix):
        raise StructureMismatch(
            "`matrix` must be symmetric for a coloring of structure 'symmetric', got one that is "
            "not. Color it by columns or rows."
        )
    return (
        np.asarray(matrix @ forward_seeds(coloring)),
        np.asarray(matrix.T @ reverse_seeds(coloring)),
    )


def _is_symmetric(matrix: Any) -> bool:
    apart = sp.csr_array(matrix != matrix.T)
    nan = sp.csr_array(matrix != matrix)  # a NaN equals nothing, not even its mirror
    return bool(apart.nnz == 0 or (apart.astype(int) - nan.astype(int)).count_nonzero() == 0)
