"""The search for few colors: orders one after another, then the same vertices class by class.

Separate because how long to search is a question of its own. An evaluation saved is worth what it
costs, times the number of Jacobians that will be wanted; the search counts its own steps, so that
it never costs more than that, and so that the same pattern always gets the same colors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sparsesolve.coloring.graph import Graph
from sparsesolve.coloring.greedy import NONE, class_order, partial_colors, symmetric_colors
from sparsesolve.coloring.neutral import without_neutral_colors
from sparsesolve.coloring.orders import vertex_order
from sparsesolve.coloring.split import split_off_columns, split_off_rows
from sparsesolve.coloring.value import Coloring, Recovered, Structure
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.fork import forkable_property
from sparsesolve.structure.pattern import Pattern

__all__ = ["Budget", "ColoringTask", "search"]

Colors = NDArray[np.int32]

# Jacobians that one coloring is assumed to serve.
REUSES = 100
# Steps of the simplest evaluation, and of the simplest try, besides those that grow with the size.
CALL_STEPS = 10_000
TRY_STEPS = {"columns": 25_000, "rows": 25_000, "symmetric": 100_000, "bidirectional": 1_500_000}
# A pattern beyond so many entries leaves the cache: vertices out of order cost so many times more.
CACHED = 1_000_000
SCATTERED = 8
# Without a budget of the user, no search takes more than this many steps, some tenths of a second.
MOST_STEPS = 40_000_000
STEPS_A_SECOND = 250_000_000
# Walks of the graph that finding an order takes.
WALKS = {
    "natural": 0,
    "random": 0,
    "largest-first": 1,
    "smallest-last": 4,
    "incidence-degree": 4,
    "dynamic-largest-first": 4,
    "perfect-elimination": 3,
    "saturation": 5,
}
# Passes without fewer colors after which recoloring turns to another start, and how often it does.
PATIENCE = 15
ROUNDS = 5
# Orders that are tried with equals shuffled, and how often in all.
SHUFFLED: dict[str, tuple[str, ...]] = {
    "symmetric": ("smallest-last", "incidence-degree", "random", "perfect-elimination"),
    "bidirectional": ("largest-first", "dynamic-largest-first", "smallest-last"),
}
# Orders in which dense rows and columns come first, as a cover by few of them needs it.
COVERING = ("largest-first", "dynamic-largest-first")
SHUFFLES = 40


@dataclass(frozen=True, eq=False)
class ColoringTask:
    """What is to be colored, and how.

    Parameters
    ----------
    pattern : Pattern
        The pattern.
    structure, recovery : str
        As in `Coloring`.
    graph : Graph
        The graph whose vertices get colors.
    forced : ndarray of int32
        Colors that vertices must have, -1 where free; empty where all are.
    seed : int
        Of the random order.
    """

    pattern: Pattern
    structure: Structure
    recovery: Recovered
    graph: Graph
    forced: Colors
    seed: int

    def in_order(self, order: str, *, shuffle: int | None = None) -> Coloring:
        """Color in the order of that name; of both sides also by setting dense lines apart.

        With `shuffle`, a seed, equals are taken in random order.
        """
        shuffled = shuffle is not None
        seed = self.seed if shuffle is None else shuffle
        vertices = vertex_order(self.graph, order, seed, shuffled=shuffled)
        if self.structure != "bidirectional":
            return replace(self.along(vertices), order=order)
        apart = (split_off_rows(self.pattern, order), split_off_columns(self.pattern, order))
        split = [replace(self.counted(colors), order=order) for colors in apart]
        # Colors without use are dropped afterwards, hence some room above what has to be beaten.
        # A bound there must be: an arrowhead may need a color for each of its columns.
        limit = 2 * min(coloring.ncolors for coloring in split) + 16
        for covering in (False, True) if self._covers(order) else (False,):
            colors = symmetric_colors(
                self.graph, vertices, self.recovery, NONE, limit, covering=covering
            )
            if colors is not None:
                split.append(replace(self.finished(colors), order=order))
        return min(split, key=_ncolors)

    def _covers(self, order: str) -> bool:
        """Whether to color a cover only: from its densest vertices on, where that is affordable."""
        degree = np.diff(self.graph.first_ptr).astype(np.int64)
        affordable = int(np.square(degree).sum()) <= MOST_STEPS
        return self.recovery == "direct" and order in COVERING and affordable

    def along(self, vertices: Colors) -> Coloring:
        """Color the vertices in this order, those with forced colors first."""
        if self.forced.size:
            vertices = vertices[np.argsort(self.forced[vertices] < 0, kind="stable")]
        if self.structure in ("columns", "rows"):
            return self.finished(partial_colors(self.graph, vertices, self.forced))
        colors = symmetric_colors(self.graph, vertices, self.recovery, self.forced)
        assert colors is not None  # there is no limit
        return self.finished(colors)

    def finished(self, colors: Colors) -> Coloring:
        """Count the colors, without those that no entry is read from."""
        if self.structure in ("columns", "rows"):
            return self.counted(colors)
        _drop_empty(colors, self.pattern, self.structure)
        return without_neutral_colors(self.counted(colors))

    def counted(self, colors: Colors) -> Coloring:
        """Count the colors."""
        return Coloring.from_colors(
            self.pattern, colors, structure=self.structure, recovery=self.recovery
        )

    def cost(self, order: str) -> int:
        """Return the steps of finding an order and of coloring in it."""
        steps = WALKS[order] * self.graph.work + self.steps
        return steps if order == "natural" or self.pattern.nnz <= CACHED else SCATTERED * steps

    @forkable_property
    def steps(self) -> int:
        """Steps of one walk: of coloring the vertices in a given order."""
        if self.structure in ("columns", "rows"):
            return self.graph.work
        # Each edge costs the colors around one of its ends, of which there are not very many.
        degree = np.diff(self.graph.first_ptr).astype(np.int64)
        once = 2 * int((degree * np.minimum(degree, 32)).sum())
        return once if self.structure == "symmetric" else 3 * once


class Budget:
    """Steps that a search may take for what it may save.

    Parameters
    ----------
    pattern : Pattern
        What is evaluated.
    seconds : float or None
        Limit given by the user, in s of nominal speed; None for what saved evaluations are worth.
    """

    def __init__(self, pattern: Pattern, seconds: float | None) -> None:
        self._evaluation = CALL_STEPS + pattern.nnz + sum(pattern.shape)
        self._given = None if seconds is None else round(seconds * STEPS_A_SECOND)
        self.spent = 0

    def allows(self, steps: int, best: Coloring) -> bool:
        """Whether a further try of so many steps may pay, and count it if so."""
        saved = best.ncolors - best.lower_bound
        limit = self._given
        if limit is None:
            limit = min(REUSES * saved * self._evaluation, MOST_STEPS)
        cost = TRY_STEPS[best.structure] + steps
        if saved <= 0 or self.spent + cost > limit:
            return False
        self.spent += cost
        return True


def search(task: ColoringTask, orders: Sequence[str], budget: Budget) -> Coloring:
    """Return the coloring with the fewest colors that the budget finds; the first order is free."""
    found = [task.in_order(orders[0])]
    for order in orders[1:]:
        best = min(found, key=_ncolors)
        if budget.allows(task.cost(order), best):
            found.append(task.in_order(order))
    best = min(found, key=_ncolors)
    if task.structure in SHUFFLED and len(orders) > 1:
        best = _shuffled(task, best, budget)
        found.append(best)
    if task.structure == "bidirectional" or task.forced.size:
        return best
    # A regular coloring with one color more is often the better start than the best one.
    starts = [coloring for coloring in found if coloring.ncolors <= best.ncolors + 1]
    rng = np.random.default_rng(task.seed)
    for _ in range(ROUNDS):
        for start in starts:
            best = min(best, _recolored(task, start, best, budget, rng), key=_ncolors)
    return best


def _shuffled(task: ColoringTask, best: Coloring, budget: Budget) -> Coloring:
    """Color in the better orders again, equals in random order, which star colorings depend on."""
    orders = SHUFFLED[task.structure]
    for k in range(SHUFFLES):
        order = orders[k % len(orders)]
        if budget.allows(task.cost(order), best):
            best = min(best, task.in_order(order, shuffle=task.seed + k), key=_ncolors)
    return best


def _recolored(
    task: ColoringTask, start: Coloring, best: Coloring, budget: Budget, rng: np.random.Generator
) -> Coloring:
    """Color again and again, color class by color class, until that has not helped for long."""
    current, since = start, 0
    while since < PATIENCE and budget.allows(task.cost("random"), best):
        found = task.along(class_order(current.colors, since, rng))
        since = 0 if found.ncolors < current.ncolors else since + 1
        # An equally good coloring is a new starting point.
        if found.ncolors <= current.ncolors:
            current = found
        if found.ncolors < best.ncolors:
            best = replace(found, order=f"{start.order}, recolored")
    return best


def _ncolors(coloring: Coloring) -> int:
    return coloring.ncolors


def _drop_empty(colors: Colors, pattern: Pattern, structure: Structure) -> None:
    """Mark the columns and rows without entries as not evaluated."""
    entries = np.bincount(pattern.indices, minlength=pattern.shape[1])
    if structure == "bidirectional":
        entries = np.concatenate((entries, np.diff(pattern.indptr)))
    colors[entries == 0] = -1
