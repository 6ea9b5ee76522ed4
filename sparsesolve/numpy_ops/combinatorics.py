"""Functions of `scipy.special` that are written in Python, and ask arrays for their memory."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces

__all__: list[str] = []


def _special(name: str) -> Any:
    return getattr(importlib.import_module("scipy.special"), name)


def _polygamma(n: Any, x: Any) -> Any:
    return importlib.import_module("autograd.scipy.special").polygamma(n, operand(x))


def _comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    return _special("binom")(N + k - 1 if repetition else N, k)


def _factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    return _special("gamma")(operand(n) + 1.0)


def _of_python(name: str, handler: Callable[..., Any]) -> None:
    @replaces("scipy.special._basic", name, second=True)
    def make(plain: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(plain)
        def call(*args: Any, **options: Any) -> Any:
            traced = any(map(holds_boxes, (*args, *options.values())))
            return (handler if traced else plain)(*args, **options)

        return call


_HANDLERS: dict[str, Callable[..., Any]] = {
    "polygamma": _polygamma,
    "comb": _comb,
    "factorial": _factorial,
}
for _name, _handler in _HANDLERS.items():
    _of_python(_name, _handler)
