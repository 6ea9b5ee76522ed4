"""Callbacks as they are written for scipy, called with an `IterationState`.

scipy tells by the names of the parameters what a callback wants, and so does this.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["as_callback", "check_callback"]

Callback = Callable[[Any], Any]


def as_callback(callback: Callable[..., Any]) -> Callback:
    """Return a callback of one `IterationState`.

    Parameters
    ----------
    callback : callable
        ``callback(state)``; or scipy's ``callback(intermediate_result)``, which is given the state
        by this name; ``callback(xk)`` or ``callback(x)``, which get the point; or a callback of
        two parameters, the point and the state.
    """
    names, most = _required(callback)
    if len(names) > 2 or most == 0:
        takes = "none" if most == 0 else f"{len(names)}: {', '.join(names)}"
        raise TypeError(
            "`callback` must take one argument, the IterationState, or (xk, state), got one that "
            f"takes {takes}."
        )
    if names == ["intermediate_result"]:
        return lambda state: callback(intermediate_result=state)
    if names in (["xk"], ["x"]):
        return lambda state: callback(_copy(state.x))
    if len(names) == 2:
        return lambda state: callback(_copy(state.x), state)
    return callback


def _required(callback: Callable[..., Any]) -> tuple[list[str], float]:
    """Names of the parameters that must be given, and how many may be."""
    try:
        parameters = [*inspect.signature(callback).parameters.values()]
    except (TypeError, ValueError):  # some builtins have no signature
        return [], np.inf
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    kinds = [p.kind for p in parameters]
    most = np.inf if any(kind in variable for kind in kinds) else len(kinds)
    required = [p.name for p in parameters if p.default is p.empty and p.kind not in variable]
    return required, most


def check_callback(callback: Any) -> None:
    """Raise where this is no callback: before anything is prepared."""
    if callback is None:
        return
    if not callable(callback):
        raise TypeError(
            f"`callback` must be callable, got {type(callback).__name__}. It receives one "
            "IterationState and may return True to stop."
        )
    as_callback(callback)


def _copy(x: Any) -> Any:
    """Return a point that the callback may keep; a nest is made for each call."""
    return np.array(x) if isinstance(x, np.ndarray) else x
