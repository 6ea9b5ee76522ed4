"""COPS: a hanging chain and four trajectories, discretized by the trapezoidal rule.

Separate from the collocation problems because state and control sit on one grid here: the
variables are rows of an array of shape (quantities, intervals + 1), flattened, with the final time
or the step as last entry where it is free.

Dolan, Moré, Munson (2004), "Benchmarking optimization software with COPS 3.0", Argonne National
Laboratory, ANL/MCS-TM-273. Starting points and constants as in COPSBenchmark.jl (MIT licence).
The best values in docstrings are the report's; the longer ones in the code are own runs of IPOPT,
which agree with them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .cases import Block, MinimizeCase, Vector

__all__ = ["chain", "glider", "robot_arm", "rocket", "steering"]

Limits = Sequence[tuple[float, float]]
INF = np.inf


def _defect(value: Vector, rate: Vector, step: Vector | float) -> Vector:
    """Return what the trapezoidal rule leaves over in each interval."""
    return value[1:] - value[:-1] - 0.5 * step * (rate[1:] + rate[:-1])


def _box(limits: Limits, points: int, last: tuple[float, float]) -> tuple[Vector, Vector]:
    """Bounds of each row of the grid, then of the free time."""
    lower = np.concatenate([np.repeat([low for low, _ in limits], points), [last[0]]])
    upper = np.concatenate([np.repeat([high for _, high in limits], points), [last[1]]])
    return lower, upper


def chain(intervals: int = 50) -> MinimizeCase:
    """Shape of a hanging chain of length 4 between heights 1 and 3, of least potential energy.

    Minimize x2(1) where ``x1' = u``, ``x2' = x1 sqrt(1 + u^2)``, ``x3' = sqrt(1 + u^2)``,
    x1(0) = 1, x1(1) = 3, x2(0) = 0, x3(0) = 0, x3(1) = 4.

    Notes
    -----
    n = 4 (intervals + 1), m = 3 intervals + 5. Start: the parabola of the source. Best value
    5.06891 for about 200 intervals. Nonconvex. COPS 3, problem 4; Cesari (1983).
    """
    points = intervals + 1
    t = np.linspace(0.0, 1.0, points)
    u0 = 8 * (t - 0.25)
    x10 = 8 * t * (t / 2 - 0.25) + 1

    def dynamics(x: Vector) -> Vector:
        u, x1, x2, x3 = np.reshape(x, (4, points))
        length = np.sqrt(1 + u**2)
        h = 1.0 / intervals
        rows = [_defect(x1, u, h), _defect(x2, x1 * length, h), _defect(x3, length, h)]
        return np.concatenate(rows)

    def ends(x: Vector) -> Vector:
        _, x1, x2, x3 = np.reshape(x, (4, points))
        return np.stack([x1[0], x1[-1], x2[0], x3[0], x3[-1]])

    target = np.array([1.0, 3.0, 0.0, 0.0, 4.0])
    return MinimizeCase(
        objective=lambda x: x[3 * points - 1],
        x0=np.concatenate([u0, x10, x10 * u0, u0]),
        bounds=(np.full(4 * points, -INF), np.full(4 * points, INF)),
        constraints=(Block(dynamics, 0.0, 0.0, "dynamics"), Block(ends, target, target, "ends")),
        best={50: 5.07226148998, 200: 5.06891734124}.get(intervals),
    )


def rocket(intervals: int = 50) -> MinimizeCase:
    """Goddard's rocket: the greatest final height of a vertical rocket.

    Maximize h(end) where ``h' = v``, ``v' = (T - D) / m - g``, ``m' = -T / c`` with drag
    ``D = 310 v^2 exp(500 (1 - h))`` and gravity ``g = 1 / h^2``; h(0) = 1, v(0) = 0, m(0) = 1,
    m(end) = 0.6; ``0 <= T <= 3.5``, ``h >= 1``, ``v >= 0``, ``0.6 <= m <= 1``, c = 1/2. All
    quantities are dimensionless; the time step is free.

    Notes
    -----
    n = 4 (intervals + 1) + 1, m = 3 intervals + 4. Best value -1.01283 (of the negated height) for
    400 intervals. Nonconvex. COPS 3, problem 10; Bryson (1999).
    """
    points = intervals + 1
    t = np.linspace(0.0, 1.0, points)

    def dynamics(x: Vector) -> Vector:
        h, v, m, thrust = np.reshape(x[:-1], (4, points))
        step = x[-1]
        drag = 310 * v**2 * np.exp(500 * (1 - h))
        rows = [
            _defect(h, v, step),
            _defect(v, (thrust - drag) / m - 1 / h**2, step),
            _defect(m, -2 * thrust, step),
        ]
        return np.concatenate(rows)

    def ends(x: Vector) -> Vector:
        h, v, m, _ = np.reshape(x[:-1], (4, points))
        return np.stack([h[0], v[0], m[0], m[-1]])

    target = np.array([1.0, 0.0, 1.0, 0.6])
    start = [np.ones(points), t * (1 - t), 1 - 0.4 * t, np.full(points, 1.75), [1 / intervals]]
    return MinimizeCase(
        objective=lambda x: -x[points - 1],
        x0=np.concatenate(start),
        bounds=_box([(1.0, INF), (0.0, INF), (0.6, 1.0), (0.0, 3.5)], points, (0.0, INF)),
        constraints=(Block(dynamics, 0.0, 0.0, "dynamics"), Block(ends, target, target, "ends")),
        best={50: -1.01281693461, 400: -1.0128352213}.get(intervals),
    )


def steering(intervals: int = 50) -> MinimizeCase:
    """Steering a particle of constant acceleration to a height and a velocity in least time.

    Minimize tf where ``x1' = x3``, ``x2' = x4``, ``x3' = 100 cos u``, ``x4' = 100 sin u``,
    ``|u| <= pi / 2``; from rest at the origin to x2 = 5, x3 = 45, x4 = 0.

    Notes
    -----
    n = 5 (intervals + 1) + 1, m = 4 intervals + 7. Start: u = 0, straight lines, tf = 1. Best value
    0.554577 for 200 intervals. Nonconvex. COPS 3, problem 11; Betts, Eldersveld, Huffman (1993).
    """
    points = intervals + 1
    t = np.linspace(0.0, 1.0, points)

    def dynamics(x: Vector) -> Vector:
        u, x1, x2, x3, x4 = np.reshape(x[:-1], (5, points))
        step = x[-1] / intervals
        rows = [
            _defect(x1, x3, step),
            _defect(x2, x4, step),
            _defect(x3, 100 * np.cos(u), step),
            _defect(x4, 100 * np.sin(u), step),
        ]
        return np.concatenate(rows)

    def ends(x: Vector) -> Vector:
        state = np.reshape(x[:-1], (5, points))
        return np.concatenate([state[1:, 0], state[2:, -1]])

    target = np.array([0.0, 0.0, 0.0, 0.0, 5.0, 45.0, 0.0])
    zero = np.zeros(points)
    return MinimizeCase(
        objective=lambda x: x[-1],
        x0=np.concatenate([zero, zero, 5 * t, 45 * t, zero, [1.0]]),
        bounds=_box([(-np.pi / 2, np.pi / 2)] + 4 * [(-INF, INF)], points, (0.0, INF)),
        constraints=(Block(dynamics, 0.0, 0.0, "dynamics"), Block(ends, target, target, "ends")),
        best={50: 0.554668764939, 200: 0.554577016103}.get(intervals),
    )


def robot_arm(intervals: int = 50) -> MinimizeCase:
    """Motion of a robot arm between two points in least time.

    Minimize tf where ``L rho'' = u_rho``, ``I_theta theta'' = u_theta``, ``I_phi phi'' = u_phi``,
    ``I_phi = ((L - rho)^3 + rho^3) / 3``, ``I_theta = I_phi sin(phi)^2``, L = 5, ``|u| <= 1``;
    from rest at rho = 4.5, theta = 0, phi = pi / 4 to rest at theta = 2 pi / 3.

    Notes
    -----
    n = 9 (intervals + 1) + 1, m = 6 intervals + 12. Best value 9.14138 for 200 intervals.
    Nonconvex. COPS 3, problem 9; Moessner-Beigel (1995).
    """
    points = intervals + 1
    t = np.linspace(0.0, 1.0, points)
    length = 5.0

    def dynamics(x: Vector) -> Vector:
        rho, theta, phi, drho, dtheta, dphi, u_rho, u_theta, u_phi = np.reshape(x[:-1], (9, points))
        step = x[-1] / intervals
        inertia = ((length - rho) ** 3 + rho**3) / 3
        rows = [
            _defect(rho, drho, step),
            _defect(theta, dtheta, step),
            _defect(phi, dphi, step),
            _defect(drho, u_rho / length, step),
            _defect(dtheta, u_theta / (inertia * np.sin(phi) ** 2), step),
            _defect(dphi, u_phi / inertia, step),
        ]
        return np.concatenate(rows)

    def ends(x: Vector) -> Vector:
        state = np.reshape(x[:-1], (9, points))
        return np.concatenate([state[:6, 0], state[:6, -1]])

    target = np.concatenate(
        [[4.5, 0.0, np.pi / 4], np.zeros(3), [4.5, 2 * np.pi / 3, np.pi / 4], np.zeros(3)]
    )
    zero = np.zeros(points)
    angles = [np.full(points, 4.5), 2 * np.pi / 3 * t**2, np.full(points, np.pi / 4)]
    limits = [(0.0, length), (-np.pi, np.pi), (0.0, np.pi)] + 3 * [(-INF, INF)] + 3 * [(-1.0, 1.0)]
    return MinimizeCase(
        objective=lambda x: x[-1],
        x0=np.concatenate([*angles, zero, 4 * np.pi / 3 * t, zero, zero, zero, zero, [1.0]]),
        bounds=_box(limits, points, (0.0, INF)),
        constraints=(Block(dynamics, 0.0, 0.0, "dynamics"), Block(ends, target, target, "ends")),
        best={50: 9.14687885426, 200: 9.14139695137}.get(intervals),
    )


def glider(intervals: int = 50) -> MinimizeCase:
    """Greatest range of a hang glider crossing a thermal updraft.

    Maximize x(tf) where x' = vx, y' = vy and lift ``L``, drag ``D`` and weight act on the glider::

        r = (x / 100 - 2.5)^2,  u = 2.5 (1 - r) exp(-r),  w = vy - u,  v = sqrt(vx^2 + w^2)
        D = (c0 + c1 cL^2) rho S v^2 / 2,  L = cL rho S v^2 / 2
        m vx' = -L w / v - D vx / v,  m vy' = L vx / v - D w / v - m g

    with c0 = 0.034, c1 = 0.069662, S = 14 m^2, rho = 1.13 kg/m^3, m = 100 kg, g = 9.81 m/s^2,
    ``0 <= cL <= 1.4``; from height 1000 m to 900 m, with velocity (13.23, -1.288) m/s at both ends.

    Notes
    -----
    n = 5 (intervals + 1) + 1, m = 4 intervals + 7. Start: straight flight, tf = 1 s. Best value
    -1255.05 m (of the negated range) for 100 intervals. Nonconvex. COPS 3, problem 12; Bulirsch,
    Nerz, Pesch, von Stryk (1993).
    """
    points = intervals + 1
    t = np.linspace(0.0, 1.0, points)
    mass, gravity, half = 100.0, 9.81, 0.5 * 1.13 * 14.0

    def dynamics(x: Vector) -> Vector:
        px, py, vx, vy, lift = np.reshape(x[:-1], (5, points))
        step = x[-1] / intervals
        r = (px / 100 - 2.5) ** 2
        w = vy - 2.5 * (1 - r) * np.exp(-r)
        speed = np.sqrt(vx**2 + w**2)
        drag_force = half * (0.034 + 0.069662 * lift**2) * speed / mass
        lift_force = half * lift * speed / mass
        rows = [
            _defect(px, vx, step),
            _defect(py, vy, step),
            _defect(vx, -lift_force * w - drag_force * vx, step),
            _defect(vy, lift_force * vx - drag_force * w - gravity, step),
        ]
        return np.concatenate(rows)

    def ends(x: Vector) -> Vector:
        state = np.reshape(x[:-1], (5, points))
        return np.concatenate([state[:4, 0], state[1:4, -1]])

    velocity = [13.23, -1.288]
    target = np.array([0.0, 1000.0, *velocity, 900.0, *velocity])
    flight = [13.23 * t, 1000 - 100 * t, np.full(points, 13.23), np.full(points, -1.288)]
    limits = [(0.0, INF), (-INF, INF), (0.0, INF), (-INF, INF), (0.0, 1.4)]
    return MinimizeCase(
        objective=lambda x: -x[points - 1],
        x0=np.concatenate([*flight, np.full(points, 0.7), [1.0]]),
        bounds=_box(limits, points, (0.0, INF)),
        constraints=(Block(dynamics, 0.0, 0.0, "dynamics"), Block(ends, target, target, "ends")),
        best={50: -1286.97737544, 100: -1255.05860129}.get(intervals),
    )
