"""`color`: the public way from a pattern to a `Coloring`.

Separate because it is the one place that checks what is asked for: structures, orders, colors that
are given. Numba is loaded at the first call, never by importing the package.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsesolve.coloring.bound import lower_bound
from sparsesolve.coloring.graph import Graph, adjacency_graph, augmented_graph, column_graph
from sparsesolve.coloring.greedy import NONE
from sparsesolve.coloring.orders import ORDERS
from sparsesolve.coloring.search import Budget, ColoringTask, search
from sparsesolve.coloring.value import (
    RECOVERIES,
    STRUCTURES,
    Coloring,
    Recovered,
    Structure,
    renumbered,
)
from sparsesolve.errors import ColoringError
from sparsesolve.host.words import known_keywords
from sparsesolve.options import choice
from sparsesolve.structure.pattern import Pattern

__all__ = ["SEARCHES", "color"]

SEARCHES = ("auto", "best", "iterated-greedy")

# The cheapest first, which is often the best on a mesh; then those that are best most often.
DISTANCE_TWO = (
    "natural",
    "saturation",
    "largest-first",
    "smallest-last",
    "perfect-elimination",
    "incidence-degree",
    "dynamic-largest-first",
    "random",
)
STAR = (
    "natural",
    "smallest-last",
    "perfect-elimination",
    "incidence-degree",
    "saturation",
    "random",
    "largest-first",
    "dynamic-largest-first",
)
# Seconds for "best" and "iterated-greedy" where no budget is given.
BEST_SECONDS = 2.0


@partial(known_keywords, of_object=False)
def color(
    pattern: Pattern | Any,
    *,
    structure: Structure = "columns",
    order: str = "auto",
    recovery: Recovered = "direct",
    forced: ArrayLike | None = None,
    budget: float | None = None,
    seed: int = 0,
) -> Coloring:
    """Color a sparsity pattern, so that one evaluation serves many columns or rows.

    Parameters
    ----------
    pattern : Pattern or scipy.sparse matrix or array_like, shape (m, n)
        The structure; values are not used (a dense array counts where it is not zero). Where only
        some rows or columns are wanted, pass ``pattern.restrict(rows, columns)``.
    structure : {"columns", "rows", "symmetric", "bidirectional"}, default "columns"
        ``"columns"``: no two columns of one color share a row; one product ``J @ seed`` a color.
        ``"rows"``: the same for the transpose; one product ``J.T @ seed`` a color.
        ``"symmetric"``: star coloring (direct) or acyclic coloring (substitution) of a Hessian.
        ``"bidirectional"``: star or acyclic coloring of columns and rows together or of a cover of
        the entries, or dense rows (or columns) by themselves, whichever has fewer colors.
    order : str, default "auto"
        A greedy order: "natural", "random", "largest-first", "smallest-last", "incidence-degree",
        "dynamic-largest-first", "perfect-elimination" or "saturation". Or a search: "auto" tries
        orders and then recolors, class by class, as long as the evaluations saved are worth it;
        "best" tries everything within `budget`; "iterated-greedy" only recolors, starting from
        "largest-first".
    recovery : {"direct", "substitution"}, default "direct"
        Each nonzero is one entry of a product, or an entry minus others: fewer colors for
        symmetric and bidirectional, a little more rounding. For columns and rows both are direct.
    forced : array_like of int, optional
        For each column (row, for structure "rows") the color it must have, -1 where free: equal
        numbers share a color, others do not. Not for "bidirectional".
    budget : float, s, optional
        Time for a search, counted in steps of nominal speed so that results repeat. By default
        "auto" takes at most what the evaluations saved would cost in 100 Jacobians, and never
        more than some tenths of a second; the others at most 2 s.
    seed : int, default 0
        Of the order "random" and of recoloring.

    Returns
    -------
    Coloring
        ``colors`` has -1 where a column or row needs no evaluation; ``lower_bound`` is a number
        of colors that none can go below.

    Raises
    ------
    ColoringError
        If `structure` is "symmetric" and the pattern is not, or `forced` is not possible.
    ValueError
        If a name is not one of those above.

    Notes
    -----
    Greedy, first fit. Columns: time O(sum of squared row counts), memory O(m + n + nnz), except
    that a row whose colors have no gap costs nothing. Star and acyclic: time O(nnz * ncolors).
    Gebremedhin, Manne, Pothen (2005), Algorithm 3.2; Gebremedhin, Tarafdar, Manne, Pothen (2007),
    Algorithms 3.1 and 4.1; the orders are cited in their kernels.

    Examples
    --------
    >>> from sparsesolve.structure.pattern import Pattern
    >>> tridiagonal = Pattern.from_offsets((6, 6), (-1, 0, 1))
    >>> color(tridiagonal, order="natural").colors.tolist()
    [0, 1, 2, 0, 1, 2]
    >>> color(tridiagonal, structure="symmetric", recovery="substitution").ncolors
    2
    """
    choice("structure", structure, STRUCTURES)
    choice("recovery", recovery, RECOVERIES)
    choice("order", order, (*ORDERS, *SEARCHES))
    known = Pattern.of(pattern)
    if order == "auto" and forced is None:
        apart = _one_color_each(known, structure, recovery)
        if apart is not None:
            return apart
    graph = _graph(known, structure)
    task = ColoringTask(
        known, structure, recovery, graph, _forced(forced, structure, graph.n), seed
    )
    if order in ORDERS:
        return task.in_order(order)
    if order != "auto" and budget is None:
        budget = BEST_SECONDS
    orders: tuple[str, ...] = STAR if structure == "symmetric" else DISTANCE_TWO
    if order == "iterated-greedy":
        orders = ("largest-first",)
    return search(task, orders, Budget(known, budget))


def _one_color_each(pattern: Pattern, structure: Structure, recovery: Recovered) -> Coloring | None:
    """Return a color for each line that has entries, where no fewer will do; None elsewhere.

    Dense blocks come often and are small: they are told before a graph is made and searched.
    """
    columns = np.bincount(pattern.indices, minlength=pattern.shape[1]) > 0
    rows = np.diff(pattern.indptr) > 0
    lines = rows if structure == "rows" else columns
    if structure == "symmetric":
        # a clique; what is not symmetric is refused where its graph is made
        fits = np.array_equal(rows, columns) and pattern.nnz == np.count_nonzero(rows) ** 2
    else:
        fits = structure != "bidirectional" and lower_bound(pattern, structure) == int(lines.sum())
    if not fits:
        return None
    colors = np.where(lines, np.cumsum(lines) - 1, -1)
    found = Coloring.from_colors(pattern, colors, structure=structure, recovery=recovery)
    return replace(found, order="natural")


def _forced(forced: ArrayLike | None, structure: Structure, n: int) -> NDArray[np.int32]:
    """Check forced colors, and number them 0, 1, ..."""
    if forced is None:
        return NONE
    if structure == "bidirectional":
        raise ValueError(
            "`forced` is for structure 'columns', 'rows' or 'symmetric', got 'bidirectional'. "
            "Color one side, or pass all colors to Coloring.from_colors."
        )
    given = np.asarray(forced)
    if given.shape != (n,) or not np.issubdtype(given.dtype, np.integer):
        raise ColoringError(
            f"`forced` must be integers of shape ({n},), -1 where free, got {given.dtype} of shape "
            f"{given.shape}."
        )
    return renumbered(given.astype(np.int64))[0]


def _graph(pattern: Pattern, structure: Structure) -> Graph:
    if structure == "columns":
        return column_graph(pattern)
    if structure == "rows":
        return column_graph(pattern.T)
    return adjacency_graph(pattern) if structure == "symmetric" else augmented_graph(pattern)
