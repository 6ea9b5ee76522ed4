"""Colors from which no nonzero has to be read are not evaluated.

It is a pass over a finished star or acyclic coloring. In a two-colored star all
nonzeros are read from the color of the hub; in a larger two-colored tree from both; a single edge
may use either. A color that is never needed gets no evaluation (-1), which is what makes coloring
rows and columns together pay.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sparsesolve.coloring.sums import Sums, sums_of
from sparsesolve.coloring.value import Coloring

__all__ = ["without_neutral_colors"]


def without_neutral_colors(coloring: Coloring) -> Coloring:
    """Return a star or acyclic coloring minus the colors that are not needed."""
    needed, colors = _needed_colors(coloring), coloring.colors
    kept = np.where((colors >= 0) & needed[colors], colors, np.int32(-1))
    fewer = Coloring.from_colors(
        coloring.pattern, kept, structure=coloring.structure, recovery=coloring.recovery
    )
    return replace(fewer, order=coloring.order)


def _needed_colors(coloring: Coloring) -> NDArray[np.bool_]:
    """Choose a small set of colors from which every nonzero can be read, shape (ncolors + 1,)."""
    sums = sums_of(coloring)
    # One spare element, so that color -1 marks nothing.
    needed = np.zeros(coloring.ncolors + 1, dtype=bool)
    # Entries of which one side has no color are read from the other.
    needed[sums.first_color[sums.second < 0]] = True
    needed[sums.second_color[sums.first < 0]] = True
    double = (sums.first >= 0) & (sums.second >= 0)
    left = np.bincount(sums.first[sums.first >= 0], minlength=sums.count)
    left += np.bincount(sums.second[sums.second >= 0], minlength=sums.count)
    first_alone = double & (left[sums.first] == 1)
    second_alone = double & (left[sums.second] == 1)
    needed[sums.first_color[first_alone & ~second_alone]] = True
    needed[sums.second_color[second_alone & ~first_alone]] = True
    inner = double & ~first_alone & ~second_alone
    needed[sums.first_color[inner]] = True
    needed[sums.second_color[inner]] = True
    needed[-1] = False
    _cover_single_edges(needed, sums, first_alone & second_alone)
    return needed


def _cover_single_edges(needed: NDArray[np.bool_], sums: Sums, either: NDArray[np.bool_]) -> None:
    """Mark one color of each pair in `either`, the most frequent first (a greedy vertex cover)."""
    one, two = sums.first_color[either], sums.second_color[either]
    ncolors = needed.size - 1
    pairs = np.unique(np.minimum(one, two).astype(np.int64) * ncolors + np.maximum(one, two))
    ends = np.stack((pairs // ncolors, pairs % ncolors)) if ncolors else np.empty((2, 0), np.int64)
    while True:
        ends = ends[:, ~needed[ends].any(axis=0)]
        if not ends.size:
            return
        needed[np.bincount(ends.ravel()).argmax()] = True
