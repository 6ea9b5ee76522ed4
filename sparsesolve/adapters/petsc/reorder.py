"""Unknowns numbered afresh where the user's numbering joins what is far apart.

Separate because most systems need none: grids are numbered row by row. Where a rank would need more
of what others own than pays, the structure of the whole matrix is gathered once, and the unknowns
are ordered by reverse Cuthill-McKee, so that those that equations join lie on one rank.

Cuthill and McKee (1969), "Reducing the bandwidth of sparse symmetric matrices".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import reverse_cuthill_mckee

from sparsesolve.adapters.petsc.numbering import Numbering
from sparsesolve.adapters.petsc.ranks import Ranks
from sparsesolve.derivatives.row_part import RowPart

__all__ = ["better_order", "foreign"]

Ids = NDArray[Any]

_LEAST = 256  # unknowns, below which nothing is gained
_MANY = 0.5  # of all unknowns, sent to ranks that do not own them
_GAIN = 0.5


def foreign(ranks: Ranks, numbering: Numbering, users: Ids) -> float:
    """Return how many unknowns all ranks need that others own, counted once for each rank.

    Parameters
    ----------
    ranks, numbering : Ranks, Numbering
        Who owns what.
    users : ndarray of int
        What this rank needs, by the user's numbers.
    """
    at = numbering.of(users[users < numbering.n])
    return ranks.total(float(np.count_nonzero((at < numbering.begin) | (at >= numbering.end))))


def better_order(
    ranks: Ranks, numbering: Numbering, part: RowPart
) -> tuple[Ids | None, tuple[str, ...]]:
    """Return another order of the unknowns, where that spares communication, and a note.

    Parameters
    ----------
    ranks, numbering : Ranks, Numbering
        Who owns what, in the user's order.
    part : RowPart
        The rows of this rank.
    """
    n = numbering.n
    if ranks.size == 1 or n < _LEAST:
        return None, ()
    before = foreign(ranks, numbering, part.inputs)
    if before <= _MANY * n:
        return None, ()
    matrix = _whole_structure(ranks, numbering, ranks.together(part.structure), part.inputs)
    order = reverse_cuthill_mckee(sp.csr_matrix(matrix + matrix.T), symmetric_mode=True)
    order = order.astype(ranks.petsc.IntType)
    renumbered = Numbering(ranks, n, order)
    needed = np.unique(matrix[renumbered.owned].indices)
    after = foreign(ranks, renumbered, needed)
    said = f"ranks need {before:.0f} unknowns of other ranks, counted once for each"
    if after > _GAIN * before:
        return None, (f"{said}; no order was found that spares half of them",)
    return order, (f"unknowns were reordered: {said}; now {after:.0f}",)


def _whole_structure(ranks: Ranks, numbering: Numbering, pattern: Any, inputs: Ids) -> sp.csr_array:
    """Return the structure of the whole matrix, on every rank, without what sums add."""
    columns = inputs[pattern.indices]
    kept = columns < numbering.n
    rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))[kept]
    counts = ranks.numbers(np.bincount(rows, minlength=pattern.shape[0]))
    gathered = ranks.numbers(columns[kept])
    indptr = np.concatenate([[0], np.cumsum(counts)])
    ones = np.ones(gathered.size, dtype=np.int8)
    return sp.csr_array((ones, gathered, indptr), shape=(numbering.n, numbering.n))
