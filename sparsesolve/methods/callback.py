"""Callbacks as they are written for scipy, called with an `IterationState`.

Separate because scipy tells by the names of the parameters what a callback wants, and so does this.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["as_callback"]

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
    names = _required(callback)
    if names == ["intermediate_result"]:
        return lambda state: callback(intermediate_result=state)
    if names in (["xk"], ["x"]):
        return lambda state: callback(_copy(state.x))
    if len(names) == 2:
        return lambda state: callback(_copy(state.x), state)
    return callback


def _required(callback: Callable[..., Any]) -> list[str]:
    """Names of the parameters that must be given."""
    try:
        parameters = inspect.signature(callback).parameters.values()
    except (TypeError, ValueError):  # some builtins have no signature
        return []
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in variable]


def _copy(x: Any) -> Any:
    """Return a point that the callback may keep; a nest is made for each call."""
    return np.array(x) if isinstance(x, np.ndarray) else x
