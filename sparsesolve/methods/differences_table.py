"""The backward differences of a BDF method: prediction, change of the step, error and order.

Separate from how a step is solved. Order 1 to 5, numerical differentiation formulas up to 4, which
are stable as long and take larger steps.

Shampine, Reichelt (1997), "The MATLAB ODE suite", SIAM J. Sci. Comput. 18(1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["HIGHEST", "DifferencesTable"]

Array = NDArray[np.float64]

HIGHEST = 5
_KAPPA = np.array([0.0, -0.1850, -1.0 / 9.0, -0.0823, -0.0415, 0.0])
_GAMMA = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, HIGHEST + 1))])
_ALPHA = (1.0 - _KAPPA) * _GAMMA
_ERROR = _KAPPA * _GAMMA + 1.0 / np.arange(1, HIGHEST + 2)


class DifferencesTable:
    """Backward differences of the states of equal steps, ``rows[j]`` the one of order j.

    Parameters
    ----------
    y, first : ndarray, shape (n,)
        The state, and step times slope.
    """

    def __init__(self, y: Array, first: Array) -> None:
        self.rows = np.zeros((HIGHEST + 3, y.size))
        self.rows[0], self.rows[1] = y, first
        self.order = 1
        self.equal_steps = 0

    def predict(self) -> tuple[Array, Array, float]:
        """Return the prediction, the part of the past in the slope, and ``alpha``.

        The step is ``y = prediction + d`` with ``alpha d = h f(y) - past``.
        """
        k = self.order
        past = _GAMMA[1 : k + 1] @ self.rows[1 : k + 1]
        return self.rows[: k + 1].sum(axis=0), past, float(_ALPHA[k])

    def guess(self) -> Array:
        """Return about what d will be: its last value, where the step was the same."""
        if self.equal_steps:
            return np.array(self.rows[self.order + 1])
        return np.zeros(self.rows.shape[1])

    def error(self, d: Array) -> Array:
        """Return the error of a step."""
        return np.asarray(_ERROR[self.order] * d)

    def errors_beside(self) -> tuple[Array | None, Array | None]:
        """Return those of the orders below and above after a step; None where there is none."""
        k = self.order
        below = _ERROR[k - 1] * self.rows[k] if k > 1 else None
        above = _ERROR[k + 1] * self.rows[k + 2] if k < HIGHEST else None
        return below, above

    def accept(self, d: Array) -> None:
        """Take over a step."""
        k = self.order
        self.rows[k + 2] = d - self.rows[k + 1]
        self.rows[k + 1] = d
        for j in range(k, -1, -1):
            self.rows[j] += self.rows[j + 1]
        self.equal_steps += 1

    def resize(self, factor: float) -> None:
        """Change to a step that is `factor` times the old one."""
        k = self.order
        change = _at_steps(k, factor) @ _at_steps(k, 1.0)
        self.rows[: k + 1] = change.T @ self.rows[: k + 1]
        self.equal_steps = 0


def _at_steps(order: int, factor: float) -> Array:
    """Return how differences of steps of another size act on the interpolating polynomial."""
    j = np.arange(1, order + 1)
    table = np.zeros((order + 1, order + 1))
    table[1:, 1:] = (j[:, None] - 1.0 - factor * j) / j[:, None]
    table[0] = 1.0
    return np.asarray(np.cumprod(table, axis=0))
