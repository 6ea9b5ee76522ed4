"""Primitives of our own, each with the derivative rules that autograd needs.

Separate because a tape's instructions must be callable on plain arrays and differentiable by
autograd alone, without the tracer. The argument orders are listed in
`sparsesolve.trace.vocabulary`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.core import make_vjp, primitive_jvps, primitive_vjps
from autograd.extend import defjvp, defvjp, defvjp_argnum
from autograd.extend import primitive as untyped_primitive
from numpy.typing import NDArray

__all__ = ["component", "movement", "setitem", "sparse_matmul", "sparse_rmatmul"]


def primitive(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a primitive of autograd; with types, which autograd lacks."""
    result: Callable[..., Any] = untyped_primitive(function)
    return result


@primitive
def setitem(array: Any, index: Any, value: Any) -> Any:
    """Return a copy of `array` after ``array[index] = value``."""
    result = np.array(array)
    result[index] = value
    return result


def _unbroadcast(target: Any, g: Any) -> Any:
    """Sum a cotangent over the axes that broadcasting added to `target`."""
    shape = np.shape(target)
    while anp.ndim(g) > len(shape):
        g = anp.sum(g, axis=0)
    for axis, length in enumerate(shape):
        if length == 1 and anp.shape(g)[axis] != 1:
            g = anp.sum(g, axis=axis, keepdims=True)
    return anp.reshape(g, shape)


defvjp(
    setitem,
    lambda ans, array, index, value: lambda g: setitem(g, index, 0.0),
    None,
    lambda ans, array, index, value: (
        lambda g: _unbroadcast(value, _winning(g, np.shape(array), index))
    ),
)
defjvp(
    setitem,
    lambda g, ans, array, index, value: setitem(g, index, 0.0),
    None,
    lambda g, ans, array, index, value: setitem(
        anp.zeros(np.shape(array)), index, anp.broadcast_to(g, np.shape(value))
    ),
)


def _winning(g: Any, shape: tuple[int, ...], index: Any) -> Any:
    """Cotangent of each assigned value; where an index repeats, only the last one counts."""
    selected = np.arange(int(np.prod(shape))).reshape(shape)[index]
    order = np.arange(np.size(selected)).reshape(np.shape(selected))
    last = np.full(int(np.prod(shape)), -1)
    last[selected] = order
    return g[index] * (last[selected] == order)


@primitive
def movement(fun: Callable[[Any], Any], array: Any) -> Any:
    """Return ``fun(array)`` for a function that only moves or repeats elements."""
    return fun(array)


def _moved(fun: Callable[[Any], Any], array: Any) -> NDArray[np.int64]:
    shape = np.shape(array)
    moved: NDArray[np.int64] = fun(np.arange(int(np.prod(shape))).reshape(shape))
    return moved


def _movement_vjp(ans: Any, fun: Callable[[Any], Any], array: Any) -> Callable[[Any], Any]:
    index = _moved(fun, array)
    pull: Callable[[Any], Any] = make_vjp(lambda a: anp.reshape(a, (-1,))[index], array)[0]
    return pull


defvjp(movement, None, _movement_vjp)
defjvp(movement, None, "same")


@primitive
def component(function: Callable[..., Any], k: int, *arguments: Any, **options: Any) -> Any:
    """Return item `k` of the tuple ``function(*arguments, **options)``."""
    return function(*arguments, **options)[k]


def _component_vjp(
    argnum: int, ans: Any, arguments: tuple[Any, ...], options: dict[str, Any]
) -> Callable[[Any], Any]:
    function, k, *rest = arguments
    if function is anp.linalg.eigh:
        return _eigh_vjp(k, *rest, **options)

    def item(argument: Any) -> Any:
        replaced = [*rest[: argnum - 2], argument, *rest[argnum - 1 :]]
        return function(*replaced, **options)[k]

    pull: Callable[[Any], Any] = make_vjp(item, rest[argnum - 2])[0]
    return pull


def _eigh_vjp(k: int, a: Any, UPLO: str = "L") -> Callable[[Any], Any]:
    """Rule of one item of ``eigh``.

    autograd's leaves the eigenvectors out where their cotangent is zero, which loses terms of
    second derivatives there.
    """
    eigh, UPLO = anp.linalg.eigh, UPLO.upper()
    w, v = component(eigh, 0, a, UPLO), component(eigh, 1, a, UPLO)
    vt, one = anp.swapaxes(v, -1, -2), np.eye(np.shape(a)[-1])

    def pull(g: Any) -> Any:
        if k == 0:
            inner = anp.matmul(v * g[..., None, :], vt)
        else:
            gap = (1.0 - one) / (w[..., None, :] - w[..., :, None] + one)
            inner = anp.matmul(anp.matmul(v, gap * anp.matmul(vt, g)), vt)
        triangle = np.tril(1.0 - one) if UPLO == "L" else np.triu(1.0 - one)
        return inner * one + (inner + anp.swapaxes(inner, -1, -2)) * triangle

    return pull


defvjp_argnum(component, _component_vjp)


@primitive
def sparse_matmul(A: Any, x: Any) -> Any:
    """Return ``A @ x`` for a constant sparse `A` and a dense `x`."""
    return A @ x


@primitive
def sparse_rmatmul(x: Any, A: Any) -> Any:
    """Return ``x @ A`` for a dense `x` and a constant sparse `A`."""
    return x @ A


defvjp(sparse_matmul, None, lambda ans, A, x: lambda g: sparse_matmul(A.T, g))
defjvp(sparse_matmul, None, "same")
defvjp(sparse_rmatmul, lambda ans, x, A: lambda g: sparse_rmatmul(g, A.T), None)
defjvp(sparse_rmatmul, "same", None)


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
        return lambda ans, *a: lambda g: _unbroadcast(a[k], g * slope(ans, *a))

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
