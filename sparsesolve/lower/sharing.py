"""Equal instructions of a tape are lowered once.

`Builder.map` tells equal work by the memory of its operands, and two equal
gathers (``x[index]`` written twice) give two arrays. Here instructions are compared by what they
say: the primitive, the values they read, and their constants by content.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from sparsesolve.ir.tape import Instruction, Ref

__all__ = ["Shared"]

_PLAIN = (int, float, bool, str, type(None), type(Ellipsis), np.dtype)
_LARGEST = 1 << 20  # bytes of a constant that are compared; larger ones by identity


class Shared:
    """Finds the first of equal instructions."""

    def __init__(self) -> None:
        self._first: dict[Hashable, int] = {}
        self._canonical: dict[int, int] = {}

    def twin(self, step: Instruction) -> int | None:
        """Return the value that an earlier equal instruction defined, if there was one."""
        key = (step.function, self._token(step.args), self._token(dict(step.kwargs)))
        known = self._first.setdefault(key, step.out.index)
        if known == step.out.index:
            return None
        self._canonical[step.out.index] = known
        return known

    def _token(self, argument: Any) -> Hashable:
        kind = type(argument)
        if kind is Ref:
            return ("value", self._canonical.get(argument.index, argument.index))
        if kind in _PLAIN:
            # a number's text tells 1 from 1.0 and 0.0 from -0.0
            return (kind, repr(argument))
        if kind in (tuple, list):
            return (kind, *[self._token(item) for item in argument])
        if kind is dict:
            return tuple((name, self._token(item)) for name, item in argument.items())
        if kind is slice:
            return (kind, *map(self._token, (argument.start, argument.stop, argument.step)))
        if isinstance(argument, np.ndarray | np.generic) and argument.nbytes <= _LARGEST:
            return (argument.shape, argument.dtype.str, argument.tobytes())
        return id(argument)
