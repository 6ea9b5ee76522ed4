"""The formulas of `block_formulas` in CasADi's symbols; both SX and MX take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import casadi as ca
import numpy as np

from ..block_formulas import INPUTS, ROWS, STEPS, data

__all__ = ["OBJECTIVES", "VECTORS"]


def least_squares(x: Any, n: int) -> Any:
    matrix, goal = data("least_squares", n)
    return ca.sumsqr(ca.tanh(ca.DM(matrix) @ x) - ca.DM(goal))


def network(w: Any, hidden: int) -> Any:
    inputs, goal = data("network", hidden)
    split = INPUTS * hidden
    first = ca.reshape(w[:split], hidden, INPUTS).T
    shift = ca.repmat(w[split : split + hidden].T, ROWS, 1)
    layer = ca.tanh(ca.DM(inputs) @ first + shift)
    return layer @ w[split + hidden : split + 2 * hidden] + w[split + 2 * hidden] - ca.DM(goal)


def network_loss(w: Any, hidden: int) -> Any:
    return ca.sumsqr(network(w, hidden)) / ROWS


def global_sum(x: Any, n: int) -> Any:
    return (ca.sum1(x) - 1.0) ** 2 + ca.sum1(x**4)


def steps(u: Any, n: int) -> Any:
    state = type(u).sym("state", n)
    around = ca.vertcat(state[1:], state[0]) + ca.vertcat(state[-1], state[:-1]) - 2.0 * state
    after = state + 0.2 * around + 0.05 * state * (1.0 - state)
    return ca.Function("step", [state], [after]).fold(STEPS)(u)


def mean_field(u: Any, side: int) -> Any:
    U = ca.reshape(u, side, side)
    row, column = ca.DM.zeros(1, side), ca.DM.zeros(side, 1)
    vertical = ca.vertcat(row, U[:-1, :]) + ca.vertcat(U[1:, :], row)
    horizontal = ca.horzcat(column, U[:, :-1]) + ca.horzcat(U[:, 1:], column)
    mean = ca.sum1(ca.cosh(u)) / side**2
    return ca.vec((vertical + horizontal - 4.0 * U) * (side + 1) ** 2) - 10.0 * mean**2


def triangles(u: Any, n: int) -> Any:
    corners, sizes = data("triangles", n)
    count = len(corners)
    local = [u[corners[:, k].tolist()] for k in range(3)]
    mean = (local[0] + local[1] + local[2]) / 3.0
    total = u**3
    for k in range(3):
        force = ca.DM(sizes[:, k]) * (local[k] - mean) * (1.0 + mean**2)
        ones = ca.DM(np.ones(count))
        total += ca.DM.triplet(corners[:, k].tolist(), list(range(count)), ones, n, count) @ force
    return total


def kernel(x: Any, points: int) -> Any:
    total = 0.0
    for k in range(2):
        one = ca.repmat(x[k::2], 1, points)
        total += (one - one.T) ** 2
    return ca.sum2(ca.exp(-0.5 * total))


VECTORS: dict[str, Callable[..., Any]] = {
    "kernel": kernel,
    "mean_field": mean_field,
    "network": network,
    "steps": steps,
    "triangles": triangles,
}
OBJECTIVES: dict[str, Callable[..., Any]] = {
    "global_sum": global_sum,
    "least_squares": least_squares,
    "network": network_loss,
}
