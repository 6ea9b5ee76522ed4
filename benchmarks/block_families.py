"""The families of `block_formulas`: their sizes, and cases of them for sparsesolve.

Separate from `suite`, which has the collection's problems.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from .block_formulas import INPUTS, OBJECTIVES, VECTORS, start
from .collection import cases

__all__ = ["BLOCKS", "builder"]


def builder(kind: str, formula: str, n_of: Callable[..., int]) -> Callable[..., cases.Case]:
    """Return what builds the case of a formula from its size parameters."""
    return partial(_case, kind, formula, n_of)


def _case(kind: str, formula: str, n_of: Callable[..., int], **size: int) -> cases.Case:
    n = n_of(**size)
    x0 = start(formula, n)
    if kind == "jacobian":
        return cases.RootCase(VECTORS[formula](np, **size), x0, np.sum)
    free = np.full(n, -np.inf), np.full(n, np.inf)
    return cases.MinimizeCase(OBJECTIVES[formula](np, **size), x0, free)


def _weights(hidden: int) -> int:
    return (INPUTS + 2) * hidden + 1


def _itself(n: int) -> int:
    return n


_NETWORKS = {_weights(hidden): {"hidden": hidden} for hidden in (1, 5, 20, 50)}
_POINTS = {2 * points: {"points": points} for points in (10, 100, 500)}
_GRIDS = {side**2: {"side": side} for side in (10, 30, 50)}


def _of(*sizes: int) -> dict[int, dict[str, int]]:
    return {n: {"n": n} for n in sizes}


# kind, formula, number of variables, sizes
BLOCKS: dict[str, tuple[str, str, Callable[..., int], Mapping[int, Mapping[str, int]]]] = {
    "jacobian network": ("jacobian", "network", _weights, _NETWORKS),
    "jacobian steps": ("jacobian", "steps", _itself, _of(10, 100, 1_000)),
    "jacobian mean-field": ("jacobian", "mean_field", lambda side: side**2, _GRIDS),
    "jacobian triangles": (
        "jacobian",
        "triangles",
        _itself,
        _of(10, 100, 1_000, 10_000, 100_000),
    ),
    "jacobian kernel": ("jacobian", "kernel", lambda points: 2 * points, _POINTS),
    "hessian least-squares": ("hessian", "least_squares", _itself, _of(10, 100, 300)),
    "hessian network": ("hessian", "network", _weights, _NETWORKS),
    "hessian global-sum": ("hessian", "global_sum", _itself, _of(10, 100, 1_000, 3_000)),
}
"""By name of the family."""
