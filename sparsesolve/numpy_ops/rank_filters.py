"""Filters of `scipy.ndimage` and `scipy.signal` that choose among neighbors: extremes and medians.

Each takes the windows of a padded array: the largest element, the smallest, or one of the sorted.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import autograd.numpy as anp
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import holds_boxes, operand, plain_index
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__: list[str] = []

_MODES = {"reflect": "symmetric", "mirror": "reflect", "nearest": "edge", "wrap": "wrap"}
_MODES |= {"grid-mirror": "symmetric", "grid-wrap": "wrap"}


def _windows(a: Any, size: Any, axes: Any, mode: str, cval: float, origin: Any) -> Any:
    """Return an array whose last axis holds the neighbors of each element."""
    sizes, origins = (np.broadcast_to(plain_index(v), (len(axes),)) for v in (size, origin))
    widths = np.zeros((np.ndim(a), 2), dtype=int)
    for axis, n, shift in zip(axes, sizes, origins, strict=True):
        before = int(n) // 2 + int(shift)
        widths[axis] = before, int(n) - 1 - before
    if (widths < 0).any() or mode not in (*_MODES, "constant", "grid-constant"):
        raise refuse(f"a filter with `origin` or mode={mode!r} at {user_line()}", "Leave it out")
    constant = {"constant_values": cval} if mode.endswith("constant") else {}
    padded = np.pad(a, widths, mode=_MODES.get(mode, "constant"), **constant)  # type: ignore[call-overload]
    windows = sliding_window_view(padded, tuple(map(int, sizes)), axis=tuple(axes))
    return anp.reshape(windows, (*np.shape(a), -1))


def _largest(window: Any) -> Any:
    return anp.max(window, axis=-1)


def _smallest(window: Any) -> Any:
    return anp.min(window, axis=-1)


def _middle(window: Any) -> Any:
    return np.sort(window, axis=-1)[..., window.shape[-1] // 2]


def _of_box(name: str, choose: Callable[[Any], Any], *, line: bool = False) -> None:
    @replaces("scipy.ndimage", name, second=True)
    def make(plain: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(plain)
        def call(input: Any, size: Any = None, *args: Any, **options: Any) -> Any:
            if not holds_boxes(input):
                return plain(input, size, *args, **options)
            mode, cval = options.pop("mode", "reflect"), options.pop("cval", 0.0)
            origin, axis = options.pop("origin", 0), options.pop("axis", -1)
            if size is None or any(v is not None for v in (*args, *options.values())):
                raise refuse(
                    f"`{name}` with a footprint or others than size, mode, cval at {user_line()}",
                    "Leave them out, or take sliding_window_view of NumPy",
                )
            a = operand(input)
            axes = [axis % np.ndim(a)] if line else list(range(np.ndim(a)))
            return choose(_windows(a, size, axes, mode, cval, origin))

        return call


_of_box("maximum_filter", _largest)
_of_box("minimum_filter", _smallest)
_of_box("median_filter", _middle)
_of_box("maximum_filter1d", _largest, line=True)
_of_box("minimum_filter1d", _smallest, line=True)


@replaces("scipy.signal", "medfilt", second=True)
def _medfilt(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def call(volume: Any, kernel_size: Any = None) -> Any:
        if not holds_boxes(volume):
            return plain(volume, kernel_size)
        a, size = operand(volume), 3 if kernel_size is None else kernel_size
        return _middle(_windows(a, size, list(range(np.ndim(a))), "constant", 0.0, 0))

    return call
