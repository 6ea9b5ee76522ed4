"""Medians, quantiles and percentiles: sorted values, and straight lines between neighbors.

Separate from `ordering` because these are functions of the sorted values, with a derivative
wherever no two of those that count are equal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where

from sparsesolve.trace.dispatch import implements, refuse
from sparsesolve.trace.operands import is_traced, operand
from sparsesolve.trace.sources import user_line

__all__: list[str] = []


def _of_positions(alpha: float, beta: float) -> Callable[[float, int], Any]:
    """Return where a quantile is among n sorted values, for plotting positions."""
    return lambda p, n: n * p + alpha + p * (1.0 - alpha - beta) - 1.0


def _rounded(rounding: Callable[[float], Any]) -> Callable[[float, int], Any]:
    return lambda p, n: rounding(p * (n - 1))


_PLACES: dict[str, Callable[[float, int], Any]] = {
    "lower": _rounded(np.floor),
    "higher": _rounded(np.ceil),
    "nearest": _rounded(np.rint),
    "midpoint": _rounded(lambda place: (np.floor(place) + np.ceil(place)) / 2),
    "linear": _rounded(lambda place: place),
    "interpolated_inverted_cdf": _of_positions(0.0, 1.0),
    "hazen": _of_positions(0.5, 0.5),
    "weibull": _of_positions(0.0, 0.0),
    "median_unbiased": _of_positions(1 / 3, 1 / 3),
    "normal_unbiased": _of_positions(3 / 8, 3 / 8),
}


@implements(np.median)
def _median(
    a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, keepdims: Any = False
) -> Any:
    return _quantile(a, 0.5, axis, keepdims=keepdims)


@implements(np.percentile)
def _percentile(a: Any, q: Any, *args: Any, **options: Any) -> Any:
    return _quantile(a, q if is_traced(q) else np.true_divide(q, 100), *args, **options)


@implements(np.quantile)
def _quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: None = None,
    interpolation: str | None = None,
) -> Any:
    place_of = _PLACES.get(interpolation or method)
    if place_of is None or weights is not None or out is not None or is_traced(q):
        raise refuse(
            f"a quantile with traced `q`, `out`, `weights` or method {method!r} at {user_line()}",
            f"Take constant `q`, and one of the methods {', '.join(_PLACES)}",
        )
    levels = np.asarray(q, dtype=float)
    if not np.all((levels >= 0) & (levels <= 1)):
        raise ValueError("Quantiles must be in the range [0, 1]")
    merged, shape = _merged(operand(a), axis)
    ordered = np.sort(merged, axis=-1)
    last = ordered.shape[-1] - 1
    values = [
        _between(ordered, min(max(float(place_of(p, last + 1)), 0.0), last)) for p in levels.ravel()
    ]
    result = anp.reshape(anp.stack(values), levels.shape + values[0].shape)
    # NumPy sorts NaN last, and one makes the result NaN
    result = where(anp.isnan(ordered[..., -1]), np.nan, result)
    return anp.reshape(result, levels.shape + shape) if keepdims is True else result


def _merged(a: Any, axis: Any) -> tuple[Any, tuple[int, ...]]:
    """Move the axes that are looked along last and merge them; also return the kept shape."""
    axes = {int(k) % a.ndim for k in (range(a.ndim) if axis is None else np.atleast_1d(axis))}
    kept = [k for k in range(a.ndim) if k not in axes]
    moved = anp.transpose(a, (*kept, *sorted(axes)))
    shape = tuple(1 if k in axes else a.shape[k] for k in range(a.ndim))
    return anp.reshape(moved, (*(a.shape[k] for k in kept), -1)), shape


def _between(ordered: Any, place: float) -> Any:
    low = int(place)
    share = place - low
    a = ordered[..., low]
    return a if not share else a + (ordered[..., low + 1] - a) * share
