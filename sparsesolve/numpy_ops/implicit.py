"""A root as an operation: its value comes from a solver, its derivative from somebody else.

Separate because only primitives of autograd reach a tape as one call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from autograd.extend import defvjp_argnum
from numpy.typing import NDArray

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.trace.primitives import primitive

__all__ = ["root_operation"]

Array = NDArray[np.float64]
Product: TypeAlias = Callable[[Array, Array, int, Sequence[Any]], Array]


def root_operation(
    solve: Callable[..., Any],
    pullback: Product,
    push: Product,
) -> Callable[..., Any]:
    """Make an operation that may be differentiated once.

    Parameters
    ----------
    solve : callable
        Returns the root.
    pullback : callable
        ``pullback(g, root, k, args)`` returns ``g`` times the derivative by argument k.
    push : callable
        ``push(v, root, k, args)`` returns the derivative by argument k times ``v``.
    """

    @primitive
    def implicit_root(*args: Any) -> Any:
        return np.asarray(solve(*args), dtype=np.float64)[()]

    @primitive
    def implicit_pullback(g: Any, root: Any, k: int, *args: Any) -> Any:
        return pullback(g, root, k, args)

    @primitive
    def implicit_push(v: Any, root: Any, k: int, *args: Any) -> Any:
        return push(v, root, k, args)

    def rule(k: int, root: Any, args: Any, kwargs: Any) -> Callable[[Any], Any]:
        return lambda g: implicit_pullback(g, root, k, *args)

    defvjp_argnum(implicit_root, rule)
    defvjp_argnum(implicit_pullback, _linear(implicit_push))
    defvjp_argnum(implicit_push, _linear(implicit_pullback))
    return implicit_root


def _linear(transposed: Callable[..., Any]) -> Callable[..., Any]:
    """Make the rule of a product, which is linear in its first argument and ends there."""

    def rule(argnum: int, ans: Any, args: Any, kwargs: Any) -> Callable[[Any], Any]:
        if argnum:
            raise UnsupportedOperation(
                "expected one derivative of an implicit root, got a second one. Write the loop "
                "that finds the root in NumPy, without `implicit`, or use first derivatives only."
            )
        return lambda g: transposed(g, *args[1:])

    return rule
