"""Calls of functions that are not lowered.

Separate because both engines make them, and must check the same thing: a program has fixed
shapes, a function that it calls may not know.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import StructureMismatch
from sparsesolve.ir.program import Opaque

__all__ = ["call_opaque"]


def call_opaque(step: Opaque, operands: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Call the function on copies of its operands, and return its result, flattened."""
    with np.errstate(all="ignore"):  # as machine code does
        value = step.function(*(part.copy() for part in operands))
    result = np.asarray(value, dtype=np.float64)
    if result.shape != step.result_shape:
        raise StructureMismatch(
            f"`{step.name}` must return shape {step.result_shape} as it did when it was traced, "
            f"got {result.shape}. Its result may not change shape with its values."
        )
    return result.reshape(-1)
