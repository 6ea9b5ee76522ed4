"""Choices between values: ``where``, ``clip``, ``select``, ``piecewise``, ``choose``."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where

from sparsesolve.lower.context import Context, is_slots, rule
from sparsesolve.numpy_ops.elementwise import is_number
from sparsesolve.numpy_ops.joining import rearranged
from sparsesolve.trace.dispatch import implements
from sparsesolve.trace.operands import is_traced, operand, plain_index

__all__: list[str] = []


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


@implements(np.choose)
def _choose(a: Any, choices: Any, out: None = None, mode: Any = "raise") -> Any:
    index = plain_index(a)
    return rearranged(lambda *labels: np.choose(index, labels, mode=mode), *choices)


@implements(np.unwrap)
def _unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: float = 2 * np.pi) -> Any:
    p = anp.moveaxis(operand(p), axis, -1)
    step, half = np.diff(p, axis=-1), period / 2
    turned = anp.mod(step + half, period) - half
    turned = where(anp.logical_and(turned == -half, step > 0), half, turned)
    smooth = anp.absolute(step) < (half if discont is None else discont)
    added = np.cumsum(where(smooth, 0.0, turned - step), axis=-1)
    return anp.moveaxis(anp.concatenate([p[..., :1], p[..., 1:] + added], axis=-1), -1, axis)


# --- lowering ---


@rule("where", "elementwise")
def _lower_where(c: Context, condition: Any, x: Any, y: Any) -> Any:
    if is_slots(condition):
        return c.map("where", condition, x, y)
    shape = np.broadcast_shapes(np.shape(condition), np.shape(x), np.shape(y))
    mask = np.broadcast_to(np.asarray(condition) != 0, shape)
    if mask.all() or not mask.any():  # one whole operand, as it is
        chosen = x if mask.all() else y
        return chosen if np.shape(chosen) == shape else np.broadcast_to(chosen, shape)
    return np.where(mask, c.slots(x), c.slots(y))


@rule("clip", "elementwise")
def _lower_clip(
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
    return is_slots(bound) or bool(np.isnan(bound).any())


def _any_traced(*values: Any) -> bool:
    return any(is_slots(value) for value in values)


def _unbounded(bound: Any, infinity: float) -> bool:
    return bound is None or is_number(bound, infinity)
