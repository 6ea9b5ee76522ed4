"""COPS: surfaces over a rectangle by linear finite elements, with bounds only.

The three share one discretization: a grid of nx x ny inner points, each cell cut
into a lower and an upper triangle, and an integral that depends on the two slopes in each triangle.
Only the inner values are variables (COPSBenchmark.jl also has the fixed boundary).

Dolan, Moré, Munson (2004), "Benchmarking optimization software with COPS 3.0", Argonne National
Laboratory, ANL/MCS-TM-273.
The best values in docstrings are the report's; the longer ones in the code are own runs of IPOPT,
which agree with them.
"""

from __future__ import annotations

import numpy as np

from .cases import MinimizeCase, Vector

__all__ = ["bearing", "minsurf", "torsion"]


def _slopes(grid: Vector, hx: float, hy: float) -> tuple[tuple[Vector, Vector], ...]:
    """Slopes along x and y in the lower, then in the upper triangle of every cell."""
    dx = (grid[1:, :] - grid[:-1, :]) / hx
    dy = (grid[:, 1:] - grid[:, :-1]) / hy
    return (dx[:, :-1], dy[:-1, :]), (dx[:, 1:], dy[1:, :])


def torsion(nx: int = 20, ny: int = 20) -> MinimizeCase:
    """Stress in an elastic and plastic cylinder under torsion.

    Minimize the integral of ``|grad v|^2 / 2 - 5 v`` over the unit square, v = 0 on the boundary,
    ``|v(s)| <=`` distance of s to the boundary.

    Notes
    -----
    n = nx ny, m = 0. Start: v = the distance. Best value -0.418087 for 50 x 50. Convex (quadratic).
    COPS 3, problem 15; Glowinski (1984).
    """
    hx, hy = 1.0 / (nx + 1), 1.0 / (ny + 1)
    i, j = np.arange(1, nx + 1)[:, None], np.arange(1, ny + 1)[None, :]
    distance = np.minimum(np.minimum(i, nx + 1 - i) * hx, np.minimum(j, ny + 1 - j) * hy)
    limit = np.reshape(distance, -1)

    def objective(x: Vector) -> Vector:
        grid = np.pad(np.reshape(x, (nx, ny)), 1)
        (ax, ay), (bx, by) = _slopes(grid, hx, hy)
        energy = np.sum(ax**2 + ay**2) + np.sum(bx**2 + by**2)
        return hx * hy * (energy / 4 - 5.0 * np.sum(x))

    return MinimizeCase(
        objective=objective,
        x0=limit,
        bounds=(-limit, limit),
        best={(15, 15): -0.414415272341, (50, 50): -0.418085710558}.get((nx, ny)),
    )


def bearing(nx: int = 20, ny: int = 20) -> MinimizeCase:
    """Pressure in the oil film of a journal bearing of eccentricity 0.1.

    Minimize the integral of ``(1 + 0.1 cos s)^3 |grad v|^2 / 2 - 0.1 sin(s) v`` over
    ``0 < s < 2 pi``, ``0 < t < 20``, v = 0 on the boundary, v >= 0.

    Notes
    -----
    n = nx ny, m = 0. Start: v = max(sin s, 0). Best value -0.15482 for 50 x 50. Convex (quadratic).
    COPS 3, problem 16; Cimatti (1977). As in the COPS model, the film in an upper triangle is
    weighted ``(2 w_i + 2 w_{i-1}) / 3``; with weights of sum one (2/3 and 1/3), which integrate the
    formula above, the minimum is -0.180876.
    """
    hx, hy = 2 * np.pi / (nx + 1), 20.0 / (ny + 1)
    s = hx * np.arange(nx + 2)
    film = (1 + 0.1 * np.cos(s)) ** 3
    lower_weight = ((film[:-1] + 2 * film[1:]) / 3)[:, None]
    upper_weight = ((2 * film[1:] + 2 * film[:-1]) / 3)[:, None]
    load = np.repeat(0.1 * np.sin(s[1:-1]), ny)

    def objective(x: Vector) -> Vector:
        grid = np.pad(np.reshape(x, (nx, ny)), 1)
        (ax, ay), (bx, by) = _slopes(grid, hx, hy)
        energy = np.sum(lower_weight * (ax**2 + ay**2)) + np.sum(upper_weight * (bx**2 + by**2))
        return hx * hy * (energy / 4 - np.sum(load * x))

    return MinimizeCase(
        objective=objective,
        x0=np.repeat(np.maximum(np.sin(s[1:-1]), 0.0), ny),
        bounds=(np.zeros(nx * ny), np.full(nx * ny, np.inf)),
        best={(15, 15): -0.154344643429, (50, 50): -0.154823388822}.get((nx, ny)),
    )


def minsurf(nx: int = 20, ny: int = 20) -> MinimizeCase:
    """Surface of least area over the unit square, above an obstacle.

    Minimize the integral of ``sqrt(1 + |grad v|^2)``; on the boundary v = ``1 - (2 s - 1)^2`` at
    t = 0 and 1, and 0 at s = 0 and 1; v >= 1 on the middle square [1/4, 3/4]^2, v >= 0 elsewhere.

    Notes
    -----
    n = nx ny, m = 0. Start: v = ``1 - (2 s - 1)^2``. Best value 2.51488 for 50 x 50. Convex.
    COPS 3, problem 17.
    """
    hx, hy = 1.0 / (nx + 1), 1.0 / (ny + 1)
    s = hx * np.arange(nx + 2)
    edge = (1 - (2 * s - 1) ** 2)[1:-1, None]
    wall = np.zeros((1, ny + 2))
    i, j = np.arange(1, nx + 1)[:, None], np.arange(1, ny + 1)[None, :]
    inside_x = (i >= np.floor(0.25 / hx)) & (i <= np.ceil(0.75 / hx))
    inside_y = (j >= np.floor(0.25 / hy)) & (j <= np.ceil(0.75 / hy))

    def objective(x: Vector) -> Vector:
        inner = np.concatenate([edge, np.reshape(x, (nx, ny)), edge], axis=1)
        grid = np.concatenate([wall, inner, wall], axis=0)
        (ax, ay), (bx, by) = _slopes(grid, hx, hy)
        area = np.sum(np.sqrt(1 + ax**2 + ay**2)) + np.sum(np.sqrt(1 + bx**2 + by**2))
        return hx * hy / 2 * area

    return MinimizeCase(
        objective=objective,
        x0=np.reshape(np.repeat(edge, ny, axis=1), -1),
        bounds=(np.reshape((inside_x & inside_y).astype(float), -1), np.full(nx * ny, np.inf)),
        best={(15, 15): 2.49602003798, (50, 50): 2.51489082452}.get((nx, ny)),
    )
