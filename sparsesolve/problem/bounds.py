"""Bounds and limits as users write them, read into two arrays.

Several spellings are common: ours, ``(lower, upper)``; a sequence of
``(low, high)`` pairs, of ``scipy.optimize.minimize``; ``scipy.optimize.Bounds``; and ``(lb, ub)``,
of ``scipy.optimize.least_squares``. With two variables the shapes are alike. How it is written then
decides, never the values: arrays are a lower and an upper one, tuples are pairs, and what can be
read in both ways is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsesolve.errors import StructureMismatch

__all__ = [
    "Bounds",
    "Limit",
    "Reading",
    "first_crossing",
    "fit_limit",
    "kept_feasible",
    "read_limit",
    "real_array",
    "split_bounds",
    "variable_bounds",
]

Array = NDArray[np.float64]
Limit = ArrayLike | None
# the last one: any object with `lb` and `ub`, such as scipy.optimize.Bounds
Bounds = tuple[Limit, Limit] | Iterable[Any] | Any
Reading = Literal["minimize", "least_squares"]


def variable_bounds(
    bounds: Bounds | None, n: int, *, reading: Reading = "minimize"
) -> tuple[Array, Array]:
    """Return bounds as two arrays of shape (n,).

    Parameters
    ----------
    bounds : tuple, sequence of pairs, scipy.optimize.Bounds or None
        ``(lower, upper)``, or n pairs ``(low, high)``, or an object with ``lb`` and ``ub``; None
        anywhere, or an infinite value: no bound.
    n : int
        Number of variables.
    reading : {"minimize", "least_squares"}, optional
        Whose spelling two tuples for two variables may be: those of scipy's `minimize` are pairs,
        those of its `least_squares` are not. Default is "minimize".

    Returns
    -------
    tuple of ndarray, each of shape (n,)
        Infinite where there is no bound.

    Raises
    ------
    TypeError
        If they are of another kind.
    ValueError
        If a bound is NaN, has the wrong shape, lower exceeds upper, or there are two readings.
    """
    if bounds is None:
        return np.full(n, -np.inf), np.full(n, np.inf)
    low, high = split_bounds(bounds, n, reading)
    lower = fit_limit("lower", read_limit("lower", low, -np.inf, " of `bounds`"), n, "bounds")
    upper = fit_limit("upper", read_limit("upper", high, np.inf, " of `bounds`"), n, "bounds")
    if np.any(lower > upper):
        raise ValueError(f"`bounds` must have lower <= upper: {first_crossing(lower, upper)}.")
    return lower, upper


def kept_feasible(bounds: Bounds | None, n: int) -> NDArray[np.bool_]:
    """Return where scipy's Bounds want iterates inside, shape (n,)."""
    keep = np.asarray(getattr(bounds, "keep_feasible", False), dtype=bool)
    return np.broadcast_to(keep.reshape(-1), (n,)).copy()


def split_bounds(bounds: Any, n: int, reading: Reading) -> tuple[Any, Any]:
    """Return what stands for the lower and for the upper bounds."""
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        return bounds.lb, bounds.ub
    if isinstance(bounds, str | bytes | dict | set) or not isinstance(bounds, Iterable):
        raise TypeError(f"{_spellings(n)}, got {type(bounds).__name__}.")
    if hasattr(bounds, "__array__"):
        bounds = np.asarray(bounds)
    items = bounds if isinstance(bounds, tuple | list | np.ndarray) else list(bounds)
    pairs = len(items) == n and all(_is_pair(item) for item in items)
    if not pairs and len(items) != 2:
        raise ValueError(f"{_spellings(n)}, got {len(items)} entries.")
    if pairs and (n != 2 or _are_two_pairs(items, reading)):
        free = (None, None)
        low, high = zip(*(free if item is None else item for item in items), strict=True)
        return low, high
    if n != 2 and all(item is not None and _is_pair(item) for item in items):
        raise ValueError(f"{_spellings(n)}, got 2 pairs.")
    return items[0], items[1]


