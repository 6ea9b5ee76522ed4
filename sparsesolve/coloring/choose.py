"""`color`: the public way from a pattern to a `Coloring`.

Separate because it is the one place that knows all structures, orders and kernels. Numba is loaded
here, at the first call, never by importing the package.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.coloring.graph import Graph, adjacency_graph, augmented_graph, column_graph
from sparsesolve.coloring.greedy import partial_colors, recolored, symmetric_colors
from sparsesolve.coloring.neutral import without_neutral_colors
from sparsesolve.coloring.orders import ORDERS
from sparsesolve.coloring.split import split_off_columns, split_off_rows
from sparsesolve.coloring.value import RECOVERIES, STRUCTURES, Coloring, Recovered, Structure
from sparsesolve.pattern import Pattern

__all__ = ["color"]

# Orders beyond the first are tried by "auto" while one walk of the graph stays below this number
# of steps, about a second.
AUTO_WORK = 200_000_000
# Passes of recoloring after "best" and "auto", and the steps that all of them may take.
MAX_PASSES = 60
RECOLOR_WORK = 500_000_000


def color(
    pattern: Pattern | Any,
    *,
    structure: Structure = "columns",
    order: str = "largest-first",
    recovery: Recovered = "direct",
) -> Coloring:
    """Color a sparsity pattern, so that one evaluation serves many columns or rows.

    Parameters
    ----------
    pattern : Pattern or scipy.sparse matrix or array_like, shape (m, n)
        The structure; values are not used (a dense array counts where it is not zero).
    structure : {"columns", "rows", "symmetric", "bidirectional"}, default "columns"
        ``"columns"``: no two columns of one color share a row; one product ``J @ seed`` a color.
        ``"rows"``: the same for the transpose; one product ``J.T @ seed`` a color.
        ``"symmetric"``: star coloring (direct) or acyclic coloring (substitution) of a Hessian.
        ``"bidirectional"``: star or acyclic coloring of columns and rows together, or dense rows
        (or columns) colored by themselves, whichever has fewer colors.
    order : str, default "largest-first"
        "natural", "largest-first", "smallest-last", "incidence-degree", "dynamic-largest-first",
        "best" (all of them, the fewest colors kept; columns and rows are then recolored, class by
        class, as long as that is cheap) or "auto" (the same while one order is cheap).
    recovery : {"direct", "substitution"}, default "direct"
        Each nonzero is one entry of a product, or an entry minus others: fewer colors for
        symmetric and bidirectional, a little more rounding. For columns and rows both are direct.

    Returns
    -------
    Coloring
        ``colors`` has -1 where a column or row needs no evaluation.

    Raises
    ------
    ColoringError
        If `structure` is "symmetric" and the pattern is not.
    ValueError
        If a name is not one of those above.

    Notes
    -----
    Greedy, first fit. Columns: time O(sum of squared row counts), memory O(m + n + nnz), except
    that a row whose colors have no gap costs nothing. Star and acyclic: time O(nnz * ncolors).
    Gebremedhin, Manne, Pothen (2005), Algorithm 3.2; Gebremedhin, Tarafdar, Manne, Pothen (2007),
    Algorithms 3.1 and 4.1.

    Examples
    --------
    >>> from sparsesolve.pattern import Pattern
    >>> tridiagonal = Pattern.from_offsets((6, 6), (-1, 0, 1))
    >>> color(tridiagonal, order="natural").colors.tolist()
    [0, 1, 2, 0, 1, 2]
    >>> color(tridiagonal, structure="symmetric", recovery="substitution").ncolors
    2
    """
    if structure not in STRUCTURES:
        raise ValueError(f"`structure` must be one of {STRUCTURES}, got {structure!r}.")
    if recovery not in RECOVERIES:
        raise ValueError(f"`recovery` must be one of {RECOVERIES}, got {recovery!r}.")
    if order not in (*ORDERS, "best", "auto"):
        raise ValueError(f"`order` must be one of {(*ORDERS, 'best', 'auto')}, got {order!r}.")
    known = _as_pattern(pattern)
    graph = _graph(known, structure)
    names = _orders_to_try(order, graph)
    best = _color_in_order(known, graph, structure, names[0], recovery)
    for name in names[1:]:
        if best.ncolors <= best.lower_bound:
            break
        found = _color_in_order(known, graph, structure, name, recovery)
        best = min(best, found, key=_ncolors)
    return _improved(best, graph) if order in ("best", "auto") else best


def _as_pattern(pattern: Pattern | Any) -> Pattern:
    if isinstance(pattern, Pattern):
        return pattern
    return Pattern.from_scipy(pattern) if sp.issparse(pattern) else Pattern.from_dense(pattern)


def _graph(pattern: Pattern, structure: Structure) -> Graph:
    if structure == "columns":
        return column_graph(pattern)
    if structure == "rows":
        return column_graph(pattern.T)
    return adjacency_graph(pattern) if structure == "symmetric" else augmented_graph(pattern)


def _orders_to_try(order: str, graph: Graph) -> tuple[str, ...]:
    if order == "best" or (order == "auto" and graph.work <= AUTO_WORK):
        return ORDERS
    return ("natural",) if order == "auto" else (order,)


def _color_in_order(
    pattern: Pattern, graph: Graph, structure: Structure, order: str, recovery: Recovered
) -> Coloring:
    """Color greedily in one order; of both sides also by setting dense rows or columns apart."""
    if structure in ("columns", "rows"):
        return _finished(pattern, structure, partial_colors(graph, order), recovery, order)
    split: list[Coloring] = []
    limit = None
    if structure == "bidirectional":
        apart = (split_off_rows(pattern, order), split_off_columns(pattern, order))
        split = [_finished(pattern, structure, colors, recovery, order) for colors in apart]
        # Colors without use are dropped afterwards, hence some room above what has to be beaten.
        # A bound there must be: an arrowhead may need a color for each of its columns.
        limit = 2 * min(coloring.ncolors for coloring in split) + 16
    together = symmetric_colors(graph, order, recovery, limit)
    if together is None:
        return min(split, key=_ncolors)
    _drop_empty(together, pattern, structure)
    found = without_neutral_colors(_finished(pattern, structure, together, recovery, order))
    return min((found, *split), key=_ncolors)


def _improved(best: Coloring, graph: Graph) -> Coloring:
    """Recolor the columns or rows of the best coloring, as often as is cheap."""
    if best.structure not in ("columns", "rows"):
        return best
    passes = min(MAX_PASSES, RECOLOR_WORK // max(1, graph.work))
    colors = recolored(graph, best.colors, passes, best.lower_bound)
    fewer = _finished(best.pattern, best.structure, colors, best.recovery, f"{best.order}, again")
    return min(best, fewer, key=_ncolors)


def _ncolors(coloring: Coloring) -> int:
    return coloring.ncolors


def _finished(
    pattern: Pattern,
    structure: Structure,
    colors: NDArray[np.int32],
    recovery: Recovered,
    order: str,
) -> Coloring:
    """Count the colors, and name the order they were found in."""
    counted = Coloring.from_colors(pattern, colors, structure=structure, recovery=recovery)
    return replace(counted, order=order)


def _drop_empty(colors: NDArray[np.int32], pattern: Pattern, structure: Structure) -> None:
    """Mark the columns and rows without entries as not evaluated."""
    entries = np.bincount(pattern.indices, minlength=pattern.shape[1])
    if structure == "bidirectional":
        entries = np.concatenate((entries, np.diff(pattern.indptr)))
    colors[entries == 0] = -1
