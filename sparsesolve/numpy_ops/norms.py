"""Norms of vectors and matrices, written as sums and extrema, so that they keep their structure."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.numpy_ops.linalg import svdvals
from sparsesolve.numpy_ops.reductions import squares_of
from sparsesolve.trace.dispatch import implements, refuse
from sparsesolve.trace.operands import operand
from sparsesolve.trace.sources import user_line

__all__: list[str] = []


@implements(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = operand(x)
    if axis is None and ord is None:
        x, axis = anp.reshape(x, (-1,)) if not keepdims else x, None
        return _vector_norm(x, axis=axis, keepdims=keepdims)
    if axis is None:
        axis = tuple(range(x.ndim)) if x.ndim > 1 else 0
    if isinstance(axis, tuple) and len(axis) == 2:
        return _matrix_norm(x, "fro" if ord is None else ord, axis, keepdims)
    axis = axis[0] if isinstance(axis, tuple) else axis
    return _vector_norm(x, axis=axis, keepdims=keepdims, ord=2 if ord is None else ord)


@implements(np.linalg.vector_norm)
def _vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    along = {"axis": axis, "keepdims": keepdims}
    x = operand(x)
    if ord == 2:
        return anp.sqrt(anp.sum(squares_of(x), **along))
    size = anp.absolute(x)
    if ord == np.inf:
        return anp.max(size, **along)
    if ord == -np.inf:
        return anp.min(size, **along)
    if ord == 1:
        return anp.sum(size, **along)
    if ord == 0:
        return anp.sum(anp.not_equal(x, 0) * 1.0, **along)
    return anp.power(anp.sum(anp.power(size, ord), **along), 1.0 / ord)


def _matrix_norm(x: Any, ord: Any, axis: tuple[int, int], keepdims: bool) -> Any:
    row, column = (int(k) % x.ndim for k in axis)
    if ord == "fro":
        return anp.sqrt(anp.sum(squares_of(x), axis=axis, keepdims=keepdims))
    if ord in (1, -1, np.inf, -np.inf):
        first, second = (row, column) if abs(ord) == 1 else (column, row)
        sums = anp.sum(anp.absolute(x), axis=first, keepdims=True)
        pick = anp.max if ord > 0 else anp.min
        result = pick(sums, axis=second, keepdims=True)
        return result if keepdims else anp.squeeze(result, axis)
    if ord in ("nuc", 2, -2) and x.ndim == 2 and not keepdims:
        singular = svdvals(x)
        return {"nuc": anp.sum, 2: anp.max, -2: anp.min}[ord](singular)
    raise refuse(f"np.linalg.norm with ord={ord!r} at {user_line()}", "Use 'fro', 1 or np.inf")


@implements(np.linalg.matrix_norm)
def _matrix_norm_of(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return _matrix_norm(x, ord, (-2, -1), keepdims)
