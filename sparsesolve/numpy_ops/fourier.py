"""Fourier transforms: kept as calls, with autograd's rules.

autograd has no rule for real transforms whose length is odd or whose norm is "forward", or one
that is wrong; in terms of the complex transform, or of another norm, they have one.
"""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.ir.tape import Instruction
from sparsesolve.lower.context import Context
from sparsesolve.lower.opaque import kept, refused
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


# --- lowering ---

kept(
    "fft.fft fft.fft2 fft.fftn fft.ifft fft.ifft2 fft.ifftn "
    "fft.rfft fft.rfft2 fft.rfftn fft.irfft fft.irfft2 fft.irfftn"
)


@refused("fft.rfft fft.rfft2 fft.rfftn fft.irfft fft.irfft2 fft.irfftn")
def _refuse_real_transform(c: Context, step: Instruction) -> None:
    """Refuse odd lengths, for which autograd has no rule, and a norm that its rule leaves out."""
    given = dict(zip(("n", "axis", "norm"), step.args[1:], strict=False))
    given.update(step.kwargs)
    lengths, axes = given.get("s", given.get("n")), given.get("axes", given.get("axis"))
    if lengths is None:
        real = step.out if step.op.startswith("fft.irfft") else step.args[0]
        lengths = c.tape.values[real.index].shape[-1 if axes is None else np.atleast_1d(axes)[-1]]
    if np.atleast_1d(lengths)[-1] % 2 or given.get("norm") == "forward":
        raise c.unsupported(
            "got a real transform of odd length, or with norm='forward'",
            "Use np.fft.fftn, or np.fft.ifftn and its real part, with the usual norm",
        )
