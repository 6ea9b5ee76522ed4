"""Columns of a Jacobian that are not finite, by forward differences.

Separate because it is the one place where a derivative is not exact: at the square root of an
empty tank, or for the drag of a body at rest, the derivative does not exist or is infinite, while a
stiff integrator only needs something near it. Its user is told by a note.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.differences import column_colors

__all__ = ["DifferencedColumns"]

Array = NDArray[np.float64]

# steps tried in turn, until the function is finite there, in units of the first one
_TRIALS = (1.0, -1.0, 1e3, -1e3)


class DifferencedColumns:
    """Replaces entries that are not finite; columns without a common row share a call.

    Parameters
    ----------
    pattern : Pattern, shape (m, n)
        Of the Jacobian.
    threshold : float or ndarray of shape (n,)
        Size below which an unknown counts as zero: its step is relative to this.
    """

    def __init__(self, pattern: Any, threshold: float | Array) -> None:
        self.pattern = pattern
        self.threshold = np.broadcast_to(np.asarray(threshold, dtype=np.float64), pattern.shape[1])
        self._known: NDArray[np.int32] | None = None

    def replace(self, values: Array, function: Callable[[Array], Array], y: Array) -> Array:
        """Return `values` with differences in place of what is not finite, where these are finite.

        Parameters
        ----------
        values : ndarray, shape (nnz,)
            Entries of the Jacobian at `y`.
        function : callable
            The function of the unknowns.
        y : ndarray, shape (n,)
            Where.
        """
        with np.errstate(all="ignore"):
            return self._replaced(np.array(values), function, y)

    def _replaced(self, values: Array, function: Callable[[Array], Array], y: Array) -> Array:
        start = function(y)
        size = np.maximum(np.abs(y), np.where(self.threshold > 0.0, self.threshold, 1e-6))
        # in the direction in which an explicit equation goes: likely to stay where it is defined
        back = start < 0.0 if start.shape == size.shape else False
        step = np.sqrt(np.finfo(float).eps) * np.where(back, -size, size)
        rows, columns = self.pattern.rows, self.pattern.indices
        for trial in _TRIALS:
            bad = ~np.isfinite(values)
            if not bad.any():
                break
            colors = self._colors()
            for k in np.unique(colors[columns[bad]]):
                moved = np.where(colors == k, y + trial * step, y)
                h = moved - y
                difference = function(moved) - start
                here = np.flatnonzero(bad & (colors[columns] == k) & (h[columns] != 0.0))
                values[here] = difference[rows[here]] / h[columns[here]]
        return values

    def _colors(self) -> NDArray[np.int32]:
        if self._known is None:
            self._known = column_colors(self.pattern)
        return self._known
