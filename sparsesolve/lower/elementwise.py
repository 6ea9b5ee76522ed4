"""Rules for elementwise operations: each becomes maps of scalar operations.

Separate because these need no index arithmetic. Values are NumPy's exactly, NaN and infinities
included, except that small integer powers are products (a last digit may differ).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sparsesolve.ir.scalar_ops import OPS
from sparsesolve.lower.context import RULES, Context, Rule, is_traced, rule

__all__: list[str] = []

_MOST_FACTORS = 16  # x**p with an integer p up to here is a product

# operations that need more than a plain map
_SPECIAL = {"where", "power", "add", "multiply", "divide", "subtract", "negative", "abs"}


def _plain(op: str) -> Any:
    def apply(c: Context, *args: Any) -> Any:
        return c.map(op, *args)

    return apply


_ALIASES = {
    "mod": "remainder",
    "invert": "logical_not",
    "fix": "trunc",
}


def _register_plain() -> None:
    for name, op in OPS.items():
        if name in _SPECIAL:
            continue
        family = "special functions" if op.path.startswith("scipy") else "elementwise"
        RULES[name] = Rule(_plain(name), family, name)
        if op.path.startswith("scipy"):
            RULES[f"special.{name}"] = RULES[name]
    for alias, name in _ALIASES.items():
        RULES[alias] = Rule(_plain(name), "elementwise", name)


_register_plain()


def _is_number(value: Any, number: float) -> bool:
    """Whether a constant is one number, so that no broadcasting is lost by leaving it out."""
    if type(value) in (float, int):
        return bool(value == number)
    return not is_traced(value) and np.ndim(value) == 0 and bool(np.asarray(value) == number)


# ----- arithmetic -----


@rule("add", "elementwise", "add")
def _add(c: Context, x: Any, y: Any) -> Any:
    return c.map("logical_or" if c.kind == "b" else "add", x, y)


@rule("multiply", "elementwise", "multiply")
def _multiply(c: Context, x: Any, y: Any) -> Any:
    if _is_number(x, 1.0) and is_traced(y):
        return y
    if _is_number(y, 1.0) and is_traced(x):
        return x
    return c.map("multiply", x, y)  # of truth values: and


@rule("subtract", "elementwise", "subtract")
def _subtract(c: Context, x: Any, y: Any) -> Any:
    return x if _is_number(y, 0.0) and not np.signbit(y) else c.map("subtract", x, y)


@rule("divide true_divide", "elementwise", "divide")
def _divide(c: Context, x: Any, y: Any) -> Any:
    return x if _is_number(y, 1.0) else c.map("divide", x, y)


@rule("negative", "elementwise", "negative")
def _negative(c: Context, x: Any) -> Any:
    return c.map("negative", x)


@rule("abs absolute fabs", "elementwise", "abs")
def _abs(c: Context, x: Any) -> Any:
    return c.map("abs", x)


@rule("square", "elementwise")
def _square(c: Context, x: Any) -> Any:
    return c.map("multiply", x, x)


@rule("reciprocal", "elementwise")
def _reciprocal(c: Context, x: Any) -> Any:
    return c.map("divide", 1.0, x)


@rule("power float_power pow", "elementwise")
def _power(c: Context, x: Any, y: Any) -> Any:
    if is_traced(y):
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


@rule("special.gammasgn gammasgn", "special functions")
def _gammasgn(c: Context, x: Any) -> Any:
    """Sign of the gamma function: below zero it turns at every integer."""
    odd = c.map("remainder", c.map("floor", x), 2.0)
    below = c.map("subtract", 1.0, c.map("multiply", 2.0, odd))
    return c.map("where", c.map("greater", x, 0.0), 1.0, below)


# ----- choices -----


@rule("where", "elementwise")
def _where(c: Context, condition: Any, x: Any, y: Any) -> Any:
    if is_traced(condition):
        return c.map("where", condition, x, y)
    shape = np.broadcast_shapes(np.shape(condition), np.shape(x), np.shape(y))
    mask = np.broadcast_to(np.asarray(condition) != 0, shape)
    if mask.all() or not mask.any():  # one whole operand, as it is
        chosen = x if mask.all() else y
        return chosen if np.shape(chosen) == shape else np.broadcast_to(chosen, shape)
    return np.where(mask, c.slots(x), c.slots(y))


@rule("clip", "elementwise")
def _clip(
    c: Context, x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None
) -> Any:
    """Clip so that the derivative is zero at the bounds too, as autograd has it.

    ``where(x >= high, high, where(x <= low, low, x))`` keeps a NaN in x; the low bound is cut at
    the high one, since NumPy gives the high bound where they cross.
    """
    low = a_min if min is None else min
    high = a_max if max is None else max
    if low is not None and high is not None:
        low = c.map("minimum", low, high) if _any_traced(low, high) else np.minimum(low, high)
    if not _unbounded(low, -np.inf):
        inside = c.map("maximum", x, low) if _may_be_nan(low) else x
        x = c.map("where", c.map("less_equal", x, low), low, inside)
    if not _unbounded(high, np.inf):
        inside = c.map("minimum", x, high) if _may_be_nan(high) else x
        x = c.map("where", c.map("greater_equal", x, high), high, inside)
    return x


def _may_be_nan(bound: Any) -> bool:
    return is_traced(bound) or bool(np.isnan(bound).any())


def _any_traced(*values: Any) -> bool:
    return any(is_traced(value) for value in values)


def _unbounded(bound: Any, infinity: float) -> bool:
    return bound is None or _is_number(bound, infinity)


# ----- kinds -----


@rule("astype", "elementwise")
def _astype(c: Context, x: Any, dtype: Any, **_: Any) -> Any:
    wanted, kind = np.dtype(dtype), c.kind_of_argument(0)
    if wanted.kind == "b":
        return x if kind == "b" else c.map("not_equal", x, 0.0)
    if wanted.kind in "iu":
        return c.map("trunc", x) if kind == "f" else x
    if wanted == np.float64:
        return x
    raise c.unsupported(f"got dtype {wanted}", "Everything is computed in float64: use float.")


@rule("signbit", "elementwise")
def _signbit(c: Context, x: Any) -> Any:
    return c.map("less", c.map("copysign", 1.0, x), 0.0)


@rule("conj conjugate real real_if_close positive", "elementwise")
def _same(c: Context, x: Any, *args: Any, **kwargs: Any) -> Any:
    return x
