"""Calls with other integers, words or flags than those of the example.

A derivative keeps its structure: what another trace gives is put into its places,
where these hold it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import StructureMismatch
from sparsesolve.structure.pattern import Pattern
from sparsesolve.trace import OtherConstant

__all__ = ["also_for_others", "embedded", "require_constant"]

Array = NDArray[np.float64]
_F = TypeVar("_F", bound=Callable[..., Any])


def also_for_others(product: _F) -> _F:
    """Let a product, whose direction comes last, take what is prepared for other constants."""

    @wraps(product)
    def call(self: Any, *args: Any) -> Any:
        try:
            return product(self, *args)
        except OtherConstant:
            return getattr(self.for_others(args[:-1]), product.__name__)(*args)

    return call  # type: ignore[return-value]


def embedded(values: Array, theirs: Pattern, mine: Pattern, out: Array | None) -> Array:
    """Put the nonzeros of one pattern into the places of another.

    Parameters
    ----------
    values : ndarray
        In the order of `theirs`.
    theirs, mine : Pattern
        The latter must hold the former.
    out : ndarray, optional
        Where to; a fresh array otherwise.

    Raises
    ------
    StructureMismatch
        If it does not.
    """
    result = np.zeros(mine.nnz) if out is None else out
    if theirs.shape == mine.shape:
        keys, places = (p.rows.astype(np.int64) * p.shape[1] + p.indices for p in (theirs, mine))
        found = np.searchsorted(places, keys)
        if (found < places.size).all() and np.array_equal(places[found], keys):
            result[:] = 0.0
            result[found] = values
            return result
    raise StructureMismatch(
        f"expected constants with which the structure of the example ({mine.shape[0]} x "
        f"{mine.shape[1]}, {mine.nnz} entries) holds all entries, got others that need "
        f"{theirs.shape[0]} x {theirs.shape[1]}, {theirs.nnz} entries. Call the derivative, which "
        "returns a matrix of its own, or prepare one with these."
    )


def require_constant(values: Array, expected: Array, constant: NDArray[np.bool_]) -> None:
    """Raise where entries differ that are constant, and that a later `refill` would not write."""
    if not np.array_equal(values[constant], expected[constant], equal_nan=True):
        raise StructureMismatch(
            "expected constants with which the constant entries of a buffer stay as they are, got "
            "others that change them. Use `values`, with `out=` if need be."
        )
