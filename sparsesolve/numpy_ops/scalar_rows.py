"""The scalar operations that are nothing else: one row an operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
from autograd.core import primitive_jvps, primitive_vjps
from autograd.extend import defjvp, defvjp

from sparsesolve.ir.scalar_ops import OPS
from sparsesolve.lower.context import Context, rule
from sparsesolve.trace.primitives import unbroadcast

__all__: list[str] = []

# operations whose lowering is more than a map of them
_MORE = {"where", "power", "add", "multiply", "divide", "subtract", "negative", "abs"}


def _plain(op: str) -> Callable[..., Any]:
    def apply(c: Context, *args: Any) -> Any:
        return c.map(op, *args)

    return apply


for _name, _op in OPS.items():
    if _op.path.startswith("scipy"):
        rule(f"special.{_name}", "special functions", _name)(_plain(_name))
    elif _name not in _MORE:
        rule(_name, "elementwise", _name)(_plain(_name))


def _complete(
    function: Callable[..., Any],
    vjps: tuple[Callable[..., Any] | None, ...],
    jvps: tuple[Callable[..., Any] | None, ...],
) -> None:
    """Give an elementwise primitive of autograd the rules that autograd leaves out."""
    if function not in primitive_vjps:
        defvjp(function, *vjps)
    if function not in primitive_jvps:
        defjvp(function, *jvps)


def _elementwise(*slopes: Callable[..., Any] | None) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Make reverse and forward rules from the slope in each argument (None: zero slope)."""

    def vjp(k: int, slope: Callable[..., Any]) -> Callable[..., Any]:
        return lambda ans, *a: lambda g: unbroadcast(a[k], g * slope(ans, *a))

    def jvp(slope: Callable[..., Any]) -> Callable[..., Any]:
        return lambda g, ans, *a: g * slope(ans, *a)

    return (
        tuple(s and vjp(k, s) for k, s in enumerate(slopes)),
        tuple(s and jvp(s) for s in slopes),
    )


_complete(anp.cbrt, *_elementwise(lambda ans, x: 1.0 / (3.0 * ans * ans)))
_complete(
    anp.copysign,
    *_elementwise(lambda ans, x, y: anp.copysign(1.0, x) * anp.copysign(1.0, y), None),
)
_complete(anp.fmod, *_elementwise(lambda ans, x, y: 1.0, lambda ans, x, y: -anp.trunc(x / y)))
_complete(
    anp.hypot, *_elementwise(lambda ans, x, y: x / ans, lambda ans, x, y: y / ans)
)  # autograd has no forward rule
_complete(anp.heaviside, *_elementwise(None, None))
_complete(anp.signbit, *_elementwise(None))
