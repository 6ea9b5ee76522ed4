"""What one call of a compiled program needs, and what is lent to machine code that calls it."""

from __future__ import annotations

import ctypes
from typing import NamedTuple

from sparsesolve.engine.evaluator import Array, NativeParameter
from sparsesolve.host.dataclass import dataclass

__all__ = ["Lent", "Workspace"]


@dataclass(frozen=True, slots=True, eq=False)
class Workspace:
    """What one call needs.

    Small arguments and results are copied to and from buffers of its own (``x``, ``result``): to
    ask an array for its address takes longer than that.
    """

    x: Array | None
    result: Array | None
    rest: Array
    nowhere: Array
    bases: ctypes.Array[ctypes.c_int64]
    address: int


class Lent(NamedTuple):
    """A workspace whose bases point anywhere, the driver, and where parameters are read."""

    work: Workspace
    drive: int
    parameters: tuple[NativeParameter, ...]
