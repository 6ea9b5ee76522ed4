"""Classes that stand for others while a function is traced, such as `float` and `np.float64`.

Code asks them many things: to make a number, whether something is one, which kind
an array shall have. Only the first meets traced values.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np
from autograd.tracer import isbox

__all__ = ["stand_in"]


class _StandInKind(type):
    """The class of stand-ins: calls go to `make`, questions to `plain`."""

    plain: Any
    make: Callable[..., Any]

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if "make" not in vars(cls):  # a class that the user's code derives from it
            return super().__call__(*args, **kwargs)
        return cls.make(*args, **kwargs)

    def __instancecheck__(cls, instance: Any) -> bool:
        # asked as if from the user's own code, to which a traced number is a number
        return isinstance(instance._value if isbox(instance) else instance, cls.plain)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.plain)

    def __eq__(cls, other: object) -> bool:
        return other is cls.plain or other is cls

    def __hash__(cls) -> int:
        return hash(cls.plain)


def stand_in(plain: type, make: Callable[..., Any]) -> Any:
    """Return a class that makes other things than `plain`, and else is like it."""
    own: dict[str, Any] = {"plain": plain, "make": staticmethod(make), "__doc__": plain.__doc__}
    if issubclass(plain, (float, complex, np.integer)):
        own["dtype"] = np.dtype(plain)
    return _StandInKind(builtins.str(plain.__name__), (plain,), own)
