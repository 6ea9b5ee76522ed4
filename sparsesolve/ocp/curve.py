"""`Curve`: a function of time, as piecewise polynomials; `Joined`: curves one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Curve", "Joined"]

Array = NDArray[np.float64]


def within(times: Array, first: float, last: float) -> Array:
    """Return times, those beyond an end by rounding moved there; raise where one is farther."""
    slack = 1e-9 * max(last - first, abs(first), abs(last))
    beyond = (times < first - slack) | (times > last + slack)
    if np.any(beyond):
        raise ValueError(
            f"`t` must be within {first:.12g} to {last:.12g}, got {times[beyond].flat[0]:.12g}. "
            "Pass extrapolate=True for the polynomials beyond."
        )
    return np.asarray(np.clip(times, first, last))


@dataclass(frozen=True, eq=False, slots=True)
class Curve:
    """A piecewise polynomial, called with times.

    Parameters
    ----------
    t : ndarray, shape (intervals + 1,)
        Ends of the intervals.
    coefficients : ndarray, shape (degree + 1, intervals, k)
        By ascending powers of the place in the interval, from 0 to 1.
    shape : tuple of int
        Of a value: k numbers.
    lower, upper : ndarray, optional
        Limits, of that shape, that values are held within.

    Examples
    --------
    >>> parabola = Curve(np.array([0.0, 2.0]), np.array([[[0.0]], [[0.0]], [[4.0]]]), ())
    >>> parabola([0.0, 1.0, 2.0]), parabola.slope()(1.0)
    (array([0., 1., 4.]), np.float64(2.0))
    """

    t: Array
    coefficients: Array
    shape: tuple[int, ...]
    lower: Any = -np.inf
    upper: Any = np.inf

    def __call__(self, t: ArrayLike, *, extrapolate: bool = False) -> Any:
        """Return values at times.

        Parameters
        ----------
        t : array_like
            Times, between the ends.
        extrapolate : bool, optional
            Whether the first and the last polynomial go on beyond them. Default is False.

        Returns
        -------
        ndarray, shape (*shape, *t.shape)
            Values, within the limits.

        Raises
        ------
        ValueError
            If a time is not between the ends.
        """
        times = np.asarray(t, dtype=float)
        return self._at(times if extrapolate else within(times, self.t[0], self.t[-1]))

    def held(self, t: ArrayLike) -> Any:
        """Return values at any times; beyond the ends those there."""
        return self._at(np.clip(np.asarray(t, dtype=float), self.t[0], self.t[-1]))

    def _at(self, times: Array) -> Any:
        k = np.searchsorted(self.t, times, side="right") - 1
        k = np.clip(k, 0, len(self.t) - 2)
        width = self.t[k + 1] - self.t[k]
        s = ((times - self.t[k]) / np.where(width > 0.0, width, 1.0))[..., None]
        value = np.zeros((*times.shape, self.coefficients.shape[2]))
        for coefficient in self.coefficients[::-1]:
            value = value * s + coefficient[k]
        value = np.moveaxis(value, -1, 0).reshape((*self.shape, *times.shape))
        lower, upper = (np.reshape(b, np.shape(b) + (1,) * times.ndim) for b in self.limits)
        return np.clip(value, lower, upper)[()]

    @property
    def limits(self) -> tuple[Any, Any]:
        """Both limits."""
        return self.lower, self.upper

    def slope(self) -> Curve:
        """Return the derivative by time, without limits."""
        exponents = np.arange(1, len(self.coefficients))[:, None, None]
        width = np.diff(self.t)[:, None]
        rates = exponents * self.coefficients[1:] / np.where(width > 0.0, width, 1.0)
        return Curve(self.t, rates if len(rates) else 0.0 * self.coefficients, self.shape)

    def rows(self, rows: slice, shape: tuple[int, ...], lower: Any, upper: Any) -> Curve:
        """Return some of the numbers of each value."""
        some = self.coefficients[:, :, rows]
        return replace(self, coefficients=some, shape=shape, lower=lower, upper=upper)


@dataclass(frozen=True, eq=False, slots=True)
class Joined:
    """Curves of phases, one after the other.

    Parameters
    ----------
    curves : sequence of Curve
        In the order of time. Where two meet, the later one counts; in a gap the values are NaN.

    Examples
    --------
    >>> import numpy as np
    >>> up = Curve(np.array([0.0, 1.0]), np.array([[[0.0]], [[1.0]]]), ())
    >>> flat = Curve(np.array([1.0, 2.0]), np.array([[[1.0]]]), ())
    >>> Joined([up, flat])([0.5, 1.5])
    array([0.5, 1. ])
    """

    curves: Sequence[Curve]

    def __call__(self, t: ArrayLike, *, extrapolate: bool = False) -> Any:
        """Return values at times, of shape (*shape, *t.shape); see `Curve`."""
        times = np.asarray(t, dtype=float)
        if not extrapolate:
            times = within(times, self.curves[0].t[0], self.curves[-1].t[-1])
        return self._joined([curve(times, extrapolate=True) for curve in self.curves], times)

    def held(self, t: ArrayLike) -> Any:
        """Return values at any times; beyond the ends those there."""
        times = np.asarray(t, dtype=float)
        return self._joined([curve.held(times) for curve in self.curves], times)

    def _joined(self, values: Sequence[Any], times: Array) -> Any:
        value = np.array(values[0], dtype=float)
        for k, curve in enumerate(self.curves[1:], start=1):
            here = times >= curve.t[0]
            gap = (times > self.curves[k - 1].t[-1]) & ~here
            value = np.where(here, values[k], np.where(gap, np.nan, value))
        return value[()]
