"""SciPy's interpolators through traced heights over constant knots.

A spline through given points is linear in their heights: it is the sum of heights times cardinal
functions, the splines through the columns of a unit matrix. These are SciPy's own, so knots, ends
and derivatives are SciPy's; over constant points they are one constant matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where

from sparsesolve.numpy_ops.splines import interp1d_value
from sparsesolve.trace.constant_parts import taken_out
from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__ = ["OfHeights", "through_heights"]

_FIX = (
    "Data of an interpolator must be constants, but for the heights of a cubic or B-spline: use "
    "np.interp, whose knots and heights may be traced, or np.linalg.solve for the coefficients"
)
_CALL = "Call the spline, or its derivative, at points instead"


class OfHeights:
    """A spline as a sum of cardinal ones."""

    def __init__(self, cardinal: Any, heights: Any) -> None:
        self.cardinal, self.heights = cardinal, heights

    def __call__(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        """Return the value, or a derivative."""
        return anp.dot(self.cardinal(x, nu, extrapolate), self.heights)

    def derivative(self, nu: int = 1) -> Any:
        """Return the derivative."""
        return OfHeights(self.cardinal.derivative(nu), self.heights)

    def antiderivative(self, nu: int = 1) -> Any:
        """Return the antiderivative."""
        return OfHeights(self.cardinal.antiderivative(nu), self.heights)

    def integrate(self, a: Any, b: Any, extrapolate: Any = None) -> Any:
        """Return the integral between constant limits."""
        if holds_boxes(a) or holds_boxes(b):
            whole = self.antiderivative()
            return whole(b) - whole(a)
        return anp.dot(self.cardinal.integrate(a, b, extrapolate), self.heights)


class _Interp1d:
    """An `interp1d`, with what it returns outside of its knots."""

    def __init__(self, cardinal: Any, heights: Any, outside: Any, raises: bool) -> None:
        self.cardinal, self.heights = cardinal, heights
        self.outside, self.raises = outside, raises

    def __call__(self, x: Any, *_: Any) -> Any:
        low, high = self.cardinal.x[0], self.cardinal.x[-1]
        if holds_boxes(x):
            weights = interp1d_value(self.cardinal, x)
        else:
            weights = self.cardinal(x)
            if self.raises and (np.any(np.asarray(x) < low) or np.any(np.asarray(x) > high)):
                raise ValueError("A value in x_new is outside of the interpolation range.")
        value = anp.dot(weights, self.heights)
        if self.outside is None:
            return value
        below, above = self.outside
        x = operand(x)
        return where(x < low, below, where(x > high, above, value))


def through_heights(spline: Any) -> Any:
    """Return what a spline through traced heights is made of; None for others."""
    return vars(spline).get("_through_heights")


def _refuse(name: str) -> Any:
    return refuse(f"`scipy.interpolate.{name}` of traced values at {user_line()}", _FIX)


def _columns(x: Any, y: Any, name: str, *others: Any) -> tuple[Any, Any]:
    """Return knots and heights; refuse anything else that is traced."""
    x = taken_out(x)
    if any(map(holds_boxes, (x, *others))):
        raise _refuse(name)
    return np.asarray(x, dtype=np.float64), operand(y)


def _adopt(self: Any, made: Any) -> None:
    """Let an object of SciPy's class do what its stand-in does."""
    vars(self)["_through_heights"] = made
    for name in ("derivative", "antiderivative", "integrate"):
        if hasattr(made, name):
            vars(self)[name] = getattr(made, name)


@cache
def _of_heights_class(kind: Any) -> Any:
    """Return a class of splines with the knots of a cardinal one, however SciPy keeps them."""

    def of_cardinal(name: str) -> Any:
        return property(lambda self: getattr(vars(self)["_cardinal"], name))

    def coefficients(_: Any) -> Any:
        raise refuse(f"`CubicSpline.c` of traced heights at {user_line()}", _CALL)

    def call(self: Any, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        return through_heights(self)(x, nu, extrapolate)

    parts = {name: of_cardinal(name) for name in ("x", "axis", "extrapolate")}
    return type(kind.__name__, (kind,), {**parts, "c": property(coefficients), "__call__": call})


@replaces("scipy.interpolate._cubic", "CubicSpline.__init__")
def _cubic(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def init(
        self: Any,
        x: Any,
        y: Any,
        axis: Any = 0,
        bc_type: Any = "not-a-knot",
        extrapolate: Any = None,
    ) -> None:
        if not any(map(holds_boxes, (x, y))) and not _reaches(bc_type):
            return plain(self, x, y, axis, bc_type, extrapolate)  # type: ignore[no-any-return]
        knots, heights = _columns(x, y, "CubicSpline")
        if axis or not isinstance(bc_type, str):
            raise _refuse("CubicSpline")
        cardinal = object.__new__(type(self))
        plain(cardinal, knots, np.eye(len(knots)), 0, bc_type, extrapolate)
        kind: Any = type(self)
        self.__class__ = _of_heights_class(kind)
        vars(self)["_cardinal"] = cardinal
        _adopt(self, OfHeights(cardinal, heights))
        return None

    return init


def _reaches(bc_type: Any) -> bool:
    return isinstance(bc_type, tuple) and any(
        holds_boxes(list(end)) for end in bc_type if isinstance(end, tuple)
    )


@replaces("scipy.interpolate._bsplines", "make_interp_spline")
def _b_spline(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: Any, y: Any, k: Any = 3, *args: Any, **options: Any) -> Any:
        if not any(map(holds_boxes, (x, y, *args, *options.values()))):
            return plain(x, y, k, *args, **options)
        knots, heights = _columns(x, y, "make_interp_spline", *args, *options.values())
        if not isinstance(options.get("bc_type"), str | None) or options.get("axis"):
            raise _refuse("make_interp_spline")
        return OfHeights(plain(knots, np.eye(len(knots)), k, *args, **options), heights)

    return call


@replaces("scipy.interpolate._interpolate", "interp1d.__init__")
def _interp1d(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def init(
        self: Any,
        x: Any,
        y: Any,
        kind: Any = "linear",
        axis: int = -1,
        copy: Any = True,
        bounds_error: Any = None,
        fill_value: Any = np.nan,
        assume_sorted: bool = False,
    ) -> None:
        if not any(map(holds_boxes, (x, y, fill_value))):
            given = (kind, axis, copy, bounds_error, fill_value, assume_sorted)
            return plain(self, x, y, *given)  # type: ignore[no-any-return]
        knots, heights = _columns(x, y, "interp1d")
        if np.ndim(heights) != 1:
            raise refuse(f"interp1d of several values at {user_line()}", "Make one of each column")
        cardinal = object.__new__(type(self))
        beyond = "extrapolate"
        plain(cardinal, knots, np.eye(len(knots)), kind, 0, True, None, beyond, assume_sorted)
        self.x = cardinal.x
        outside = _outside(fill_value)
        raises = outside is not None and _raises(bounds_error, fill_value)
        _adopt(self, _Interp1d(cardinal, heights, outside, raises))
        return None

    return init


def _outside(fill_value: Any) -> tuple[Any, Any] | None:
    """Return what stands below and above the knots; None if the spline goes on."""
    if isinstance(fill_value, str):
        return None
    if isinstance(fill_value, tuple) and len(fill_value) == 2:
        return operand(fill_value[0]), operand(fill_value[1])
    return operand(fill_value), operand(fill_value)


def _raises(bounds_error: Any, fill_value: Any) -> bool:
    """Whether points outside are an error: where nothing was said of them."""
    if bounds_error is not None:
        return bool(bounds_error)
    return type(fill_value) is float and np.isnan(fill_value)
