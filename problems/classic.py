"""Small textbook problems.

They have no size: they check that a solver works at all.
"""

from __future__ import annotations

import numpy as np

from .cases import Block, MinimizeCase, Vector

__all__ = ["hs71"]


def hs71() -> MinimizeCase:
    """Problem 71 of Hock and Schittkowski.

    Minimize ``x1 x4 (x1 + x2 + x3) + x3`` subject to ``x1 x2 x3 x4 >= 25``,
    ``x1^2 + x2^2 + x3^2 + x4^2 = 40`` and ``1 <= x <= 5``.

    Notes
    -----
    n = 4, m = 2. Start (1, 5, 5, 1). Best value 17.0140172892 at
    (1, 4.7429994, 3.8211503, 1.3794082). Nonconvex.
    Hock, Schittkowski (1981), "Test examples for nonlinear programming codes", problem 71.
    """

    def objective(x: Vector) -> Vector:
        return x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2]

    def product(x: Vector) -> Vector:
        return np.reshape(np.prod(x), 1)

    def norm(x: Vector) -> Vector:
        return np.reshape(np.sum(x**2), 1)

    return MinimizeCase(
        objective=objective,
        x0=np.array([1.0, 5.0, 5.0, 1.0]),
        bounds=(np.full(4, 1.0), np.full(4, 5.0)),
        constraints=(
            Block(product, 25.0, np.inf, "product"),
            Block(norm, 40.0, 40.0, "norm"),
        ),
        best=17.0140172892,
    )
