"""COPS: the shape of a cam, and electrons on a sphere.

Both are geometric, with one variable or one triple a point and no differential
equation behind them.

Dolan, Moré, Munson (2004), "Benchmarking optimization software with COPS 3.0", Argonne National
Laboratory, ANL/MCS-TM-273.
The best values in docstrings are the report's; the longer ones in the code are own runs of IPOPT,
which agree with them.
"""

from __future__ import annotations

import numpy as np

from .cases import Block, MinimizeCase, Vector

__all__ = ["camshape", "elec"]


def camshape(n: int = 100) -> MinimizeCase:
    """Cam with the largest valve opening among convex cams of bounded curvature.

    Maximize ``pi / n sum r_i`` over radii ``1 <= r_i <= 2`` at n angles a distance
    ``d = 2 pi / (5 (n + 1))`` apart, subject to convexity
    ``-r_{i-1} r_i - r_i r_{i+1} + 2 r_{i-1} r_{i+1} cos d <= 0`` for i = 0 .. n + 1 and
    ``|r_{i+1} - r_i| <= 1.5 d`` for i = 0 .. n, where r_{-1} = r_0 = 1, r_{n+1} = 2 and
    r_{n+2} = r_n.

    Notes
    -----
    n variables, m = 2 n + 3. Start r = 1.5. Best value -4.2791 for n = 1000. Nonconvex.
    COPS 3, problem 3; Anitescu, Serban (1998).
    """
    angle = 2 * np.pi / (5 * (n + 1))

    def convexity(r: Vector) -> Vector:
        padded = np.concatenate([[1.0, 1.0], r, [2.0], r[-1:]])
        before, middle, after = padded[:-2], padded[1:-1], padded[2:]
        return -before * middle - middle * after + 2 * np.cos(angle) * before * after

    def curvature(r: Vector) -> Vector:
        padded = np.concatenate([[1.0], r, [2.0]])
        return padded[1:] - padded[:-1]

    return MinimizeCase(
        objective=lambda r: -np.pi / n * np.sum(r),
        x0=np.full(n, 1.5),
        bounds=(np.ones(n), np.full(n, 2.0)),
        constraints=(
            Block(convexity, -np.inf, 0.0, "convexity"),
            Block(curvature, -1.5 * angle, 1.5 * angle, "curvature"),
        ),
        best={100: -4.28419955313, 1000: -4.27906502721}.get(n),
    )


def elec(electrons: int = 25) -> MinimizeCase:
    """Thomson's problem: electrons on the unit sphere with least Coulomb energy.

    Minimize ``sum_{i < j} 1 / |p_i - p_j|`` subject to ``|p_i|^2 = 1``.

    Notes
    -----
    n = 3 electrons, m = electrons; the Hessian is dense. Start: seeded random points on the sphere
    (deviation: COPS draws them with another generator). Best values 49.165253058 (12),
    243.812760299 (25), 1055.182314726 (50 electrons); there are many local minima close above.
    Nonconvex. COPS 3, problem 2; Wales, Ulker (2006), "Structure and dynamics of spherical crystals
    characterized for the Thomson problem", Phys. Rev. B 74.
    """
    rng = np.random.default_rng(2713)
    azimuth, polar = rng.uniform(0, 2 * np.pi, electrons), rng.uniform(0, np.pi, electrons)
    start = [np.cos(azimuth) * np.sin(polar), np.sin(azimuth) * np.sin(polar), np.cos(polar)]
    first, second = np.triu_indices(electrons, 1)

    def objective(x: Vector) -> Vector:
        points = np.reshape(x, (3, electrons))
        gaps = points[:, first] - points[:, second]
        return np.sum(1 / np.sqrt(np.sum(gaps**2, axis=0)))

    def sphere(x: Vector) -> Vector:
        return np.sum(np.reshape(x, (3, electrons)) ** 2, axis=0)

    best = {12: 49.165253058, 25: 243.812760299, 50: 1055.182314726}
    return MinimizeCase(
        objective=objective,
        x0=np.concatenate(start),
        bounds=(np.full(3 * electrons, -np.inf), np.full(3 * electrons, np.inf)),
        constraints=(Block(sphere, 1.0, 1.0, "sphere"),),
        best=best.get(electrons),
    )
