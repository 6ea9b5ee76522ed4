"""Robust losses of least squares, by the names and formulas that scipy uses.

Both the sparse Levenberg-Marquardt method and tests need them without scipy's
solver. Each returns rho(z) and rho'(z) of z = (r / scale)^2. Triggs et al. (2000), "Bundle
adjustment: a modern synthesis", section 4.3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LOSSES", "Loss", "as_loss", "robust_cost", "robust_weights"]

Array = NDArray[np.float64]
Loss = Callable[[Array], tuple[Array, Array]]


def _soft_l1(z: Array) -> tuple[Array, Array]:
    t = 1.0 + z
    return 2.0 * (np.sqrt(t) - 1.0), t**-0.5


def _huber(z: Array) -> tuple[Array, Array]:
    inside = z <= 1.0
    t = np.maximum(z, 1.0)
    return (
        np.where(inside, z, 2.0 * np.sqrt(t) - 1.0),
        np.where(inside, 1.0, t**-0.5),
    )


def _cauchy(z: Array) -> tuple[Array, Array]:
    t = 1.0 + z
    return np.log1p(z), 1.0 / t


def _arctan(z: Array) -> tuple[Array, Array]:
    return np.arctan(z), 1.0 / (1.0 + z**2)


LOSSES: dict[str, Loss | None] = {
    "linear": None,
    "soft_l1": _soft_l1,
    "huber": _huber,
    "cauchy": _cauchy,
    "arctan": _arctan,
}


def as_loss(loss: str | Callable[[Array], Any]) -> Loss | None:
    """Return a loss by its name, or of a function as scipy's `least_squares` takes it.

    Parameters
    ----------
    loss : str or callable
        One of `LOSSES`; or ``loss(z)``, which returns an array of shape (3, m): rho and its first
        two derivatives (the second is not used).

    Raises
    ------
    ValueError
        If there is none of this name, or what the function returns has another shape.
    """
    if not callable(loss):
        if loss not in LOSSES:
            raise ValueError(f"`loss` must be one of {', '.join(LOSSES)}; got {loss!r}.")
        return LOSSES[loss]
    given = loss

    def checked(z: Array) -> tuple[Array, Array]:
        rho = np.asarray(given(z), dtype=np.float64)
        if rho.shape != (3, z.size):
            raise ValueError(
                f"`loss` must return an array of shape (3, {z.size}): rho and its first two "
                f"derivatives, got {rho.shape}."
            )
        return rho[0], rho[1]

    return checked


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
    with np.errstate(all="ignore"):  # a trial point far away may overflow: it is refused
        if loss is None:
            return 0.5 * float(r @ r)
        return 0.5 * scale**2 * float(np.sum(loss((r / scale) ** 2)[0]))


def robust_weights(r: Array, loss: Loss | None, scale: float) -> Array:
    """Return the factors of residual and Jacobian rows that stand for the loss.

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
    ndarray, shape (m,)
        ``w = sqrt(rho')``: with ``w r`` and ``w J`` the gradient is that of the cost. The negative
        curvature that these losses have far out is left out: with it rows would vanish.
    """
    if loss is None:
        return np.ones_like(r)
    with np.errstate(all="ignore"):
        return np.sqrt(loss((r / scale) ** 2)[1])
