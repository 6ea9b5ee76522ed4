"""The coarse decomposition of Dulmage and Mendelsohn: where equations are too many, where too few.

Separate because it looks at the structure alone: what it finds holds at every point.

Dulmage, Mendelsohn (1958), "Coverings of bipartite graphs", Canadian Journal of Mathematics 10;
Pothen, Fan (1990), "Computing the block triangular form of a sparse matrix", ACM TOMS 16(4).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import breadth_first_order, maximum_bipartite_matching

from sparsesolve.host.dataclass import dataclass

__all__ = ["Decomposition", "decompose"]

Index = NDArray[np.intp]


@dataclass(frozen=True, eq=False, slots=True)
class Decomposition:
    """Rows and columns of a structure in three parts.

    Parameters
    ----------
    rank : int
        Structural rank: no values give a larger one.
    over_rows, over_columns : ndarray of int
        More rows than columns: these equations contradict each other or repeat each other.
    under_rows, under_columns : ndarray of int
        More columns than rows: these unknowns are not determined.
    """

    rank: int
    over_rows: Index
    over_columns: Index
    under_rows: Index
    under_columns: Index


def decompose(pattern: Any) -> Decomposition:
    """Decompose a structure.

    Parameters
    ----------
    pattern : sparse array, shape (m, n)
        Stored entries count, whatever their values.

    Returns
    -------
    Decomposition
        Of indices of rows and columns.

    Examples
    --------
    >>> found = decompose(sp.csr_array([[1, 0, 0], [1, 0, 0], [0, 1, 1]]))
    >>> found.rank, found.over_rows.tolist(), found.under_columns.tolist()
    (2, [0, 1], [1, 2])
    """
    rows = sp.csr_array(pattern)
    m, n = rows.shape
    of_row = np.full(m, -1)
    if rows.nnz:
        of_row = np.asarray(maximum_bipartite_matching(rows, perm_type="column"))
    of_column = np.full(n, -1)
    matched = np.flatnonzero(of_row >= 0)
    of_column[of_row[matched]] = matched
    over_rows = _reached(rows, of_column, np.flatnonzero(of_row < 0))
    under_columns = _reached(sp.csr_array(rows.T), of_row, np.flatnonzero(of_column < 0))
    partners = of_row[over_rows]
    under_rows = of_column[under_columns]
    return Decomposition(
        int(matched.size),
        over_rows,
        np.sort(partners[partners >= 0]),
        np.sort(under_rows[under_rows >= 0]),
        under_columns,
    )


def _reached(rows: Any, of_column: Index, starts: Index) -> Index:
    """Return rows reached from `starts` by any entry to a column and by its match to a row."""
    if not starts.size:
        return np.empty(0, dtype=np.intp)
    m = rows.shape[0]
    coo = rows.tocoo()
    target = of_column[coo.col]
    going = target >= 0
    source = m  # one more row, which leads to all starts
    i = np.concatenate([coo.row[going], np.full(starts.size, source)])
    j = np.concatenate([target[going], starts])
    graph = sp.csr_array((np.ones(i.size), (i, j)), shape=(m + 1, m + 1))
    found = breadth_first_order(graph, source, return_predecessors=False)
    return np.sort(found[found != source]).astype(np.intp)
