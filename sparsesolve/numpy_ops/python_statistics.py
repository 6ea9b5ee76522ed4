"""Python's `statistics` of traced numbers: it adds exact fractions, which traced ones have not.

Functions that only add, multiply and sort (`fmean`, `median`, `correlation`) run by themselves.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import wraps
from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces

__all__: list[str] = []


def _deviation(data: Any, center: Any, ddof: int) -> Any:
    gaps = data - (anp.mean(data) if center is None else center)
    return anp.sum(gaps * gaps) / (np.size(gaps) - ddof)


def _harmonic_mean(data: Any, weights: Any = None) -> Any:
    return anp.mean(1.0 / data) ** -1 if weights is None else sum(weights) / anp.sum(weights / data)


_OF_DATA: dict[str, Callable[..., Any]] = {
    "mean": anp.mean,
    "variance": lambda data, xbar=None: _deviation(data, xbar, 1),
    "pvariance": lambda data, mu=None: _deviation(data, mu, 0),
    "stdev": lambda data, xbar=None: anp.sqrt(_deviation(data, xbar, 1)),
    "pstdev": lambda data, mu=None: anp.sqrt(_deviation(data, mu, 0)),
    "harmonic_mean": _harmonic_mean,
}


def _of_data(name: str, handler: Callable[..., Any]) -> None:
    @replaces("statistics", name, second=True)
    def make(plain: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(plain)
        def call(data: Any, *args: Any, **options: Any) -> Any:
            data = list(data)  # it may be an iterator
            if not any(map(holds_boxes, (data, *args, *options.values()))):
                return plain(data, *args, **options)
            return handler(operand(data), *args, **options)

        return call


for _name, _handler in _OF_DATA.items():
    _of_data(_name, _handler)


@replaces("statistics", "NormalDist.inv_cdf", second=True)
def _inv_cdf(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def call(self: Any, p: Any) -> Any:
        if not holds_boxes((self._mu, self._sigma, p)):
            return plain(self, p)
        special = importlib.import_module("scipy.special")
        return self._mu + self._sigma * special.ndtri(p)

    return call
