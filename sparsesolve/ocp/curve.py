"""`Curve`: a function of time, as piecewise polynomials; `Joined`: curves one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Curve", "Joined"]

Array = NDArray[np.float64]


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

    def __call__(self, t: ArrayLike) -> Any:
        """Return values at times, of shape (*shape, *t.shape); beyond the ends those there."""
        times = np.clip(np.asarray(t, dtype=float), self.t[0], self.t[-1])
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

    def __call__(self, t: ArrayLike) -> Any:
        """Return values at times, of shape (*shape, *t.shape)."""
        times = np.asarray(t, dtype=float)
        value = np.array(self.curves[0](times), dtype=float)
        for before, curve in zip(self.curves, self.curves[1:], strict=False):
            here = times >= curve.t[0]
            gap = (times > before.t[-1]) & ~here
            value = np.where(here, curve(times), np.where(gap, np.nan, value))
        return value[()]
