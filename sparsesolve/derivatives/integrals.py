"""Derivatives of solutions of differential equations, and of integrals, inside of a function.

An integrator is not what shall be differentiated. With ``y' = f(t, y, p)`` the
sensitivities ``S' = f_y S + f_p`` of y by p are integrated beside it by the same solver, with our
Jacobians of f, and for second derivatives theirs, with our Hessians; the derivative of an integral
is that of the derivative of what is integrated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.crossings import Crossings
from sparsesolve.derivatives.hessian import hessian
from sparsesolve.derivatives.integrand_rows import IntegrandRows
from sparsesolve.derivatives.jacobian import jacobian
from sparsesolve.derivatives.jumps import JUMPS, MISSED, Watch
from sparsesolve.derivatives.traced_function import Lazy
from sparsesolve.numpy_ops.implicit import root_operation
from sparsesolve.numpy_ops.integration import OPERATIONS
from sparsesolve.structure.pattern import Pattern

__all__: list[str] = []

Array = NDArray[np.float64]

_FIRST = "derivatives of a differential equation inside of a function"
_SECOND = "second derivatives of a differential equation inside of a function"
_INTEGRAL = "derivatives of an integral inside of a function"  # first and second


class _Slopes:
    """Jacobians of a function by its arguments, prepared at first use."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._prepared = Lazy()

    def by(self, argnum: int, given: Sequence[Any]) -> Any:
        """Return the Jacobian by one argument, prepared."""
        name = f"{argnum} of {[np.shape(a) for a in given]}"
        make = lambda: jacobian(self._function, *given, argnum=argnum)  # noqa: E731
        return self._prepared.get(name, make)


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
        self._watches = Watch(), Watch()
        self._last: tuple[bytes, list[Array]] | None = None
        self._last_second: tuple[bytes, Array] | None = None
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

    def curvature(
        self, g: Array, v: Array, ans: Array, k: int, j: int, args: Sequence[Any]
    ) -> Array:
        """Return the derivative by argument j of weights times the derivative by argument k by v.

        The solution is no argument of its own, but follows from the others: -1 gives zeros.
        """
        if j < 0:
            return np.zeros_like(ans)
        ends = np.cumsum([0, args[0].size if self._by_start else 0, *map(np.size, args[1:])])
        by_k, by_j = slice(ends[k], ends[k + 1]), slice(ends[j], ends[j + 1])
        bent = np.tensordot(np.asarray(g), self._second(args), axes=2)[by_k, by_j]
        return np.asarray(np.ravel(v) @ bent).reshape(np.shape(args[j]))

    def curvature_by_direction(
        self, g: Array, h: Array, ans: Array, k: int, j: int, args: Sequence[Any]
    ) -> Array:
        """Return ``h`` times the derivative of that by ``v``: orders do not matter."""
        if j < 0:
            return np.zeros(np.shape(args[k]))
        return self.curvature(g, h, ans, j, k, args)

    def _second(self, args: Sequence[Any]) -> Array:
        key = _key(args)
        if self._last_second is None or self._last_second[0] != key:
            passed = Crossings()
            found = self._second_sensitivities(*args, passed=passed)
            value, at = self._of_all(lambda *given: np.dstack(self._sensitivities(*given)), args)
            self._watches[1].look(value, at, found, _SECOND, passed.found())
            self._last_second = key, found
        return self._last_second[1]

    def _second_sensitivities(
        self, y0: Array, *parameters: Any, passed: Crossings | None = None
    ) -> Array:
        """Integrate also all second derivatives: an array (times, unknowns, size, size)."""
        n, sizes = y0.size, [np.size(p) for p in parameters]
        first = n if self._by_start else 0
        count = first + sum(sizes)
        slope, bend = self._slope(y0, parameters), self._bend(y0, parameters)
        point = np.concatenate([y0, *(np.ravel(p) for p in parameters)]).astype(np.float64)
        upper = np.triu_indices(count)
        moves = np.zeros((n + sum(sizes), count))  # of unknowns and parameters together
        moves[n:, first:] = np.eye(sum(sizes))
        start = np.zeros((1 + count + upper[0].size, n))
        start[0], start[1 : 1 + first] = y0, np.eye(first, n)

        def rhs(t: float, z: Array) -> Array:
            rows = z.reshape(-1, n)
            point[:n], moves[:n] = rows[0], rows[1 : 1 + count].T
            moved = np.empty_like(rows)
            moved[0], matrix = slope(point, t)
            if passed is not None:
                passed.note(slope.prepared, point, t)
            moved[1 : 1 + count] = (matrix @ moves).T
            bent = np.einsum("pa,ipq,qb->abi", moves, bend(point, t), moves, optimize=True)
            moved[1 + count :] = rows[1 + count :] @ matrix[:, :n].T + bent[upper]
            return moved.reshape(-1)

        found = np.asarray(self._solve(rhs, start.ravel(), n - 1)).reshape(-1, len(start), n)
        second = np.empty((len(found), n, count, count))
        second[:, :, upper[0], upper[1]] = found[:, 1 + count :].transpose(0, 2, 1)
        second[:, :, upper[1], upper[0]] = second[:, :, upper[0], upper[1]]
        return second

    def _slope(self, y0: Array, parameters: Sequence[Any]) -> _Slope:
        name = f"{[np.shape(p) for p in parameters]}"
        made: _Slope = self._prepared.get(name, lambda: _Slope(self._bind, y0, parameters))
        return made

    def _bend(self, y0: Array, parameters: Sequence[Any]) -> _Bend:
        name = f"bend {[np.shape(p) for p in parameters]}"
        made: _Bend = self._prepared.get(name, lambda: _Bend(self._bind, y0, parameters))
        return made

    def _all(self, args: Sequence[Any]) -> list[Array]:
        key = _key(args)
        if self._last is None or self._last[0] != key:
            passed = Crossings()
            found = self._sensitivities(*args, passed=passed)
            value, at = self._of_all(self._tight, args)
            self._watches[0].look(value, at, np.dstack(found), _FIRST, passed.found())
            self._last = key, found
        return self._last[1]

    def _of_all(
        self, function: Callable[..., Array], args: Sequence[Any]
    ) -> tuple[Callable[[Array], Array], Array]:
        """Return a function of all that is differentiated by, and where it is."""
        shapes = [np.shape(a) for a in args]
        ends = np.cumsum([0, *map(np.size, args)])
        whole = np.concatenate([np.ravel(a) for a in args])
        first = 0 if self._by_start else int(ends[1])

        def value(z: Array) -> Array:
            full = np.concatenate([whole[:first], z])
            parts = [full[a:b] for a, b in pairwise(ends)]
            return function(*(p.reshape(shape)[()] for p, shape in zip(parts, shapes, strict=True)))

        return value, whole[first:]

    def _tight(self, y0: Array, *parameters: Any) -> Array:
        """Return the solution, by the tolerances of the sensitivities."""
        found: Array = self._solve(self._bind(parameters), y0, y0.size - 1)
        return found

    def _sensitivities(
        self, y0: Array, *parameters: Any, passed: Crossings | None = None
    ) -> list[Array]:
        """Integrate solution and sensitivities; one array (times, unknowns, size) an argument."""
        n, sizes = y0.size, [np.size(p) for p in parameters]
        first = n if self._by_start else 0
        count = first + sum(sizes)
        start = np.vstack([y0, np.eye(count, n) if first else np.zeros((count, n))])
        slope = self._slope(y0, parameters)
        point = np.concatenate([y0, *(np.ravel(p) for p in parameters)]).astype(np.float64)

        def rhs(t: float, z: Array) -> Array:
            rows = z.reshape(1 + count, n)
            point[:n] = rows[0]
            moved = np.empty_like(rows)
            moved[0], matrix = slope(point, t)
            if passed is not None:
                passed.note(slope.prepared, point, t)
            np.matmul(rows[1:], matrix[:, :n].T, out=moved[1:])
            moved[1 + first :] += matrix[:, n:].T
            return moved.reshape(-1)

        found = np.asarray(self._solve(rhs, start.ravel(), n - 1))
        moved = found.reshape(-1, 1 + count, n)[:, 1:].transpose(0, 2, 1)
        by_start = moved[:, :, :first]
        return [by_start, *np.split(moved[:, :, first:], np.cumsum(sizes)[:-1], axis=2)]


