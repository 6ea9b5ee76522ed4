"""`implicit`: a root inside of a function, differentiated by the implicit function theorem.

The loop that finds a root is not what shall be differentiated: with F(y, x) = 0,
``dy/dx = -(dF/dy)^-1 dF/dx`` at the root, whatever the solver did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.derivatives.hessian import hessian
from sparsesolve.derivatives.jacobian import jacobian
from sparsesolve.derivatives.traced_function import Lazy
from sparsesolve.host.imports import importing
from sparsesolve.numpy_ops.implicit import root_operation
from sparsesolve.numpy_ops.roots import OPERATION
from sparsesolve.options import as_function
from sparsesolve.trace.content import content_of
from sparsesolve.trace.watched import note_used

__all__ = ["InnerRoot", "implicit"]

Array = NDArray[np.float64]


def implicit(solve: Callable[..., Any], residual: Callable[..., Any]) -> Callable[..., Any]:
    """Make a solver of equations an operation that other functions may use.

    Parameters
    ----------
    solve : callable
        ``solve(*args)`` returns the root y, a number or an array. It is called, never traced, and
        may be anything: a function of scipy.optimize, a loop, a table.
    residual : callable
        ``residual(y, *args)`` vanishes at the root; as many values as y has. Ordinary NumPy.

    Returns
    -------
    callable
        Takes the arguments of `solve`, arrays or numbers. It may be differentiated twice; its
        Jacobian is dense in that block.

    Notes
    -----
    The sparse Jacobian of the residual by y is factorized once a point. As exact as the root.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.optimize import brentq
    >>> solve = lambda x: brentq(lambda y: y**3 + y - x, -10.0, 10.0, xtol=1e-14)
    >>> root = implicit(solve, lambda y, x: y**3 + y - x)
    >>> J = jacobian(lambda x: root(x[0]) * x, np.array([2.0, 1.0]))
    >>> J(np.array([2.0, 1.0])).toarray()
    array([[1.5 , 0.  ],
           [0.25, 1.  ]])
    """
    as_function("solve", solve)
    slopes = _Slopes(as_function("residual", residual))
    twice = slopes.curvature, slopes.curvature_by_direction
    operation = root_operation(solve, slopes.pullback, slopes.push, twice)

    slopes.renew()

    @wraps(solve)
    def root(*args: Any) -> Any:
        if note_used((solve, residual)):
            slopes.renew()
        return operation(*args)

    return root


class _Slopes:
    """Derivatives of a residual, prepared at the first root."""

    def __init__(self, residual: Callable[..., Any]) -> None:
        self._residual = residual
        self._used: Any = None  # what the residual uses, where somebody renews it
        self._prepared = Lazy()
        self._last: tuple[bytes, Any] | None = None

    def renew(self) -> None:
        """Forget what was prepared, where the data of the residual are other ones now."""
        used = content_of(self._residual)
        if used is None or used != self._used:
            self._used, self._prepared, self._last = used, Lazy(), None

    def pullback(self, g: Array, root: Array, k: int, args: Sequence[Any]) -> Array:
        """Return ``g`` times the derivative of the root by argument k, in the shape of that."""
        given = [np.asarray(a, dtype=np.float64)[()] for a in (root, *args)]
        weights = self._solved(given, np.ravel(np.asarray(g, dtype=np.float64)), "T")
        slope = self._slope(k + 1, given)
        found: Array = -np.asarray(slope.T @ weights).reshape(np.shape(given[k + 1]))
        return found

    def push(self, v: Array, root: Array, k: int, args: Sequence[Any]) -> Array:
        """Return the derivative of the root by argument k times ``v``, in the shape of the root."""
        given = [np.asarray(a, dtype=np.float64)[()] for a in (root, *args)]
        moved = self._slope(k + 1, given) @ np.ravel(np.asarray(v, dtype=np.float64))
        found: Array = -np.asarray(self._solved(given, moved, "N")).reshape(np.shape(root))
        return found

    def curvature(
        self, g: Array, v: Array, root: Array, k: int, j: int, args: Sequence[Any]
    ) -> Array:
        """Return the derivative of ``g (dy/dx_k) v`` by argument j, or by the root for -1.

        With weights ``w = F_y^-T g`` that is a product of the Hessian of ``w F``, in the direction
        in which the root and the argument move together.
        """
        moves = {0: self.push(v, root, k, args), k + 1: v}
        return -self._bent(g, root, args, moves)[j + 1]

    def curvature_by_direction(
        self, g: Array, h: Array, root: Array, k: int, j: int, args: Sequence[Any]
    ) -> Array:
        """Return ``h`` times the derivative of that by ``v``."""
        bent = self._bent(g, root, args, {j + 1: h})
        return -(self.pullback(bent[0], root, k, args) + bent[k + 1])

    def _bent(
        self, g: Array, root: Array, args: Sequence[Any], moves: Mapping[int, Array]
    ) -> list[Array]:
        """Multiply the Hessian by a direction; root and arguments are numbered from 0."""
        given = [np.asarray(a, dtype=np.float64)[()] for a in (root, *args)]
        weights = self._solved(given, np.ravel(np.asarray(g, dtype=np.float64)), "T")
        direction = [np.ravel(moves.get(k, np.zeros(np.shape(a)))) for k, a in enumerate(given)]
        z = np.concatenate([np.ravel(a) for a in given])
        bent = self._second(given)(z, weights) @ np.concatenate(direction)
        ends = np.cumsum([np.size(a) for a in given])[:-1]
        parts = zip(np.split(bent, ends), given, strict=True)
        return [part.reshape(np.shape(a)) for part, a in parts]

    def _second(self, given: Sequence[Any]) -> Any:
        """Return the Hessian of a weighted sum of the residual by the root and all arguments."""
        shapes = [np.shape(a) for a in given]
        joined = self._joined(given)

        def weighted(z: Any, w: Any) -> Any:
            return np.dot(w, joined(z))

        weighted.calls = joined.calls  # type: ignore[attr-defined]
        start = np.concatenate([np.ravel(a) for a in given])
        count = np.size(given[0])
        return self._prepared.get(
            f"twice {shapes}", lambda: hessian(weighted, start, np.ones(count))
        )

    def _joined(self, given: Sequence[Any]) -> Any:
        """Return the residual as a function of one vector, of the root and all arguments."""
        shapes = [np.shape(a) for a in given]
        sizes = np.cumsum([0, *(np.size(a) for a in given)])

        def joined(z: Any) -> Any:
            parts = [
                z[start:stop].reshape(shape) if shape else z[start]
                for start, stop, shape in zip(sizes, sizes[1:], shapes, strict=False)
            ]
            return np.ravel(self._residual(*parts))

        joined.calls = getattr(self._residual, "calls", None)  # type: ignore[attr-defined]
        return joined

    def _slope(self, argnum: int, given: Sequence[Any]) -> Any:
        """Return the derivative of the residual by the root, for 0, or by an argument."""
        return self._by(argnum, given)(*given)

    def _solved(self, given: Sequence[Any], b: Array, trans: str) -> Array:
        """Solve with the derivative by the root, or its transpose."""
        found: Array = self._factors(given).solve(b, trans=trans)
        return found

    def _by(self, argnum: int, given: Sequence[Any]) -> Any:
        shapes = [np.shape(a) for a in given]
        name = f"{argnum} of {shapes}"
        return self._prepared.get(name, lambda: jacobian(self._residual, *given, argnum=argnum))

    def _factors(self, given: Sequence[Any]) -> Any:
        key = _key(given)
        last = self._last  # several weights come at one point
        if last is None or last[0] != key:
            J = self._by(0, given)(*given)
            if J.shape[0] != J.shape[1]:
                raise ValueError(
                    f"`residual` must return as many values as the root has, got {J.shape[0]} for "
                    f"{J.shape[1]}. Return one equation for each unknown."
                )
            with importing():
                from scipy.sparse.linalg import splu  # noqa: PLC0415 - slow to import

            last = self._last = key, splu(sp.csc_matrix(J))
        return last[1]


class InnerRoot(_Slopes):
    """A root of few unknowns, and after it whether it was found.

    One dense matrix for all arguments is filled at once. Where no root was found, there is no
    derivative either: it is not a number.
    """

    def __init__(self, solve: Callable[..., Any], residual: Callable[..., Any]) -> None:
        super().__init__(residual)
        self._solve = solve
        self._found: tuple[bytes, Array] | None = None
        self._at: tuple[bytes, list[Array]] | None = None

    def value(self, *args: Any) -> Array:
        """Return the root and 1, or what the solver has come to and 0."""
        key = _key(args)
        last = self._found  # its value and several derivatives are asked for at one point
        if last is None or last[0] != key:
            last = self._found = key, np.asarray(self._solve(*args), dtype=np.float64)
        return last[1].copy()

    def _slope(self, argnum: int, given: Sequence[Any]) -> Any:
        key = _key(given)
        last = self._at
        if last is None or last[0] != key:
            last = self._at = key, self._matrices(given)
        return last[1][argnum]

    def _solved(self, given: Sequence[Any], b: Array, trans: str) -> Array:
        matrix = self._slope(0, given)
        return _dense_solution(matrix.T if trans == "T" else matrix, b)

    def _matrices(self, given: Sequence[Any]) -> list[Array]:
        point = np.concatenate([np.ravel(a) for a in given])
        name = f"all of {[np.shape(a) for a in given]}"
        J = self._prepared.get(name, lambda: jacobian(self._joined(given), point))
        values, pattern = J.values(point), J.pattern
        whole = np.zeros(pattern.shape)
        whole[pattern.rows, pattern.indices] = values
        parts = np.split(whole, np.cumsum([np.size(a) for a in given])[:-1], axis=1)
        if not given[0][-1]:  # it may be one all the same, where more was asked for than there is
            step = np.abs(_dense_solution(parts[0], J.value(point)))[:-1]
            if not np.all(step <= 1e-6 * (1.0 + np.abs(given[0][:-1]))):
                parts[0][...] = np.nan
        return parts


def _dense_solution(matrix: Array, b: Array) -> Array:
    try:
        found: Array = np.asarray(np.linalg.solve(matrix, b), dtype=np.float64)
    except np.linalg.LinAlgError:  # roots meet there, and have no derivative
        found = np.full_like(b, np.nan)
    return found


def _key(given: Sequence[Any]) -> bytes:
    return b"|".join(np.asarray(a).tobytes() for a in given)


def _inner_root(solve: Callable[..., Any], residual: Callable[..., Any]) -> Callable[..., Any]:
    made = InnerRoot(solve, residual)
    twice = made.curvature, made.curvature_by_direction
    return root_operation(made.value, made.pullback, made.push, twice)


OPERATION["root"] = _inner_root
