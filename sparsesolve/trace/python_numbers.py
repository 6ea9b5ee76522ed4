"""Python's own functions on traced values: `math`, `cmath`, `max`, `min`, `float`, `type`, others.

They dispatch to nothing: each is replaced while a function is traced, and does
what it always does wherever no traced value is among its arguments.
"""

from __future__ import annotations

import builtins
import cmath
import importlib
import math
from collections.abc import Callable
from functools import reduce, wraps
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.tracer import isbox

from sparsesolve.trace.math_errors import RAISING, raise_as_math
from sparsesolve.trace.operands import holds_boxes
from sparsesolve.trace.stand_ins import stand_in
from sparsesolve.trace.writable import current

__all__ = ["BUILTINS", "CMATH", "MATH"]

_SAME = (
    "exp exp2 expm1 log2 log10 log1p sqrt cbrt sin cos tan sinh cosh tanh floor ceil trunc fmod "
    "copysign isnan isinf isfinite radians degrees"
)
_RENAMED = {
    "asin": anp.arcsin, "acos": anp.arccos, "atan": anp.arctan, "atan2": anp.arctan2,
    "asinh": anp.arcsinh, "acosh": anp.arccosh, "atanh": anp.arctanh, "fabs": anp.absolute,
    "pow": anp.power,
}  # fmt: skip
_SPECIAL = {"erf": "erf", "erfc": "erfc", "gamma": "gamma", "lgamma": "gammaln"}


