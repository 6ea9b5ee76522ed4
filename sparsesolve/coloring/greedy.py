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

__all__ = ["partial_colors", "symmetric_colors"]


def partial_colors(graph: Graph, order: str) -> NDArray[np.int32]:
    """Color the columns of a `column_graph`; -1 for empty ones."""
    from sparsesolve.coloring import partial_kernels  # noqa: PLC0415 - numba loads only here

    colors = np.empty(graph.n, dtype=np.int32)
    partial_kernels.greedy_partial_coloring(
        colors,
        graph.second_ptr,
        graph.second_index,
        graph.first_ptr,
        graph.first_index,
        vertex_order(graph, order),
    )
    return colors


def symmetric_colors(
    graph: Graph, order: str, recovery: Recovered, limit: int | None = None
) -> NDArray[np.int32] | None:
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
