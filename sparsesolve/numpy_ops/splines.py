"""SciPy's interpolators of one variable: piecewise polynomials, element by element.

They are objects with a method, not functions of NumPy. Each becomes the same sum:
a truth for each segment picks its coefficients, and Horner's rule does the rest; so values and
derivatives are those of the polynomial of the segment, the right one at a knot, as in SciPy.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where
from numpy.typing import NDArray

from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__ = [
    "axes_moved",
    "evaluate",
    "horner",
    "interp1d_value",
    "of_fitpack",
    "of_spline",
    "refuse_complex",
    "step_weights",
]

Array = NDArray[np.float64]


def evaluate(c: Array, breaks: Array, x: Any, extrapolate: Any, axis: int = 0) -> Any:
    """Value of a piecewise polynomial; `c` and `breaks` as `scipy.interpolate.PPoly` has them."""
    x = operand(x)
    inside = breaks[0], breaks[-1]
    if extrapolate == "periodic":
        x = breaks[0] + (x - breaks[0]) % (breaks[-1] - breaks[0])
    long = np.diff(breaks) > 0
    if not long.any():
        raise refuse(f"a decreasing piecewise polynomial at {user_line()}", _REWRITE)
    refuse_complex(c)
    left, c = breaks[:-1][long], c[:, long]
    column = anp.reshape(x, (*np.shape(x), 1))
    here = anp.logical_and(column >= [-np.inf, *left[1:]], column < [*left[1:], np.inf])
    offset = x - anp.dot(here, left)
    parts = [
        horner([anp.dot(here, row) for row in part], offset)
        for part in np.moveaxis(c.reshape(*c.shape[:2], -1), 2, 0)
    ]
    outside = anp.isnan(x)
    if extrapolate is False or extrapolate is None or extrapolate == 0:
        outside = anp.logical_or(outside, anp.logical_or(x < inside[0], x > inside[1]))
    parts = [where(outside, np.nan, part) for part in parts]
    if c.ndim == 2:
        return parts[0]
    stacked = anp.reshape(anp.stack(parts, axis=-1), (*np.shape(x), *c.shape[2:]))
    return stacked if axis == 0 else axes_moved(stacked, np.ndim(x), axis)


def refuse_complex(values: Any) -> None:
    """Refuse data that are complex."""
    if np.iscomplexobj(values):
        raise refuse(
            f"an interpolator of complex values at {user_line()}",
            "Make one of the real and one of the imaginary parts",
        )


_REWRITE = "Evaluate it by np.interp, or by polynomials and np.where"


def horner(coefficients: list[Any], offset: Any) -> Any:
    """Value of a polynomial, its highest power first."""
    value = coefficients[0] + 0.0 * offset
    for coefficient in coefficients[1:]:
        value = value * offset + coefficient
    return value


def axes_moved(result: Any, ndim: int, axis: int) -> Any:
    """Put the axes of `x` where the axis of interpolation was."""
    order = list(range(np.ndim(result)))
    return anp.transpose(result, order[ndim : ndim + axis] + order[:ndim] + order[ndim + axis :])


@replaces("scipy.interpolate._interpolate", "_PPolyBase.__call__")
def _piecewise(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def call(self: Any, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        if not holds_boxes(x):
            return plain(self, x, nu, extrapolate)
        poly = self if hasattr(self, "from_spline") else _power_basis(self)
        made = poly.derivative(nu) if nu > 0 else poly.antiderivative(-nu) if nu < 0 else poly
        extended = self.extrapolate if extrapolate is None else extrapolate
        return evaluate(made.c, made.x, x, extended, self.axis)

    return call


def _power_basis(bernstein: Any) -> Any:
    from scipy.interpolate import BPoly, PPoly  # noqa: PLC0415  (loaded by whoever made it)

    given = (bernstein.c, bernstein.x, bernstein.extrapolate, bernstein.axis)
    return PPoly.from_bernstein_basis(BPoly.construct_fast(*given))  # it may be SciPy's inner class


def of_spline(t: Any, c: Any, k: int, nu: int = 0) -> tuple[Array, Array]:
    """Coefficients and breakpoints of a spline, or of its derivative."""
    from scipy.interpolate import PPoly  # noqa: PLC0415  (loaded by whoever made the argument)

    refuse_complex(c)
    size = len(t) - k - 1
    columns = np.asarray(c, dtype=float)[:size].reshape(size, -1).T
    polys = [PPoly.from_spline((t, column, k)) for column in columns]
    if nu:
        polys = [p.derivative(nu) if nu > 0 else p.antiderivative(-nu) for p in polys]
    made = np.stack([p.c for p in polys], axis=-1)
    return made.reshape(*made.shape[:2], *np.shape(c)[1:]), polys[0].x


@replaces("scipy.interpolate._bsplines", "BSpline.__call__")
def _b_spline(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def call(self: Any, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        if not holds_boxes(x):
            return plain(self, x, nu, extrapolate)
        extended = self.extrapolate if extrapolate is None else extrapolate
        c, breaks = of_spline(self.t, self.c, self.k, nu)
        k, n = self.k, self.t.size - self.k - 1
        if extended == "periodic":
            first, last = self.t[k], self.t[n]
            x = first + (operand(x) - first) % (last - first)
        value = evaluate(c, breaks, x, True, self.axis)
        if extended:
            return value
        return _within(x, value, self.t[k], self.t[n], np.nan, np.nan)

    return call


def _within(x: Any, value: Any, low: float, high: float, below: Any, above: Any) -> Any:
    x = operand(x)
    if np.ndim(value) != np.ndim(x):
        raise refuse(f"an interpolator of several values without extrapolation at {user_line()}",
                     _REWRITE)  # fmt: skip
    return where(x < low, below, where(x > high, above, value))


@replaces("scipy.interpolate._fitpack2", "UnivariateSpline.__call__")
def _univariate(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def call(self: Any, x: Any, nu: int = 0, ext: Any = None) -> Any:
        through = vars(self).get("_through_heights")
        if through is not None:
            return through(x, nu, ext)
        if not holds_boxes(x):
            return plain(self, x, nu, ext)
        return of_fitpack(x, self._eval_args, nu, self.ext if ext is None else ext)

    return call


@replaces("scipy.interpolate._fitpack_impl", "splev")
def _splev(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def call(x: Any, tck: Any, der: int = 0, ext: int = 0) -> Any:
        if not holds_boxes([x, *tck[:2]]):
            return plain(x, tck, der, ext)
        t, c, k = tck
        if holds_boxes(t):
            raise refuse(f"splev with traced knots at {user_line()}", _REWRITE)
        if np.ndim(c) == 1 and not isinstance(c, list):
            return of_fitpack(x, tck, der, ext)
        return [of_fitpack(x, (t, part, k), der, ext) for part in c]

    return call


_EXTENSIONS = {"extrapolate": 0, "zeros": 1, "raise": 2, "const": 3}


def of_fitpack(x: Any, tck: Any, nu: int, ext: Any) -> Any:
    """Value of a spline of FITPACK; outside of its knots as `ext` says, NaN for an error."""
    t, c, k = tck
    ext = _EXTENSIONS.get(ext, ext)
    size, traced = len(t) - k - 1, holds_boxes(c)
    coefficients, breaks = of_spline(t, np.eye(size) if traced else c, k, nu)
    low, high = t[k], t[-k - 1]
    if ext == 3:
        x = anp.minimum(anp.maximum(operand(x), low), high)
    value = evaluate(coefficients, breaks, x, True)
    if traced:  # by the basis
        value = anp.dot(value, operand(c)[:size])
    if ext in (0, 3):
        return value
    outside = 0.0 if ext == 1 else np.nan
    return _within(x, value, low, high, outside, outside)


@replaces("scipy.interpolate._interpolate", "interp1d.__call__")
def _interp1d(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def call(self: Any, x: Any) -> Any:
        through = vars(self).get("_through_heights")
        if through is not None:
            return through(x)
        return _by_kind(self, x) if holds_boxes(x) else plain(self, x)

    return call


def _by_kind(self: Any, x: Any) -> Any:
    """Value of an `interp1d`; where SciPy would raise outside of the knots, NaN."""
    if np.ndim(self.y) != 1:
        raise refuse(f"interp1d of several values at {user_line()}", "Make one of each column")
    refuse_complex(self.y)
    knots = np.asarray(self.x, dtype=float)
    value = interp1d_value(self, x)
    if self._extrapolate:
        return value
    below, above = self._fill_value_below, self._fill_value_above
    below, above = (np.nan if f is None or self.bounds_error else f for f in (below, above))
    return _within(x, value, knots[0], knots[-1], np.ravel(below)[0], np.ravel(above)[0])


def _starts(kind: str, knots: Array) -> Array:
    """Where the pieces of a step function begin."""
    middles = (knots[1:] + knots[:-1]) / 2
    starts = {"previous": knots, "next": np.nextafter([-np.inf, *knots[:-1]], np.inf)}
    starts["nearest-up"] = np.array([knots[0], *middles])
    starts["nearest"] = np.array([knots[0], *np.nextafter(middles, np.inf)])
    return starts[kind]


def step_weights(knots: Array, x: Any) -> Any:
    """Weights of the values at the knots: one for the nearest."""
    breaks = np.append(_starts("nearest", knots), np.inf)
    return evaluate(np.eye(len(knots))[None], breaks, x, True)


def interp1d_value(self: Any, x: Any) -> Any:
    """Value of an `interp1d` that goes on outside of its knots."""
    kind, knots = self._kind, np.asarray(self.x, dtype=float)
    heights = np.asarray(self.y, dtype=float)
    if kind == "linear":
        steps = np.diff(knots).reshape(-1, *[1] * (heights.ndim - 1))
        c = np.stack([np.diff(heights, axis=0) / steps, heights[:-1]])
        return evaluate(c, knots, x, True)
    if kind in ("previous", "next", "nearest", "nearest-up"):
        return evaluate(heights[None, :], np.append(_starts(kind, knots), np.inf), x, True)
    if kind == "zero":
        raise refuse(f"interp1d of kind 'zero' at {user_line()}", "Use kind='previous'")
    spline = self._spline
    c, breaks = of_spline(spline.t, spline.c, spline.k)
    return evaluate(c.reshape(*c.shape[:2], *heights.shape[1:]), breaks, x, True)
