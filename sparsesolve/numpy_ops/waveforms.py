"""Periodic functions of `scipy.signal`: square waves and sawtooths of traced times.

SciPy fills arrays of masks for them, which says nothing that could be recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where

from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces

__all__: list[str] = []

_TURN = 2.0 * np.pi


def _square(phase: Any, duty: Any) -> Any:
    return where(phase < duty * _TURN, 1.0, -1.0)


def _sawtooth(phase: Any, width: Any) -> Any:
    rising = phase / (np.pi * where(width == 0.0, 1.0, width)) - 1.0
    falling = (np.pi * (width + 1.0) - phase) / (np.pi * where(width == 1.0, 1.0, 1.0 - width))
    return where(phase < width * _TURN, rising, falling)


def _periodic(wave: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def make(plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(t: Any, *share: Any, **named: Any) -> Any:
            if not (holds_boxes(t) or any(map(holds_boxes, [*share, *named.values()]))):
                return plain(t, *share, **named)
            part = operand([*share, *named.values(), *(plain.__defaults__ or ())][0])
            value = wave(anp.mod(operand(t), _TURN), part)
            return where((part >= 0.0) & (part <= 1.0), value, np.nan)

        return call

    return make


replaces("scipy.signal", "square")(_periodic(_square))
replaces("scipy.signal", "sawtooth")(_periodic(_sawtooth))
