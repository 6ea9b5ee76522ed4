"""Bidirectional colorings that set dense rows (or columns) apart.

It is a way of its own to color both sides: the few densest rows are read from
products with the transpose, everything else from products with columns. A greedy coloring of rows
and columns together does not find this for an arrowhead, where it is what saves n - 3 evaluations.

Coleman, Verma (1998), "The efficient computation of sparse Jacobian matrices using automatic
differentiation", SIAM Journal on Scientific Computing 19(4), for dividing a matrix in two parts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.coloring.graph import Graph, column_graph
from sparsesolve.coloring.greedy import partial_colors
from sparsesolve.coloring.orders import vertex_order
from sparsesolve.structure.pattern import Pattern

__all__ = ["split_off_columns", "split_off_rows"]


def split_off_rows(pattern: Pattern, order: str) -> NDArray[np.int32]:
    """Color dense rows by themselves, and columns for the other rows; shape (n + m,).

    The rows set apart are the k densest, where k plus the length of the next longest row is least:
    an estimate of the number of colors of both parts.
    """
    lengths = np.diff(pattern.indptr)
    densest_first = np.argsort(-lengths, kind="stable")
    left_over = np.append(lengths[densest_first], 0)
    apart = np.zeros(pattern.shape[0], dtype=bool)
    apart[densest_first[: int(np.argmin(left_over + np.arange(left_over.size)))]] = True
    columns = _colors(column_graph(pattern.restrict(rows=~apart)), order)
    rows = _colors(column_graph(pattern.restrict(rows=apart).T), order)
    return np.concatenate((columns, rows))


def split_off_columns(pattern: Pattern, order: str) -> NDArray[np.int32]:
    """Color dense columns by themselves, and rows for the other columns; shape (n + m,)."""
    return np.roll(split_off_rows(pattern.T, order), pattern.shape[1])


def _colors(graph: Graph, order: str) -> NDArray[np.int32]:
    return partial_colors(graph, vertex_order(graph, order))