def _joined(bind: Callable[..., Any], y: Array, parameters: Sequence[Any]) -> tuple[Any, Array]:
    """Return a right side as a function of one vector, and of t; and the vector."""
    shapes = [np.shape(y), *map(np.shape, parameters)]
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])

    def joined(z: Any, t: Any) -> Any:
        y, *p = [
            z[a:b].reshape(shape) if shape else z[a]
            for a, b, shape in zip(ends, ends[1:], shapes, strict=False)
        ]
        return np.ravel(np.array(bind(p)(t, y)))

    joined.calls = getattr(bind, "calls", None)  # type: ignore[attr-defined]
    return joined, np.concatenate([np.ravel(y), *(np.ravel(p) for p in parameters)])


class _Slope:
    """A right side and its dense Jacobian by unknowns and parameters together, both compiled."""

    def __init__(self, bind: Callable[..., Any], y: Array, parameters: Sequence[Any]) -> None:
        joined, z = _joined(bind, y, parameters)
        self.prepared = jacobian(joined, z, 0.5)
        self._pattern: Pattern | None = None

    def __call__(self, z: Array, t: float) -> tuple[Array, Array]:
        """Return value and Jacobian, whose array is filled again at the next call."""
        values = self.prepared.values(z, t)
        pattern = self.prepared.pattern
        if pattern is not self._pattern:  # it grows where a branch is taken for the first time
            self._pattern = pattern
            self._matrix = np.zeros(pattern.shape)
            self._places = pattern.rows * pattern.shape[1] + pattern.indices
        self._matrix.reshape(-1)[self._places] = values
        return self.prepared.value(z, t), self._matrix


