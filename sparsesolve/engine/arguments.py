"""Arguments of a program as flat arrays, checked against what it was prepared for.

Separate because both engines take them in the same form and must refuse the same things.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import StructureMismatch
from sparsesolve.ir.program import Program

__all__ = ["flat_argument", "flat_parameters", "output_buffer"]


def flat_argument(x: Any, size: int, name: str) -> NDArray[np.float64]:
    """Return `x` as a contiguous float64 vector of the given size."""
    array = np.asarray(x)
    if array.dtype.kind == "c":
        raise StructureMismatch(f"`{name}` must be real, got {array.dtype}. Pass its real part.")
    flat = np.ascontiguousarray(array, dtype=np.float64).reshape(-1)
    if flat.size != size:
        raise StructureMismatch(
            f"`{name}` must have {size} elements, got {flat.size}; the program was built for "
            f"{size}. Build a new one for other sizes."
        )
    return flat


def flat_parameters(program: Program, parameters: Sequence[Any]) -> list[NDArray[np.float64]]:
    """Return each parameter as a contiguous float64 vector."""
    blocks = program.parameters
    if len(parameters) != len(blocks):
        raise StructureMismatch(
            f"expected {len(blocks)} parameters, got {len(parameters)}. "
            "Pass every argument that the function was traced with."
        )
    if not blocks:
        return []
    return [
        flat_argument(value, block.size, f"parameters[{k}]")
        for k, (value, block) in enumerate(zip(parameters, blocks, strict=True))
    ]


def output_buffer(out: NDArray[np.float64] | None, m: int) -> NDArray[np.float64]:
    """Return `out` if it fits, or a fresh uninitialised vector if it is None."""
    if out is None:
        return np.empty(m)
    if not isinstance(out, np.ndarray) or out.shape != (m,) or out.dtype != np.float64:
        got = f"{getattr(out, 'dtype', type(out).__name__)}{list(np.shape(out))}"
        raise StructureMismatch(
            f"`out` must be a float64 array of shape ({m},), got {got}. Pass np.empty({m})."
        )
    if not out.flags.writeable:
        raise StructureMismatch("`out` must be writeable, got a read-only array. Pass a copy.")
    return out
