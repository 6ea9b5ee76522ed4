"""Which functions stand behind the operators and methods of traced arrays."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.trace.sources import is_library, user_line

__all__ = ["ARITHMETIC", "COMPARISONS", "ELEMENTWISE", "METHODS", "OWN", "SCALARS", "besides_words"]

_WORDS = frozenset({str, bytes, dict, set, frozenset})

ARITHMETIC = {
    "add": anp.add,
    "sub": anp.subtract,
    "mul": anp.multiply,
    "truediv": anp.divide,
    "floordiv": anp.floor_divide,
    "mod": anp.remainder,
    "pow": anp.power,
    "and": anp.bitwise_and,
    "or": anp.bitwise_or,
    "xor": anp.bitwise_xor,
}

COMPARISONS = {
    "eq": anp.equal,
    "ne": anp.not_equal,
    "lt": anp.less,
    "le": anp.less_equal,
    "gt": anp.greater,
    "ge": anp.greater_equal,
}

METHODS = (
    "all any argmax argmin argpartition argsort cumprod cumsum diagonal max mean min "
    "nonzero prod ptp ravel repeat round searchsorted squeeze std sum swapaxes take trace var"
)

ELEMENTWISE = (
    "arccos arccosh arcsin arcsinh arctan arctanh cbrt ceil cos cosh deg2rad degrees exp exp2 "
    "expm1 fabs floor isfinite isinf isnan log log10 log1p log2 logical_not rad2deg radians "
    "reciprocal rint sign sin sinh sqrt square tan tanh trunc arctan2 hypot logaddexp"
)
"""Those that NumPy's loops over object arrays look for at the elements."""


def _compress(self: Any, condition: Any, axis: int | None = None) -> Any:
    return np.compress(condition, self, axis)


def _clip(self: Any, min: Any = None, max: Any = None, out: None = None) -> Any:
    return np.clip(self, min, max, out=out)


def _flags(self: Any) -> Any:
    """Tell NumPy's code how the memory is laid out; that of the user's arrays may be another."""
    if not is_library(sys._getframe(1).f_code):
        raise UnsupportedOperation(
            f"expected attributes of an array that can be recorded, got `.flags` at {user_line()}. "
            "Use NumPy's functions of the array."
        )
    return np.asarray(self._value).flags


def _partition(self: Any, kth: Any, axis: int = -1, **options: Any) -> None:
    self[...] = np.partition(self, kth, axis, **options)


OWN: dict[str, Any] = {
    "__array_wrap__": lambda self, array, context=None, return_scalar=False: array,
    "clip": _clip,
    "compress": _compress,
    "flags": property(_flags),
    "partition": _partition,
    "strides": property(lambda self: np.asarray(self._value).strides),
}
"""Attributes, and methods whose arguments are in another order than those of the function."""

SCALARS: tuple[type, ...] = (
    *(float, int, bool, complex, np.float64, np.float32, np.float16, np.complex128),
    *(np.int64, np.int32, np.int16, np.int8, np.uint8, np.bool_),
)


def besides_words(compare: Any, plain: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Let a comparison with what no number equals (None, a text, a dict) have NumPy's answer."""

    def operator(self: Any, other: Any) -> Any:
        words = other is None or type(other) in _WORDS
        return plain(self._value, other) if words else compare(self, other)

    return operator


_KNOWN = ("numpy", "scipy", "autograd", "sparsesolve")
_PRIORITY = 100.0  # of traced arrays
_MADE_BY_CLASS = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a type that is not written in C


def computes_itself(kind: type) -> bool:
    """Whether objects of a user's class, or masked arrays, say themselves how they are computed."""
    if not kind.__flags__ & _MADE_BY_CLASS:
        return False
    if issubclass(kind, np.ndarray):
        return kind.__name__ == "MaskedArray"
    if hasattr(kind, "__array_ufunc__"):
        return bool(getattr(kind, "__array_priority__", 0.0) > _PRIORITY)
    return hasattr(kind, "__radd__") and kind.__module__.partition(".")[0] not in _KNOWN
