"""Arithmetic, comparisons, rounding: maps of scalar operations.

Values are NumPy's exactly, NaN and infinities included, except that small integer powers are
products (a last digit may differ). What is a scalar operation and nothing else has its row in
`scalar_rows` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where

from sparsesolve.lower.context import Context, is_slots, rule
from sparsesolve.lower.opaque import kept
from sparsesolve.trace.branches import answer_no, outlived
from sparsesolve.trace.dispatch import implements, refuse
from sparsesolve.trace.operands import is_traced, operand, plain_index
from sparsesolve.trace.sources import user_line

__all__ = ["is_number"]

_MOST_FACTORS = 16  # x**p with an integer p up to here is a product

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
implements(np.isreal)(lambda x: anp.equal(_imag(x), 0.0))
implements(np.iscomplex)(lambda x: anp.not_equal(_imag(x), 0.0))
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


def _imag(x: Any) -> Any:
    return anp.imag(x) if operand(x).dtype.kind == "c" else np.zeros(np.shape(x))


def _real_part(function: Callable[..., Any], primitive: Any, on_reals: Callable[..., Any]) -> None:
    @implements(function, recorded=True)
    def handler(val: Any, *args: Any) -> Any:
        return primitive(val) if val.dtype.kind == "c" else on_reals(val)


_real_part(np.real, anp.real, lambda x: x)
_real_part(np.imag, anp.imag, lambda x: np.zeros(x.shape)[()])
_real_part(np.conjugate, anp.conjugate, lambda x: x)


@implements(np.angle, recorded=True)
def _angle(z: Any, deg: bool = False) -> Any:
    z = operand(z)
    angle = anp.angle(z) if z.dtype.kind == "c" else where(z < 0, np.pi, 0.0)
    return angle * (180.0 / np.pi) if deg else angle


implements(np.real_if_close)(lambda a, tol=100: a)


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
    if np.shape(a1) != np.shape(a2) or outlived(a1) or outlived(a2):
        return False
    same = anp.equal(a1, a2)
    if equal_nan:
        same = anp.logical_or(same, anp.logical_and(anp.isnan(a1), anp.isnan(a2)))
    whole = anp.all(same)
    if is_traced(a1) != is_traced(a2):  # "is this the point of the last call?"
        answer_no(whole, *((a1, a2) if is_traced(a1) else (a2, a1)))
    return whole


@implements(np.array_equiv)
def _array_equiv(a1: Any, a2: Any) -> Any:
    a1, a2 = operand(a1), operand(a2)
    try:
        np.broadcast_shapes(np.shape(a1), np.shape(a2))
    except ValueError:
        return False
    return anp.all(anp.equal(a1, a2))


# --- lowering ---


def is_number(value: Any, number: float) -> bool:
    """Whether a constant is one number, so that no broadcasting is lost by leaving it out."""
    if type(value) in (float, int):
        return bool(value == number)
    return not is_slots(value) and np.ndim(value) == 0 and bool(np.asarray(value) == number)


# ----- arithmetic -----


@rule("add", "elementwise", "add")
def _lower_add(c: Context, x: Any, y: Any) -> Any:
    return c.map("logical_or" if c.kind == "b" else "add", x, y)


@rule("multiply", "elementwise", "multiply")
def _lower_multiply(c: Context, x: Any, y: Any) -> Any:
    if is_number(x, 1.0) and is_slots(y):
        return y
    if is_number(y, 1.0) and is_slots(x):
        return x
    return c.map("multiply", x, y)  # of truth values: and


@rule("subtract", "elementwise", "subtract")
def _lower_subtract(c: Context, x: Any, y: Any) -> Any:
    return x if is_number(y, 0.0) and not np.signbit(y) else c.map("subtract", x, y)


@rule("divide", "elementwise", "divide")
def _lower_divide(c: Context, x: Any, y: Any) -> Any:
    return x if is_number(y, 1.0) else c.map("divide", x, y)


@rule("negative", "elementwise", "negative")
def _lower_negative(c: Context, x: Any) -> Any:
    return c.map("negative", x)


@rule("absolute", "elementwise", "abs")
def _lower_abs(c: Context, x: Any) -> Any:
    return c.map("abs", x)


@rule("square", "elementwise")
def _lower_square(c: Context, x: Any) -> Any:
    return c.map("multiply", x, x)


@rule("reciprocal", "elementwise")
def _lower_reciprocal(c: Context, x: Any) -> Any:
    return c.map("divide", 1.0, x)


@rule("power", "elementwise")
def _lower_power(c: Context, x: Any, y: Any) -> Any:
    if is_slots(y):
        return c.map("power", x, y)
    shape, p = np.shape(x), y
    if type(y) is not int and type(y) is not float:
        exponents = np.asarray(y, dtype=np.float64)
        p = float(exponents.flat[0]) if exponents.size else 1.0
        shape = np.broadcast_shapes(shape, exponents.shape)
        if (exponents != p).any() or shape != np.shape(x):
            return c.map("power", x, y)
    if p == 0.0:
        return np.ones(shape)
    if p == 0.5:
        return c.map("sqrt", x)
    if not abs(p) <= _MOST_FACTORS or p != int(p):
        return c.map("power", x, p)
    product = _product(c, x, abs(int(p)))
    return product if p > 0 else c.map("divide", 1.0, product)


def _product(c: Context, x: Any, count: int) -> Any:
    if count == 1:
        return x
    half = x if count < 4 else _product(c, x, count // 2)
    squared = c.map("multiply", half, half)
    return squared if count % 2 == 0 else c.map("multiply", squared, x)


# ----- kinds -----


@rule("signbit", "elementwise")
def _lower_signbit(c: Context, x: Any) -> Any:
    return c.map("less", c.map("copysign", 1.0, x), 0.0)


@rule("conjugate real", "elementwise")
def _lower_same(c: Context, x: Any, *args: Any, **kwargs: Any) -> Any:
    return x


kept("angle imag")
