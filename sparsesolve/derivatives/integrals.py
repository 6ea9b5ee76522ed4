"""Derivatives of solutions of differential equations, and of integrals, inside of a function.

An integrator is not what shall be differentiated. With ``y' = f(t, y, p)`` the
sensitivities ``S' = f_y S + f_p`` of y by p are integrated beside it by the same solver, with our
Jacobians of f; the derivative of an integral is that of the derivative of what is integrated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.jacobian import jacobian
from sparsesolve.derivatives.traced_function import Lazy
from sparsesolve.numpy_ops.implicit import root_operation
from sparsesolve.numpy_ops.integration import OPERATIONS

__all__: list[str] = []

Array = NDArray[np.float64]


class _Slopes:
    """Jacobians of a function by its arguments, prepared at first use."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._prepared = Lazy()

    def by(self, argnum: int, given: Sequence[Any]) -> Any:
        """Return the Jacobian by one argument, at some arguments."""
        name = f"{argnum} of {[np.shape(a) for a in given]}"
        make = lambda: jacobian(self._function, *given, argnum=argnum)  # noqa: E731
        return self._prepared.get(name, make)(*given)


class _Sensitivities:
    """A solution and its derivatives by the start, if wanted, and by parameters.

    Parameters
    ----------
    solve : callable
        ``solve(rhs, y0, band)`` returns one row a time; `band` is None for the solution itself,
        or the width of the band that matters in a Jacobian of more unknowns.
    rhs : callable
        ``rhs(t, y, *parameters)``.
    by_start : bool
        Whether the start is differentiated.
    """

    def __init__(self, solve: Callable[..., Any], rhs: Callable[..., Any], by_start: bool) -> None:
        self._solve, self._rhs, self._by_start = solve, rhs, by_start
        self._slopes = _Slopes(lambda t, y, *p: np.ravel(np.array(rhs(t, y, *p))))
        self._last: tuple[bytes, list[Array]] | None = None

    def value(self, y0: Array, *parameters: Any) -> Array:
        """Return the solution."""
        found: Array = self._solve(lambda t, y: self._rhs(t, y, *parameters), y0, None)
        return found

    def pullback(self, g: Array, ans: Array, k: int, args: Sequence[Any]) -> Array:
        """Return weights on the solution times its derivative by argument k."""
        found = np.tensordot(np.asarray(g), self._all(args)[k], axes=2)
        return np.asarray(found).reshape(np.shape(args[k]))

    def push(self, v: Array, ans: Array, k: int, args: Sequence[Any]) -> Array:
        """Return the derivative by argument k times ``v``."""
        return np.asarray(self._all(args)[k] @ np.ravel(v))

    def _all(self, args: Sequence[Any]) -> list[Array]:
        key = b"|".join(np.asarray(a, dtype=np.float64).tobytes() for a in args)
        if self._last is None or self._last[0] != key:
            self._last = key, self._sensitivities(*args)
        return self._last[1]

    def _sensitivities(self, y0: Array, *parameters: Any) -> list[Array]:
        """Integrate solution and sensitivities; one array (times, unknowns, size) an argument."""
        n, sizes = y0.size, [np.size(p) for p in parameters]
        first = n if self._by_start else 0
        count = first + sum(sizes)
        start = np.vstack([y0, np.eye(count, n) if first else np.zeros((count, n))])

        def rhs(t: float, z: Array) -> Array:
            rows = z.reshape(1 + count, n)
            given = t, rows[0], *parameters
            moved = self._slopes.by(1, given) @ rows[1:].T
            for k, stop in enumerate(np.cumsum(sizes)):
                by_parameter = self._slopes.by(2 + k, given).toarray()
                moved[:, first + stop - sizes[k] : first + stop] += by_parameter
            value = np.ravel(np.asarray(self._rhs(*given), dtype=np.float64))
            return np.concatenate([value, moved.T.ravel()])

        found = np.asarray(self._solve(rhs, start.ravel(), n - 1))
        moved = found.reshape(-1, 1 + count, n)[:, 1:].transpose(0, 2, 1)
        by_start = moved[:, :, :first]
        return [by_start, *np.split(moved[:, :, first:], np.cumsum(sizes)[:-1], axis=2)]


def _ode(solve: Callable[..., Any], rhs: Callable[..., Any], by_start: bool) -> Callable[..., Any]:
    made = _Sensitivities(solve, rhs, by_start)
    return root_operation(made.value, made.pullback, made.push)


def _integral(solve: Callable[..., Any], integrand: Callable[..., Any]) -> Callable[..., Any]:
    """Make an integral of ``(a, b, *parameters)``; ``solve(f, a, b)`` returns a number."""
    slopes = _Slopes(integrand)

    def value(a: Any, b: Any, *parameters: Any) -> Any:
        return solve(lambda s: integrand(s, *parameters), float(a), float(b))

    def slope(k: int, args: Sequence[Any]) -> Array:
        a, b, *parameters = args
        if k < 2:
            return np.asarray((2 * k - 1) * integrand(args[k], *parameters), dtype=np.float64)
        parts = [
            solve(lambda s, j=j: slopes.by(k - 1, (s, *parameters)).toarray()[0, j], a, b)
            for j in range(np.size(args[k]))
        ]
        return np.reshape(parts, np.shape(args[k]))

    return root_operation(
        value,
        lambda g, ans, k, args: g * slope(k, args),
        lambda v, ans, k, args: np.asarray(np.sum(v * slope(k, args))),
    )


OPERATIONS.update(ode=_ode, integral=_integral)
