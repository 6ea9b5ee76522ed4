"""Means, variances, higher moments and entropies of SciPy's distributions, by their shapes.

SciPy sorts the shapes by whether they are allowed and calls its formulas through `np.vectorize`.
Here its formulas are evaluated as they are, and what is not allowed is chosen to be no number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where

from sparsesolve.numpy_ops.distributions import allowed, is_general, replace_method, standard
from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.sources import user_line

__all__: list[str] = []

_QUADRATURE = "Write the integral as a sum: weights @ f(points), as of leggauss of np.polynomial"


def _raw(dist: Any, shapes: tuple[Any, ...]) -> Callable[[int], Any]:
    """Return the moments about zero of a standard distribution, by their order."""
    numbers = {"moments": "mvsk"} if dist._stats_has_moments else {}
    mean, variance, skewness, excess = dist._stats(*shapes, **numbers)

    def moment(order: int) -> Any:
        if order == 0:
            return 1.0
        if order == 1 and mean is not None:
            return mean
        if order == 2 and mean is not None and variance is not None:
            return variance + mean * mean
        third = None if skewness is None or variance is None else skewness * variance**1.5
        if order == 3 and mean is not None and third is not None:
            return third + 3.0 * mean * variance + mean**3
        if order == 4 and mean is not None and third is not None and excess is not None:
            fourth = (excess + 3.0) * variance * variance
            return fourth + 4.0 * mean * third + 6.0 * mean * mean * variance + mean**4
        return _by_formula(dist, order, shapes)

    return moment


def _by_formula(dist: Any, order: int, shapes: tuple[Any, ...]) -> Any:
    if not is_general(dist, "_munp"):
        return dist._munp(order, *shapes)
    if any(map(holds_boxes, shapes)):
        raise refuse(
            f"moments of `scipy.stats.{dist.name}`, which SciPy integrates, at {user_line()}",
            _QUADRATURE,
        )
    return dist._munp(order, *shapes)


def _central(dist: Any, shapes: tuple[Any, ...]) -> tuple[Callable[[], Any], ...]:
    """Return functions for mean, variance, skewness and excess of a standard distribution."""
    raw = _raw(dist, shapes)
    numbers = {"moments": "mvsk"} if dist._stats_has_moments else {}
    given = dist._stats(*shapes, **numbers)

    def mean() -> Any:
        return raw(1)

    def variance() -> Any:
        return given[1] if given[1] is not None else raw(2) - raw(1) ** 2

    def third() -> Any:  # in SciPy's order of operations, which rounds in its way
        m, v = raw(1), variance()
        return (-m * m - 3.0 * v) * m + raw(3) if given[2] is None else given[2] * v**1.5

    def skewness() -> Any:
        return third() / variance() ** 1.5 if given[2] is None else given[2]

    def excess() -> Any:
        if given[3] is not None:
            return given[3]
        m, v = raw(1), variance()
        fourth = ((-(m**2) - 6.0 * v) * m - 4.0 * third()) * m + raw(4)
        return fourth / v**2.0 - 3.0

    return mean, variance, skewness, excess


def _stats(dist: Any, *args: Any, moments: str = "mv", **kwargs: Any) -> Any:
    shapes, loc, scale = standard(dist, args, kwargs)
    found = dict(zip("mvsk", _central(dist, shapes), strict=True))
    factor, shift = {"m": scale, "v": scale * scale}, {"m": loc}
    values = [
        _chosen(dist, shapes, scale, found[name]() * factor.get(name, 1.0) + shift.get(name, 0.0))
        for name in "mvsk"
        if name in moments
    ]
    return values[0] if len(values) == 1 else tuple(values)


def _chosen(dist: Any, shapes: tuple[Any, ...], scale: Any, value: Any) -> Any:
    return where(allowed(dist, shapes, scale), operand(value), np.nan)


def _moment(dist: Any, order: int, *args: Any, **kwargs: Any) -> Any:
    shapes, loc, scale = standard(dist, args, kwargs)
    raw = _raw(dist, shapes)
    total: Any = 0.0
    for k in range(order + 1):
        total = total + math.comb(order, k) * scale**k * loc ** (order - k) * raw(k)
    return _chosen(dist, shapes, scale, total)


def _entropy(dist: Any, *args: Any, **kwargs: Any) -> Any:
    shapes, _, scale = standard(dist, args, kwargs)
    if is_general(dist, "_entropy") and any(map(holds_boxes, shapes)):
        raise refuse(
            f"the entropy of `scipy.stats.{dist.name}`, which SciPy integrates, at {user_line()}",
            _QUADRATURE,
        )
    return _chosen(dist, shapes, scale, dist._entropy(*shapes) + anp.log(scale))


_VALUES: dict[str, Callable[..., Any]] = {
    "stats": _stats,
    "moment": _moment,
    "entropy": _entropy,
    "mean": lambda dist, *args, **kw: _stats(dist, *args, moments="m", **kw),
    "var": lambda dist, *args, **kw: _stats(dist, *args, moments="v", **kw),
    "std": lambda dist, *args, **kw: anp.sqrt(_stats(dist, *args, moments="v", **kw)),
}


for _name, _value in _VALUES.items():
    replace_method("rv_generic", _name, _value, second=True)
