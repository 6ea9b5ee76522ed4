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
        a, b = operand(XA), operand(XB)
        if callable(metric):
            return anp.array([[metric(u, v, **options) for v in b] for u in a])
        return _distance(a[:, None, :], b[None, :, :], metric, options)

    return call


@replaces("scipy.spatial.distance", "pdist")
def _pdist(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(X: Any, metric: Any = "euclidean", **options: Any) -> Any:
        if not holds_boxes(X):
            return plain(X, metric, **options)
        X = operand(X)
        rows, columns = np.triu_indices(len(X), 1)
        if callable(metric):
            pairs = zip(rows, columns, strict=True)
            return anp.array([metric(X[i], X[j], **options) for i, j in pairs])
        return _distance(X[rows], X[columns], metric, options)

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


def _distance(a: Any, b: Any, metric: Any, options: dict[str, Any]) -> Any:
    known, needed = _METRICS.get(metric), _OPTIONS.get(metric, ())
    if known is None or set(options) != set(needed):
        given = " and ".join([f"metric={metric!r}", *(f"`{name}=`" for name in sorted(options))])
        raise refuse(
            f"distances by {given} at {user_line()}",
            f"Use one of {sorted(_METRICS)}, with `p`, `V` or `VI` given, or write it with NumPy",
        )
    return known(a, b, *(operand(options[name]) for name in needed))


def _dot(a: Any, b: Any) -> Any:
    return anp.sum(a * b, axis=-1)


def _cosine(a: Any, b: Any) -> Any:
    return 1.0 - _dot(a, b) / anp.sqrt(_dot(a, a) * _dot(b, b))


def _centered(a: Any) -> Any:
    return a - anp.mean(a, axis=-1, keepdims=True)


def _minkowski(a: Any, b: Any, p: Any) -> Any:
    return anp.sum(anp.abs(a - b) ** p, axis=-1) ** (1.0 / p)


def _mahalanobis(a: Any, b: Any, inverse: Any) -> Any:
    return anp.sqrt(_dot(anp.dot(a - b, inverse), a - b))


def _braycurtis(a: Any, b: Any) -> Any:
    return anp.sum(anp.abs(a - b), axis=-1) / anp.sum(anp.abs(a + b), axis=-1)


_OPTIONS = {"minkowski": ("p",), "seuclidean": ("V",), "mahalanobis": ("VI",)}
_METRICS: dict[str, Callable[..., Any]] = {
    "euclidean": lambda a, b: anp.sqrt(_dot(a - b, a - b)),
    "sqeuclidean": lambda a, b: _dot(a - b, a - b),
    "cityblock": lambda a, b: anp.sum(anp.abs(a - b), axis=-1),
    "chebyshev": lambda a, b: anp.max(anp.abs(a - b), axis=-1),
    "cosine": _cosine,
    "correlation": lambda a, b: _cosine(_centered(a), _centered(b)),
    "minkowski": _minkowski,
    "seuclidean": lambda a, b, V: anp.sqrt(_dot((a - b) / V, a - b)),
    "mahalanobis": _mahalanobis,
    "canberra": lambda a, b: anp.sum(anp.abs(a - b) / (anp.abs(a) + anp.abs(b)), axis=-1),
    "braycurtis": _braycurtis,
}
