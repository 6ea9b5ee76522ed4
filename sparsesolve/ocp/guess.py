"""Starting points on a mesh, out of numbers, functions of time, or tables of values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ocp.grid import Grid
from sparsesolve.ocp.phase import TIMES
from sparsesolve.ocp.quantities import Quantity, block_limits

__all__ = ["start_of_parameters", "start_on_grid"]

Array = NDArray[np.float64]


def start_on_grid(
    grid: Grid,
    mesh: Array,
    guess: Mapping[str, Any],
    ends: tuple[Mapping[str, Quantity], Mapping[str, Quantity]],
) -> dict[str, Any]:
    """Return the unknowns of a phase, within their limits.

    Parameters
    ----------
    grid : Grid
        What they are.
    mesh : ndarray, shape (intervals + 1,)
        Where they are, from 0 to 1.
    guess : mapping
        By name: a number or array of the shape of the quantity, a function of an array of times, or
        ``(times, values)`` with times along the last axis of the values.
    ends : pair of mappings of str to Quantity
        Limits of states at both ends.
    """
    phase = grid.phase
    guess = {**phase.guess, **guess}
    t0, tf = _times(grid, guess)
    places = grid.places(mesh)
    found: dict[str, Any] = {}
    for name, quantity in phase.states.items():
        line = _line(quantity, ends[0].get(name), ends[1].get(name))
        found[name] = _on(quantity, guess.get(name), places, t0, tf, line)
    for name, quantity in phase.controls.items():
        at = places[grid.control_points]
        found[name] = _on(quantity, guess.get(name), at, t0, tf, _line(quantity, None, None))
    for name, value in found.items():
        limits = block_limits(
            grid.blocks()[name][0], value.shape[-1], ends[0].get(name), ends[1].get(name)
        )
        found[name] = np.clip(value, *limits)
    found |= {name: t for name, t in zip(TIMES, (t0, tf), strict=True) if name in grid.free_times()}
    return found


def start_of_parameters(
    parameters: Mapping[str, Quantity], guess: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the parameters that are optimized."""
    found = {}
    for name, quantity in parameters.items():
        value = np.asarray(guess.get(name, quantity.middle()), dtype=float)
        found[name] = _fitted(name, value, quantity.shape)
    return found


def _times(grid: Grid, guess: Mapping[str, Any]) -> tuple[float, float]:
    first, last = (grid.phase.times[name] for name in TIMES)
    t0 = float(np.clip(guess.get(TIMES[0], first.middle()), first.lower, first.upper))
    tf = guess.get(TIMES[1])
    if tf is None:
        tf = last.middle() if np.isfinite(last.upper) else max(t0 + 1.0, float(last.lower))
    return t0, float(np.clip(tf, last.lower, last.upper))


def _line(
    quantity: Quantity, first: Quantity | None, last: Quantity | None
) -> Callable[[Array], Array]:
    """Return the line between both ends; of one end alone where there is no other."""
    ends = [q.middle() for q in (first, last) if q is not None] or [quantity.middle()]
    return lambda s: ends[0][..., None] * (1.0 - s) + ends[-1][..., None] * s


def _on(
    quantity: Quantity,
    given: Any,
    places: Array,
    t0: float,
    tf: float,
    line: Callable[[Array], Array],
) -> Array:
    """Return a guess at places between the times."""
    shape = (*quantity.shape, len(places))
    t = t0 + (tf - t0) * places
    if given is None:
        return line(places)
    if callable(given):
        values = np.asarray(getattr(given, "held", given)(t), dtype=float)  # of other times
        return np.array(np.broadcast_to(values, shape))
    if isinstance(given, tuple):
        return _interpolated(quantity, given, t)
    value = _fitted(quantity.name, np.asarray(given, dtype=float), quantity.shape)
    return np.repeat(value[..., None], len(places), axis=-1)


def _interpolated(quantity: Quantity, given: tuple[Any, ...], t: Array) -> Array:
    if len(given) != 2 or np.shape(given[0])[-1:] != np.shape(given[1])[-1:]:
        raise ValueError(
            f"`guess[{quantity.name!r}]` must be a number, a function of time, or (times, values) "
            f"of one length, got {given!r}."
        )
    times, values = (np.asarray(part, dtype=float) for part in given)
    rows = np.broadcast_to(values, (*quantity.shape, len(times))).reshape(-1, len(times))
    found = np.stack([np.interp(t, times, row) for row in rows])
    return found.reshape((*quantity.shape, len(t)))


def _fitted(name: str, value: Array, shape: tuple[int, ...]) -> Array:
    try:
        return np.array(np.broadcast_to(value, shape))
    except ValueError:
        raise ValueError(f"`guess[{name!r}]` must have shape {shape}, got {value.shape}.") from None
