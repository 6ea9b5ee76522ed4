"""Greedy star and acyclic colorings of a graph.

It needs Numba, which is loaded only when a coloring is computed. The graph is an
adjacency structure without loops, each edge stored in both directions.

Both kernels keep, for each vertex w, a *palette*: one entry for each color seen among the colored
neighbors of w, with the two-colored component that the edges from w to that color form (a star, or
a tree). All edges from w to one color lie in one component, so the palette tells everything that a
scan of the neighbors of w would, and a vertex of high degree costs its colors, not its degree.
A kernel gives up, its colors unfinished, once it needs more than `limit` of them. A vertex with
``forced[v] >= 0`` must get that color; where that is not possible, -1 - v is returned. `forced` may
be empty.

Gebremedhin, Tarafdar, Manne, Pothen (2007), "New acyclic and star coloring algorithms with
application to computing Hessians", SIAM Journal on Scientific Computing 29(3), Algorithms 3.1, 4.1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.coloring.kernels import kernel

__all__ = ["greedy_acyclic_coloring", "greedy_star_coloring"]


@kernel
def greedy_star_coloring(
    colors: NDArray[np.int32],
    ptr: NDArray[np.int32],
    index: NDArray[np.int32],
    order: NDArray[np.int32],
    forced: NDArray[np.int32],
    limit: int,
    covering: bool,
) -> int:
    """Color so that neighbors differ and no path of four vertices has only two colors.

    With `covering`, a vertex stays without color (-1) if all of its neighbors have one when its
    turn comes: they tell every entry that it is an end of, because the colors around a vertex that
    has none yet are kept different. The vertices in color are then a cover of the edges.
    """
    n = colors.size
    palette_color = np.empty(index.size, dtype=np.int32)
    palette_star = np.empty(index.size, dtype=np.int32)
    filled = np.zeros(n, dtype=np.int32)
    # The hub of each star; -1 while the star is a single edge, whose either end may become it.
    hub = np.empty(index.size // 2 + 1, dtype=np.int32)
    nstars = 0
    # By color c: the vertex last treated that has a neighbor of color c, which neighbor came first,
    # and the star that joins the two.
    first_owner = np.full(n + 1, -1, dtype=np.int32)
    first_neighbor = np.empty(n + 1, dtype=np.int32)
    first_star = np.empty(n + 1, dtype=np.int32)
    taken = np.full(n + 1, -1, dtype=np.int32)
    treated = np.full(n, -1, dtype=np.int32)
    colors[:] = -1
    ncolors = 0
    for v in order:
        is_covered = covering
        for p in range(ptr[v], ptr[v + 1]):
            w = index[p]
            c = colors[w]
            if c >= 0:
                taken[c] = v
            elif covering:
                is_covered = False
                for q in range(ptr[w], ptr[w + 1]):
                    if colors[index[q]] >= 0:
                        taken[colors[index[q]]] = v
        if is_covered:
            continue
        for p in range(ptr[v], ptr[v + 1]):
            w = index[p]
            c = colors[w]
            if c < 0:
                continue
            if first_owner[c] != v:
                first_owner[c] = v
                first_neighbor[c] = w
                # A star whose hub is the far end must not get a path through w to v.
                for q in range(ptr[w], ptr[w] + filled[w]):
                    h = hub[palette_star[q]]
                    if h >= 0 and h != w:
                        taken[palette_color[q]] = v
                continue
            # v has two neighbors of color c: it becomes a hub, so it must be the only neighbor
            # of its color that any of them has.
            other = first_neighbor[c]
            if treated[other] != v:
                treated[other] = v
                for q in range(ptr[other], ptr[other] + filled[other]):
                    taken[palette_color[q]] = v
            for q in range(ptr[w], ptr[w] + filled[w]):
                taken[palette_color[q]] = v
        own = 0
        if forced.size and forced[v] >= 0:
            own = forced[v]
            if taken[own] == v:
                return -1 - int(v)
        while taken[own] == v:
            own += 1
        colors[v] = own
        ncolors = max(ncolors, own + 1)
        if ncolors > limit:
            return ncolors
        for p in range(ptr[v], ptr[v + 1]):
            w = index[p]
            c = colors[w]
            if c < 0:
                continue
            star = -1
            for q in range(ptr[w], ptr[w] + filled[w]):
                if palette_color[q] == own:
                    star = palette_star[q]
                    break
            is_first = first_neighbor[c] == w
            if star >= 0:
                hub[star] = w
            else:
                if is_first:
                    star = nstars
                    nstars += 1
                    hub[star] = -1
                else:
                    star = first_star[c]
                    hub[star] = v
                q = ptr[w] + filled[w]
                filled[w] += 1
                palette_color[q] = own
                palette_star[q] = star
            if is_first:
                first_star[c] = star
                q = ptr[v] + filled[v]
                filled[v] += 1
                palette_color[q] = c
                palette_star[q] = star
    return ncolors


@kernel
def find_root(parent: NDArray[np.int32], t: int) -> int:
    """Return the representative of the set of `t`, halving the path to it."""
    while parent[t] != t:
        parent[t] = parent[parent[t]]
        t = parent[t]
    return t


@kernel
def greedy_acyclic_coloring(
    colors: NDArray[np.int32],
    ptr: NDArray[np.int32],
    index: NDArray[np.int32],
    order: NDArray[np.int32],
    forced: NDArray[np.int32],
    limit: int,
) -> int:
    """Color so that neighbors differ and every cycle has at least three colors."""
    n = colors.size
    palette_color = np.empty(index.size, dtype=np.int32)
    palette_tree = np.empty(index.size, dtype=np.int32)
    filled = np.zeros(n, dtype=np.int32)
    parent = np.arange(index.size // 2 + 1).astype(np.int32)
    ntrees = 0
    first_owner = np.full(n + 1, -1, dtype=np.int32)
    first_neighbor = np.empty(n + 1, dtype=np.int32)
    first_tree = np.empty(n + 1, dtype=np.int32)
    # By tree: the vertex last treated that touched it, and through which neighbor.
    visitor = np.full(index.size // 2 + 1, -1, dtype=np.int32)
    visited_through = np.empty(index.size // 2 + 1, dtype=np.int32)
    taken = np.full(n + 1, -1, dtype=np.int32)
    colors[:] = -1
    ncolors = 0
    for v in order:
        for p in range(ptr[v], ptr[v + 1]):
            w = index[p]
            c = colors[w]
            if c >= 0:
                taken[c] = v
                if first_owner[c] != v:
                    first_owner[c] = v
                    first_neighbor[c] = w
        for p in range(ptr[v], ptr[v + 1]):
            w = index[p]
            if colors[w] < 0:
                continue
            for q in range(ptr[w], ptr[w] + filled[w]):
                if taken[palette_color[q]] == v:
                    continue
                root = find_root(parent, palette_tree[q])
                if visitor[root] != v:
                    visitor[root] = v
                    visited_through[root] = w
                elif visited_through[root] != w:
                    # v touches this tree twice: its other color would close a cycle.
                    taken[palette_color[q]] = v
        own = 0
        if forced.size and forced[v] >= 0:
            own = forced[v]
            if taken[own] == v:
                return -1 - int(v)
        while taken[own] == v:
            own += 1
        colors[v] = own
        ncolors = max(ncolors, own + 1)
        if ncolors > limit:
            return ncolors
        for p in range(ptr[v], ptr[v + 1]):
            w = index[p]
            c = colors[w]
            if c < 0:
                continue
            tree = -1
            for q in range(ptr[w], ptr[w] + filled[w]):
                if palette_color[q] == own:
                    tree = palette_tree[q]
                    break
            is_first = first_neighbor[c] == w
            if tree < 0:
                if is_first:
                    tree = ntrees
                    ntrees += 1
                else:
                    tree = first_tree[c]
                q = ptr[w] + filled[w]
                filled[w] += 1
                palette_color[q] = own
                palette_tree[q] = tree
            elif not is_first:
                parent[find_root(parent, tree)] = find_root(parent, first_tree[c])
            if is_first:
                first_tree[c] = tree
                q = ptr[v] + filled[v]
                filled[v] += 1
                palette_color[q] = c
                palette_tree[q] = tree
    return ncolors
