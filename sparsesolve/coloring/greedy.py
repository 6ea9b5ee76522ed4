"""Greedy colorings of a graph, its vertices in a given order: arrays in, arrays out.

Separate because it is the one place that calls the coloring kernels; whole colorings, and those of
a part of a pattern, are put together from these.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.coloring.graph import Graph
from sparsesolve.coloring.value import Recovered
from sparsesolve.errors import ColoringError
from sparsesolve.host.imports import importing

__all__ = ["class_order", "partial_colors", "symmetric_colors"]

Colors = NDArray[np.int32]
NONE = np.empty(0, dtype=np.int32)


def partial_colors(graph: Graph, vertices: Colors, forced: Colors = NONE) -> Colors:
    """Color the columns of a `column_graph`; -1 for empty ones.

    Raises
    ------
    ColoringError
        If two columns of one forced color share a row.
    """
    with importing():
        from sparsesolve.coloring import partial_kernels  # noqa: PLC0415 - numba loads only here

    colors = np.empty(graph.n, dtype=np.int32)
    ncolors = partial_kernels.greedy_partial_coloring(
        colors,
        graph.second_ptr,
        graph.second_index,
        graph.first_ptr,
        graph.first_index,
        vertices,
        forced,
    )
    _refuse_conflict(ncolors, forced)
    return colors


def symmetric_colors(
    graph: Graph,
    vertices: Colors,
    recovery: Recovered,
    forced: Colors = NONE,
    limit: int | None = None,
    *,
    covering: bool = False,
) -> Colors | None:
    """Star coloring (direct) or acyclic coloring (substitution) of a graph of plain adjacency.

    With `covering`, which is for star colorings, vertices whose neighbors tell all stay without
    color. None if it needs more than `limit` colors.

    Raises
    ------
    ColoringError
        If the forced colors do not allow such a coloring.
    """
    with importing():
        from sparsesolve.coloring import symmetric_kernels  # noqa: PLC0415 - numba loads only here

    colors = np.empty(graph.n, dtype=np.int32)
    limit = graph.n if limit is None else limit
    arguments = colors, graph.first_ptr, graph.first_index, vertices, forced, limit
    if recovery == "direct":
        ncolors = symmetric_kernels.greedy_star_coloring(*arguments, covering)
    else:
        ncolors = symmetric_kernels.greedy_acyclic_coloring(*arguments)
    _refuse_conflict(ncolors, forced)
    return colors if ncolors <= limit else None


def class_order(colors: Colors, k: int, rng: np.random.Generator) -> Colors:
    """Order vertices by color, the classes in reverse, by decreasing size, or at random in turn.

    Coloring columns again in such an order never takes more colors, because a class has no
    neighbors within itself. (A star or acyclic coloring may.)

    Culberson (1992), "Iterated greedy graph coloring and the difficulty landscape", University of
    Alberta TR 92-07.
    """
    ncolors = int(colors.max(initial=-1)) + 1
    classes = (
        np.arange(ncolors)[::-1],
        np.argsort(-np.bincount(colors[colors >= 0], minlength=ncolors), kind="stable"),
        rng.permutation(ncolors),
    )[k % 3]
    rank = np.empty(ncolors + 1, dtype=np.int64)
    rank[classes] = np.arange(ncolors)
    # Empty columns, of color -1, find the spare last element.
    rank[-1] = ncolors
    return np.argsort(rank[colors], kind="stable").astype(np.int32)


def _refuse_conflict(ncolors: int, forced: Colors) -> None:
    if ncolors < 0:
        v = -1 - ncolors
        raise ColoringError(
            f"the forced colors cannot stand together: number {v} may not have color "
            f"{int(forced[v])} beside the others. Leave it free (-1), or give it another color."
        )
