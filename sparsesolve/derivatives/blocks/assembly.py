"""The assembly of blocks held against the entries that they are made of, at one point.

Separate because it is a test, not a part of any derivative: entries are compared with the
interpreter when they are prepared, and here the sum of all blocks with plain sparse products of
these entries, in the order of the extended program. One direction is enough: it has no zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from sparsesolve.derivatives.blocks.blocked import Blocked
from sparsesolve.derivatives.blocks.submatrix import Array, SplitEntries
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.errors import VerificationError

__all__ = ["Chain", "hold_assembly", "whole"]

_FORMED = 2**20  # entries of a matrix that is formed for the test; others are multiplied
_MOST_LEVELS = 40  # of sums that read each other; blocks have no more
_ROUNDING = 1e-10  # relative to the sum of the sizes of all terms


class Chain:
    """The Jacobian of an extended program at a point, and products with ``Z = [I; U]``.

    Parameters
    ----------
    entries : SplitEntries
        Of the program.
    values : ndarray
        Those that vary, at the point.
    n, k : int
        Number of inputs, and of sums.
    """

    def __init__(self, entries: SplitEntries, values: Array, n: int, k: int) -> None:
        self.matrix = whole(entries, values)
        self.n, self.k = n, k

    def forward(self, v: Array) -> Array:
        """Return ``Z v``: what x and the sums move by."""
        moved = np.concatenate([v, np.zeros(self.k)])
        for _ in range(_MOST_LEVELS):
            sums = (self.matrix @ moved)[: self.k]
            if np.array_equal(sums, moved[self.n :]):
                break
            moved[self.n :] = sums
        return moved

    def outputs(self, moved: Array) -> Array:
        """Return what the outputs move by."""
        return np.asarray((self.matrix @ moved)[self.k :])

    def backward(self, by_z: Array, weights: Array) -> tuple[Array, Array]:
        """Return ``Z' (by_z + y' weights)``, and the multipliers of the sums."""
        sent = np.concatenate([np.zeros(self.k), weights])
        for _ in range(_MOST_LEVELS):
            found = by_z + self.matrix.T @ sent
            if np.array_equal(found[self.n :], sent[: self.k]):
                break
            sent[: self.k] = found[self.n :]
        return found[: self.n], sent[: self.k]


def whole(entries: SplitEntries, values: Array) -> Any:
    """Return all entries at a point as a sparse matrix."""
    data = entries.numbers.copy()
    varying = np.flatnonzero(entries.source >= 0)
    data[varying] = values[entries.source[varying]]
    pattern = entries.pattern
    return sp.csr_array((data, pattern.indices, pattern.indptr), shape=pattern.shape)


def hold_assembly(found: Blocked, log: PrepareLog) -> None:
    """Compare one product of a matrix with the same product of its entries.

    Parameters
    ----------
    found : Blocked
        A Jacobian or a Hessian.
    log : PrepareLog
        Says where; nothing is done where nothing is to be checked.

    Raises
    ------
    VerificationError
        If they differ.
    """
    if log.point is None:
        return
    with log.stage("check"), np.errstate(all="ignore"):
        given = found.check_arguments(log.point.x, log.point.parameters)
        v = np.random.default_rng(found.shape[1]).uniform(0.5, 1.0, found.shape[1])
        expected, scale = found.by_entries(*given, v)
        if not np.isfinite(scale):  # a singular point: its values are not those of blocks
            return
        gap = np.abs(_product(found, given, v) - expected)
    if np.all(gap <= _ROUNDING * scale):
        return
    row = int(np.argmax(gap))
    raise VerificationError(
        f"expected the blocks of a derivative to be the sum of their entries, got a difference of "
        f"{gap[row]:.3g} in row {row} of a product. This is a defect of sparsesolve, not of your "
        "function: report it, with the function, and use method='colored' until it is mended."
    )


def _product(found: Blocked, given: tuple[Any, Sequence[Any]], v: Array) -> Array:
    if found.is_formed_at_once:
        return np.asarray(found.dense(*given) @ v)
    if not found.is_formable or found.most > _FORMED:
        return found.factored(*given).times(v)
    matrix = found.pattern.to_scipy(found(*given))
    product = np.asarray(matrix @ v)
    if found.is_lower:
        product += matrix.T @ v - matrix.diagonal() * v
    return product
