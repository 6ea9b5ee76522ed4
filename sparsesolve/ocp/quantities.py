"""`Quantity`: a state, control or parameter: how many numbers, and between which limits.

Users write limits as a pair, and a dictionary of them; all of that is read here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Named",
    "Quantity",
    "block_limits",
    "join",
    "limited",
    "read_limits",
    "read_quantities",
    "size_of",
]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Quantity:
    """Numbers of one name.

    Parameters
    ----------
    name : str
        The user's.
    shape : tuple of int
        ``()`` for one number, ``(k,)`` for k of them.
    lower, upper : ndarray
        Limits, of that shape; infinite where there is none.
    """

    name: str
    shape: tuple[int, ...]
    lower: Array
    upper: Array

    @property
    def size(self) -> int:
        """How many numbers."""
        return self.shape[0] if self.shape else 1

    def middle(self) -> Array:
        """Return a point within the limits: their middle, a limit, or zero; of its shape."""
        lower = np.where(np.isfinite(self.lower), self.lower, np.minimum(self.upper, 0.0))
        upper = np.where(np.isfinite(self.upper), self.upper, np.maximum(lower, 0.0))
        return np.asarray(0.5 * (lower + upper))


class Named(dict[str, Any]):
    """Parameters and data by name, as the user's functions get them.

    Examples
    --------
    >>> Named({"drag": 310.0})["mass"]
    Traceback (most recent call last):
        ...
    KeyError: "there is no parameter or data 'mass'; there are ['drag']. Pass it as data={...}."
    """

    def __missing__(self, name: object) -> Any:
        raise KeyError(
            f"there is no parameter or data {name!r}; there are {list(self)}. "
            "Pass it as data={...}."
        )


def read_quantities(word: str, given: Any) -> dict[str, Quantity]:
    """Return quantities by name.

    Parameters
    ----------
    word : str
        What they are, for messages.
    given : mapping or iterable of str
        Names, free; or limits by name: a pair ``(lower, upper)`` of numbers, None or arrays of
        shape (k,), an int k for k free numbers, None for one.

    Raises
    ------
    TypeError, ValueError
        If a name is no text or comes twice, or limits are of another kind or cross.
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(
            f"`{word}` must be a dictionary of limits by name, or a list of names, got {given!r}."
        )
    pairs = list(given.items()) if isinstance(given, Mapping) else [(name, None) for name in given]
    names = [name for name, _ in pairs]
    for name in names:
        if not isinstance(name, str) or not name or names.count(name) > 1:
            raise ValueError(f"names of `{word}` must be texts, each once, got {name!r}.")
    return {name: _quantity(word, name, limits) for name, limits in pairs}


def _quantity(word: str, name: str, limits: Any) -> Quantity:
    if isinstance(limits, int | np.integer) and not isinstance(limits, bool):
        if limits < 1:
            raise ValueError(f"`{word}[{name!r}]` must be at least 1 number, got {limits}.")
        free = np.full(int(limits), np.inf)
        return Quantity(name, free.shape, -free, free)
    lower, upper = _pair(word, name, (None, None) if limits is None else limits)
    if lower.ndim > 1:
        raise ValueError(
            f"limits of `{word}[{name!r}]` must be numbers or arrays of one dimension, got shape "
            f"{lower.shape}."
        )
    return Quantity(name, lower.shape, lower, upper)


def _pair(word: str, name: str, limits: Any) -> tuple[Array, Array]:
    """Return two limits as arrays of one shape."""
    if not isinstance(limits, tuple | list) or len(limits) != 2:
        raise TypeError(
            f"`{word}[{name!r}]` must be a pair (lower, upper), got {limits!r}. None is no limit."
        )
    ends = (-np.inf, np.inf)
    numbers = [_number(word, name, v, end) for v, end in zip(limits, ends, strict=True)]
    try:
        lower, upper = (np.array(a) for a in np.broadcast_arrays(*numbers))
    except ValueError:
        raise ValueError(
            f"both limits of `{word}[{name!r}]` must have one shape, got "
            f"{numbers[0].shape} and {numbers[1].shape}."
        ) from None
    if np.any(lower > upper):
        raise ValueError(f"the lower limit of `{word}[{name!r}]` exceeds the upper: {limits!r}.")
    return lower, upper


def _number(word: str, name: str, value: Any, none: float) -> Array:
    try:
        number = np.asarray(none if value is None else value, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(f"`{word}[{name!r}]` must hold numbers, got {value!r}.") from None
    if np.any(np.isnan(number)):
        raise ValueError(f"`{word}[{name!r}]` must hold numbers, got NaN.")
    return number


def read_limits(word: str, given: Mapping[str, Any] | None, of: Mapping[str, Quantity]) -> Any:
    """Return quantities of which some are held within other limits.

    Parameters
    ----------
    word : str
        For messages.
    given : mapping or None
        By name: a number (or array) to hold it there, or a tuple ``(lower, upper)``.
    of : mapping of str to Quantity
        Those that may be named.

    Raises
    ------
    TypeError, ValueError
        If a name is not known, or the limits do not meet those that hold everywhere.
    """
    if not isinstance(given, Mapping | None):
        raise TypeError(f"`{word}` must be a dictionary of values by name, got {given!r}.")
    unknown = sorted(map(str, set(given or ()) - set(of)))
    if unknown:
        raise ValueError(f"`{word}` must name some of {list(of)}, got {unknown}.")
    return {name: limited(word, of[name], limits) for name, limits in (given or {}).items()}


def limited(word: str, quantity: Quantity, limits: Any) -> Quantity:
    """Return a quantity within further limits: a number to hold it there, or a tuple of two."""
    name = quantity.name
    lower, upper = _pair(word, name, limits if isinstance(limits, tuple) else (limits, limits))
    try:
        lower, upper = (np.broadcast_to(a, quantity.shape) for a in (lower, upper))
    except ValueError:
        raise ValueError(
            f"`{word}[{name!r}]` must have shape {quantity.shape}, got {lower.shape}."
        ) from None
    within = np.maximum(lower, quantity.lower), np.minimum(upper, quantity.upper)
    if np.any(within[0] > within[1]):
        raise ValueError(
            f"`{word}[{name!r}]` must meet the limits of {name!r}, {quantity.lower} to "
            f"{quantity.upper}, got {limits!r}."
        )
    return replace(quantity, lower=within[0], upper=within[1])


def size_of(quantities: Mapping[str, Quantity]) -> int:
    """Return how many numbers there are in all."""
    return sum(quantity.size for quantity in quantities.values())


def join(values: Mapping[str, Any], quantities: Mapping[str, Quantity], points: int) -> Any:
    """Return one array of all rows, shape (rows, points), of arrays by name."""
    if not quantities:
        return np.zeros((0, points))
    parts = [np.reshape(values[name], (q.size, points)) for name, q in quantities.items()]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def block_limits(
    quantity: Quantity, points: int, first: Quantity | None, last: Quantity | None
) -> tuple[Array, Array]:
    """Return the limits of a block of so many points, 0 for one number, with those of its ends."""
    if not points:
        return quantity.lower, quantity.upper
    sides = []
    for side in ("lower", "upper"):
        limit = np.repeat(getattr(quantity, side)[..., None], points, axis=-1)
        for at, end in ((0, first), (-1, last)):
            if end is not None:
                limit[..., at] = getattr(end, side)
        sides.append(limit)
    return sides[0], sides[1]
