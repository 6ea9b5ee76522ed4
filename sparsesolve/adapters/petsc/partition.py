"""Unknowns divided by PETSc's `MatPartitioning`: PT-Scotch, ParMETIS, whatever it was built with.

Separate from `reorder`, which gathers the structure of the whole matrix on every rank: here it
stays divided, so this is the way for systems that one rank could not hold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.adapters.petsc.numbering import Numbering
from sparsesolve.adapters.petsc.ranks import Ranks
from sparsesolve.host.imports import importing

__all__ = ["OPTION", "narrow_order", "partitioned"]

Ids = NDArray[Any]

OPTION = "mat_partitioning_type"


def partitioned(ranks: Ranks, numbering: Numbering, pattern: Any, inputs: Ids) -> Numbering:
    """Return the numbering of a partition, by reverse Cuthill-McKee within each part.

    Parameters
    ----------
    ranks, numbering : Ranks, Numbering
        Who owns what, in the user's order.
    pattern : Pattern
        Structure of the rows of this rank.
    inputs : ndarray of int
        Which unknown each of its columns is; those from n on are sums.

    Raises
    ------
    ValueError
        If PETSc has no partitioning of the name in its options.
    """
    petsc = ranks.petsc
    graph = _graph(ranks, numbering, pattern, inputs)
    division, parts = petsc.MatPartitioning().create(comm=ranks.comm), petsc.IS()
    division.setAdjacency(graph.convert("mpiadj", petsc.Mat()))
    try:
        division.setFromOptions()
    except petsc.Error:
        raise ValueError(
            f"option {OPTION!r}: expected a partitioning that this PETSc has, got "
            f"{petsc.Options().getString(OPTION)!r}. 'ptscotch' and 'parmetis' are there where "
            "PETSc was built with them (Debian's has the first)."
        ) from None
    division.apply(parts)
    own = np.sort(parts.buildTwoSided().getIndices())
    own = own[_local_order(ranks, graph, own)]
    return Numbering(ranks, numbering.n, ranks.numbers(own), ranks.numbers(np.array([own.size])))


def _graph(ranks: Ranks, numbering: Numbering, pattern: Any, inputs: Ids) -> Any:
    """Return which unknowns meet in an equation, as a symmetric matrix of PETSc's."""
    kind, petsc = ranks.petsc.IntType, ranks.petsc
    columns = inputs[pattern.indices]
    kept = columns < numbering.n
    indptr = np.concatenate([[0], np.cumsum(kept)])[pattern.indptr]
    csr = indptr.astype(kind), columns[kept].astype(kind), np.ones(int(indptr[-1]))
    graph = petsc.Mat().createAIJ((numbering.sizes, numbering.sizes), csr=csr, comm=ranks.comm)
    graph.assemble()
    graph.axpy(1.0, graph.transpose(petsc.Mat()), petsc.Mat.Structure.DIFFERENT_NONZERO_PATTERN)
    return graph


def _local_order(ranks: Ranks, graph: Any, own: Ids) -> Ids:
    """Return an order in which neighbors within one part are near each other."""
    rows = ranks.petsc.IS().createGeneral(own, comm=ranks.comm)
    inner = graph.createSubMatrix(rows, rows).getDiagonalBlock()
    indptr, indices, values = inner.getValuesCSR()
    local = sp.csr_matrix((values, indices, indptr), shape=(own.size, own.size))
    return narrow_order(local)


def narrow_order(matrix: sp.csr_matrix) -> Ids:
    """Return the order of reverse Cuthill-McKee, of a matrix whose structure is symmetric.

    What it is made by takes 11 MB in every process, and most systems need no order.
    """
    with importing():
        from scipy.sparse.csgraph import reverse_cuthill_mckee  # noqa: PLC0415

    order: Ids = reverse_cuthill_mckee(matrix, symmetric_mode=True)
    return order
