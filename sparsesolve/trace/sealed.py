"""Arguments that a solve has compared once: what is inside of them need not be looked at again.

One sealed argument serves the programs of all paths of a function: each has a
layout of its own, and a new path is traced with what the user gave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.trace.argument_tree import Static

__all__ = ["Sealed", "unsealed"]

Numbers: TypeAlias = tuple[NDArray[np.float64], ...]

_MOST = 64


class Sealed:
    """A container: the user's own, and copies of the numbers in it for each layout."""

    __slots__ = ("_known", "own")

    def __init__(self, own: Any) -> None:
        self.own = own
        self._known: dict[int, tuple[Any, Numbers]] = {}

    def numbers_in(
        self, tree: Any, read: Callable[[Any, Any], Iterable[NDArray[np.float64]]]
    ) -> Numbers:
        """Return the numbers in the order of a layout; they are read once."""
        known = self._known.get(id(tree))
        if known is None:
            known = tree, tuple(array.copy() for array in read(tree, self.own))
            if len(self._known) >= _MOST:  # of paths that were not kept, but for the first
                self._known = dict([next(iter(self._known.items()))])
            self._known[id(tree)] = known
        return known[1]

    def __reduce__(self) -> Any:
        """Let a digest read the numbers of the first layout."""
        return tuple, next(iter(self._known.values()))[1:]


def unsealed(args: Sequence[Any], example: Sequence[Any]) -> list[Any]:
    """Return arguments for the user's function, where some may be sealed.

    Parameters
    ----------
    args : sequence
        As a user gave them, or as `Arguments.seal` has made them.
    example : sequence
        A user's own, which take the place of numbers that are equal to them.
    """
    return [_unsealed(given, own) for given, own in zip(args, example, strict=True)]


def _unsealed(given: Any, own: Any) -> Any:
    if type(given) is Sealed:
        return given.own
    if type(given) is Static:
        return given.value
    if isinstance(given, (np.ndarray, np.generic)) and isinstance(own, (int, float, list)):
        return own if np.array_equal(given, own) else given
    return given