def _replacing(plain: Callable[..., Any], handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def function(*args: Any, **kwargs: Any) -> Any:
        given = [current(value) for value in args]
        if any(map(holds_boxes, given)):
            return handler(*map(_number, given), **kwargs)
        return plain(*args, **kwargs)

    return function


def _raising(name: str, handler: Callable[..., Any]) -> Callable[..., Any]:
    def function(x: Any, *rest: Any, **kwargs: Any) -> Any:
        raise_as_math(name, x)
        return handler(x, *rest, **kwargs)

    return function if name in RAISING else handler


def _number(value: Any) -> Any:
    """Take the element of an array with one, as Python's conversion to float does."""
    if isbox(value) and value.ndim and value.size == 1:
        return anp.reshape(value, ())
    if isbox(value) and value.ndim:
        raise TypeError("only 0-dimensional arrays can be converted to Python scalars")
    return value


def _special(name: str) -> Callable[..., Any]:
    def handler(x: Any) -> Any:
        return getattr(importlib.import_module("autograd.scipy.special"), name)(x)

    return handler


def _log(x: Any, *base: Any) -> Any:
    return anp.log(x) / anp.log(base[0]) if base else anp.log(x)


def _hypot(*parts: Any) -> Any:
    if len(parts) == 1:
        return anp.absolute(parts[0])
    return reduce(anp.hypot, parts)


def _total(values: Any, *start: Any) -> Any:
    return sum(values, *start)


def _sumprod(p: Any, q: Any) -> Any:
    return sum(a * b for a, b in zip(p, q, strict=True))


def _product(values: Any, *, start: Any = 1) -> Any:
    return reduce(lambda a, b: a * b, values, start)


def _dist(p: Any, q: Any) -> Any:
    return anp.sqrt(sum((a - b) ** 2 for a, b in zip(p, q, strict=True)))


def _remainder(x: Any, y: Any) -> Any:
    return x - y * anp.rint(x / y)


def _isclose(a: Any, b: Any, *, rel_tol: float = 1e-09, abs_tol: float = 0.0) -> Any:
    largest = anp.maximum(anp.absolute(a), anp.absolute(b))
    return anp.absolute(a - b) <= anp.maximum(rel_tol * largest, abs_tol)


def _over_items(plain: Callable[..., Any], handler: Callable[..., Any]) -> Callable[..., Any]:
    """Replace a function of lists; arrays are taken as they are."""

    @wraps(plain)
    def function(*args: Any, **kwargs: Any) -> Any:
        given = [list(a) if hasattr(a, "__next__") else current(a) for a in args]
        if any(map(holds_boxes, given)):
            return handler(*given, **kwargs)
        return plain(*given, **kwargs)

    return function


_HANDLERS: dict[str, Callable[..., Any]] = {
    **{name: getattr(anp, name) for name in _SAME.split()},
    **_RENAMED,
    **{name: _special(other) for name, other in _SPECIAL.items()},
    "log": _log,
    "hypot": _hypot,
    "ldexp": lambda x, i: x * 2.0**i,
    "modf": np.modf,
    "remainder": _remainder,
    "isclose": _isclose,
}
_OF_ITEMS: dict[str, Callable[..., Any]] = {
    "fsum": _total,
    "prod": _product,
    "dist": _dist,
    "sumprod": _sumprod,
}

MATH: dict[str, Callable[..., Any]] = {
    **{
        name: _replacing(getattr(math, name), _raising(name, handler))
        for name, handler in _HANDLERS.items()
        if hasattr(math, name)  # cbrt and exp2 are new in Python 3.11
    },
    **{
        name: _over_items(getattr(math, name), handler)
        for name, handler in _OF_ITEMS.items()
        if hasattr(math, name)  # sumprod is new in Python 3.12
    },
}
"""What stands for functions of `math` while a function is traced."""


def _of_complex(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of `cmath`: its value is complex, also of real numbers."""

    def function(z: Any, *rest: Any) -> Any:
        return handler(z + 0j, *rest)

    return function


def _complex_log(z: Any, *base: Any) -> Any:
    return anp.log(z) / anp.log(base[0] + 0j) if base else anp.log(z)


_COMPLEX: dict[str, Callable[..., Any]] = {
    **{name: getattr(anp, name) for name in ("exp", "sqrt", "sin", "cos", "tan")},
    **{name: getattr(anp, name) for name in ("sinh", "cosh", "tanh", "isnan", "isfinite")},
    **{f"a{name}": getattr(anp, f"arc{name}") for name in ("sin", "cos", "tan")},
    **{f"a{name}": getattr(anp, f"arc{name}") for name in ("sinh", "cosh", "tanh")},
    "isinf": anp.isinf,
    "log": _complex_log,
    "log10": lambda z: anp.log(z) / math.log(10.0),
    "phase": anp.angle,
    "polar": lambda z: (anp.absolute(z), anp.angle(z)),
}

CMATH: dict[str, Callable[..., Any]] = {
    **{
        name: _replacing(getattr(cmath, name), _of_complex(handler))
        for name, handler in _COMPLEX.items()
    },
    "rect": _replacing(cmath.rect, lambda r, phi: r * anp.cos(phi) + 1j * (r * anp.sin(phi))),
    "isclose": _replacing(cmath.isclose, _isclose),
}
"""What stands for functions of `cmath` while a function is traced."""


def _extreme(plain: Callable[..., Any], two: Any, whole: Any) -> Callable[..., Any]:
    """Make `max` or `min`: of traced numbers it is an operation, no branch."""

    @wraps(plain)
    def function(*args: Any, **kwargs: Any) -> Any:
        given: list[Any] = [list(a) if hasattr(a, "__next__") else current(a) for a in args]
        single = len(given) == 1 and not kwargs.get("key")
        if single and isbox(given[0]) and given[0].ndim == 1 and given[0].size:
            return whole(given[0])
        items = given[0] if len(given) == 1 else given
        if kwargs.get("key") is not None or type(items) not in (list, tuple) or not items:
            return plain(*given, **kwargs)
        items = [current(item) for item in items]
        if not any(map(isbox, items)) or any(np.size(item) != 1 for item in items):
            return plain(*given, **kwargs)
        return reduce(two, map(_number, items))

    return function


def _float(*args: Any) -> Any:
    value = current(args[0]) if args else 0.0
    if not isbox(value):
        return builtins.float(*args)
    number = _number(value)
    return number if number.dtype == np.float64 else anp.multiply(number, 1.0)


def _complex(*args: Any, **kwargs: Any) -> Any:
    parts = [_number(current(value)) for value in (*args, *kwargs.values())]
    if not any(map(isbox, parts)):
        return builtins.complex(*args, **kwargs)
    return parts[0] + 1j * (parts[1] if len(parts) > 1 else 0.0)


def _type(*args: Any, **kwargs: Any) -> Any:
    value = current(args[0])
    if len(args) == 1 and isbox(value):
        return builtins.type(value._value)
    return builtins.type(value, *args[1:], **kwargs)


def _hasattr(thing: Any, name: str) -> bool:
    value = current(thing)
    return builtins.hasattr(value._value if isbox(value) else value, name)


BUILTINS: dict[str, Any] = {
    "max": _extreme(builtins.max, anp.maximum, np.max),
    "min": _extreme(builtins.min, anp.minimum, np.min),
    "float": stand_in(float, _float),
    "complex": stand_in(complex, _complex),
    "type": stand_in(type, _type),
    "hasattr": _hasattr,
}
"""What stands for built-in names while a function is traced."""
