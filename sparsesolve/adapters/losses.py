"""Robust losses of least squares, by the names and formulas that scipy uses.

Separate because both the sparse Levenberg-Marquardt method and tests need them without scipy's
solver. A loss rho(z) of z = (r / scale)^2 enters as weights on residual and Jacobian. Triggs et al.
(2000), "Bundle adjustment: a modern synthesis", section 4.3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["LOSSES", "robust_cost", "robust_weights"]

Array = NDArray[np.float64]
Loss = Callable[[Array], tuple[Array, Array, Array]]


def _soft_l1(z: Array) -> tuple[Array, Array, Array]:
    t = 1.0 + z
    return 2.0 * (np.sqrt(t) - 1.0), t**-0.5, -0.5 * t**-1.5


def _huber(z: Array) -> tuple[Array, Array, Array]:
    inside = z <= 1.0
    t = np.maximum(z, 1.0)
    return (
        np.where(inside, z, 2.0 * np.sqrt(t) - 1.0),
        np.where(inside, 1.0, t**-0.5),
        np.where(inside, 0.0, -0.5 * t**-1.5),
    )


def _cauchy(z: Array) -> tuple[Array, Array, Array]:
    t = 1.0 + z
    return np.log1p(z), 1.0 / t, -1.0 / t**2


def _arctan(z: Array) -> tuple[Array, Array, Array]:
    t = 1.0 + z**2
    return np.arctan(z), 1.0 / t, -2.0 * z / t**2


LOSSES: dict[str, Loss | None] = {
    "linear": None,
    "soft_l1": _soft_l1,
    "huber": _huber,
    "cauchy": _cauchy,
    "arctan": _arctan,
}


def robust_cost(r: Array, loss: Loss | None, scale: float) -> float:
    """Return ``0.5 scale^2 sum(rho((r / scale)^2))``.

    Parameters
    ----------
    r : ndarray, shape (m,)
        Residual.
    loss : callable or None
        One of `LOSSES`.
    scale : float
        Size of a residual at which the loss begins to bend.

    Returns
    -------
    float
        The cost.
    """
    if loss is None:
        return 0.5 * float(r @ r)
    return 0.5 * scale**2 * float(np.sum(loss((r / scale) ** 2)[0]))


def robust_weights(r: Array, loss: Loss | None, scale: float) -> tuple[Array, Array]:
    """Return factors for the rows of J and for the entries of the residual.

    Parameters
    ----------
    r : ndarray, shape (m,)
        Residual.
    loss : callable or None
        One of `LOSSES`.
    scale : float
        As for `robust_cost`.

    Returns
    -------
    tuple of ndarray, each of shape (m,)
        With these, ``J'r`` is the gradient of the cost, and ``J'J`` its Gauss-Newton Hessian with
        the loss's curvature, kept positive.
    """
    if loss is None:
        return np.ones_like(r), np.ones_like(r)
    z = (r / scale) ** 2
    _, first, second = loss(z)
    rows = np.sqrt(np.maximum(first + 2.0 * second * z, np.finfo(float).eps))
    return rows, first / rows
