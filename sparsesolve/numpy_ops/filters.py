"""Filters of `scipy.signal` and `scipy.ndimage`: the matrices that they give of units.

They are linear in one argument, an array, and take no traced one themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.numpy_ops.transforms import linear_map
from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__ = ["linear_in"]

_NDIMAGE = """convolve convolve1d correlate correlate1d gaussian_filter gaussian_filter1d laplace
    gaussian_laplace uniform_filter uniform_filter1d prewitt sobel zoom rotate"""
_SIGNAL = {"sosfilt": 1, "sosfiltfilt": 1, "filtfilt": 2, "savgol_filter": 0}
_SIGNAL |= {"detrend": 0, "resample": 0, "resample_poly": 0, "decimate": 0}
_SIGNAL |= {"convolve2d": 0, "correlate2d": 0, "upfirdn": 1}


def linear_in(place: int, name: str) -> Callable[..., Any]:
    """Make a replacement of what is linear in one argument and constant in the others."""

    def make(plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            rest = [*args[:place], *args[place + 1 :], *options.values()]
            if any(map(holds_boxes, rest)):
                raise refuse(
                    f"`{name}` with traced coefficients, or its array by keyword, at {user_line()}",
                    "Only the array may be traced, by position: write it with np.convolve",
                )
            if len(args) <= place or not holds_boxes(args[place]):
                return plain(*args, **options)
            function = _Filter(plain, args[:place])
            return linear_map(function, args[place], *args[place + 1 :], **options)

        return call

    return make


@replaces("scipy.signal", "lfilter")
def _lfilter(plain: Callable[..., Any]) -> Callable[..., Any]:
    """Filter with traced coefficients too, one value after the other as its definition has it."""
    linear = linear_in(2, "lfilter")(plain)

    def call(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
        traced = holds_boxes(b) or holds_boxes(a)
        if not traced and zi is not None and np.ndim(operand(x)) == 1:
            if not holds_boxes(x) and not holds_boxes(zi):
                return plain(b, a, x, axis, zi)
            return _from_state(plain, b, a, operand(x), operand(zi))
        if not traced or zi is not None or np.ndim(operand(x)) != 1:
            return linear(b, a, x, axis) if zi is None else linear(b, a, x, axis, zi)
        b, a, x = (anp.atleast_1d(operand(v)) for v in (b, a, x))
        b, a = b / a[0], a / a[0]
        driven = np.convolve(x, b)[: np.size(x)]
        values: list[Any] = []
        for k in range(np.size(x)):
            past = range(1, min(k, np.size(a) - 1) + 1)
            values.append(driven[k] - sum(a[j] * values[k - j] for j in past))
        return anp.array(values)

    return call


def _from_state(plain: Callable[..., Any], b: Any, a: Any, x: Any, state: Any) -> Any:
    """Filter a vector from a state: both results are linear in the vector and in the state."""
    n, order = np.size(x), np.size(state)
    units = np.eye(n + order)
    parts = [np.concatenate(plain(b, a, unit[:n], -1, unit[n:])) for unit in units]
    both = anp.dot(np.transpose(parts), anp.concatenate((x, state)))
    return both[:n], both[n:]


class _Filter:
    """A filter as a function of its array, which is checked to be linear."""

    def __init__(self, plain: Callable[..., Any], before: tuple[Any, ...]) -> None:
        self.plain, self.before = plain, before
        self.__name__ = getattr(plain, "__name__", "filter")

    def __call__(self, array: Any, *args: Any, **options: Any) -> Any:
        return self.plain(*self.before, np.asarray(array, dtype=np.float64), *args, **options)


for _name in _NDIMAGE.split():
    replaces("scipy.ndimage", _name)(linear_in(0, _name))
for _name, _place in _SIGNAL.items():
    replaces("scipy.signal", _name)(linear_in(_place, _name))
