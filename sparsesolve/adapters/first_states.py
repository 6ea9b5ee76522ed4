"""A run of a larger system, whose first states are those that were asked for.

Sensitivities and derivatives of the unknowns are integrated behind them; events, dense output and
the result show the first ones only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["events_of_first", "keep_first"]

Array = NDArray[np.float64]


class _FirstStates:
    """The first states of a dense output."""

    def __init__(self, whole: Any, n: int) -> None:
        self._whole, self._n = whole, n

    def __call__(self, t: Any) -> Array:
        """Return the states at t."""
        return np.asarray(self._whole(t)[: self._n])


def events_of_first(events: Any, n: int, args: tuple[Any, ...]) -> Any:
    """Return events that are given the first `n` states, and `args`."""
    return [_event(e, n, args) for e in ((events,) if callable(events) else events)]


def _event(
    event: Callable[..., Any], n: int, args: tuple[Any, ...]
) -> Callable[[float, Array], Any]:
    def of_states(t: float, whole: Array, *_: Any) -> Any:
        return event(t, whole[:n], *args)

    for name in ("terminal", "direction"):
        if hasattr(event, name):
            setattr(of_states, name, getattr(event, name))
    return of_states


def keep_first(run: Any, n: int) -> Any:
    """Drop all but the first `n` states from scipy's result, and return it."""
    run.y = run.y[:n]
    if run.y_events is not None:
        run.y_events = [np.asarray(e)[..., :n] if len(e) else e for e in run.y_events]
    if run.sol is not None:
        run.sol = _FirstStates(run.sol, n)
    return run
