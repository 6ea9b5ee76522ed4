"""`estimate_pattern`: the structure of a black box, from what its values do when inputs move.

It is the one pattern here that may miss entries. Two looks, joined: a NaN put into
one input marks every output that is computed from it, except through choices, comparisons and code
that drops or refuses NaN; and outputs that change when one input moves at random, near the example
and away from it, do depend on it. What neither sees (a branch not taken at any of these points, a
function that is flat around them, an error that hides a dependence) is missed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import PatternError
from sparsesolve.host.dataclass import dataclass
from sparsesolve.structure.pattern import Pattern

__all__ = ["Estimate", "estimate_pattern"]

Array = NDArray[np.float64]
Values = Callable[[Iterable[Array]], Iterator[Array | None]]
"""The function at many points, flat; None where it raises."""

# how far inputs are moved, in units of max(1, |x|)
_MOVES = (1e-4, 0.1, 1.0)


@dataclass(frozen=True, eq=False, slots=True)
class Estimate:
    """A pattern that may miss entries, and how it was found."""

    pattern: Pattern
    how: str


def estimate_pattern(values: Values, x: Array, size: int) -> Estimate:
    """Estimate the pattern of a Jacobian.

    Parameters
    ----------
    values : callable
        Gives the function's values, flat, at each of many points; None where it raises.
    x : ndarray
        The example, around which inputs are moved.
    size : int
        How many values the function has.

    Returns
    -------
    Estimate

    Raises
    ------
    PatternError
        If the function gives other values when it is called again at the same point.
    """
    look = _Look(values, size)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        by_nan = look.hits(x, np.full(x.shape, np.nan), np.isnan)
        moved = look.moved(x)
    pattern = by_nan.union(moved)
    return Estimate(
        pattern,
        f"{pattern.nnz} entries, {pattern.nnz - moved.nnz} by NaN alone, "
        f"{pattern.nnz - by_nan.nnz} by random moves alone; {look.raised} of "
        f"{(1 + len(_MOVES)) * x.size} calls raised",
    )


class _Look:
    """Looks at a function; counts the calls that raise."""

    def __init__(self, values: Values, size: int) -> None:
        self.values = values
        self.size = size
        self.raised = 0

    def hits(self, start: Array, ahead: Array, changed: Callable[[Array], Any]) -> Pattern:
        """Return which outputs are changed when one input after the other goes ahead."""
        rows, columns = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
        for j, value in enumerate(self.values(_one_by_one(start, ahead))):
            if value is None or value.size != self.size:
                self.raised += 1
                continue
            rows.append(np.flatnonzero(changed(value)))
            columns.append(np.full(rows[-1].size, j))
        shape = (self.size, start.size)
        return Pattern.from_coo(shape, np.concatenate(rows), np.concatenate(columns))

    def moved(self, x: Array) -> Pattern:
        """Return which outputs change when an input moves, from several points."""
        rng = np.random.default_rng(0)
        found = Pattern.from_coo((self.size, x.size), [], [])
        for length in _MOVES:
            scale = length * np.maximum(1.0, np.abs(x))
            start, base = self._start(x, x + scale * _random(rng, x.shape))
            ahead = start + scale * _random(rng, x.shape)
            found = found.union(self.hits(start, ahead, partial(_differ, base)))
        return found

    def _start(self, x: Array, other: Array) -> tuple[Array, Array]:
        """Return where to begin: the other point if the function is finite there; its values."""
        first, second, away = self.values([x, x, other])
        if first is None or second is None or _differ(first, second).any():
            raise PatternError(
                "expected the same values when the function is called again at the same point, "
                "got others: what varies by itself hides what depends on x. Fix its seed or its "
                "state, or pass `pattern`."
            )
        if away is None or away.size != self.size or not np.isfinite(away).all():
            return x, first
        return other, away


def _one_by_one(start: Array, ahead: Array) -> Iterator[Array]:
    for j in range(start.size):
        point = np.array(start)
        point.reshape(-1)[j] = ahead.reshape(-1)[j]
        yield point


def _random(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers of both signs, none of them small."""
    return np.asarray(rng.uniform(0.5, 1.0, shape) * rng.choice([-1.0, 1.0], shape))


def _differ(base: Array, value: Array) -> NDArray[np.bool_]:
    return np.asarray((value != base) & ~(np.isnan(value) & np.isnan(base)))
