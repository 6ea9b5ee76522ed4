"""The formulas of the problems for other array modules: `jax.numpy` and `autograd.numpy`.

Separate from `problems`, which is written for NumPy. `vector(task, xp)` and `scalar(task, xp)` give
the same mathematics with the array module as an argument; constants may be left out where they
have no derivative. That both agree is checked in every run through the values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import block_formulas
from .collection import acopf as power
from .suite import SOURCE, Task

__all__ = ["bundle_sight", "power_data", "power_flows", "scalar", "vector"]

Formula = Callable[[Any], Any]


def vector(task: Task, xp: Any) -> Formula:
    """Return the residual or the stacked constraints of a task."""
    return VECTORS[task.family.formula](xp, **task.size)


def scalar(task: Task, xp: Any) -> Callable[[Any, Any], Any]:
    """Return the Lagrangian ``(x, multipliers)``, or the objective, which ignores the latter."""
    objective = OBJECTIVES[task.family.formula](xp, **task.size)
    if not task.has_weights:
        return lambda x, weights=None: objective(x)
    constraints = vector(task, xp)
    return lambda x, weights: objective(x) + xp.sum(weights * constraints(x))


# ----- Stencils ------------------------------------------------------------------------------


def bratu(xp: Any, side: int) -> Formula:
    h = 1.0 / (side + 1)

    def residual(u: Any) -> Any:
        grid = xp.pad(xp.reshape(u, (side, side)), 1, mode="constant")
        middle = grid[1:-1, 1:-1]
        around = grid[:-2, 1:-1] + grid[2:, 1:-1] + grid[1:-1, :-2] + grid[1:-1, 2:]
        return xp.reshape(4 * middle - around - h**2 * 6.0 * xp.exp(middle), -1)

    return residual


def brusselator(xp: Any, side: int) -> Formula:
    a, b, scale = 3.4, 1.0, 10.0 * (side - 1) ** 2
    grid = np.linspace(0.0, 1.0, side)
    circle = (grid[:, None] - 0.3) ** 2 + (grid[None, :] - 0.6) ** 2 <= 0.1**2

    def laplacian(w: Any) -> Any:
        around = xp.roll(w, 1, 0) + xp.roll(w, -1, 0) + xp.roll(w, 1, 1) + xp.roll(w, -1, 1)
        return scale * (around - 4 * w)

    def rhs(state: Any) -> Any:
        fields = xp.reshape(state, (side, side, 2))
        u, v = fields[:, :, 0], fields[:, :, 1]
        reaction = u**2 * v
        du = b + reaction - (a + 1) * u + laplacian(u) + SOURCE * circle
        dv = a * u - reaction + laplacian(v)
        return xp.reshape(xp.stack([du, dv], axis=2), -1)

    return rhs


# ----- Chains --------------------------------------------------------------------------------


def rosenbrock(xp: Any, n: int) -> Formula:
    return lambda x: xp.sum(100 * (x[:-1] ** 2 - x[1:]) ** 2 + (x[:-1] - 1) ** 2)


def lukvle1(xp: Any, n: int) -> Formula:
    def chain(x: Any) -> Any:
        a, b, c = x[:-2], x[1:-1], x[2:]
        mixed = 3 * b**3 + 2 * c - 5 + xp.sin(b - c) * xp.sin(b + c)
        return mixed + 4 * b - a * xp.exp(a - b) - 3

    return chain


def rocket(xp: Any, intervals: int) -> Formula:
    points = intervals + 1

    def defect(value: Any, rate: Any, step: Any) -> Any:
        return value[1:] - value[:-1] - 0.5 * step * (rate[1:] + rate[:-1])

    def dynamics(x: Any) -> Any:
        grid, step = xp.reshape(x[:-1], (4, points)), x[-1]
        h, v, m, thrust = grid[0], grid[1], grid[2], grid[3]
        drag = 310 * v**2 * xp.exp(500 * (1 - h))
        rows = [
            defect(h, v, step),
            defect(v, (thrust - drag) / m - 1 / h**2, step),
            defect(m, -2 * thrust, step),
            xp.stack([h[0], v[0], m[0], m[-1]]),
        ]
        return xp.concatenate(rows)

    return dynamics


def height(xp: Any, intervals: int) -> Formula:
    return lambda x: -x[intervals]


# ----- Networks ------------------------------------------------------------------------------


def bundle_sight(cameras: int, points: int) -> tuple[Any, Any]:
    """Return which camera makes each observation, and of which point."""
    sees = (np.arange(cameras)[:, None] + np.arange(points)[None, :]) % 5 != 0
    return np.nonzero(sees)


def bundle(xp: Any, cameras: int, points: int) -> Formula:
    camera_of, point_of = bundle_sight(cameras, points)
    split = 9 * cameras

    def residual(x: Any) -> Any:
        camera = xp.reshape(x[:split], (cameras, 9))[camera_of]
        point = xp.reshape(x[split:], (points, 3))[point_of]
        turn = camera[:, 0:3]
        angle = xp.sqrt(xp.sum(turn**2, axis=1))[:, None]
        axis = turn / angle
        along = xp.sum(axis * point, axis=1)[:, None]
        side = xp.stack(
            [
                axis[:, 1] * point[:, 2] - axis[:, 2] * point[:, 1],
                axis[:, 2] * point[:, 0] - axis[:, 0] * point[:, 2],
                axis[:, 0] * point[:, 1] - axis[:, 1] * point[:, 0],
            ],
            axis=1,
        )
        cosine = xp.cos(angle)
        turned = point * cosine + side * xp.sin(angle) + axis * along * (1 - cosine)
        seen = turned + camera[:, 3:6]
        flat = -seen[:, 0:2] / seen[:, 2:3]
        square = xp.sum(flat**2, axis=1)
        scale = camera[:, 6] * (1 + camera[:, 7] * square + camera[:, 8] * square**2)
        return xp.reshape(scale[:, None] * flat, -1)

    return residual


def power_data(case: str) -> tuple[power.Network, Any, Any]:
    """Return the network, the limited branches, and the coefficients of the cost in $/h."""
    net = power.network(power.read_case(case))
    terms = net.cost[:, 4 : 4 + int(net.cost[0, 3])].T
    return net, np.flatnonzero(np.isfinite(net.rate)), terms


def power_flows(net: power.Network, module: Any, angle: Any, voltage: Any) -> tuple[Any, ...]:
    """Return active and reactive power at the from end, then at the to end of every branch."""
    flows = []
    for near, far, (own_g, own_b, cross_g, cross_b) in (
        (net.start, net.end, net.admittance[[0, 1, 2, 3]]),
        (net.end, net.start, net.admittance[[6, 7, 4, 5]]),
    ):
        theta = angle[near] - angle[far]
        product, square = voltage[near] * voltage[far], voltage[near] ** 2
        cosine, sine = product * module.cos(theta), product * module.sin(theta)
        flows.append(own_g * square + cross_g * cosine + cross_b * sine)
        flows.append(-own_b * square + cross_g * sine - cross_b * cosine)
    return tuple(flows)


def acopf(xp: Any, case: str) -> Formula:
    net, limited, _ = power_data(case)
    nb, ng = net.buses, net.generators

    def constraints(x: Any) -> Any:
        voltage = x[nb : 2 * nb]
        p_from, q_from, p_to, q_to = power_flows(net, xp, x[:nb], voltage)
        power = xp.reshape(x[2 * nb : 2 * nb + 2 * ng], (2, ng))
        square = voltage**2

        def balance(start: Any, end: Any, generated: Any, shunt: Any) -> Any:
            total = shunt * square
            total = total.at[net.start].add(start).at[net.end].add(end)
            return total.at[net.generator_bus].add(-generated)

        return xp.concatenate(
            [
                balance(p_from, p_to, power[0], net.shunt_g),
                balance(q_from, q_to, power[1], -net.shunt_b),
                (p_from**2 + q_from**2)[limited],
                (p_to**2 + q_to**2)[limited],
            ]
        )

    return constraints


def power_cost(xp: Any, case: str) -> Formula:
    net, _, terms = power_data(case)
    first = 2 * net.buses

    def objective(x: Any) -> Any:
        power = net.base * x[first : first + net.generators]
        value = terms[0]
        for row in terms[1:]:
            value = value * power + row
        return xp.sum(value)

    return objective


VECTORS: dict[str, Callable[..., Formula]] = {
    "acopf": acopf,
    "bratu": bratu,
    "brusselator": brusselator,
    "bundle": bundle,
    "lukvle1": lukvle1,
    "rocket": rocket,
    **block_formulas.VECTORS,
}
OBJECTIVES: dict[str, Callable[..., Formula]] = {
    "acopf": power_cost,
    "lukvle1": rosenbrock,
    "rocket": height,
    "rosenbrock": rosenbrock,
    **block_formulas.OBJECTIVES,
}
