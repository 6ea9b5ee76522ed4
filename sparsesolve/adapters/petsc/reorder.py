"""Unknowns numbered afresh where the user's numbering joins what is far apart.

Separate because most systems need none: grids are numbered row by row. Where a rank would need more
of what others own than pays, the structure of the whole matrix is gathered once, and the unknowns
are ordered by reverse Cuthill-McKee, so that those that equations join lie on one rank. Who names
a partitioning of PETSc's gets that (`partition`).

Cuthill and McKee (1969), "Reducing the bandwidth of sparse symmetric matrices".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.adapters.petsc.numbering import Numbering
from sparsesolve.adapters.petsc.partition import OPTION, narrow_order, partitioned
from sparsesolve.adapters.petsc.ranks import Ranks
from sparsesolve.derivatives.row_part import RowPart

__all__ = ["better_numbering", "foreign"]

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


def better_numbering(
    ranks: Ranks, numbering: Numbering, part: RowPart, rows: Callable[[Ids], RowPart]
) -> tuple[Numbering, RowPart, tuple[str, ...]]:
    """Return a numbering of the unknowns that spares communication, its rows, and a note.

    Parameters
    ----------
    ranks, numbering : Ranks, Numbering
        Who owns what, in the user's order.
    part : RowPart
        The rows of this rank.
    rows : callable
        Prepares other rows.

    Returns
    -------
    tuple
        `numbering` and `part` themselves where they are good, or no better ones were found.
    """
    asked = ranks.petsc.Options().hasName(OPTION)
    if ranks.size == 1 or numbering.n < _LEAST:
        return numbering, part, ()
    before = foreign(ranks, numbering, part.inputs)
    if before <= _MANY * numbering.n and not asked:
        return numbering, part, ()
    said = f"ranks need {before:.0f} unknowns of other ranks, counted once for each"
    structure = ranks.together(part.structure)
    make = partitioned if asked else _by_bandwidth
    better = make(ranks, numbering, structure, part.inputs)
    found = ranks.together(lambda: rows(better.owned))
    after = foreign(ranks, better, found.inputs)
    if after >= before if asked else after > _GAIN * before:
        less = "spares any" if asked else "spares half of them"
        return numbering, part, (f"{said}; no order was found that {less}",)
    return better, found, (f"unknowns were reordered: {said}; now {after:.0f}",)


def _by_bandwidth(ranks: Ranks, numbering: Numbering, pattern: Any, inputs: Ids) -> Numbering:
    matrix = _whole_structure(ranks, numbering, pattern, inputs)
    order = narrow_order(sp.csr_matrix(matrix + matrix.T))
    return Numbering(ranks, numbering.n, order.astype(ranks.petsc.IntType))


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
