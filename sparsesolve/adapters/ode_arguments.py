"""What `solve_ivp` is given, looked at before anything is prepared.

scipy says of most of these only what NumPy says, and late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sparsesolve.options import positive

__all__ = ["check_given", "checked_span"]


def checked_span(t_span: Any) -> tuple[float, float]:
    """Return start and end; raise where these are not two finite numbers.

    Parameters
    ----------
    t_span : tuple of float
        As given.
    """
    try:
        times = np.asarray(t_span, dtype=np.float64)
    except (TypeError, ValueError):
        times = np.empty(0)
    if times.shape != (2,) or np.isnan(times).any():
        raise ValueError(
            f"`t_span` must be two numbers, (start, end), got {t_span!r}. Times between, at which "
            "the solution is wanted, go into `t_eval`."
        )
    return float(times[0]), float(times[1])


def check_given(options: Mapping[str, Any], n: int) -> None:
    """Raise where a tolerance or an event is of another kind.

    Parameters
    ----------
    options : mapping
        The user's.
    n : int
        How many unknowns there are.
    """
    for name in ("rtol", "atol"):
        values = options.get(name)
        array = np.asarray(0.0 if values is None else values)
        if array.dtype.kind not in "iuf" or array.shape not in ((), (n,)) or not np.all(array >= 0):
            raise ValueError(
                f"`{name}` must be a number that is not negative, or {n} of them, got {values!r}."
            )
    for name in ("max_step", "first_step"):
        if options.get(name) is not None:
            positive(name, options[name])
    events = options.get("events")
    listed = events if isinstance(events, Iterable) else () if events is None else (events,)
    for event in listed:
        if not callable(event):
            kind = type(event).__name__
            raise TypeError(
                f"`events` must be a function event(t, y, *args) or a list of such, got {kind}."
            )
