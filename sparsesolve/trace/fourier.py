"""Real Fourier transforms whose length is odd, or whose norm is "forward".

Separate because autograd has no rule for these, or one that is wrong; in terms of the complex
transform, or of another norm, they have one.
"""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.trace.dispatch import implements
from sparsesolve.trace.operands import operand

__all__: list[str] = []


@implements(np.fft.rfft, recorded=True)
def _rfft(a: Any, n: int | None = None, axis: int = -1, norm: Any = None, out: None = None) -> Any:
    a = operand(a)
    length = a.shape[axis] if n is None else n
    if norm == "forward":
        return _rfft(a, n, axis) / length
    if length % 2 == 0:
        return anp.fft.rfft(a, n, axis, norm)
    return anp.fft.fft(a, n, axis, norm)[_along(a.ndim, axis, slice(length // 2 + 1))]


@implements(np.fft.irfft, recorded=True)
def _irfft(a: Any, n: int | None = None, axis: int = -1, norm: Any = None, out: None = None) -> Any:
    a = operand(a)
    length = 2 * (a.shape[axis] - 1) if n is None else n
    if norm == "forward":
        return _irfft(a, n, axis) * length
    if length % 2 == 0 or a.shape[axis] < length // 2 + 1:
        return anp.fft.irfft(a, n, axis, norm)
    half = length // 2
    above = a[_along(a.ndim, axis, slice(0, half + 1))]
    below = anp.conj(a[_along(a.ndim, axis, slice(half, 0, -1))])
    whole = anp.concatenate([above, below], axis=axis)
    return anp.real(anp.fft.ifft(whole, None, axis, norm))


def _along(ndim: int, axis: int, part: slice) -> tuple[slice, ...]:
    return (*(slice(None),) * (axis % ndim), part)
