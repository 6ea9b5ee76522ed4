"""Piecewise polynomials whose coefficients are traced: PCHIP, Akima's and Hermite splines, `PPoly`.

Unlike cubic splines, the first two are not linear in their heights: slopes at the knots are
limited by comparisons, which are choices here. The knots are constant.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where
from numpy.typing import NDArray

from sparsesolve.numpy_ops.splines import axes_moved, horner
from sparsesolve.trace.constant_parts import taken_out
from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__: list[str] = []

Array = NDArray[np.float64]


class _Pieces:
    """A piecewise polynomial; coefficients of the highest power first, one row a power."""

    def __init__(self, c: list[Any], knots: Array, extrapolate: Any, axis: int) -> None:
        self.rows, self.knots, self.extrapolate, self.axis = c, knots, extrapolate, axis

    def __call__(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        if nu:
            made = self.derivative(nu) if nu > 0 else self.antiderivative(-nu)
            return made(x, 0, extrapolate)
        extended = self.extrapolate if extrapolate is None else extrapolate
        x, knots = operand(x), self.knots
        if extended == "periodic":
            x = knots[0] + (x - knots[0]) % (knots[-1] - knots[0])
        picked, left = self._picked(x)
        spread = (*np.shape(x), *[1] * (np.ndim(self.rows[0]) - 1))
        value = horner(picked, anp.reshape(x - left, spread))
        if not extended:
            outside = anp.logical_or(x < knots[0], x > knots[-1])
            value = where(anp.reshape(outside, spread), np.nan, value)
        return value if self.axis == 0 else axes_moved(value, np.ndim(x), self.axis)

    @property
    def coefficients(self) -> Any:
        """One array, as `scipy.interpolate.PPoly` has it."""
        return anp.stack(self.rows)

    def _picked(self, x: Any) -> tuple[list[Any], Any]:
        """Return the coefficients of the piece of each point, and where that begins."""
        left = self.knots[:-1]
        if not holds_boxes(x):
            place = np.clip(np.searchsorted(self.knots, x, side="right") - 1, 0, left.size - 1)
            return [row[place] for row in self.rows], left[place]
        column = anp.reshape(x, (*np.shape(x), 1))
        here = anp.logical_and(column >= [-np.inf, *left[1:]], column < [*left[1:], np.inf])
        flat = [anp.reshape(row, (left.size, -1)) for row in self.rows]
        shape = (*np.shape(x), *np.shape(self.rows[0])[1:])
        return [anp.reshape(anp.dot(here, row), shape) for row in flat], anp.dot(here, left)

    def derivative(self, nu: int = 1) -> _Pieces:
        """Return the derivative."""
        degree = len(self.rows) - 1
        powers = range(degree, 0, -1)
        rows = [row * power for row, power in zip(self.rows, powers, strict=False)]
        made = self._like(rows or [self.rows[0] * 0.0])
        return made if nu == 1 else made.derivative(nu - 1)

    def antiderivative(self, nu: int = 1) -> _Pieces:
        """Return the antiderivative that begins with zero and has no jumps."""
        degree = len(self.rows) - 1
        rows = [row / (degree + 1 - k) for k, row in enumerate(self.rows)]
        spread = (-1, *[1] * (np.ndim(self.rows[0]) - 1))
        ends = horner([*rows, 0.0], np.diff(self.knots).reshape(spread))
        starts = anp.concatenate([ends[:1] * 0.0, anp.cumsum(ends[:-1], axis=0)])
        made = self._like([*rows, starts])
        return made if nu == 1 else made.antiderivative(nu - 1)

    def integrate(self, a: Any, b: Any, extrapolate: Any = None) -> Any:
        """Return the integral."""
        extended = self.extrapolate if extrapolate is None else extrapolate
        if extended == "periodic":
            raise _refuse("PPoly.integrate over periods")
        whole = self.antiderivative()
        return whole(b, 0, extended) - whole(a, 0, extended)

    def _like(self, rows: list[Any]) -> _Pieces:
        return _Pieces(rows, self.knots, self.extrapolate, self.axis)


def _refuse(got: str) -> Exception:
    fix = "Give it constant knots; heights, slopes and coefficients may be traced"
    return refuse(f"`scipy.interpolate.{got}` of traced knots or ends at {user_line()}", fix)


def _adopt(self: Any, rows: list[Any], knots: Any, extrapolate: Any, axis: int) -> None:
    """Let an object of SciPy's class do what its stand-in does."""
    made = _Pieces(rows, np.asarray(knots, dtype=np.float64), extrapolate, axis)
    if np.any(np.diff(made.knots) <= 0):
        raise refuse(f"decreasing knots at {user_line()}", "Sort them")
    kind: Any = type(self)
    self.__class__ = _of_pieces_class(kind)
    vars(self)["_pieces"] = made


