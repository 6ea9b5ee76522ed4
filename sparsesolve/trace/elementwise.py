"""Elementwise functions that are written in terms of others.

Separate because each of them is a line or two of mathematics.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where

from sparsesolve.trace.dispatch import implements, refuse
from sparsesolve.trace.operands import is_traced, operand, plain_index
from sparsesolve.trace.sources import user_line

__all__: list[str] = []

implements(np.positive)(lambda x: anp.copy(x))
implements(np.fabs)(lambda x: anp.absolute(x))
implements(np.float_power)(lambda x, y: anp.power(x, y))
implements(np.deg2rad)(lambda x: x * (np.pi / 180.0))
implements(np.radians)(lambda x: x * (np.pi / 180.0))
implements(np.rad2deg)(lambda x: x * (180.0 / np.pi))
implements(np.degrees)(lambda x: x * (180.0 / np.pi))
implements(np.fix)(lambda x: anp.trunc(x))
implements(np.isneginf)(lambda x: anp.logical_and(anp.isinf(x), x < 0))
implements(np.isposinf)(lambda x: anp.logical_and(anp.isinf(x), x > 0))
implements(np.isreal)(lambda x: np.ones(np.shape(x), dtype=bool))
implements(np.iscomplex)(lambda x: np.zeros(np.shape(x), dtype=bool))
implements(np.modf)(lambda x: (x - anp.trunc(x), anp.trunc(x)))
implements(np.divmod)(lambda x, y: (anp.floor_divide(x, y), anp.remainder(x, y)))
implements(np.ldexp)(lambda x, k: x * np.ldexp(1.0, plain_index(k)))


@implements(np.round, np.around)
def _round(a: Any, decimals: int = 0, out: None = None) -> Any:
    return anp.rint(a) if decimals == 0 else anp.rint(a * 10.0**decimals) / 10.0**decimals


def _logical(function: Callable[..., Any], on_bools: Callable[..., Any]) -> None:
    @implements(function)
    def handler(*args: Any) -> Any:
        if not all(np.issubdtype(getattr(a, "dtype", type(a)), np.bool_) for a in args):
            raise refuse(
                f"`{function.__name__}` of numbers at {user_line()}",
                "Use the operators &, |, ^ and ~ on comparisons only",
            )
        return on_bools(*args)


_logical(np.bitwise_and, anp.logical_and)
_logical(np.bitwise_or, anp.logical_or)
_logical(np.bitwise_xor, anp.logical_xor)
_logical(np.invert, anp.logical_not)


def _real_part(function: Callable[..., Any], primitive: Any, on_reals: Callable[..., Any]) -> None:
    @implements(function, recorded=True)
    def handler(val: Any, *args: Any) -> Any:
        return primitive(val) if val.dtype.kind == "c" else on_reals(val)


_real_part(np.real, anp.real, lambda x: x)
_real_part(np.imag, anp.imag, lambda x: np.zeros(x.shape)[()])
_real_part(np.conjugate, anp.conjugate, lambda x: x)
_real_part(np.angle, anp.angle, lambda x: where(x < 0, np.pi, 0.0))
implements(np.real_if_close)(lambda a, tol=100: a)


@implements(np.where, recorded=True)
def _where(condition: Any, *choices: Any) -> Any:
    if len(choices) != 2:
        return np.where(plain_index(condition))
    return where(operand(condition), *map(operand, choices))


@implements(np.heaviside, recorded=True)
def _heaviside(x1: Any, x2: Any) -> Any:
    x1, x2 = operand(x1), operand(x2)
    if not is_traced(x2):
        return anp.heaviside(x1, x2)
    step = anp.heaviside(x1, 0.0) if is_traced(x1) else np.heaviside(x1, 0.0)
    return where(x1 == 0.0, x2, step)


@implements(np.clip, recorded=True)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, **options: Any) -> Any:
    low, high = options.get("min", a_min), options.get("max", a_max)
    if is_traced(low) or is_traced(high) or not is_traced(a):
        raised = a if low is None else anp.maximum(a, low)
        return raised if high is None else anp.minimum(raised, high)
    return anp.clip(a, low, high)


@implements(np.nan_to_num)
def _nan_to_num(
    x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    largest = np.finfo(np.float64).max
    x = where(anp.isnan(x), nan, x)
    x = where(x == np.inf, largest if posinf is None else posinf, x)
    return where(x == -np.inf, -largest if neginf is None else neginf, x)


@implements(np.isclose)
def _isclose(
    a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Any:
    a, b = operand(a), operand(b)
    close = anp.abs(a - b) <= atol + rtol * anp.abs(b)
    close = anp.logical_or(anp.logical_and(close, anp.isfinite(b)), anp.equal(a, b))
    both = anp.logical_and(anp.isnan(a), anp.isnan(b))
    return anp.logical_or(close, both) if equal_nan else close


@implements(np.allclose)
def _allclose(a: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
    return anp.all(_isclose(a, b, *args, **kwargs))


@implements(np.array_equal)
def _array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    a1, a2 = operand(a1), operand(a2)
    if np.shape(a1) != np.shape(a2):
        return False
    same = anp.equal(a1, a2)
    if equal_nan:
        same = anp.logical_or(same, anp.logical_and(anp.isnan(a1), anp.isnan(a2)))
    return anp.all(same)


@implements(np.array_equiv)
def _array_equiv(a1: Any, a2: Any) -> Any:
    a1, a2 = operand(a1), operand(a2)
    try:
        np.broadcast_shapes(np.shape(a1), np.shape(a2))
    except ValueError:
        return False
    return anp.all(anp.equal(a1, a2))


@implements(np.select)
def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    result = operand(default)
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        result = where(operand(condition), operand(choice), result)
    return result


@implements(np.piecewise)
def _piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kwargs: Any) -> Any:
    conditions = list(condlist) if isinstance(condlist, (list, tuple)) else [condlist]
    values = [f(x, *args, **kwargs) if callable(f) else f for f in funclist]
    result = values[len(conditions)] if len(values) > len(conditions) else 0.0
    for condition, value in zip(conditions, values, strict=False):  # the last true one counts
        result = where(condition, value, result)
    return result


@implements(np.interp)
def _interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    knots, heights = np.asarray(plain_index(xp), dtype=float), operand(fp)
    if period is not None:
        raise refuse(f"np.interp with `period` at {user_line()}", "Repeat the knots yourself")
    first = heights[0] if left is None else left
    last = heights[-1] if right is None else right
    if len(knots) == 1:
        return where(x < knots[0], first, where(x > knots[0], last, heights[0]))
    # a one in the column of the segment that holds x; no other column counts
    column = anp.reshape(x, (*np.shape(x), 1))
    inside = anp.logical_and(column >= knots[:-1], column < knots[1:])
    slopes = (heights[1:] - heights[:-1]) / np.diff(knots)
    value = anp.dot(inside, heights[:-1]) + anp.dot(inside, slopes) * (x - inside @ knots[:-1])
    value = where(x == knots[-1], heights[-1], value)
    return where(x < knots[0], first, where(x > knots[-1], last, where(anp.isnan(x), x, value)))


@implements(np.polyval)
def _polyval(p: Any, x: Any) -> Any:
    result = anp.zeros(np.shape(x))
    for coefficient in operand(p):
        result = result * x + coefficient
    return result


@implements(np.vander)
def _vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    powers = range(len(x) if N is None else N)
    columns = [x**k for k in (powers if increasing else reversed(powers))]
    return anp.stack(columns, axis=1)


@implements(np.linspace)
def _linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, **options: Any) -> Any:
    if set(options) - {"dtype"} or np.ndim(start) or np.ndim(stop):
        raise refuse(f"np.linspace with {set(options)} or arrays at {user_line()}", "Use a + t * b")
    parts = np.linspace(0.0, 1.0, plain_index(num), endpoint)
    return start + (stop - start) * parts


@implements(np.logspace)
def _logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, **options: Any
) -> Any:
    return anp.power(base, _linspace(start, stop, num, endpoint, **options))


@implements(np.full)
def _full(shape: Any, fill_value: Any, dtype: Any = None, **options: Any) -> Any:
    return anp.array(anp.broadcast_to(fill_value, plain_index(shape)))
