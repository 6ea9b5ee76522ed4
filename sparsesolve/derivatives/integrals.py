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
from sparsesolve.structure.pattern import Pattern

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
    bind : callable
        ``bind(parameters)`` returns the right side, a function of t and y.
    by_start : bool
        Whether the start is differentiated.
    """

    def __init__(self, solve: Callable[..., Any], bind: Callable[..., Any], by_start: bool) -> None:
        self._solve, self._bind, self._by_start = solve, bind, by_start
        self._prepared = Lazy()
        self._last: tuple[bytes, list[Array]] | None = None
        self._last_value: tuple[bytes, Array] | None = None

    def value(self, y0: Array, *parameters: Any) -> Array:
        """Return the solution."""
        key = _key((y0, *parameters))
        last = self._last_value  # several derivatives are asked for at one point
        if last is None or last[0] != key:
            last = self._last_value = key, self._solve(self._bind(parameters), y0, None)
        return last[1].copy()

    def pullback(self, g: Array, ans: Array, k: int, args: Sequence[Any]) -> Array:
        """Return weights on the solution times its derivative by argument k."""
        found = np.tensordot(np.asarray(g), self._all(args)[k], axes=2)
        return np.asarray(found).reshape(np.shape(args[k]))

    def push(self, v: Array, ans: Array, k: int, args: Sequence[Any]) -> Array:
        """Return the derivative by argument k times ``v``."""
        return np.asarray(self._all(args)[k] @ np.ravel(v))

    def _all(self, args: Sequence[Any]) -> list[Array]:
        key = _key(args)
        if self._last is None or self._last[0] != key:
            self._last = key, self._sensitivities(*args)
        return self._last[1]

    def _sensitivities(self, y0: Array, *parameters: Any) -> list[Array]:
        """Integrate solution and sensitivities; one array (times, unknowns, size) an argument."""
        n, sizes = y0.size, [np.size(p) for p in parameters]
        first = n if self._by_start else 0
        count = first + sum(sizes)
        start = np.vstack([y0, np.eye(count, n) if first else np.zeros((count, n))])
        slope = self._prepared.get(f"{[np.shape(p) for p in parameters]}", lambda: _Slope(
            self._bind, y0, parameters
        ))  # fmt: skip
        point = np.concatenate([y0, *(np.ravel(p) for p in parameters)]).astype(np.float64)

        def rhs(t: float, z: Array) -> Array:
            rows = z.reshape(1 + count, n)
            point[:n] = rows[0]
            moved = np.empty_like(rows)
            moved[0], matrix = slope(point, t)
            np.matmul(rows[1:], matrix[:, :n].T, out=moved[1:])
            moved[1 + first :] += matrix[:, n:].T
            return moved.reshape(-1)

        found = np.asarray(self._solve(rhs, start.ravel(), n - 1))
        moved = found.reshape(-1, 1 + count, n)[:, 1:].transpose(0, 2, 1)
        by_start = moved[:, :, :first]
        return [by_start, *np.split(moved[:, :, first:], np.cumsum(sizes)[:-1], axis=2)]


class _Slope:
    """A right side and its dense Jacobian by unknowns and parameters together, both compiled."""

    def __init__(self, bind: Callable[..., Any], y: Array, parameters: Sequence[Any]) -> None:
        shapes = [np.shape(y), *map(np.shape, parameters)]
        ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])

        def joined(z: Any, t: Any) -> Any:
            y, *p = [
                z[a:b].reshape(shape) if shape else z[a]
                for a, b, shape in zip(ends, ends[1:], shapes, strict=False)
            ]
            return np.ravel(np.array(bind(p)(t, y)))

        joined.calls = getattr(bind, "calls", None)  # type: ignore[attr-defined]
        z = np.concatenate([np.ravel(y), *(np.ravel(p) for p in parameters)])
        self._jacobian = jacobian(joined, z, 0.5)
        self._pattern: Pattern | None = None

    def __call__(self, z: Array, t: float) -> tuple[Array, Array]:
        """Return value and Jacobian, whose array is filled again at the next call."""
        values = self._jacobian.values(z, t)
        pattern = self._jacobian.pattern
        if pattern is not self._pattern:  # it grows where a branch is taken for the first time
            self._pattern = pattern
            self._matrix = np.zeros(pattern.shape)
            self._places = pattern.rows * pattern.shape[1] + pattern.indices
        self._matrix.reshape(-1)[self._places] = values
        return self._jacobian.value(z, t), self._matrix


def _key(args: Sequence[Any]) -> bytes:
    return b"|".join(np.asarray(a, dtype=np.float64).tobytes() for a in args)


def _ode(solve: Callable[..., Any], bind: Callable[..., Any], by_start: bool) -> Callable[..., Any]:
    made = _Sensitivities(solve, bind, by_start)
    return root_operation(made.value, made.pullback, made.push)


def _integral(solve: Callable[..., Any], bind: Callable[..., Any]) -> Callable[..., Any]:
    """Make an integral of ``(a, b, *parameters)``; ``solve(f, a, b)`` returns a number."""

    def integrand(s: Any, *parameters: Any) -> Any:
        return bind(parameters)(s)

    integrand.calls = getattr(bind, "calls", None)  # type: ignore[attr-defined]
    slopes = _Slopes(integrand)

    def value(a: Any, b: Any, *parameters: Any) -> Any:
        return solve(bind(parameters), float(a), float(b))

    def slope(k: int, args: Sequence[Any]) -> Array:
        a, b, *parameters = args
        if k < 2:
            return np.asarray((2 * k - 1) * bind(parameters)(args[k]), dtype=np.float64)
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
