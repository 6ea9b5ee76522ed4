"""Values of images between their pixels: `map_coordinates`, `shift` and `affine_transform`.

As on any grid, a value is a sum of coefficients times one weight an axis. The weights are
piecewise polynomials of the coordinate, read off SciPy's own at a few points of each piece, so
splines and boundaries are SciPy's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where
from numpy.typing import NDArray

from sparsesolve.numpy_ops.filters import linear_in
from sparsesolve.numpy_ops.grids import weighted_sum
from sparsesolve.numpy_ops.splines import evaluate
from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__: list[str] = []

Array = NDArray[np.float64]

_PAD = 12  # pixels that SciPy adds before it fits a spline that goes on as its ends
_MODES = {
    "constant": lambda x, n: x,
    "nearest": lambda x, n: anp.minimum(anp.maximum(x, 0.0), n - 1.0),
    "mirror": lambda x, n: _folded(x, 0.0, n - 1.0),
    "reflect": lambda x, n: _folded(x, -0.5, n - 0.5),
    "grid-mirror": lambda x, n: _folded(x, -0.5, n - 0.5),
    "grid-wrap": lambda x, n: x % n,
}


def _folded(x: Any, low: float, high: float) -> Any:
    """Reflect a coordinate at two ends."""
    if high == low:
        return x * 0.0 + low
    x = (x - low) % (2.0 * (high - low))
    return low + where(x > high - low, 2.0 * (high - low) - x, x)


def _ends(n: int, mode: str) -> tuple[float, float]:
    if mode in ("reflect", "grid-mirror"):
        return -0.5, n - 0.5
    return (0.0, float(n)) if mode == "grid-wrap" else (0.0, n - 1.0)


@lru_cache(maxsize=16)
def _pieces(n: int, order: int, mode: str) -> tuple[Array, Array]:
    """Coefficients of the weights of n pixels, and where the pieces begin and end."""
    from scipy.ndimage import map_coordinates  # noqa: PLC0415  (loaded by whoever calls it)

    low, high = _ends(n, mode)
    knots = np.arange(np.floor(low), high + 1.0) + (0.0 if order % 2 else 0.5)
    breaks = np.array([low, *knots[(knots > low) & (knots < high)], high])
    if n == 1 and high == low:
        breaks = np.array([0.0, 1.0])
    inside = (np.arange(order + 1) + 0.5) / (order + 1)
    steps = np.diff(breaks)[:, None] * inside
    points = np.ravel(breaks[:-1, None] + steps)
    if n == 1 and high == low:
        points = points * 0.0
    values = [
        map_coordinates(unit, points[None], order=order, mode=mode, prefilter=False)
        for unit in np.eye(n)
    ]
    powers = steps[:, :, None] ** np.arange(order, -1, -1)
    c = np.linalg.solve(powers, np.reshape(values, (n, *steps.shape)).transpose(1, 2, 0))
    c[np.abs(c) < 1e-12] = 0.0
    return np.asarray(c.transpose(1, 0, 2), dtype=np.float64), breaks


def _interpolated(
    image: Any,
    coordinates: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    """Do what `map_coordinates` does, of traced coordinates."""
    bare = mode == "nearest" and order > 1 and not prefilter
    if mode not in _MODES or bare or output is not None or np.iscomplexobj(image):
        raise refuse(
            f"an image of complex numbers, with `output`, without `prefilter` or with "
            f"mode={mode!r}, at traced coordinates at {user_line()}",
            "Give it a real one, leave both options out, and use mode='nearest' or 'grid-wrap'",
        )
    x, shape = operand(coordinates), np.shape(image)
    pad = _PAD if prefilter and order > 1 and mode == "nearest" else 0
    points = [anp.reshape(x[k], (-1,)) for k in range(len(shape))]
    lengths = [n + 2 * pad for n in shape]
    weights = [
        evaluate(*_pieces(n, order, mode), _MODES[mode](p + pad, n), True)
        for p, n in zip(points, lengths, strict=True)
    ]
    value = weighted_sum(_coefficients(image, order, mode, prefilter, pad), weights)
    if mode == "constant":
        outside = [anp.logical_or(p < 0, p > n - 1) for p, n in zip(points, shape, strict=True)]
        for beyond in outside:
            value = where(beyond, cval, value)
    return anp.reshape(value, np.shape(x)[1:])


def _coefficients(image: Any, order: int, mode: str, prefilter: bool, pad: int) -> Any:
    from scipy.ndimage import spline_filter  # noqa: PLC0415  (loaded by whoever calls it)

    image = operand(image) if holds_boxes(image) else np.asarray(image, dtype=np.float64)
    if order < 2 or not prefilter:
        return image
    padded = np.pad(image, pad, mode="edge") if pad else image
    return linear_in(0, "spline_filter")(spline_filter)(padded, order, np.float64, mode)


@replaces("scipy.ndimage", "map_coordinates")
def _map_coordinates(plain: Callable[..., Any]) -> Callable[..., Any]:
    linear = linear_in(0, "map_coordinates")(plain)

    def call(input: Any, coordinates: Any, *rest: Any, **options: Any) -> Any:
        if holds_boxes(coordinates):
            return _interpolated(input, coordinates, *rest, **options)
        return linear(input, coordinates, *rest, **options)

    return call


@replaces("scipy.ndimage", "shift")
def _shift(plain: Callable[..., Any]) -> Callable[..., Any]:
    linear = linear_in(0, "shift")(plain)

    def call(input: Any, shift: Any, *rest: Any, **options: Any) -> Any:
        if not holds_boxes(shift):
            return linear(input, shift, *rest, **options)
        by = anp.broadcast_to(operand(shift), (np.ndim(input),))
        grid = np.indices(np.shape(input)).astype(np.float64)
        moved = [grid[k] - by[k] for k in range(np.ndim(input))]
        return _interpolated(input, anp.stack(moved), *rest, **options)

    return call


@replaces("scipy.ndimage", "affine_transform")
def _affine(plain: Callable[..., Any]) -> Callable[..., Any]:
    linear = linear_in(0, "affine_transform")(plain)

    def call(
        input: Any,
        matrix: Any,
        offset: Any = 0.0,
        output_shape: Any = None,
        *rest: Any,
        **options: Any,
    ) -> Any:
        if not holds_boxes(matrix) and not holds_boxes(offset):
            return linear(input, matrix, offset, output_shape, *rest, **options)
        ndim = np.ndim(input)
        matrix = operand(matrix)
        if np.ndim(matrix) == 2 and np.shape(matrix)[1] == ndim + 1:
            matrix, offset = matrix[:ndim, :ndim], matrix[:ndim, ndim]
        matrix = matrix * np.eye(ndim) if np.ndim(matrix) == 1 else matrix
        shape = np.shape(input) if output_shape is None else tuple(output_shape)
        grid = np.indices(shape).reshape(len(shape), -1).astype(np.float64)
        by = anp.reshape(anp.broadcast_to(operand(offset), (ndim,)), (-1, 1))
        places = anp.reshape(anp.dot(matrix, grid) + by, (ndim, *shape))
        return _interpolated(input, places, *rest, **options)

    return call
