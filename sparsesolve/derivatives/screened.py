"""`Screened`: an evaluator whose values are looked at, and put right where they are not finite.

Separate because there are two ways to put them right: limits of what is nearby, and trips of a loop
one by one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from sparsesolve.engine.evaluator import Array, Evaluator, FastCall, Fixed, NativeRun, Place, refuse

__all__ = ["Screened", "all_finite"]


def all_finite(values: Array) -> bool:
    """Whether all values are finite; one pass, without temporaries unless they are large."""
    return math.isfinite(values.dot(values)) or bool(np.isfinite(values).all())


class Screened(Evaluator):
    """A derivative, and what says where its formula is not to be trusted.

    Parameters
    ----------
    run : Evaluator
        Computes the derivative.
    guards : Evaluator or None
        True where the function steps around a singular point.
    count : int
        Parameters of the function; weights and directions, which come behind, are none of them.
    """

    def __init__(self, run: Evaluator, guards: Evaluator | None, count: int) -> None:
        self._evaluate = run
        self._guards = guards
        self._count = count
        self.prefilled = run.prefilled  # type: ignore[method-assign]  # called at every evaluation

    def _mend(self, values: Array, x: Any, parameters: Sequence[Any]) -> None:
        """Put values right where that is needed."""
        raise NotImplementedError

    def _hits(self, point: Array, rest: Sequence[Any]) -> Any:
        """Return which guards are hit; None if there are none."""
        if self._guards is None:
            return None
        return self._guards(point, rest[: self._count]) != 0.0

    @property
    def size(self) -> int:
        """How many values."""
        return self._evaluate.size

    def __call__(self, x: Any, parameters: Sequence[Any] = (), out: Array | None = None) -> Array:
        """Return the values."""
        values = self._evaluate(x, parameters, out)
        self._mend(values, x, parameters)
        return values

    def run_into(self, buffer: Array, x: Any, parameters: Sequence[Any] = ()) -> None:
        """Write the values that vary."""
        self._evaluate.run_into(buffer, x, parameters)
        self._mend(buffer, x, parameters)

    def native_run(self) -> NativeRun | None:
        """Return what machine code needs, whose user looks for values that are not finite."""
        return self._evaluate.native_run() if self._guards is None else None

    def fastcall(
        self, places: Sequence[Place | Fixed], *, fill: bool, first: FastCall | None = None
    ) -> FastCall:
        """Return the quick way, which gives up where a value is not finite."""
        inner = self._evaluate.fastcall(places, fill=fill, first=first)
        if inner is refuse:
            return inner

        isfinite = math.isfinite

        def checked(*args: Any) -> Array | None:
            out = inner(*args)
            if out is None or isfinite(out.dot(out)) or all_finite(out):
                return out
            return None

        guards, most = self._guards, self._count
        if guards is None:
            return checked
        own = [k for k, p in enumerate(places) if not isinstance(p, Place) or p.number < most]
        look, size = guards.fastcall([places[k] for k in own], fill=True), guards.size

        def guarded(*args: Any) -> Array | None:
            hits = look(*(args[k] for k in own), np.empty(size))
            return checked(*args) if hits is not None and not hits.any() else None

        return guarded