def _is_pair(item: Any) -> bool:
    """Whether this may be the bounds of one variable; None: it has none."""
    if item is None:
        return True
    single = isinstance(item, np.ndarray) and item.ndim == 0
    if single or not isinstance(item, tuple | list | np.ndarray) or len(item) != 2:
        return False
    return all(value is None or np.ndim(value) == 0 for value in item)


def _are_two_pairs(items: Any, reading: Reading) -> bool:
    """Whether two items for two variables are pairs; else a lower and an upper array."""
    inside = [item for item in items if item is not None]
    if isinstance(items, np.ndarray):
        return reading == "minimize"
    in_list, whole = isinstance(items, list), len(inside) == 2
    tuples = all(isinstance(item, tuple) for item in inside)
    arrays = any(isinstance(item, np.ndarray) for item in inside)
    if whole and reading == "minimize":
        is_pairs, is_limits = tuples or (in_list and not arrays), arrays and not in_list
    elif whole:
        absent = any(value is None for item in inside for value in item)
        is_pairs, is_limits = tuples and (in_list or absent), not tuples and (arrays or not in_list)
    else:
        is_pairs, is_limits = False, not inside or not tuples
    if not is_pairs and not is_limits and not (whole and inside[0][1] == inside[1][0]):
        raise ValueError(
            f"`bounds` of two variables must have one meaning, got {items!r}, which has two. "
            "Write (np.array(lower), np.array(upper)) or scipy.optimize.Bounds(lower, upper) for a "
            "lower and an upper array, [(low, high), (low, high)] for a pair each variable."
        )
    return is_pairs


def _spellings(n: int) -> str:
    return (
        f"`bounds` must be (lower, upper), each a scalar or an array of shape ({n},), or {n} pairs "
        "(low, high), or a scipy.optimize.Bounds"
    )


def read_limit(name: str, value: Limit, missing: float, owner: str) -> Array:
    """Return a limit as a read-only array of its own shape.

    Parameters
    ----------
    name, owner : str
        For messages.
    value : array_like or None
        Scalar or array; None, alone or inside: no limit.
    missing : float
        What stands for no limit.
    """
    if value is None:
        return np.asarray(missing, dtype=np.float64)
    array = np.asarray(value)
    if array.dtype == object:  # a list with None for "no limit"
        array = np.where(np.equal(array, None), missing, array)  # type: ignore[call-overload]
    if np.iscomplexobj(array):
        raise TypeError(f"`{name}`{owner} must be real, got dtype {array.dtype}.")
    try:
        limit = np.array(array, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(
            f"`{name}`{owner} must be a number or an array of numbers, got {value!r}."
        ) from None
    if np.any(np.isnan(limit)):
        raise ValueError(
            f"`{name}`{owner} must not be NaN. Use None or an infinite value for no limit."
        )
    limit.setflags(write=False)
    return limit


def fit_limit(name: str, limit: Limit, size: int, owner: str) -> Array:
    """Return a limit broadcast to shape (size,), a copy.

    Parameters
    ----------
    name, owner : str
        For messages.
    limit : array_like
        As `read_limit` returns it.
    size : int
        How many entries are wanted.
    """
    array = np.asarray(limit, dtype=np.float64)
    if array.ndim and array.size not in (1, size):
        raise StructureMismatch(
            f"`{name}` of {owner} must be a scalar or have {size} entries, got shape "
            f"{array.shape}: one limit for each {'variable' if owner == 'bounds' else 'row'}."
        )
    return np.broadcast_to(array.reshape(-1), (size,)).copy()


def real_array(name: str, given: ArrayLike) -> Array:
    """Return an argument as a float64 array; raise where it holds no numbers."""
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        kind = type(given).__name__
        raise TypeError(f"`{name}` must be an array of real numbers, got a {kind}.") from None


def first_crossing(lower: Array, upper: Array) -> str:
    """Say where a lower limit exceeds its upper one first."""
    low, high = np.broadcast_arrays(lower, upper)
    where = int(np.flatnonzero(low.reshape(-1) > high.reshape(-1))[0])
    return f"{low.reshape(-1)[where]} > {high.reshape(-1)[where]} at index {where}"
