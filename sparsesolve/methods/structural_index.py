"""What structure alone says of ``F(t, y, y') = 0``: which equations must be differentiated.

Separate because it reads patterns only. An equation and an unknown that it determines are paired so
that derivatives are determined wherever they can be; equations that must be differentiated before
all unknowns are determined make the index greater than one.

Pryce (2001), "A simple structural analysis method for DAEs", BIT 41(2).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import maximum_bipartite_matching, min_weight_full_bipartite_matching

__all__ = ["differentiations", "explain_index", "named_differentiations", "offsets", "unmatched"]

Ints = NDArray[np.int64]

_NAMED = 3  # that many equations are named


def unmatched(pattern: Any) -> tuple[Ints, Ints]:
    """Return rows and columns that a largest matching of a sparse matrix leaves over.

    Parameters
    ----------
    pattern : sparse matrix, shape (m, n)
        Its entries that are not zero count.
    """
    kept = sp.csr_array(pattern)
    kept.eliminate_zeros()
    if not kept.nnz:
        return np.arange(kept.shape[0]), np.arange(kept.shape[1])
    columns = maximum_bipartite_matching(kept, perm_type="column")
    return np.flatnonzero(columns < 0), np.setdiff1d(np.arange(kept.shape[1]), columns)


def differentiations(by_slope: Any, by_state: Any) -> Ints | None:
    """Return how often each equation must be differentiated; None if none determine all unknowns.

    Parameters
    ----------
    by_slope, by_state : sparse matrix, shape (n, n)
        Structures of the derivatives of F by y' and y.
    """
    found = offsets(by_slope, by_state)
    return None if found is None else found[0]


def offsets(by_slope: Any, by_state: Any) -> tuple[Ints, Ints] | None:
    """Return how often each equation is differentiated, and which derivatives that determines.

    None if none determine all unknowns.

    Parameters
    ----------
    by_slope, by_state : sparse matrix, shape (n, n)
        Structures of the derivatives of F by y' and y.

    Examples
    --------
    A velocity, a force that is unknown, and a position that is given:

    >>> by_slope = sp.csr_array([[1, 0, 0], [0, 1, 0], [0, 0, 0]])
    >>> by_state = sp.csr_array([[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    >>> offsets(by_slope, by_state)
    (array([1, 0, 2]), array([2, 1, 0]))
    """
    orders = _orders(by_slope, by_state)
    # the pairing with most derivatives: entries of order 1 are the cheap ones
    weights = sp.csr_array((2.0 - orders.data, (orders.row, orders.col)), shape=orders.shape)
    try:
        rows, columns = min_weight_full_bipartite_matching(weights)
    except ValueError:
        return None
    return _offsets(orders, rows, columns)


def _orders(by_slope: Any, by_state: Any) -> sp.coo_array:
    """Return the highest derivative of each unknown in each equation, where there is any."""
    slope, state = (sp.csr_array(part, copy=True) for part in (by_slope, by_state))
    slope.data, state.data = np.full(slope.nnz, 2.0), np.ones(state.nnz)
    both = sp.coo_array(slope.maximum(state))
    both.data -= 1.0
    return both


def _offsets(orders: sp.coo_array, rows: Ints, columns: Ints) -> tuple[Ints, Ints]:
    """Return the smallest offsets with ``d_j - c_i >= order_ij``, equal on the pairing."""
    n = orders.shape[0]
    partner = np.empty(n, dtype=np.int64)
    partner[rows] = columns
    at = np.full(n, 0.0)
    on = orders.col == partner[orders.row]
    at[orders.row[on]] = orders.data[on]
    c, d = np.zeros(n), np.zeros(n)
    for _ in range(2 * n + 1):
        d = np.zeros(n)
        np.maximum.at(d, orders.col, orders.data + c[orders.row])
        new = d[partner] - at
        if np.array_equal(new, c):
            break
        c = new
    return c.astype(np.int64), d.astype(np.int64)


def explain_index(by_slope: Any, by_state: Any) -> str:
    """Say which equations do not determine which unknowns, and what to differentiate.

    Parameters
    ----------
    by_slope, by_state : sparse matrix, shape (n, n)
        Derivatives of F by y' and y at a point; stored zeros count as structure, unless that
        alone explains nothing.
    """
    slope, state = (sp.csr_array(part, copy=True) for part in (by_slope, by_state))
    rows, columns = _left_over(_structure(slope), _structure(state))
    if not rows.size:
        for part in (slope, state):
            part.eliminate_zeros()
        rows, columns = _left_over(slope, state)
    first = f" (the first: equation {rows[0]} and unknown {columns[0]})" if rows.size else ""
    count = differentiations(slope, state)
    if count is None:
        rows, columns = unmatched(_structure(slope) + _structure(state))
        return (
            f"The equations do not determine all unknowns, whatever is differentiated: equation "
            f"{rows[0]} is left over, and unknown {columns[0]} is in none that could determine it. "
            "Add what is missing, or take one of two equations that say the same"
        )
    hint = f": by structure, {named_differentiations(count)}" if count.any() else ""
    return (
        "The equations without derivatives do not determine the unknowns without derivatives"
        f"{first}: the index of the system is greater than one. Pass "
        "`index_reduction=True`, or differentiate some equations by t, or replace them by their "
        f"derivatives{hint}"
    )


def named_differentiations(count: Ints) -> str:
    """Say how often which equations are differentiated, the most often ones first."""
    often = np.argsort(-count, kind="stable")[: np.count_nonzero(count)]
    named = ", ".join(f"equation {i} {_times(count[i])}" for i in often[:_NAMED])
    more = f" and {often.size - _NAMED} more" if often.size > _NAMED else ""
    return f"{named}{more}"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(int(count), f"{count} times")


def _structure(matrix: Any) -> Any:
    """Ones wherever there is an entry."""
    ones = sp.csr_array(matrix, copy=True)
    ones.data = np.ones(ones.nnz)
    return ones


def _left_over(slope: Any, state: Any) -> tuple[Ints, Ints]:
    """Unmatched equations and unknowns: of those without derivatives, else of all."""
    rows = np.flatnonzero(np.diff(slope.indptr) == 0)
    absent = np.diff(slope.tocsc().indptr) == 0
    columns = np.flatnonzero(absent)
    some, others = unmatched(state[rows][:, columns])
    if some.size and others.size:
        return rows[some], columns[others]
    first = sp.csr_array(slope + state @ sp.diags_array(absent.astype(float)))
    return unmatched(first)
