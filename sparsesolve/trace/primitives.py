"""The primitives that traced arrays themselves need, each with the rules that autograd needs.

Separate because a tape's instructions must be callable on plain arrays and differentiable by
autograd alone, without the tracer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.extend import defjvp, defvjp
from autograd.extend import primitive as untyped_primitive

__all__ = ["primitive", "setitem", "sparse_matmul", "sparse_rmatmul", "unbroadcast"]


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


def unbroadcast(target: Any, g: Any) -> Any:
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
        lambda g: unbroadcast(value, _winning(g, np.shape(array), index))
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
