"""SciPy's probability distributions: densities, probabilities and their logarithms.

They are objects with methods that sort numbers by where they are allowed. Here
the formula of the distribution, which is SciPy's own code, is evaluated everywhere, and chosen
inside of the support; so values are SciPy's, and all derivatives are those of the formula.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where
from autograd.tracer import isbox

from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces

__all__ = ["allowed", "is_general", "replace_method", "standard"]

MODULE = "scipy.stats._distn_infrastructure"
# below and above the support, how the scale enters, and whether the support is open
_CONTINUOUS: dict[str, tuple[float, float, int, bool]] = {
    "pdf": (0.0, 0.0, -1, False),
    "logpdf": (-np.inf, -np.inf, -2, False),
    "cdf": (0.0, 1.0, 0, True),
    "logcdf": (-np.inf, 0.0, 0, True),
    "sf": (1.0, 0.0, 0, True),
    "logsf": (0.0, -np.inf, 0, True),
}
_DISCRETE = {"pmf": 0.0, "logpmf": -np.inf}
_STEPS = {"cdf": (0.0, 1.0), "sf": (1.0, 0.0), "logcdf": (-np.inf, 0.0), "logsf": (0.0, -np.inf)}


def traced(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether an argument of a method is traced."""
    return any(map(holds_boxes, (*args, *kwargs.values())))


def standard(dist: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """Return the shape parameters, the location and the scale."""
    shapes, loc, scale = dist._parse_args(*args, **kwargs)
    return tuple(map(_plain, shapes)), operand(loc), operand(scale)


def _plain(value: Any) -> Any:
    value = operand(value)
    return value if isbox(value) else np.asarray(value, dtype=np.float64)[()]


def _continuous(name: str) -> None:
    below, above, scaling, is_open = _CONTINUOUS[name]

    def value(dist: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        shapes, loc, scale = standard(dist, args, kwargs)
        y = (operand(x) - loc) / scale
        a, b = dist._get_support(*shapes)
        under, over = (y <= a, y >= b) if is_open else (y < a, y > b)
        result = _formula(dist, name)(y, *shapes)
        if scaling:
            result = result / scale if scaling == -1 else result - anp.log(scale)
        result = where(under, below, where(over, above, result))
        wrong = anp.logical_or(anp.isnan(y), anp.logical_not(allowed(dist, shapes, scale)))
        return where(wrong, np.nan, result)

    replace_method("rv_continuous", name, value)


def _quantile(name: str, turned: bool) -> None:
    def value(dist: Any, q: Any, *args: Any, **kwargs: Any) -> Any:
        shapes, loc, scale = standard(dist, args, kwargs)
        q = operand(q)
        low, high = dist._get_support(*shapes)
        low, high = (high, low) if turned else (low, high)
        result = getattr(dist, f"_{name}")(q, *shapes) * scale + loc
        result = where(q == 0.0, low * scale + loc, where(q == 1.0, high * scale + loc, result))
        inside = anp.logical_and(q >= 0.0, q <= 1.0)
        return where(anp.logical_and(inside, allowed(dist, shapes, scale)), result, np.nan)

    replace_method("rv_continuous", name, value)


def allowed(dist: Any, shapes: tuple[Any, ...], scale: Any = 1.0) -> Any:
    """Return whether shapes and scale are those of a distribution."""
    return anp.logical_and(operand(dist._argcheck(*shapes)), scale > 0)


def _discrete(name: str) -> None:
    outside = _DISCRETE[name]

    def value(dist: Any, k: Any, *args: Any, **kwargs: Any) -> Any:
        shapes, loc, _ = standard(dist, args, kwargs)
        k = operand(k) - loc
        a, b = dist._get_support(*shapes)
        inside = anp.logical_and(anp.logical_and(k >= a, k <= b), anp.floor(k) == k)
        result = where(inside, _formula(dist, name)(k, *shapes), outside)
        wrong = anp.logical_or(anp.isnan(k), anp.logical_not(allowed(dist, shapes)))
        return where(wrong, np.nan, result)

    replace_method("rv_discrete", name, value)


def _steps(name: str) -> None:
    below, above = _STEPS[name]

    def value(dist: Any, k: Any, *args: Any, **kwargs: Any) -> Any:
        shapes, loc, _ = standard(dist, args, kwargs)
        k = anp.floor(operand(k) - loc)
        a, b = dist._get_support(*shapes)
        result = _formula(dist, name)(k, *shapes)
        result = where(k < a, below, where(k >= b, above, result))
        wrong = anp.logical_or(anp.isnan(k), anp.logical_not(allowed(dist, shapes)))
        return where(wrong, np.nan, result)

    replace_method("rv_discrete", name, value)


def replace_method(
    kind: str, name: str, value: Callable[..., Any], *, second: bool = False
) -> None:
    """Let distributions of a kind compute by `value` where anything that is given is traced.

    `second` as for `replaces`.
    """

    def make(plain: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(plain)
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            if not traced(args, kwargs):
                return plain(self, *args, **kwargs)
            with np.errstate(all="ignore"):
                return value(self, *args, **kwargs)

        return method

    replaces(MODULE, f"{kind}.{name}", second=second)(make)


def _formula(dist: Any, name: str) -> Callable[..., Any]:
    """Return a formula of a distribution: its own, or what follows from another one."""
    own = getattr(dist, f"_{name}")
    compiled = name == "pmf" or (name == "pdf" and _calls_compiled(own))
    if compiled and not is_general(dist, f"_log{name}"):
        return lambda *args: anp.exp(getattr(dist, f"_log{name}")(*args))
    if name in ("logcdf", "logsf") and is_general(dist, f"_{name}"):
        return lambda *args: anp.log(getattr(dist, f"_{name[3:]}")(*args))
    return own  # type: ignore[no-any-return]


def is_general(dist: Any, name: str) -> bool:
    """Whether a distribution inherits a method of all distributions."""
    return bool(getattr(type(dist), name).__module__ == MODULE)


def _calls_compiled(method: Any) -> bool:
    """Whether a formula is a function of the Boost library, which has no derivative rule."""
    return "scu" in method.__func__.__code__.co_names


for _name in _CONTINUOUS:
    _continuous(_name)
for _name in _DISCRETE:
    _discrete(_name)
for _name in _STEPS:
    _steps(_name)
for _name, _turned in (("ppf", False), ("isf", True)):
    _quantile(_name, _turned)
