"""Distances of `scipy.spatial.distance`, written with differences.

SciPy gives its points to compiled code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__: list[str] = []


@replaces("scipy.spatial.distance", "cdist")
def _cdist(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(XA: Any, XB: Any, metric: Any = "euclidean", **options: Any) -> Any:
        if not holds_boxes(XA) and not holds_boxes(XB):
            return plain(XA, XB, metric, **options)
        return _distance(operand(XA)[:, None, :] - operand(XB)[None, :, :], metric, options)

    return call


@replaces("scipy.spatial.distance", "pdist")
def _pdist(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(X: Any, metric: Any = "euclidean", **options: Any) -> Any:
        if not holds_boxes(X):
            return plain(X, metric, **options)
        X = operand(X)
        rows, columns = np.triu_indices(len(X), 1)
        return _distance(X[rows] - X[columns], metric, options)

    return call


@replaces("scipy.spatial.distance", "squareform")
def _squareform(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(X: Any, force: Any = "no", checks: bool = True) -> Any:
        if not holds_boxes(X):
            return plain(X, force, checks)
        X = operand(X)
        places = plain(np.arange(1, X.size + 1) if X.ndim == 1 else _places(len(X)), force, False)
        if X.ndim == 2:
            return anp.reshape(X, (-1,))[places]
        return anp.concatenate((np.zeros(1), X))[places]

    return call


def _places(n: int) -> Any:
    return np.arange(n * n).reshape(n, n)


def _distance(gap: Any, metric: Any, options: dict[str, Any]) -> Any:
    known = _METRICS.get(metric) if isinstance(metric, str) else None
    if known is None or options:
        raise refuse(
            f"distances by metric={metric!r} at {user_line()}",
            f"Use one of {sorted(_METRICS)}, or write it with NumPy",
        )
    return known(gap)


_METRICS: dict[str, Callable[[Any], Any]] = {
    "euclidean": lambda gap: anp.sqrt(anp.sum(gap * gap, axis=-1)),
    "sqeuclidean": lambda gap: anp.sum(gap * gap, axis=-1),
    "cityblock": lambda gap: anp.sum(anp.abs(gap), axis=-1),
    "chebyshev": lambda gap: anp.max(anp.abs(gap), axis=-1),
}
