"""Vertex orders for greedy coloring, by name.

Separate because every coloring takes every order. An order is an int32 permutation; ties go to the
smaller index or, in the dynamic orders, to the vertex changed last, so results repeat.

Gebremedhin, Nguyen, Patwary, Pothen (2013), "ColPack: Software for graph coloring and related
problems in scientific computing", ACM TOMS 40(1), section 3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.coloring.graph import Graph

__all__ = ["ORDERS", "vertex_order"]

ORDERS: tuple[str, ...] = (
    "natural",
    "random",
    "largest-first",
    "smallest-last",
    "incidence-degree",
    "dynamic-largest-first",
    "perfect-elimination",
    "saturation",
)

# Steps that an order may take, some seconds; it is a heuristic, and no result depends on it.
MAX_WORK = 1_000_000_000
# Words of memory for the colors near each vertex.
MAX_WORDS = 2**24


def vertex_order(graph: Graph, order: str, seed: int = 0) -> NDArray[np.int32]:
    """Return the vertices of `graph` in the order of that name, shape (n,).

    Notes
    -----
    "natural" is the order of the indices, "random" a permutation that depends on `seed` alone;
    "largest-first" sorts by number of neighbors. The others choose one vertex after another:
    "smallest-last" removes the vertex with fewest neighbors left and reverses,
    "dynamic-largest-first" removes the one with most, "incidence-degree" takes the one with most
    neighbors already taken, "saturation" the one with most colors among them, and
    "perfect-elimination" searches lexicographically, which is optimal where the graph is chordal.
    Time `graph.work`, memory O(n); rows so long that this would take more than `MAX_WORK` steps are
    left out of the count of neighbors.
    """
    from sparsesolve.coloring import order_kernels  # noqa: PLC0415 - numba loads only here

    natural = np.arange(graph.n, dtype=np.int32)
    if order == "natural":
        return natural
    if order == "random":
        return np.random.default_rng(seed).permutation(natural)
    if order not in ORDERS:
        raise ValueError(f"`order` must be one of {ORDERS}, got {order!r}.")
    graph = graph.without_long_lists(MAX_WORK)
    found = np.empty(graph.n, dtype=np.int32)
    if order == "perfect-elimination":
        order_kernels.lexicographic_order(found, natural, *graph.walk)
        return found
    degree = np.empty(graph.n, dtype=np.int32)
    order_kernels.count_neighbors(degree, *graph.walk)
    largest_first = np.argsort(-degree, kind="stable").astype(np.int32)
    if order == "largest-first":
        return largest_first
    if order == "saturation":
        order_kernels.saturation_order(found, largest_first, *graph.walk, MAX_WORDS)
    elif order == "smallest-last":
        order_kernels.dynamic_order(found, degree, natural, *graph.walk, False, -1)
        found = found[::-1].copy()
    elif order == "incidence-degree":
        degree[:] = 0
        order_kernels.dynamic_order(found, degree, largest_first, *graph.walk, True, 1)
    else:
        order_kernels.dynamic_order(found, degree, natural, *graph.walk, True, -1)
    return found