class _Bend:
    """Second derivatives of a right side by unknowns and parameters, one matrix a row."""

    def __init__(self, bind: Callable[..., Any], y: Array, parameters: Sequence[Any]) -> None:
        joined, z = _joined(bind, y, parameters)

        def weighted(z: Any, t: Any, w: Any) -> Any:
            return np.dot(w, joined(z, t))

        weighted.calls = joined.calls  # type: ignore[attr-defined]
        self._units = np.eye(y.size)
        self.prepared = hessian(weighted, z, 0.5, np.ones(y.size))

    def __call__(self, z: Array, t: float) -> Array:
        """Return an array (unknowns, size, size)."""
        return np.stack([self.prepared(z, t, unit).toarray() for unit in self._units])


def _key(args: Sequence[Any]) -> bytes:
    return b"|".join(np.asarray(a, dtype=np.float64).tobytes() for a in args)


def _ode(solve: Callable[..., Any], bind: Callable[..., Any], by_start: bool) -> Callable[..., Any]:
    made = _Sensitivities(solve, bind, by_start)
    twice = made.curvature, made.curvature_by_direction
    return root_operation(made.value, made.pullback, made.push, twice)


class _Rows(_Sensitivities):
    """A solution whose rows are operations of their own; more of them come while one traces."""

    def row(self, k: int) -> Callable[..., Any]:
        """Return the operation that gives row k."""

        def grown(args: Sequence[Any]) -> Array:
            found = self.value(*args)
            if len(found) <= k:
                self._last_value = self._last = self._last_second = None
                found = self.value(*args)
            return found

        def spread(g: Array, args: Sequence[Any]) -> Array:
            whole = np.zeros_like(grown(args))
            whole[k] = g
            return whole

        def value(*args: Any) -> Array:
            return np.asarray(grown(args)[k])

        return root_operation(
            value,
            lambda g, ans, i, args: self.pullback(spread(g, args), ans, i, args),
            lambda v, ans, i, args: self.push(v, ans, i, args)[k],
            (
                lambda g, v, ans, i, j, args: self.curvature(spread(g, args), v, ans, i, j, args),
                lambda g, h, ans, i, j, args: self.curvature_by_direction(
                    spread(g, args), h, ans, i, j, args
                ),
            ),
        )


def _steps(
    solve: Callable[..., Any], bind: Callable[..., Any], by_start: bool
) -> Callable[[int], Callable[..., Any]]:
    return _Rows(solve, bind, by_start).row


