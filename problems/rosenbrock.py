"""The chained Rosenbrock function, as an objective and as a sum of squares.

One formula serves two kinds of solver.
"""

from __future__ import annotations

import numpy as np

from .cases import LeastSquaresCase, MinimizeCase, Vector, free

__all__ = ["chained_rosenbrock", "chained_rosenbrock_least_squares"]


def _start(n: int) -> Vector:
    """-1.2 and 1 in turn."""
    return np.where(np.arange(n) % 2 == 0, -1.2, 1.0)


def chained_rosenbrock(n: int = 100) -> MinimizeCase:
    """Minimize ``sum_i 100 (x_i^2 - x_{i+1})^2 + (x_i - 1)^2``.

    Notes
    -----
    n variables, no constraints. Start (-1.2, 1, -1.2, 1, ...). Best value 0 at x = 1; for n >= 4 a
    second local minimum has x_1 near -1 (value 3.986623854 for n >= 20), which is what IPOPT finds.
    Nonconvex. Toint (1978), "Some numerical results using a sparse matrix updating formula in
    unconstrained optimization", Math. Comp. 32. Deviation: all weights are 100.
    """

    def objective(x: Vector) -> Vector:
        return np.sum(100 * (x[:-1] ** 2 - x[1:]) ** 2 + (x[:-1] - 1) ** 2)

    return MinimizeCase(
        objective=objective, x0=_start(n), bounds=free(n), best=0.0, local_minima=(3.9866238543,)
    )


def chained_rosenbrock_least_squares(n: int = 100) -> LeastSquaresCase:
    """Least squares form of `chained_rosenbrock`: residuals ``10 (x_{i+1} - x_i^2)``, ``1 - x_i``.

    Notes
    -----
    n parameters, 2 (n - 1) residuals. Start, best value and source as `chained_rosenbrock`.
    """

    def residual(x: Vector) -> Vector:
        return np.concatenate([10 * (x[1:] - x[:-1] ** 2), 1 - x[:-1]])

    return LeastSquaresCase(
        residual=residual, x0=_start(n), bounds=free(n), best=0.0, solution=np.ones(n)
    )
