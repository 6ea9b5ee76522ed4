"""Formulas whose derivatives are no stencils: dense blocks, long loops, sums over everything.

Separate from `formulas`, whose problems stand in the collection; these are written for any array
module at once, NumPy too, and each has its data from one seed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

__all__ = ["OBJECTIVES", "VECTORS", "data", "start"]

Formula = Callable[[Any], Any]

INPUTS, ROWS, STEPS = 20, 500, 50


@lru_cache(maxsize=8)
def data(formula: str, size: int) -> tuple[Any, ...]:
    """Return the constants of a formula at a size, always the same ones."""
    rng = np.random.default_rng(7)
    if formula == "least_squares":
        return rng.normal(size=(20 * size, size)) / np.sqrt(size), rng.normal(size=20 * size)
    if formula == "network":
        return rng.normal(size=(ROWS, INPUTS)), rng.normal(size=ROWS)
    if formula == "triangles":
        return rng.integers(0, size, (2 * size, 3)), rng.uniform(0.5, 1.5, (2 * size, 3))
    return ()


def start(formula: str, n: int) -> Any:
    """Return the point around which derivatives are taken."""
    rng = np.random.default_rng(8)
    if formula in ("steps", "mean_field"):
        return rng.uniform(0.2, 0.8, n)
    return rng.normal(size=n) * (0.3 if formula == "network" else 1.0)


def least_squares(xp: Any, n: int) -> Formula:
    """Return a dense least-squares fit with 20 rows an unknown."""
    matrix, goal = data("least_squares", n)
    return lambda x: xp.sum((xp.tanh(xp.dot(matrix, x)) - goal) ** 2)


def network(xp: Any, hidden: int) -> Formula:
    """Return the residual of a network of one hidden layer over 500 rows."""
    inputs, goal = data("network", hidden)
    split = INPUTS * hidden

    def residual(w: Any) -> Any:
        first = xp.reshape(w[:split], (INPUTS, hidden))
        layer = xp.tanh(xp.dot(inputs, first) + w[split : split + hidden])
        return xp.dot(layer, w[split + hidden : split + 2 * hidden]) + w[-1] - goal

    return residual


def network_loss(xp: Any, hidden: int) -> Formula:
    """Return the mean square of that residual."""
    residual = network(xp, hidden)
    return lambda w: xp.sum(residual(w) ** 2) / ROWS


def global_sum(xp: Any, n: int) -> Formula:
    """Return a square of the sum of all variables beside terms of one each."""
    return lambda x: (xp.sum(x) - 1.0) ** 2 + xp.sum(x**4)


def steps(xp: Any, n: int) -> Formula:
    """Return the state after 50 explicit steps of u' = u'' + u (1 - u) on a ring."""

    def step(u: Any) -> Any:
        around = xp.roll(u, 1) + xp.roll(u, -1) - 2.0 * u
        return u + 0.2 * around + 0.05 * u * (1.0 - u)

    def advance(u: Any) -> Any:
        if hasattr(u, "at"):  # JAX, which would compile each step of a plain loop by itself
            from jax import lax

            return lax.scan(lambda state, _: (step(state), None), u, None, length=STEPS)[0]
        for _ in range(STEPS):
            u = step(u)
        return u

    return advance


def mean_field(xp: Any, side: int) -> Formula:
    """Return a nonlinear Poisson equation, coupled by a mean over all unknowns."""

    def residual(u: Any) -> Any:
        grid = xp.pad(xp.reshape(u, (side, side)), 1, mode="constant")
        middle = grid[1:-1, 1:-1]
        around = grid[:-2, 1:-1] + grid[2:, 1:-1] + grid[1:-1, :-2] + grid[1:-1, 2:]
        mean = xp.sum(xp.cosh(middle)) / side**2
        return xp.reshape((around - 4.0 * middle) * (side + 1) ** 2 - 10.0 * mean**2, -1)

    return residual


def triangles(xp: Any, n: int) -> Formula:
    """Return element residuals over random triangles, added up at their corners."""
    corners, sizes = data("triangles", n)

    def residual(u: Any) -> Any:
        local = u[corners]
        mean = xp.sum(local, axis=1) / 3.0
        force = sizes * (local - mean[:, None]) * (1.0 + mean**2)[:, None]
        return _added(xp, u**3, corners, force)

    return residual


def _added(xp: Any, total: Any, places: Any, values: Any) -> Any:
    if hasattr(total, "at"):  # JAX
        return total.at[places].add(values)
    whole = xp.zeros(len(total)) + total
    np.add.at(whole, places, values)
    return whole


def kernel(xp: Any, points: int) -> Formula:
    """Return sums of a Gaussian kernel over all pairs of points in the plane."""

    def sums(x: Any) -> Any:
        plane = xp.reshape(x, (points, 2))
        gaps = plane[:, None, :] - plane[None, :, :]
        return xp.sum(xp.exp(-0.5 * xp.sum(gaps**2, axis=2)), axis=1)

    return sums


VECTORS: dict[str, Callable[..., Formula]] = {
    "kernel": kernel,
    "mean_field": mean_field,
    "network": network,
    "steps": steps,
    "triangles": triangles,
}
OBJECTIVES: dict[str, Callable[..., Formula]] = {
    "global_sum": global_sum,
    "least_squares": least_squares,
    "network": network_loss,
}