def _integral(solve: Callable[..., Any], bind: Callable[..., Any]) -> Callable[..., Any]:
    """Make an integral of ``(a, b, *parameters)``; ``solve(f, a, b)`` returns a number."""

    def integrand(s: Any, *parameters: Any) -> Any:
        return bind(parameters)(s)

    integrand.calls = getattr(bind, "calls", None)  # type: ignore[attr-defined]
    rows = IntegrandRows(integrand)
    latest: list[tuple[bytes, Any]] = [(b"", None)]  # several derivatives are asked for there

    def value(*args: Any) -> Any:
        key, known = _key(args), latest[0]
        if known[0] != key:
            a, b, *parameters = args
            known = latest[0] = key, solve(bind(tuple(parameters)), float(a), float(b))
        return known[1]

    def slope(k: int, args: Sequence[Any]) -> Array:
        a, b, *parameters = args
        if k < 2:
            return np.asarray((2 * k - 1) * bind(parameters)(args[k]), dtype=np.float64)
        passed = Crossings()

        columns = (rows.column(k - 2, j, parameters, passed) for j in range(np.size(args[k])))
        parts = [solve(column, a, b) for column in columns]

        def moved(p: Array) -> Array:
            given = [*args[:k], p.reshape(np.shape(args[k]))[()], *args[k + 1 :]]
            return np.array([value(*given)])

        fix = JUMPS if rows.may_jump() else MISSED
        watch.look(moved, np.ravel(args[k]), np.array(parts), _INTEGRAL, passed.found(), fix)
        return np.reshape(parts, np.shape(args[k]))

    watch = Watch()
    bends = _Bends(integrand, solve, slope)

    def curvature(g: Array, v: Array, ans: Array, k: int, j: int, args: Sequence[Any]) -> Array:
        if j < 0:  # the integral follows from its arguments
            return np.zeros_like(ans)
        return np.asarray(g * (np.ravel(v) @ bends.block(k, j, args))).reshape(np.shape(args[j]))

    def by_direction(g: Array, h: Array, ans: Array, k: int, j: int, args: Sequence[Any]) -> Array:
        return np.zeros(np.shape(args[k])) if j < 0 else curvature(g, h, ans, j, k, args)

    return root_operation(
        value,
        lambda g, ans, k, args: g * slope(k, args),
        lambda v, ans, k, args: np.asarray(np.sum(v * slope(k, args))),
        (curvature, by_direction),
    )


class _Bends:
    """Second derivatives of an integral, prepared at first use: of its limits and parameters."""

    def __init__(
        self,
        integrand: Callable[..., Any],
        solve: Callable[..., Any],
        slope: Callable[[int, Sequence[Any]], Array],
    ) -> None:
        self._integrand, self._solve, self._slope = integrand, solve, slope
        self._watches: defaultdict[tuple[int, int], Watch] = defaultdict(Watch)
        self._prepared = Lazy()
        self._last: tuple[bytes, dict[tuple[int, int], Array]] = b"", {}

    def block(self, k: int, j: int, args: Sequence[Any]) -> Array:
        """Return the derivatives by arguments k and j, a matrix."""
        key = _key(args)
        if self._last[0] != key:
            self._last = key, {}
        known = self._last[1]
        if (k, j) not in known:
            known[k, j] = self._block(k, j, args) if k <= j else self.block(j, k, args).T
        return known[k, j]

    def _block(self, k: int, j: int, args: Sequence[Any]) -> Array:
        a, b, *parameters = args
        if k < 2:  # a limit: the integrand there, differentiated once
            if k != j < 2:
                return np.zeros((1, 1))
            by = 0 if j < 2 else j - 1
            given = (args[k], *parameters)
            found = self._slopes.by(by, given)(*given).toarray()
            return np.asarray((2 * k - 1) * found).reshape(1, -1)
        ends = np.cumsum([1, *map(np.size, parameters)])
        rows, columns = range(ends[k - 2], ends[k - 1]), range(ends[j - 2], ends[j - 1])
        bend = self._prepared.get(f"{list(map(np.shape, parameters))}", lambda: _Bend(
            lambda p: lambda t, s: self._integrand(s[0], *p), np.ones(1), parameters
        ))  # fmt: skip
        tail = [np.ravel(p) for p in parameters]

        passed = Crossings()

        def bent(s: float, row: int, column: int) -> Any:
            z = np.concatenate([[s], *tail])
            found = bend(z, 0.0)[0, row, column]
            passed.note(bend.prepared, z, 0.0, np.ones(1))
            return found

        def entry(row: int, column: int) -> float:
            return float(self._solve(lambda s: bent(s, row, column), a, b))

        found = np.array([[entry(row, column) for column in columns] for row in rows])

        def moved(p: Array) -> Array:
            given = [*args[:j], p.reshape(np.shape(args[j]))[()], *args[j + 1 :]]
            return self._slope(k, given)

        self._watches[k, j].look(moved, np.ravel(args[j]), found, _INTEGRAL, passed.found())
        return found

    @property
    def _slopes(self) -> _Slopes:
        made: _Slopes = self._prepared.get("slopes", lambda: _Slopes(self._integrand))
        return made


OPERATIONS.update(ode=_ode, steps=_steps, integral=_integral)
