"""Constraints in the form that scipy's trust-constr passes through without copies.

trust-constr bites in ways no other method does:

- mixed limits in one constraint take a path that indexes rows and stacks matrices at each call:
  the rows are split into pure equality, pure upper and pure lower blocks;
- an absent Hessian means a dense BFGS matrix for each constraint: every block has its own;
- its products with a lower triangle are accepted and wrong: full symmetric matrices;
- dependent equality rows make it factorize densely at every step: equal rows that are proven
  linear are dropped, and a structural rank below the number of rows is refused where the dense
  factorization would not fit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.adapters.reduction import Reduction
from sparsesolve.host.dataclass import dataclass

__all__ = ["RowBlock", "constraint_blocks", "scipy_constraints"]

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

# dense factorization of a deficient system of this many rows and columns takes 2 GB
_DENSE_LIMIT = 11_000


@dataclass(frozen=True, eq=False, slots=True)
class RowBlock:
    """Rows of one kind: all equalities, all upper or all lower limits; all linear or none.

    Parameters
    ----------
    rows : ndarray of int, shape (k,)
        Which constraint rows.
    lower, upper : ndarray, shape (k,)
        Their limits.
    linear : bool
        Whether every row is proven affine.
    """

    rows: Rows
    lower: Array
    upper: Array
    linear: bool


def constraint_blocks(reduction: Reduction) -> list[RowBlock]:
    """Split the constraint rows; a row with two limits enters an upper and a lower block.

    Parameters
    ----------
    reduction : Reduction
        The problem.

    Returns
    -------
    list of Block
        Without rows that have no limit, and without repeated linear equalities.
    """
    evaluation = reduction.evaluation
    if evaluation.m == 0:
        return []
    lower, upper = evaluation.row_lower, evaluation.row_upper
    linear = np.asarray(reduction.derivatives.linear_rows, dtype=bool)
    equal = lower == upper
    kinds = [
        (equal, lower, upper),
        (~equal & np.isfinite(upper), np.full(evaluation.m, -np.inf), upper),
        (~equal & np.isfinite(lower), lower, np.full(evaluation.m, np.inf)),
    ]
    blocks = []
    for mask, low, high in kinds:
        for is_linear in (True, False):
            rows = np.flatnonzero(mask & (linear == is_linear))
            if is_linear and rows.size and mask is equal:
                rows = _without_repeats(reduction, rows)
            if rows.size:
                blocks.append(RowBlock(rows, low[rows], high[rows], is_linear))
    _check_rank(reduction, [b for b in blocks if np.array_equal(b.lower, b.upper)])
    return blocks


def scipy_constraints(reduction: Reduction, z0: Array) -> list[tuple[RowBlock, Any]]:
    """Return each block with its LinearConstraint or NonlinearConstraint.

    Parameters
    ----------
    reduction : Reduction
        The problem.
    z0 : ndarray, shape (k,)
        Starting point of the free variables.

    Returns
    -------
    list of (Block, constraint)
        In the order in which scipy reports multipliers.
    """
    return [
        (block, _linear(reduction, block, z0) if block.linear else _nonlinear(reduction, block))
        for block in constraint_blocks(reduction)
    ]


def _linear(reduction: Reduction, block: RowBlock, z0: Array) -> Any:
    A = reduction.jacobian(z0, reduction.rows(block.rows))
    shift = reduction.constraints(z0)[block.rows] - A @ z0
    kept = _kept(reduction, block)
    limits = block.lower - shift, block.upper - shift
    return scipy.optimize.LinearConstraint(A, *limits, keep_feasible=kept)


def _kept(reduction: Reduction, block: RowBlock) -> NDArray[np.bool_]:
    """Which rows of a block each iterate must satisfy."""
    kept = reduction.evaluation.problem.rows_kept_feasible[block.rows]
    return np.asarray(kept & (block.lower != block.upper))


def _nonlinear(reduction: Reduction, block: RowBlock) -> Any:
    selection = reduction.rows(block.rows)
    m = reduction.evaluation.m

    def values(z: Array) -> Array:
        return np.asarray(reduction.constraints(z)[block.rows])

    def jacobian(z: Array) -> sp.csr_array:
        return reduction.jacobian(z, selection)

    def hessian(z: Array, v: Array) -> sp.csr_array:
        multipliers = np.zeros(m)
        multipliers[block.rows] = v
        return reduction.hessian(z, multipliers, 0.0)

    kept = _kept(reduction, block)
    second = hessian if reduction.derivatives.second_order else scipy.optimize.BFGS()
    limits = block.lower, block.upper
    return scipy.optimize.NonlinearConstraint(values, *limits, jacobian, second, kept)


def _without_repeats(reduction: Reduction, rows: Rows) -> Rows:
    """Drop linear equality rows that equal an earlier one up to a factor, limit included."""
    z0 = reduction.restrict(reduction.base)
    A = reduction.jacobian(z0, reduction.rows(rows)).copy()  # shared indices are read-only
    A.eliminate_zeros()
    right = reduction.evaluation.row_lower[rows] - (reduction.constraints(z0)[rows] - A @ z0)
    filled = np.flatnonzero(np.diff(A.indptr))
    scale = np.ones(rows.size)
    scale[filled] = A.data[A.indptr[filled]]
    normal = sp.diags_array(1.0 / scale).tocsr() @ A
    right = right / scale
    # equal rows have equal products with any vector, computed in the same order: a hash
    weights = np.random.default_rng(0).uniform(1.0, 2.0, size=(A.shape[1], 2))
    keys = np.column_stack([normal @ weights, np.round(right, 12)])
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    twin = first[inverse.reshape(-1)]
    difference = abs(normal - normal[twin]).sum(axis=1)
    repeated = (twin != np.arange(rows.size)) & (np.asarray(difference) == 0.0)
    return np.asarray(rows[~repeated])


def _check_rank(reduction: Reduction, equalities: list[RowBlock]) -> None:
    if not equalities:
        return
    from scipy.sparse.csgraph import structural_rank  # noqa: PLC0415 - slow to import

    rows = np.concatenate([b.rows for b in equalities])
    part = reduction.rows(rows).selection.template
    ones = np.ones(part.nnz)
    rank = int(structural_rank(sp.csr_array((ones, part.indices, part.indptr), shape=part.shape)))
    size = rows.size + reduction.k
    if rank < rows.size and size > _DENSE_LIMIT:
        raise ValueError(
            f"trust-constr needs equality constraints of full rank: {rows.size} rows have "
            f"structural rank {rank}, and scipy would factorize a dense matrix of {size} rows "
            "at each step. Remove the dependent rows, or use solver='ipopt'."
        )
