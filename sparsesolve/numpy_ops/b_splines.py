"""B-splines with traced coefficients or heights, over constant knots.

A spline is linear in its coefficients, and so are the coefficients of an interpolating one in the
heights. Both maps are SciPy's own, of unit vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.numpy_ops.interpolants import OfHeights, through_heights
from sparsesolve.numpy_ops.splines import of_fitpack
from sparsesolve.trace.constant_parts import taken_out
from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__: list[str] = []

_FIX = (
    "Knots, weights and smoothing must be constants: use s=0, or np.linalg.lstsq with a matrix "
    "made by scipy.interpolate.BSpline.design_matrix"
)


def _refuse(name: str) -> Any:
    return refuse(f"`scipy.interpolate.{name}` of such traced values at {user_line()}", _FIX)


@replaces("scipy.interpolate._bsplines", "BSpline.__init__", second=True)
def _b_spline(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def init(self: Any, t: Any, c: Any, k: int, extrapolate: Any = True, axis: int = 0) -> None:
        if not holds_boxes([t, c]):
            return plain(self, t, c, k, extrapolate, axis)  # type: ignore[no-any-return]
        if holds_boxes(t) or axis:
            raise _refuse("BSpline")
        coefficients, count = operand(c), len(t) - k - 1
        cardinal = object.__new__(type(self))
        plain(cardinal, t, np.eye(count), k, extrapolate, 0)
        kind: Any = type(self)
        self.__class__ = _with_traced_coefficients(kind)
        vars(self).update(_cardinal=cardinal, _coefficients=coefficients)
        vars(self)["_through_heights"] = OfHeights(cardinal, coefficients[:count])
        return None

    return init


@cache
def _with_traced_coefficients(kind: Any) -> Any:
    """Return a class of splines that ask a cardinal one, however SciPy keeps what it holds."""

    def of_cardinal(name: str) -> Any:
        return property(lambda self: getattr(vars(self)["_cardinal"], name))

    def call(self: Any, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        return through_heights(self)(x, nu, extrapolate)

    parts: dict[str, Any] = {name: of_cardinal(name) for name in ("t", "k", "axis", "extrapolate")}
    parts["c"] = property(lambda self: vars(self)["_coefficients"])
    for name in ("derivative", "antiderivative", "integrate"):
        parts[name] = _asked(name)
    return type(kind.__name__, (kind,), {**parts, "__call__": call})


def _asked(name: str) -> Callable[..., Any]:
    return lambda self, *args, **options: getattr(through_heights(self), name)(*args, **options)


@replaces("scipy.interpolate", "splrep", second=True)
def _splrep(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(
        x: Any, y: Any, w: Any = None, xb: Any = None, xe: Any = None, k: int = 3, *args: Any,
        s: Any = None, **options: Any,
    ) -> Any:  # fmt: skip
        if not holds_boxes([x, y, w, s, *args]):
            return plain(x, y, w, xb, xe, k, *args, s=s, **options)
        x = taken_out(x)
        if holds_boxes(x) or w is not None or args or options or s not in (None, 0):
            raise _refuse("splrep")
        made = [plain(x, unit, None, xb, xe, k, s=0) for unit in np.eye(len(x))]
        return made[0][0], anp.dot(np.stack([c for _, c, _ in made], axis=1), operand(y)), k

    return call


class _Univariate:
    """What a `UnivariateSpline` through traced heights does."""

    def __init__(self, tck: Any, ext: Any, order: int = 0) -> None:
        self.tck, self.ext, self.order = tck, ext, order

    def __call__(self, x: Any, nu: int = 0, ext: Any = None) -> Any:
        return of_fitpack(x, self.tck, nu + self.order, self.ext if ext is None else ext)

    def derivative(self, n: int = 1) -> Any:
        """Return the derivative."""
        return _Univariate(self.tck, self.ext, self.order + n)


def _through(kind: str, smoothed: bool) -> Callable[..., Any]:
    def make(plain: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(plain)
        def init(self: Any, x: Any, y: Any, w: Any = None, *args: Any, **options: Any) -> None:
            if not holds_boxes([x, y, w, *args, *options.values()]):
                return plain(self, x, y, w, *args, **options)  # type: ignore[no-any-return]
            x = taken_out(x)
            exact = not smoothed or options.get("s", args[2] if len(args) > 2 else None) == 0
            if holds_boxes([x, *args]) or w is not None or not exact:
                raise _refuse(kind)
            units = [object.__new__(type(self)) for _ in range(len(x))]
            for one, unit in zip(units, np.eye(len(x)), strict=True):
                plain(one, x, unit, None, *args, **options)
            knots, _, k = units[0]._eval_args
            columns = np.stack([one._eval_args[1] for one in units], axis=1)
            made = _Univariate((knots, anp.dot(columns, operand(y)), k), units[0].ext)
            vars(self).update(_through_heights=made, derivative=made.derivative, ext=made.ext)
            return None

        return init

    return make


for _kind, _smoothed in (("UnivariateSpline", True), ("InterpolatedUnivariateSpline", False)):
    replaces("scipy.interpolate._fitpack2", f"{_kind}.__init__", second=True)(
        _through(_kind, _smoothed)
    )
