"""NumPy's functions on traced arrays: which are recorded, which are composed, which refused.

Three doors lead here: ``__array_function__`` and ``__array_ufunc__`` (plain
NumPy), and autograd's own wrappers, whose calls the recorder expands by the same table.

A handler has the signature of the NumPy function that it stands for, and is written with
autograd's NumPy, so that whatever it does is recorded in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd.core import primitive_jvps, primitive_vjps
from autograd.tracer import isbox

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.trace.box_errors import PlainTargetError
from sparsesolve.trace.naming import WRAPPED, load_scipy, op_name
from sparsesolve.trace.own_code import own_code
from sparsesolve.trace.recorder import EXPANSIONS, ORDERED, check_options
from sparsesolve.trace.sources import user_line
from sparsesolve.trace.vocabulary import RECORDED
from sparsesolve.trace.writable import current, destination

__all__ = ["CONSTRUCTORS", "CREATORS", "HANDLERS", "call", "implements", "into", "refuse"]

HANDLERS: dict[Callable[..., Any], Callable[..., Any]] = {}
"""What to do for a function of NumPy, where that is not to record autograd's primitive."""

CONSTRUCTORS: dict[str, Callable[..., Any]] = {}
"""What ``np.array`` and its like do where traced values are inside, by name."""

CREATORS: dict[str, Callable[..., Any]] = {}
"""What functions that make arrays do with traced numbers, where NumPy does not dispatch them."""


def implements(
    *functions: Any, recorded: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a handler for functions of NumPy, and for autograd's wrappers of them.

    With `recorded` the wrappers are left alone: the handler only puts arguments in order and
    calls one of them.
    """

    def register(handler: Callable[..., Any]) -> Callable[..., Any]:
        for function in functions:
            HANDLERS[function] = handler
            table = ORDERED if recorded else EXPANSIONS
            table.update(dict.fromkeys(WRAPPED.get(function, ()), handler))
        return handler

    return register


def call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function of NumPy or a ufunc of SciPy on traced arguments."""
    args = tuple(map(current, args))
    if kwargs.get("out") is not None:
        out = kwargs["out"]
        rest = {name: option for name, option in kwargs.items() if name != "out"}
        return into(out if isinstance(out, tuple) else (out,), call(function, args, rest))
    if kwargs:
        check_options(getattr(function, "__name__", ""), kwargs)
    if function not in HANDLERS and function not in WRAPPED:
        load_scipy()
    handler = HANDLERS.get(function)
    if handler is not None:
        return handler(*args, **kwargs)
    for primitive in WRAPPED.get(function, ()):
        if (
            op_name(primitive) in RECORDED
            or primitive in primitive_vjps
            or primitive in primitive_jvps
        ):
            return primitive(*args, **kwargs)
    load_scipy()  # np.i0 is NumPy's by name alone
    if function in HANDLERS:
        return HANDLERS[function](*args, **kwargs)
    composed = own_code(function)
    if composed is not None:
        return composed(*args, **kwargs)
    name = getattr(function, "__name__", str(function))
    raise refuse(
        f"`{name}` at {user_line()}",
        "Write it with other NumPy functions, or wrap it with autograd.extend.primitive and defvjp",
    )


def into(out: tuple[Any, ...], result: Any) -> Any:
    """Assign a result to ``out=`` where that is a traced array."""
    target = destination(out[0])
    if len(out) != 1 or not isbox(target) or not isbox(result):
        raise refuse(
            f"`out=` (or an assignment like `r += x`) into a plain array at {user_line()}",
            "Leave `out=` out, or make the array with np.zeros_like(x)",
            PlainTargetError,
        )
    target[...] = result
    return out[0]


def refuse(
    got: str, fix: str, kind: type[UnsupportedOperation] = UnsupportedOperation
) -> UnsupportedOperation:
    """Make the error for an operation that cannot be recorded."""
    return kind(f"expected operations that can be recorded and differentiated, got {got}. {fix}.")
