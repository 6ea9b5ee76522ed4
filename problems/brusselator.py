"""The Brusselator with diffusion, in one and two dimensions, by the method of lines.

Separate from the small stiff problems because these have a size and a sparse Jacobian.
"""

from __future__ import annotations

import numpy as np

from .cases import OdeCase, Vector

__all__ = ["brusselator_1d", "brusselator_2d"]


def brusselator_2d(side: int = 32) -> OdeCase:
    """Brusselator on a periodic square, `side` x `side` points, two species.

    ``u' = B + u^2 v - (A + 1) u + alpha lap(u) + f``, ``v' = A u - u^2 v + alpha lap(v)`` with
    A = 3.4, B = 1, alpha = 10, and f = 5 inside the circle of radius 0.1 about (0.3, 0.6) from
    t = 1.1 on; ``lap`` is the five-point stencil divided by ``h^2``, ``h = 1 / (side - 1)``.

    Notes
    -----
    n = 2 side^2, the Jacobian has 12 side^2 nonzeros (side >= 3). Start
    ``u = 22 (y (1 - y))^(3/2)``, ``v = 27 (x (1 - x))^(3/2)``; t from 0 to 11.5 s. No reference
    values: compare with Radau at tight tolerances. Hairer, Wanner (1996), "Solving ordinary
    differential equations II", section IV.10, in the form and with the size parameter of the
    SciML benchmarks. The source f switches at t = 1.1, so the interval has two pieces; f is the
    argument after y.
    """
    a, b, alpha = 3.4, 1.0, 10.0
    h = 1.0 / (side - 1)
    grid = np.linspace(0.0, 1.0, side)
    x, y = grid[:, None], grid[None, :]
    circle = ((x - 0.3) ** 2 + (y - 0.6) ** 2 <= 0.1**2).astype(float)
    start = np.stack(
        [22 * (y * (1 - y)) ** 1.5 * np.ones_like(x), 27 * (x * (1 - x)) ** 1.5 * np.ones_like(y)],
        axis=2,
    )

    def laplacian(w: Vector) -> Vector:
        around = np.roll(w, 1, 0) + np.roll(w, -1, 0) + np.roll(w, 1, 1) + np.roll(w, -1, 1)
        return (alpha / h**2) * (around - 4 * w)

    def rhs(t: float, state: Vector, source: float) -> Vector:
        fields = np.reshape(state, (side, side, 2))
        u, v = fields[:, :, 0], fields[:, :, 1]
        reaction = u**2 * v
        du = b + reaction - (a + 1) * u + laplacian(u) + source * circle
        dv = a * u - reaction + laplacian(v)
        return np.reshape(np.stack([du, dv], axis=2), -1)

    return OdeCase(
        rhs=rhs,
        t_span=(0.0, 11.5),
        y0=np.reshape(start, -1),
        observed=np.empty(0, dtype=np.int64),
        pieces=(((0.0, 1.1), (0.0,)), ((1.1, 11.5), (5.0,))),
    )


def brusselator_1d(points: int = 500) -> OdeCase:
    """Brusselator on the unit interval with fixed ends.

    ``u' = 1 + u^2 v - 4 u + alpha u_xx``, ``v' = 3 u - u^2 v + alpha v_xx`` with alpha = 1/50,
    central differences, u = 1 and v = 3 at both ends.

    Notes
    -----
    n = 2 points, ordered u_1, v_1, u_2, ...; Jacobian of half bandwidth 2. Start
    ``u = 1 + sin(2 pi x)``, v = 3; t from 0 to 10. Reference for 500 points: own runs of Radau at
    1e-8 and 1e-10 agree. Hairer, Wanner (1996), "Solving ordinary differential equations II",
    problem BRUSS of section IV.10.
    """
    alpha = 0.02 * (points + 1) ** 2
    x = np.arange(1, points + 1) / (points + 1)
    ends = np.array([[1.0, 3.0]])

    def rhs(t: float, y: Vector) -> Vector:
        fields = np.reshape(y, (points, 2))
        u, v = fields[:, 0], fields[:, 1]
        padded = np.concatenate([ends, fields, ends])
        diffusion = alpha * (padded[:-2] - 2 * fields + padded[2:])
        reaction = u**2 * v
        du = 1 + reaction - 4 * u
        dv = 3 * u - reaction
        return np.reshape(np.stack([du, dv], axis=1) + diffusion, -1)

    reference = np.array([0.994825197897, 3.006524870304, 0.429855508095, 3.688102589088])
    start = np.stack([1 + np.sin(2 * np.pi * x), np.full(points, 3.0)], axis=1)
    return OdeCase(
        rhs=rhs,
        t_span=(0.0, 10.0),
        y0=np.reshape(start, -1),
        observed=np.array([0, 1, 498, 499]) if points == 500 else np.empty(0, dtype=np.int64),
        reference=reference if points == 500 else None,
    )
