"""Vertex orders for greedy coloring, by name.

Every coloring takes every order. An order is an int32 permutation; ties go to the
smaller index or, in the dynamic orders, to the vertex changed last, so results repeat.

Gebremedhin, Nguyen, Patwary, Pothen (2013), "ColPack: Software for graph coloring and related
problems in scientific computing", ACM TOMS 40(1), section 3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.coloring.graph import Graph
from sparsesolve.host.imports import importing
from sparsesolve.options import choice

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


def vertex_order(
    graph: Graph, order: str, seed: int = 0, *, shuffled: bool = False
) -> NDArray[np.int32]:
    """Return the vertices of `graph` in the order of that name, shape (n,).

    Notes
    -----
    "natural" is the order of the indices, "random" a permutation that depends on `seed` alone;
    "largest-first" sorts by number of neighbors. The others choose one vertex after another:
    "smallest-last" removes the vertex with fewest neighbors left and reverses,
    "dynamic-largest-first" removes the one with most, "incidence-degree" takes the one with most
    neighbors already taken, "saturation" the one with most colors among them, and
    "perfect-elimination" searches lexicographically, which is optimal where the graph is chordal.
    Among equals an earlier index comes first at the start; `shuffled` puts the start at random.
    Time `graph.work`, memory O(n); rows so long that this would take more than `MAX_WORK` steps are
    left out of the count of neighbors.
    """
    with importing():
        from sparsesolve.coloring import order_kernels  # noqa: PLC0415 - numba loads only here

    choice("order", order, ORDERS)
    start = np.arange(graph.n, dtype=np.int32)
    if shuffled or order == "random":
        start = np.random.default_rng(seed).permutation(start)
    if order in ("natural", "random"):
        return start
    graph = graph.without_long_lists(MAX_WORK)
    found = np.empty(graph.n, dtype=np.int32)
    if order == "perfect-elimination":
        order_kernels.lexicographic_order(found, start, *graph.walk)
        return found
    degree = np.empty(graph.n, dtype=np.int32)
    order_kernels.count_neighbors(degree, *graph.walk)
    smallest_first = start[np.argsort(-degree[start], kind="stable")][::-1].copy()
    if order == "largest-first":
        return smallest_first[::-1].copy()
    if order == "saturation":
        order_kernels.saturation_order(found, smallest_first, *graph.walk, MAX_WORDS)
    elif order == "smallest-last":
        order_kernels.dynamic_order(found, degree, start, *graph.walk, False, -1)
    elif order == "incidence-degree":
        degree[:] = 0
        order_kernels.dynamic_order(found, degree, smallest_first, *graph.walk, True, 1)
    else:
        order_kernels.dynamic_order(found, degree, start[::-1].copy(), *graph.walk, True, -1)
    # All of these come out last vertex first.
    return found[::-1].copy()