@cache
def _of_pieces_class(kind: Any) -> Any:
    """Return a class of SciPy's that does what its stand-in does, however SciPy keeps its data."""

    def through(name: str) -> Any:
        return property(lambda self: getattr(vars(self)["_pieces"], name))

    def call(self: Any, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        return vars(self)["_pieces"](x, nu, extrapolate)

    names = {"x": "knots", "c": "coefficients"}
    same = ("axis", "extrapolate", "derivative", "antiderivative", "integrate")
    parts = {
        mine: through(name) for mine, name in (names | dict(zip(same, same, strict=False))).items()
    }
    return type(kind.__name__, (kind,), {**parts, "__call__": call})


def _first_axis(y: Any, axis: int) -> tuple[Any, int]:
    y = operand(y)
    axis = axis % np.ndim(y)
    return (anp.moveaxis(y, axis, 0) if axis else y), axis


def _steps(knots: Any, y: Any) -> tuple[Any, Any]:
    """Return lengths of the pieces and slopes of the chords."""
    h = np.diff(np.asarray(knots, dtype=np.float64)).reshape(-1, *[1] * (np.ndim(y) - 1))
    return h, (y[1:] - y[:-1]) / h


def _hermite(knots: Any, y: Any, slopes: Any) -> list[Any]:
    """Coefficients of the cubics through heights with slopes."""
    h, chord = _steps(knots, y)
    bend = (slopes[:-1] + slopes[1:] - 2.0 * chord) / h
    return [bend / h, (chord - slopes[:-1]) / h - bend, slopes[:-1], y[:-1]]


# --- slopes at the knots ---


def _monotone(knots: Any, y: Any) -> Any:
    """Slopes of Fritsch and Butland: weighted harmonic means, none at an extremum."""
    h, chord = _steps(knots, y)
    if len(h) == 1:
        return anp.concatenate([chord, chord])
    before, after = chord[:-1], chord[1:]
    w1, w2 = 2.0 * h[1:] + h[:-1], h[1:] + 2.0 * h[:-1]
    same = anp.logical_and(anp.sign(before) == anp.sign(after), before != 0.0)
    safe_before, safe_after = where(same, before, 1.0), where(same, after, 1.0)
    inner = where(same, (w1 + w2) / (w1 / safe_before + w2 / safe_after), 0.0)
    first = _one_sided(h[0], h[1], chord[0], chord[1])
    last = _one_sided(h[-1], h[-2], chord[-1], chord[-2])
    return anp.concatenate([first[None], inner, last[None]])


def _one_sided(h0: Any, h1: Any, m0: Any, m1: Any) -> Any:
    d = ((2.0 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    steep = anp.logical_and(anp.sign(m0) != anp.sign(m1), anp.abs(d) > 3.0 * anp.abs(m0))
    return where(anp.sign(d) != anp.sign(m0), 0.0, where(steep, 3.0 * m0, d))


def _of_akima(knots: Any, y: Any, modified: bool) -> Any:
    """Slopes of Akima: means of chords, weighted by how much their neighbors differ."""
    _, chord = _steps(knots, y)
    if len(knots) == 2:
        return anp.concatenate([chord, chord])
    left, right = (2.0 * a - b for a, b in ((chord[0], chord[1]), (chord[-1], chord[-2])))
    outer = 2.0 * left - chord[0], 2.0 * right - chord[-1]
    m = anp.concatenate([outer[0][None], left[None], chord, right[None], outer[1][None]])
    change = anp.abs(m[1:] - m[:-1])
    after, before = change[2:], change[:-2]
    if modified:
        size = 0.5 * anp.abs(m[1:] + m[:-1])
        after, before = after + size[2:], before + size[:-2]
    total = after + before
    defined = total > 1e-9 * anp.max(total)
    share = where(defined, before / where(defined, total, 1.0), 0.0)
    return where(defined, m[1:-2] + share * (m[2:-1] - m[1:-2]), 0.5 * (m[3:] + m[:-3]))


# --- SciPy's classes ---


@replaces("scipy.interpolate._cubic", "PchipInterpolator.__init__")
def _pchip(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def init(self: Any, x: Any, y: Any, axis: int = 0, extrapolate: Any = None) -> None:
        if not holds_boxes(x) and not holds_boxes(y):
            return plain(self, x, y, axis, extrapolate)  # type: ignore[no-any-return]
        x = taken_out(x)
        if holds_boxes(x):
            raise _refuse("PchipInterpolator")
        heights, axis = _first_axis(y, axis)
        extended = True if extrapolate is None else extrapolate
        _adopt(self, _hermite(x, heights, _monotone(x, heights)), x, extended, axis)
        return None

    return init


@replaces("scipy.interpolate._cubic", "Akima1DInterpolator.__init__")
def _akima(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def init(self: Any, x: Any, y: Any, axis: int = 0, **options: Any) -> None:
        if not holds_boxes(x) and not holds_boxes(y):
            return plain(self, x, y, axis, **options)  # type: ignore[no-any-return]
        x = taken_out(x)
        if holds_boxes(x):
            raise _refuse("Akima1DInterpolator")
        heights, axis = _first_axis(y, axis)
        slopes = _of_akima(x, heights, options.get("method", "akima") == "makima")
        _adopt(self, _hermite(x, heights, slopes), x, options.get("extrapolate") or False, axis)
        return None

    return init


@replaces("scipy.interpolate._cubic", "CubicHermiteSpline.__init__")
def _through_slopes(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def init(self: Any, x: Any, y: Any, dydx: Any, axis: int = 0, extrapolate: Any = None) -> None:
        if not any(map(holds_boxes, (x, y, dydx))):
            return plain(self, x, y, dydx, axis, extrapolate)  # type: ignore[no-any-return]
        if holds_boxes(x):
            raise _refuse("CubicHermiteSpline")
        (heights, axis), (slopes, _) = _first_axis(y, axis), _first_axis(dydx, axis)
        extended = True if extrapolate is None else extrapolate
        _adopt(self, _hermite(x, heights, slopes), x, extended, axis)
        return None

    return init


@replaces("scipy.interpolate._interpolate", "_PPolyBase.__init__")
def _power_form(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def init(self: Any, c: Any, x: Any, extrapolate: Any = None, axis: int = 0) -> None:
        if not holds_boxes(x) and not holds_boxes(c):
            return plain(self, c, x, extrapolate, axis)  # type: ignore[no-any-return]
        if holds_boxes(x):
            raise _refuse(type(self).__name__)
        if not hasattr(self, "from_spline"):
            got = f"`scipy.interpolate.BPoly` of traced coefficients at {user_line()}"
            raise refuse(got, "Use PPoly, in powers, or CubicHermiteSpline")
        rows = operand(c)
        if axis:
            rows = anp.moveaxis(rows, axis + 1, 1)
        extended = True if extrapolate is None else extrapolate
        _adopt(self, [rows[k] for k in range(np.shape(rows)[0])], x, extended, axis)
        return None

    return init
