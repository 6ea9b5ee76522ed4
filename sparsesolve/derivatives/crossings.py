"""Which smooth pieces of a function an integration passes.

Separate from `jumps` because it costs little, and so is known of every integration: some of the
points at which the function was evaluated are kept, and looked at afterwards.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.bound_evaluator import BoundEvaluator
from sparsesolve.derivatives.fused import fused
from sparsesolve.derivatives.traced_function import TracedFunction, executable
from sparsesolve.differentiate import piece_program

__all__ = ["Crossings"]

_MOST = 32  # points that are kept
_KNOWN: WeakKeyDictionary[TracedFunction, BoundEvaluator | None] = WeakKeyDictionary()


def _pieces(function: TracedFunction) -> BoundEvaluator | None:
    """Return what says on which smooth pieces a function is; None where it has only one."""
    if function not in _KNOWN:
        program, log = piece_program(function.program), function.log
        made = None if program is None else executable(fused(program, log), log, lambda _: "pieces")
        _KNOWN[function] = None if made is None else BoundEvaluator(made, function.arguments)
    return _KNOWN[function]


class Crossings:
    """What changes by jumps between the points of one integration."""

    def __init__(self) -> None:
        self._kept: list[tuple[Any, tuple[Any, ...]]] = []
        self._seen, self._every = 0, 0

    def note(self, prepared: Any, *args: Any) -> None:
        """Keep a point, or not: every n-th is kept.

        Parameters
        ----------
        prepared : Jacobian
            Of what is integrated, by what is differentiated; just evaluated.
        *args
            Where; arrays may be filled anew later.
        """
        if not self._seen:
            self._every = int(_has_pieces(prepared))
        self._seen += 1
        self._last = prepared, args
        if self._every and self._seen % self._every == 0:
            self._keep(prepared, args)

    def _keep(self, prepared: Any, args: tuple[Any, ...]) -> None:
        given = tuple(a.copy() if isinstance(a, np.ndarray) else a for a in args)
        self._kept.append((_path(prepared), given))
        if len(self._kept) > _MOST:
            self._kept, self._every = self._kept[::2], 2 * self._every

    def found(self) -> frozenset[Any]:
        """Return what has changed: numbers of choices, each with its path, and pairs of paths."""
        if self._kept and self._seen % self._every:
            self._keep(*self._last)  # the end of the integration, wherever it is
        first: dict[Any, NDArray[Any]] = {}
        changed: dict[Any, NDArray[Any]] = {}
        for path, args in self._kept:
            pieces = _pieces(path)
            now = np.zeros(0) if pieces is None else pieces(args)
            changed[path] = changed.get(path, False) | (now != first.setdefault(path, now))
        choices = {(path, int(k)) for path, marks in changed.items() for k in np.flatnonzero(marks)}
        paths = list(first)
        return frozenset(choices | {(paths[0], other) for other in paths[1:]})


def _has_pieces(prepared: Any) -> bool:
    return hasattr(prepared, "_branches") or _pieces(prepared._function) is not None


def _path(prepared: Any) -> Any:
    """Return the traced function that was evaluated last."""
    branches = getattr(prepared, "_branches", None)
    return (prepared if branches is None else branches.latest)._function
