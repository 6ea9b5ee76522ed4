"""Linear least squares with bounds: what SciPy finds, differentiated as a minimum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.numpy_ops.minima import limits_of, record_minimum
from sparsesolve.numpy_ops.roots import Found
from sparsesolve.trace.closures import Opened
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces

__all__: list[str] = []


def _fit(solve: Any, A: Any, b: Any, limits: Any) -> tuple[Any, Any, Any]:
    """Record the unknowns that fit best; return them, what is left, and whether they were found."""
    matrix, right = operand(A), operand(b)

    def half(bound: Any) -> Callable[[Any], Any]:
        return lambda y: 0.5 * anp.sum((anp.dot(bound[0], y) - bound[1]) ** 2)

    start = np.zeros(np.shape(matrix)[1])
    found, well = record_minimum(solve, half, start, Opened((matrix, right)), limits)
    return found, anp.dot(matrix, found) - right, well


@replaces("scipy.optimize", "nnls", second=True)
def _nnls(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(A: Any, b: Any, **options: Any) -> Any:
        if not holds_boxes([A, b]):
            return plain(A, b, **options)

        def solve(bound: Any, start: Any) -> Any:
            return plain(*bound, **options)[0], True

        limits = limits_of([(0.0, None)] * np.shape(operand(A))[1], np.shape(operand(A))[1])
        found, left, _ = _fit(solve, A, b, limits)
        return found, anp.sqrt(anp.sum(left * left))

    return call


@replaces("scipy.optimize", "lsq_linear", second=True)
def _lsq_linear(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(A: Any, b: Any, bounds: Any = (-np.inf, np.inf), **options: Any) -> Any:
        if not holds_boxes([A, b, bounds]):
            return plain(A, b, bounds, **options)
        size = np.shape(operand(A))[1]
        pair = bounds
        if isinstance(bounds, tuple):
            pair = [*zip(*(np.broadcast_to(side, (size,)) for side in bounds), strict=True)]

        def solve(bound: Any, start: Any) -> Any:
            result = plain(*bound, bounds, **options)
            return result.x, result.success

        found, left, well = _fit(solve, A, b, limits_of(pair, size))
        return Found(well, x=found, fun=left, cost=0.5 * anp.sum(left * left), status=1)

    return call
