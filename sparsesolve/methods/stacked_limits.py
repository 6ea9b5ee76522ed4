"""`StackedLimits`: bounds of the variables and limits of the rows, one after the other.

Separate because distances to them are asked at many points of a solve, and NumPy needs as long for
a few numbers as for a thousand: one pass over all of them takes half the time of two.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["StackedLimits"]

Array = NDArray[np.float64]


_ANY = np.array([[-np.inf], [np.inf]])


class StackedLimits:
    """Limits, and what a violation of each is divided by.

    Parameters
    ----------
    bounds, rows : tuple of ndarray
        ``(lower, upper)`` of the variables, shape (n,), and of the rows, shape (m,).
    key : bytes, optional
        What the limits of another solve are compared by.

    Examples
    --------
    >>> x, rows = (np.array([0.0, -np.inf]), np.array([5.0, 1.0])), (np.ones(1), np.full(1, np.inf))
    >>> limits = StackedLimits(x, rows)
    >>> limits.scale_upper, limits.possible(np.array([2.0]))
    (array([5., 1., 1.]), array([0.]))
    """

    def __init__(
        self, bounds: tuple[Array, Array], rows: tuple[Array, Array], key: bytes = b""
    ) -> None:
        self.key = key
        n, m = bounds[0].size, rows[0].size
        both = np.concatenate((bounds[0], rows[0], bounds[1], rows[1])).reshape(2, n + m)
        self.lower, self.upper = both
        sizes = np.abs(both)
        missing = np.isinf(both)
        sizes[missing] = 0.0
        np.maximum(sizes, 1.0, out=sizes)
        sizes[:, n:] = sizes[:, n:].max(axis=0)
        self.scale_lower, self.scale_upper = sizes
        self._least, self._largest = np.where(missing[:, n:], 0.0, _ANY)

    def possible(self, multipliers: Array) -> Array:
        """Return multipliers of the rows, zero against a limit that does not exist."""
        y: Array = np.minimum(np.maximum(multipliers, self._least), self._largest)
        return y
