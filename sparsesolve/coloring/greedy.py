"""Greedy colorings of a graph in a named order: arrays in, arrays out.

Separate because it is the one place that calls the coloring kernels; whole colorings, and those of
a part of a pattern, are put together from these.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.coloring.graph import Graph
from sparsesolve.coloring.orders import vertex_order
from sparsesolve.coloring.value import Recovered

__all__ = ["partial_colors", "recolored", "symmetric_colors"]

Colors = NDArray[np.int32]


def partial_colors(graph: Graph, order: str) -> Colors:
    """Color the columns of a `column_graph`; -1 for empty ones."""
    return _color_vertices(graph, vertex_order(graph, order))


def recolored(graph: Graph, colors: Colors, passes: int, enough: int) -> Colors:
    """Color again and again, color class by color class, which never takes more colors.

    The classes come in reverse, by decreasing size, and at random in turn (a fixed sequence, so
    results repeat). Stops after `passes`, or at `enough` colors.

    Culberson (1992), "Iterated greedy graph coloring and the difficulty landscape", University of
    Alberta TR 92-07.
    """
    rng = np.random.default_rng(0)
    for k in range(passes):
        ncolors = int(colors.max(initial=-1)) + 1
        if ncolors <= enough:
            break
        classes = (
            np.arange(ncolors)[::-1],
            np.argsort(-np.bincount(colors[colors >= 0]), kind="stable"),
            rng.permutation(ncolors),
        )[k % 3]
        rank = np.empty(ncolors + 1, dtype=np.int64)
        rank[classes] = np.arange(ncolors)
        # Empty columns, of color -1, find the spare last element.
        rank[-1] = ncolors
        colors = _color_vertices(graph, np.argsort(rank[colors], kind="stable").astype(np.int32))
    return colors


def _color_vertices(graph: Graph, vertices: Colors) -> Colors:
    from sparsesolve.coloring import partial_kernels  # noqa: PLC0415 - numba loads only here

    colors = np.empty(graph.n, dtype=np.int32)
    partial_kernels.greedy_partial_coloring(
        colors,
        graph.second_ptr,
        graph.second_index,
        graph.first_ptr,
        graph.first_index,
        vertices,
    )
    return colors


def symmetric_colors(
    graph: Graph, order: str, recovery: Recovered, limit: int | None = None
) -> Colors | None:
    """Star coloring (direct) or acyclic coloring (substitution) of a graph of plain adjacency.

    None if it needs more than `limit` colors.
    """
    from sparsesolve.coloring import symmetric_kernels  # noqa: PLC0415 - numba loads only here

    kernel = (
        symmetric_kernels.greedy_star_coloring
        if recovery == "direct"
        else symmetric_kernels.greedy_acyclic_coloring
    )
    colors = np.empty(graph.n, dtype=np.int32)
    vertices = vertex_order(graph, order)
    limit = graph.n if limit is None else limit
    ncolors = kernel(colors, graph.first_ptr, graph.first_index, vertices, limit)
    return colors if ncolors <= limit else None
