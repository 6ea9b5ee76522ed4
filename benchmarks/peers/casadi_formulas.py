"""The formulas of the problems in CasADi's symbols; both SX and MX take them.

Separate from `formulas` because CasADi's arrays are matrices stored by columns. A grid of a
row-major problem is therefore transposed here, which the stencils do not mind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import casadi as ca
import numpy as np

from ..formulas import bundle_sight, power_data
from ..suite import SOURCE

__all__ = ["OBJECTIVES", "VECTORS"]


def bratu(u: Any, side: int) -> Any:
    h = 1.0 / (side + 1)
    U = ca.reshape(u, side, side)
    row, column = ca.DM.zeros(1, side), ca.DM.zeros(side, 1)
    vertical = ca.vertcat(row, U[:-1, :]) + ca.vertcat(U[1:, :], row)
    horizontal = ca.horzcat(column, U[:, :-1]) + ca.horzcat(U[:, 1:], column)
    return ca.vec(4 * U - vertical - horizontal - h**2 * 6.0 * ca.exp(U))


def brusselator(state: Any, side: int) -> Any:
    a, b, scale = 3.4, 1.0, 10.0 * (side - 1) ** 2
    grid = np.linspace(0.0, 1.0, side)
    circle = (grid[None, :] - 0.3) ** 2 + (grid[:, None] - 0.6) ** 2 <= 0.1**2
    U, V = ca.reshape(state[0::2], side, side), ca.reshape(state[1::2], side, side)

    def laplacian(W: Any) -> Any:
        vertical = ca.vertcat(W[-1, :], W[:-1, :]) + ca.vertcat(W[1:, :], W[0, :])
        horizontal = ca.horzcat(W[:, -1], W[:, :-1]) + ca.horzcat(W[:, 1:], W[:, 0])
        return scale * (vertical + horizontal - 4 * W)

    reaction = U**2 * V
    dU = b + reaction - (a + 1) * U + laplacian(U) + SOURCE * ca.DM(circle.astype(float))
    dV = a * U - reaction + laplacian(V)
    return ca.vec(ca.horzcat(ca.vec(dU), ca.vec(dV)).T)


def rosenbrock(x: Any, n: int) -> Any:
    return ca.sum1(100 * (x[:-1] ** 2 - x[1:]) ** 2 + (x[:-1] - 1) ** 2)


def lukvle1(x: Any, n: int) -> Any:
    a, b, c = x[:-2], x[1:-1], x[2:]
    mixed = 3 * b**3 + 2 * c - 5 + ca.sin(b - c) * ca.sin(b + c)
    return mixed + 4 * b - a * ca.exp(a - b) - 3


def rocket(x: Any, intervals: int) -> Any:
    points = intervals + 1
    h, v, m, thrust = (x[k * points : (k + 1) * points] for k in range(4))
    step = x[4 * points]

    def defect(value: Any, rate: Any) -> Any:
        return value[1:] - value[:-1] - 0.5 * step * (rate[1:] + rate[:-1])

    drag = 310 * v**2 * ca.exp(500 * (1 - h))
    return ca.vertcat(
        defect(h, v),
        defect(v, (thrust - drag) / m - 1 / h**2),
        defect(m, -2 * thrust),
        *(h[0], v[0], m[0], m[intervals]),
    )


def height(x: Any, intervals: int) -> Any:
    return -x[intervals]


def bundle(x: Any, cameras: int, points: int) -> Any:
    camera_of, point_of = (indices.tolist() for indices in bundle_sight(cameras, points))
    split = 9 * cameras
    camera = ca.reshape(x[:split], 9, cameras)[:, camera_of]
    point = ca.reshape(x[split:], 3, points)[:, point_of]
    p = [point[k, :] for k in range(3)]
    turn = [camera[k, :] for k in range(3)]
    angle = ca.sqrt(turn[0] ** 2 + turn[1] ** 2 + turn[2] ** 2)
    axis = [t / angle for t in turn]
    along = axis[0] * p[0] + axis[1] * p[1] + axis[2] * p[2]
    side = [axis[i] * p[j] - axis[j] * p[i] for i, j in ((1, 2), (2, 0), (0, 1))]
    cosine, sine = ca.cos(angle), ca.sin(angle)
    seen = [
        p[k] * cosine + side[k] * sine + axis[k] * along * (1 - cosine) + camera[3 + k, :]
        for k in range(3)
    ]
    flat = [-seen[k] / seen[2] for k in range(2)]
    square = flat[0] ** 2 + flat[1] ** 2
    scale = camera[6, :] * (1 + camera[7, :] * square + camera[8, :] * square**2)
    return ca.vec(ca.vertcat(scale * flat[0], scale * flat[1]))


def acopf(x: Any, case: str) -> Any:
    net, limited, _ = power_data(case)
    nb, ng, nl = net.buses, net.generators, net.start.size
    rows = np.concatenate([net.start, net.end, net.generator_bus]).tolist()
    signs = np.concatenate([np.ones(2 * nl), -np.ones(ng)])
    incidence = ca.DM.triplet(rows, list(range(len(rows))), ca.DM(signs), nb, len(rows))
    angle, voltage = x[:nb], x[nb : 2 * nb]
    flows = []
    for near, far, coefficients in (
        (net.start.tolist(), net.end.tolist(), net.admittance[[0, 1, 2, 3]]),
        (net.end.tolist(), net.start.tolist(), net.admittance[[6, 7, 4, 5]]),
    ):
        own_g, own_b, cross_g, cross_b = (ca.DM(row) for row in coefficients)
        theta = angle[near] - angle[far]
        product, square = voltage[near] * voltage[far], voltage[near] ** 2
        cosine, sine = product * ca.cos(theta), product * ca.sin(theta)
        flows.append(own_g * square + cross_g * cosine + cross_b * sine)
        flows.append(-own_b * square + cross_g * sine - cross_b * cosine)
    p_from, q_from, p_to, q_to = flows
    generated = x[2 * nb : 2 * nb + ng], x[2 * nb + ng : 2 * nb + 2 * ng]
    chosen = limited.tolist()
    return ca.vertcat(
        incidence @ ca.vertcat(p_from, p_to, generated[0]) + ca.DM(net.shunt_g) * voltage**2,
        incidence @ ca.vertcat(q_from, q_to, generated[1]) - ca.DM(net.shunt_b) * voltage**2,
        (p_from**2 + q_from**2)[chosen],
        (p_to**2 + q_to**2)[chosen],
    )


def power_cost(x: Any, case: str) -> Any:
    net, _, terms = power_data(case)
    power = net.base * x[2 * net.buses : 2 * net.buses + net.generators]
    value = ca.DM(terms[0])
    for row in terms[1:]:
        value = value * power + ca.DM(row)
    return ca.sum1(value)


VECTORS: dict[str, Callable[..., Any]] = {
    "acopf": acopf,
    "bratu": bratu,
    "brusselator": brusselator,
    "bundle": bundle,
    "lukvle1": lukvle1,
    "rocket": rocket,
}
OBJECTIVES: dict[str, Callable[..., Any]] = {
    "acopf": power_cost,
    "lukvle1": rosenbrock,
    "rocket": height,
    "rosenbrock": rosenbrock,
}
