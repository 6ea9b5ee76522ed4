"""Assignment in place, as cases of `operation_cases.Case`: functions of several lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.operation_cases import MASK, PICK, Case

ASSIGNMENTS: dict[str, Case] = {}


def _case(shape: Any = (6,), **options: Any) -> Callable[[Callable[[Any], Any]], Any]:
    def register(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        name = function.__name__.replace("_", " ")
        ASSIGNMENTS[name] = Case(function, shape, **options)
        return function

    return register


@_case()
def assign_slices(x):
    r = np.empty_like(x)
    r[0], r[-1] = x[0] - 1.0, x[-1] ** 2
    r[1:-1] = x[2:] - 2.0 * x[1:-1] ** 2 + x[:-2]
    return r


@_case()
def assign_overlapping(x):
    r = x.copy()
    r[1:] = r[:-1] * 2.0
    r[::2] += r[1::2] ** 2
    r[PICK] = x[:5] * x[1:]
    return r


@_case((2, 3))
def assign_views(x):
    r = np.zeros_like(x)
    row = r[1]
    row[:] = x[0] ** 2
    row[1:] *= x[1, 1:]
    r.T[0] = 3.0 * x[:, 2]
    r.reshape(-1)[2] = x[0, 0]
    return r


@_case()
def assign_broadcast(x):
    r = np.zeros((2, 3)) + x[0] * 0.0
    r[:, 1] = x[1]
    r[1] = x[3:] ** 2
    r += x[:3]
    r -= 1.0
    r *= r
    r /= 2.0 + x[0]
    r **= 2
    return r


@_case()
def add_at(x):
    r = np.zeros_like(x)
    np.add.at(r, PICK, x[:5] ** 2)
    return r


@_case()
def swap_and_diagonal(x):
    r = x.copy()
    r[[0, 3]] = r[[3, 0]]
    m = np.zeros_like(np.outer(x[:2], x[:2]))
    np.fill_diagonal(m, r[:2] ** 2)
    return np.concatenate([r * x, m.ravel()])


@_case()
def assign_in_loop(x):
    r = np.zeros_like(x)
    for k in range(len(x)):
        r[k] = r[k - 1] * 0.5 + np.sin(x[k]) * x[-k]
    return r


@_case()
def masked_assignment(x):
    r = x**2
    r[x > 0.5] = 1.0
    r[MASK] = x[MASK] ** 3
    return r


@_case()
def object_array(x):
    r = np.empty(3, dtype=object)
    for k in range(3):
        r[k] = x[k] * x[k + 3]
    return np.sin(r.astype(float)) if r.dtype != object else np.array(list(r)) ** 2


@_case()
def sort_in_place(x):
    r = np.sin(9.0 * x)
    r.sort()
    r[::-1].sort()
    return r * x
