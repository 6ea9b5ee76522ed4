"""Nonlinear equations: the Bratu problem in two dimensions and Broyden's tridiagonal function.

They are square systems, solved by Newton's method rather than by optimization.
"""

from __future__ import annotations

import numpy as np

from .cases import RootCase, Vector

__all__ = ["bratu", "broyden_tridiagonal"]


def bratu(side: int = 40, lam: float = 6.0) -> RootCase:
    """Solid fuel ignition on the unit square, five-point stencil.

    ``(4 u_ij - u_W - u_E - u_S - u_N) / h^2 = lam exp(u_ij)`` with u = 0 on the boundary,
    multiplied by ``h^2``; ``h = 1 / (side + 1)``.

    Parameters
    ----------
    side : int
        Inner grid points in each direction.
    lam : float, dimensionless
        Strength of the source; the lower branch ends at about 6.81.

    Notes
    -----
    n = side^2. Start u = 0. Best value: the largest u of the lower branch, 0.796022008491 for
    side = 40, lam = 6 (three solvers agree). Bratu (1914); Moré, "A collection of nonlinear model
    problems", in Allgower, Georg (1990).
    """
    h = 1.0 / (side + 1)

    def residual(u: Vector) -> Vector:
        grid = np.pad(np.reshape(u, (side, side)), 1)
        middle = grid[1:-1, 1:-1]
        neighbors = grid[:-2, 1:-1] + grid[2:, 1:-1] + grid[1:-1, :-2] + grid[1:-1, 2:]
        return np.reshape(4 * middle - neighbors - h**2 * lam * np.exp(middle), -1)

    return RootCase(
        residual=residual,
        x0=np.zeros(side * side),
        measure=lambda u: float(np.max(u)),
        best=0.796022008491 if (side, lam) == (40, 6.0) else None,
    )


def broyden_tridiagonal(n: int = 1000) -> RootCase:
    """Broyden's tridiagonal function.

    ``(3 - 2 x_i) x_i - x_{i-1} - 2 x_{i+1} + 1 = 0`` with ``x_0 = x_{n+1} = 0``.

    Notes
    -----
    n unknowns. Start x = -1. Best value: residual 0 (the largest absolute residual is the
    measure). Moré, Garbow, Hillstrom (1981), "Testing unconstrained optimization software", ACM
    TOMS 7(1), problem 30.
    """

    def residual(x: Vector) -> Vector:
        padded = np.pad(x, 1)
        return (3 - 2 * x) * x - padded[:-2] - 2 * padded[2:] + 1

    return RootCase(
        residual=residual,
        x0=-np.ones(n),
        measure=lambda x: float(np.max(np.abs(residual(x)))),
        best=0.0,
    )
