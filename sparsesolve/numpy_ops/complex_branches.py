"""Inverse functions of complex numbers, with slopes of the branch that the value is on.

Separate because autograd's rules are written in the operand, as in ``1 / sqrt(x**2 - 1)``, whose
root is of another branch in half of the plane, and on cuts. In the value there is one only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.extend import defvjp

from sparsesolve.lower.opaque import COMPLEX_FUNCTIONS
from sparsesolve.trace.primitives import primitive

__all__: list[str] = []

_SLOPES: dict[str, Callable[[Any], Any]] = {
    "arcsin": lambda w: 1.0 / anp.cos(w),
    "arccos": lambda w: -1.0 / anp.sin(w),
    "arcsinh": lambda w: 1.0 / anp.cosh(w),
    "arccosh": lambda w: 1.0 / anp.sinh(w),
}


def _add(name: str, slope: Callable[[Any], Any]) -> None:
    plain = getattr(np, name)

    @primitive
    def inverse(z: Any) -> Any:
        return plain(z)

    defvjp(inverse, lambda ans, z: lambda g: g * slope(ans))
    COMPLEX_FUNCTIONS[name] = inverse


for _name, _slope in _SLOPES.items():
    _add(_name, _slope)
