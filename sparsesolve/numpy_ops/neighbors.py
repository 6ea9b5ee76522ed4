"""What SciPy finds by search: nearest neighbors of traced points, assignments by traced costs.

The positions are those at the example. Whether they are still so is asked of SciPy itself: the
search is a call in the guard.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from autograd.extend import defvjp

from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.naming import named
from sparsesolve.trace.operands import constant_of, holds_boxes, operand
from sparsesolve.trace.primitives import primitive
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__: list[str] = []


@primitive
def positions_found(find: Callable[[Any], Any], values: Any) -> Any:
    """Return the positions that a search finds, as numbers."""
    return np.asarray(find(np.asarray(values, dtype=np.float64)), dtype=np.float64)


defvjp(positions_found, None, lambda ans, find, values: lambda g: 0.0 * values)
named(positions_found, "positions_found")


def _places(find: Callable[[Any], Any], values: Any) -> Any:
    return np.asarray(constant_of(positions_found(find, values)), dtype=np.int64)


def _nearest(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def query(
        self: Any, x: Any, k: Any = 1, eps: float = 0, p: float = 2, *rest: Any, **options: Any
    ) -> Any:
        if not holds_boxes(x):
            return plain(self, x, k, eps, p, *rest, **options)
        options.pop("workers", None)
        if eps or p != 2 or rest or options:
            what = f"`KDTree.query` of traced points with options at {user_line()}"
            raise refuse(what, "Leave out all but `k`")
        if np.max(k, initial=1) > self.n:
            what = f"more than all {self.n} points from `KDTree.query` at {user_line()}"
            raise refuse(what, "Ask for fewer neighbors: those that are missing are infinitely far")
        points = operand(x)
        places = _places(lambda values: plain(self, values, k)[1], points)
        apart = points if places.ndim < points.ndim else points[..., None, :]
        return np.linalg.norm(apart - self.data[places], axis=-1), places

    return query


for _home, _tree in (("_ckdtree", "cKDTree"), ("_kdtree", "KDTree")):
    replaces(f"scipy.spatial.{_home}", f"{_tree}.query", second=True)(_nearest)


@replaces("scipy.optimize", "linear_sum_assignment", second=True)
def _assignment(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(cost_matrix: Any, maximize: bool = False) -> Any:
        if not holds_boxes(cost_matrix):
            return plain(cost_matrix, maximize)
        rows, columns = _places(lambda c: plain(c, maximize), operand(cost_matrix))
        return rows, columns

    return call
