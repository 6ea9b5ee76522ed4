"""SciPy's interpolators on grids of several variables: products of functions of one variable.

Each is a sum of grid values, or coefficients, times one weight for every variable;
the weights are interpolators of one variable of the unit vectors. Few of them are not zero at a
point, but which ones depends on it, so all are written: good for grids, not for large tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from string import ascii_lowercase
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where
from numpy.typing import NDArray

from sparsesolve.numpy_ops.splines import evaluate, of_spline, refuse_complex, step_weights
from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__ = ["weighted_sum"]

Array = NDArray[np.float64]


def _linear_weights(knots: Array, x: Any) -> Any:
    """Weights of the values at the knots, the outer pieces going on."""
    heights = np.eye(len(knots))
    slopes = np.diff(heights, axis=0) / np.diff(knots)[:, None]
    return evaluate(np.stack([slopes, heights[:-1]]), knots, x, True)


def _spline_weights(t: Array, k: int, x: Any, nu: int = 0) -> Any:
    """Weights of the coefficients of a spline of degree k."""
    c, breaks = of_spline(t, np.eye(len(t) - k - 1), k, nu)
    return evaluate(c, breaks, x, True)


def weighted_sum(values: Any, weights: Sequence[Any]) -> Any:
    """Sum values times the weights of all variables; points come first."""
    letters = ascii_lowercase[: len(weights)]
    result = anp.einsum(f"p{letters[0]},{letters[0]}...->p...", weights[0], values)
    for k in range(1, len(weights)):
        result = anp.einsum(f"p{letters[k]},p{letters[k]}...->p...", weights[k], result)
    return result


@replaces("scipy.interpolate._rgi", "RegularGridInterpolator.__call__")
def _regular_grid(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def call(self: Any, xi: Any, method: Any = None, *, nu: Any = None) -> Any:
        if not holds_boxes(xi) and not (isinstance(xi, tuple) and any(map(holds_boxes, xi))):
            return plain(self, xi, method, nu=nu)
        refuse_complex(self.values)
        points, shape = _points(xi, len(self.grid))
        method = self.method if method is None else method
        weights, spline = _grid_weights(self, points, method, nu)
        values = self.values if spline is None else spline.c
        result = weighted_sum(np.asarray(values, dtype=np.float64), weights)
        result = _outside(self, points, result)
        return anp.reshape(result, (*shape, *np.shape(self.values)[len(self.grid) :]))

    return call


def _points(xi: Any, ndim: int) -> tuple[list[Any], tuple[int, ...]]:
    """Return the coordinates, one vector a variable, and the shape of the points."""
    if isinstance(xi, tuple):
        parts = [operand(part) for part in xi]
        shape = np.broadcast_shapes(*map(np.shape, parts))
        return [anp.reshape(anp.broadcast_to(p, shape), (-1,)) for p in parts], shape
    xi = operand(xi)
    if np.ndim(xi) == 1:
        xi = anp.reshape(xi, (-1, 1) if ndim == 1 else (1, -1))
    flat = anp.reshape(xi, (-1, ndim))
    return [flat[:, k] for k in range(ndim)], np.shape(xi)[:-1]


def _grid_weights(self: Any, points: list[Any], method: str, nu: Any) -> tuple[list[Any], Any]:
    if method in ("linear", "nearest") and nu is None:
        kind = _linear_weights if method == "linear" else step_weights
        knots = [np.asarray(grid, dtype=np.float64) for grid in self.grid]
        return [kind(k, x) for k, x in zip(knots, points, strict=True)], None
    spline = getattr(self, "_spline", None)
    if spline is None or method != self.method:
        raise refuse(
            f"RegularGridInterpolator by {method!r} at {user_line()}",
            "Make it with method='linear', 'nearest', 'slinear', 'cubic' or 'quintic'",
        )
    orders = [0] * len(points) if nu is None else list(nu)
    degrees = np.broadcast_to(spline.k, len(points))
    parts = zip(spline.t, degrees, points, orders, strict=True)
    return [_spline_weights(t, int(k), x, int(d)) for t, k, x, d in parts], spline


def _outside(self: Any, points: list[Any], result: Any) -> Any:
    """Put in what comes outside of the grid; NaN where SciPy would raise."""
    outside = invalid = anp.isnan(points[0])
    for x, grid in zip(points, self.grid, strict=True):
        outside = anp.logical_or(outside, anp.logical_or(x < grid[0], x > grid[-1]))
        invalid = anp.logical_or(invalid, anp.isnan(x))
    spread = (-1, *[1] * (np.ndim(result) - 1))
    if self.bounds_error or self.fill_value is not None:
        fill = np.nan if self.bounds_error else float(self.fill_value)
        result = where(anp.reshape(outside, spread), fill, result)
    return where(anp.reshape(invalid, spread), np.nan, result)


@replaces("scipy.interpolate._fitpack2", "BivariateSpline.__call__")
def _bivariate(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def call(self: Any, x: Any, y: Any, dx: int = 0, dy: int = 0, grid: bool = True) -> Any:
        if not holds_boxes(x) and not holds_boxes(y):
            return plain(self, x, y, dx, dy, grid)
        x, y = operand(x), operand(y)
        shape = np.broadcast_shapes(np.shape(x), np.shape(y)) if not grid else ()
        if not grid:
            x, y = (anp.broadcast_to(v, shape) for v in (x, y))
        weights = [
            _clamped(t, k, anp.reshape(v, (-1,)), nu)
            for t, k, v, nu in zip(self.tck[:2], self.degrees, (x, y), (dx, dy), strict=True)
        ]
        c = np.reshape(self.tck[2], (weights[0].shape[1], weights[1].shape[1]))
        if grid:
            return anp.dot(anp.dot(weights[0], c), anp.transpose(weights[1]))
        return anp.reshape(weighted_sum(c, weights), shape)

    return call


def _clamped(t: Array, k: int, x: Any, nu: int) -> Any:
    """Weights of a spline of FITPACK in two variables, which is constant outside."""
    return _spline_weights(t, k, anp.minimum(anp.maximum(x, t[k]), t[-k - 1]), nu)
