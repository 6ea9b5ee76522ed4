"""`Mended`: derivatives through loops, trip by trip where a value is not finite.

Separate because it is about one weakness of loops that stay loops: what a trip has not chosen gets
the adjoint zero, and zero times an infinite slope is NaN, where kernels of their own leave both
out. Such points are rare, so the function without loops is differentiated when one is met.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from sparsesolve.derivatives.fused import Fused
from sparsesolve.derivatives.screened import Screened, all_finite
from sparsesolve.engine.evaluator import Array, Evaluator
from sparsesolve.errors import VerificationError
from sparsesolve.host.fork import forkable_property
from sparsesolve.structure.pattern import Pattern

__all__ = ["Again", "InPattern", "Mended"]

_LOST = (
    "expected a loop to have the nonzeros that its trips have one by one, got more of these. This "
    "is a defect of sparsesolve, not of your function: report it, with the function."
)

Again: TypeAlias = Callable[[Fused], Evaluator]
"""Makes what computes certain derivatives of a program."""


class Mended(Screened):
    """A derivative by loops, and the same without them.

    Parameters
    ----------
    run : Evaluator
        Computes the derivative.
    value : Evaluator
        The function, whose parameters are those of `run`, but for the last ones.
    guards : Evaluator or None
        True where the function steps around a singular point.
    count : int
        Parameters of the function.
    rows : ndarray of int or None
        Which element of the function each value belongs to; None if all do.
    make : callable
        Makes what computes the same without loops, when it is needed first.
    """

    def __init__(
        self,
        run: Evaluator,
        value: Evaluator,
        guards: Evaluator | None,
        count: int,
        rows: Any,
        make: Callable[[], Evaluator],
    ) -> None:
        super().__init__(run, guards, count)
        self._value = value
        self._rows = rows
        self._make = make

    @forkable_property
    def _trips(self) -> Evaluator:
        return self._make()

    def _mend(self, values: Array, x: Any, parameters: Sequence[Any]) -> None:
        hits = self._hits(x, parameters)
        if hits is not None and hits.any():
            values[...] = self._trips(x, parameters)
        elif not all_finite(values):
            bad = np.flatnonzero(~np.isfinite(values))
            finite = np.isfinite(self._value(x, parameters[: self._count]))
            bad = bad[finite.all() if self._rows is None else finite[self._rows[bad]]]
            if bad.size:
                values[bad] = self._trips(x, parameters)[bad]


class InPattern(Evaluator):
    """Nonzeros of one pattern in the places of another; what is in one alone is zero.

    It is looked at whether it is.

    Parameters
    ----------
    run : Evaluator
        Computes nonzeros.
    theirs, mine : Pattern
        Where these are, and where they are wanted.
    order : ndarray of int, optional
        In which order the latter are wanted. Default is that of the pattern.
    """

    def __init__(self, run: Evaluator, theirs: Pattern, mine: Pattern, order: Any = None) -> None:
        keys, places = (p.rows.astype(np.int64) * p.shape[1] + p.indices for p in (theirs, mine))
        places = places if order is None else places[order]
        _, self._from, self._to = np.intersect1d(
            keys, places, assume_unique=True, return_indices=True
        )
        self._left = np.setdiff1d(np.arange(theirs.nnz), self._from)
        self._run = run
        self._size = mine.nnz

    @property
    def size(self) -> int:
        """How many values."""
        return self._size

    def __call__(self, x: Any, parameters: Sequence[Any] = (), out: Array | None = None) -> Array:
        """Return the values."""
        found = np.zeros(self._size) if out is None else out
        found[:] = 0.0
        values = self._run(x, parameters)
        if self._left.size:
            lost = values[self._left]
            if np.any(np.isfinite(lost) & (lost != 0.0)):
                raise VerificationError(_LOST)
        found[self._to] = values[self._from]
        return found
