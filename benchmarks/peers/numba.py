"""Loops written by hand: the nonzeros in the order of the rows, derivatives worked out on paper.

One thread, no fast-math. What a person would write in an afternoon for one problem.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numba import njit

from ..suite import Task
from . import Prepared

__all__ = ["prepare"]


def prepare(task: Task, threads: int) -> Prepared:
    """Compile the loop and lay out the pattern."""
    return MAKERS[task.kind, task.family.formula](task)


@njit
def bratu_values(data: Any, u: Any, side: int) -> None:
    scale = 6.0 / (side + 1) ** 2
    k = 0
    for i in range(side):
        for j in range(side):
            if i > 0:
                data[k] = -1.0
                k += 1
            if j > 0:
                data[k] = -1.0
                k += 1
            data[k] = 4.0 - scale * np.exp(u[i * side + j])
            k += 1
            if j < side - 1:
                data[k] = -1.0
                k += 1
            if i < side - 1:
                data[k] = -1.0
                k += 1


@njit
def lukvle1_jacobian_values(data: Any, x: Any) -> None:
    for k in range(x.size - 2):
        a, b, c = x[k], x[k + 1], x[k + 2]
        e = np.exp(a - b)
        sine, cosine = np.sin(b - c), np.cos(b - c)
        sine_sum, cosine_sum = np.sin(b + c), np.cos(b + c)
        data[3 * k] = -(1 + a) * e
        data[3 * k + 1] = 9 * b * b + cosine * sine_sum + sine * cosine_sum + 4 + a * e
        data[3 * k + 2] = 2 - cosine * sine_sum + sine * cosine_sum


@njit
def lukvle1_lagrangian_values(data: Any, x: Any, weights: Any) -> None:
    data[:] = 0.0
    for i in range(x.size - 1):
        a, b = x[i], x[i + 1]
        data[2 * i] += 1200 * a * a - 400 * b + 2
        data[2 * i + 1] -= 400 * a
        data[2 * i + 2] += 200
    for k in range(x.size - 2):
        a, b, c, w = x[k], x[k + 1], x[k + 2], weights[k]
        e = np.exp(a - b)
        sines = np.sin(b - c) * np.sin(b + c)
        cosines = np.cos(b - c) * np.cos(b + c)
        data[2 * k] -= w * (2 + a) * e
        data[2 * k + 1] += w * (1 + a) * e
        data[2 * k + 2] += w * (18 * b + 2 * (cosines - sines) - a * e)
        data[2 * k + 4] -= w * 2 * (sines + cosines)


def _bratu(task: Task) -> Prepared:
    side, points = task.size["side"], task.points
    ones, line = np.ones(side * side), np.arange(side * side) % side
    diagonals = [ones, ones, np.where(line < side - 1, 1, 0), ones, np.where(line > 0, 1, 0)]
    offsets = [0, -side, -1, side, 1]
    pattern = sp.dia_array((np.array(diagonals), offsets), shape=(side * side, side * side)).tocsr()
    pattern.eliminate_zeros()
    return _prepared(pattern, lambda data, k: bratu_values(data, points[k], side))


def _lukvle1_jacobian(task: Task) -> Prepared:
    points, n = task.points, task.points.shape[1]
    columns = np.arange(n - 2)[:, None] + np.arange(3)
    pattern = sp.csr_array(
        (np.ones(3 * (n - 2)), columns.reshape(-1), 3 * np.arange(n - 1)), shape=(n - 2, n)
    )
    return _prepared(pattern, lambda data, k: lukvle1_jacobian_values(data, points[k]))


def _lukvle1_lagrangian(task: Task) -> Prepared:
    points, weights, n = task.points, task.multipliers, task.points.shape[1]
    rows = (np.arange(2 * n - 1) + 1) // 2
    columns = np.arange(2 * n - 1) // 2
    indptr = np.concatenate([[0], 2 * np.arange(n) + 1])
    lower = sp.csr_array((np.ones(rows.size), columns, indptr), shape=(n, n))
    return _prepared(
        lower, lambda data, k: lukvle1_lagrangian_values(data, points[k], weights), symmetric=True
    )


def _prepared(
    pattern: Any, fill: Callable[[Any, int], None], *, symmetric: bool = False
) -> Prepared:
    data = np.empty(pattern.nnz)
    fill(data, 0)

    def matrix() -> Any:
        fill(data, 0)
        made = sp.csr_array((data, pattern.indices, pattern.indptr), shape=pattern.shape)
        return made + sp.tril(made, -1).T if symmetric else made

    return Prepared(lambda k: fill(data, k & 1), matrix, pattern.shape[0], pattern.nnz)


MAKERS: dict[tuple[str, str], Callable[[Task], Prepared]] = {
    ("jacobian", "bratu"): _bratu,
    ("jacobian", "lukvle1"): _lukvle1_jacobian,
    ("lagrangian", "lukvle1"): _lukvle1_lagrangian,
}
