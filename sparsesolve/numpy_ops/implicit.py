"""A root as an operation: its value comes from a solver, its derivative from somebody else.

Only primitives of autograd reach a tape as one call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import autograd.numpy as anp
import numpy as np
from autograd import grad
from autograd.extend import defvjp_argnum
from numpy.typing import NDArray

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.trace.primitives import primitive

__all__ = ["root_operation", "slope_along"]

Array = NDArray[np.float64]
Product: TypeAlias = Callable[[Array, Array, int, Sequence[Any]], Array]
Curvature: TypeAlias = Callable[[Array, Array, Array, int, int, Sequence[Any]], Array]


def root_operation(
    solve: Callable[..., Any],
    pullback: Product,
    push: Product,
    curvatures: tuple[Curvature, Curvature] | None = None,
) -> Callable[..., Any]:
    """Make an operation that may be differentiated once, or twice.

    Parameters
    ----------
    solve : callable
        Returns the root.
    pullback : callable
        ``pullback(g, root, k, args)`` returns ``g`` times the derivative by argument k.
    push : callable
        ``push(v, root, k, args)`` returns the derivative by argument k times ``v``.
    curvatures : two callables, optional
        ``curvature(g, v, root, k, j, args)`` returns the derivative of ``g`` times that product by
        argument j, where argument -1 is the root; and ``other(g, h, root, k, j, args)`` returns
        ``h`` times its derivative by ``v``. Without them, there is no second derivative.
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

    @primitive
    def implicit_curvature(side: int, g: Any, v: Any, root: Any, k: int, j: int, *args: Any) -> Any:
        assert curvatures is not None
        return curvatures[side](g, v, root, k, j, args)

    def bend(g: Any, v: Any, root: Any, k: int, j: int, args: Any) -> Any:
        if curvatures is None:
            raise _no_further("one derivative", "a second")
        return implicit_curvature(0, g, v, root, k, j, *args)

    def of_pullback(argnum: int, ans: Any, given: Any, kwargs: Any) -> Callable[[Any], Any]:
        g, root, k, *args = given
        if argnum == 0:
            return lambda v: implicit_push(v, root, k, *args)
        return lambda v: bend(g, v, root, k, argnum - 3 if argnum > 1 else -1, args)

    def of_push(argnum: int, ans: Any, given: Any, kwargs: Any) -> Callable[[Any], Any]:
        v, root, k, *args = given
        if argnum == 0:
            return lambda g: implicit_pullback(g, root, k, *args)
        return lambda g: bend(g, v, root, k, argnum - 3 if argnum > 1 else -1, args)

    def of_curvature(argnum: int, ans: Any, given: Any, kwargs: Any) -> Callable[[Any], Any]:
        side, g, _, *rest = given
        if argnum != 2:
            raise _no_further("two derivatives", "a third")
        return lambda h: implicit_curvature(1 - side, g, h, *rest)

    def rule(k: int, root: Any, args: Any, kwargs: Any) -> Callable[[Any], Any]:
        return lambda g: implicit_pullback(g, root, k, *args)

    defvjp_argnum(implicit_root, rule)
    defvjp_argnum(implicit_pullback, of_pullback)
    defvjp_argnum(implicit_push, of_push)
    defvjp_argnum(implicit_curvature, of_curvature)
    return implicit_root


def slope_along(function: Callable[..., Any], calls: Any) -> Callable[..., Any]:
    """Return the slope of a scalar function in a direction, as a function that can be traced.

    Parameters
    ----------
    function : callable
        Of a vector.
    calls : object
        What it calls, for a trace to find.
    """

    def along(z: Any, w: Any) -> Any:
        return anp.dot(w, grad(function)(z)[: np.size(w)])

    along.calls = calls  # type: ignore[attr-defined]
    return along


def _no_further(most: str, got: str) -> UnsupportedOperation:
    return UnsupportedOperation(
        f"expected {most} of what a solver has found, got {got} one. Write the loop that finds it "
        "in NumPy, so that it is traced, or use derivatives of lower order only."
    )
