"""First derivatives of what is integrated, by all parameters at once.

Separate because rules of quadrature ask for one parameter after the other at the same points: the
row is prepared once, and what was computed at a point is kept while the parameters stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.crossings import Crossings
from sparsesolve.derivatives.jacobian import jacobian
from sparsesolve.derivatives.jumps import may_jump
from sparsesolve.derivatives.traced_function import Lazy

__all__ = ["IntegrandRows"]

Array = NDArray[np.float64]

_MOST = 4096  # points whose rows are kept


class IntegrandRows:
    """Rows of derivatives of ``integrand(s, *parameters)`` by the parameters, one after the other.

    Parameters
    ----------
    integrand : callable
        Returns a number.
    """

    def __init__(self, integrand: Callable[..., Any]) -> None:
        self._integrand = integrand
        self._prepared = Lazy()
        self._latest: Any = None
        self._kept: tuple[Any, dict[float, Array]] = None, {}  # replaced as one, for threads

    def column(self, k: int, j: int, parameters: Sequence[Any], passed: Crossings) -> Any:
        """Return the derivative by element j of parameter k, a function of s."""
        ends = np.cumsum([0, *map(np.size, parameters)])
        joined = np.concatenate([np.ravel(p) for p in parameters]).astype(np.float64)
        shapes = [np.shape(p) for p in parameters]
        at = int(ends[k]) + j

        def derivative(s: float) -> Any:
            row = self._latest = self._prepared.get(
                f"{shapes}", lambda: self._made(s, joined, shapes)
            )
            found = self._row(row, s, joined)
            passed.note(row, s, joined)
            return found[at]

        return derivative

    def may_jump(self) -> bool:
        """Whether what is integrated may jump, as far as its operations tell."""
        return may_jump(self._latest)

    def _made(self, s: float, joined: Array, shapes: Sequence[tuple[int, ...]]) -> Any:
        ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])

        def function(s: Any, q: Any) -> Any:
            parts = [q[a:b] for a, b in pairwise(ends)]
            shaped = zip(parts, shapes, strict=True)
            return self._integrand(s, *(np.reshape(p, shape) for p, shape in shaped))

        function.calls = getattr(self._integrand, "calls", None)  # type: ignore[attr-defined]
        return jacobian(function, s, joined, argnum=1)

    def _row(self, row: Any, s: float, joined: Array) -> Array:
        if hasattr(row, "_branches"):  # which path was taken is read after each evaluation
            return np.asarray(row(s, joined).toarray()[0])
        key = id(row), joined.tobytes()
        kept = self._kept
        if kept[0] != key or len(kept[1]) > _MOST:
            kept = self._kept = key, {}
        known = kept[1].get(s)
        if known is None:
            known = np.zeros(joined.size)
            known[row.pattern.indices] = row.values(s, joined)
            kept[1][s] = known
        return known
