"""The constants of a result, found again where a plan does not keep them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ir.program import Program

__all__ = ["constant_results"]

_CHUNK = 1 << 16


def constant_results(program: Program) -> NDArray[np.float64]:
    """Return a fresh result with the constant entries in place, NaN elsewhere.

    Parameters
    ----------
    program : Program
        Whose result it is. Nothing as large as all of its slots is made.
    """
    low = min((c.start for c in program.constants), default=0)
    high = max((c.start + c.values.size for c in program.constants), default=0)
    known = np.full(high - low + 1, np.nan)  # the last stands for all other slots
    for constant in program.constants:
        start = constant.start - low
        known[start : start + constant.values.size] = constant.values
    found = np.empty(program.m)
    for begin in range(0, program.m, _CHUNK):
        part = slice(begin, begin + _CHUNK)
        at = program.outputs[part] - low
        at[(at < 0) | (at >= known.size)] = known.size - 1
        np.take(known, at, out=found[part], mode="clip")
    return found
