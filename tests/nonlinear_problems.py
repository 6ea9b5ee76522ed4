"""Small problems with known answers, for tests of solvers."""

from __future__ import annotations

import numpy as np

from sparsesolve.problem.problem import Constraint, Problem


def hs71(**kwargs) -> Problem:
    return Problem(
        lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2],
        [1.0, 5.0, 5.0, 1.0],
        bounds=(1.0, 5.0),
        constraints=[
            Constraint(lambda x: np.prod(x), 25.0),
            Constraint(lambda x: np.sum(x**2), 40.0, 40.0),
        ],
        **kwargs,
    )


def luksan_vlcek(n: int) -> Problem:
    def objective(x):
        return np.sum(100.0 * (x[:-1] ** 2 - x[1:]) ** 2 + (x[:-1] - 1.0) ** 2)

    def rows(x):
        a, b, c = x[:-2], x[1:-1], x[2:]
        bend = np.sin(b - c) * np.sin(b + c)
        return 3.0 * b**3 + 2.0 * c - 5.0 + bend + 4.0 * b - a * np.exp(a - b) - 3.0

    start = np.where(np.arange(n) % 2 == 0, -1.2, 1.0)
    return Problem(objective, start, constraints=Constraint(rows, 0.0, 0.0))


def banana(n: int = 6, **kwargs) -> Problem:
    return Problem(
        lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2),
        np.full(n, -1.2),
        **kwargs,
    )
