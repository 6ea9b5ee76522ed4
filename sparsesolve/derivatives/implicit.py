"""`implicit`: a root inside of a function, differentiated by the implicit function theorem.

Separate because the loop that finds a root is not what shall be differentiated: with F(y, x) = 0,
``dy/dx = -(dF/dy)^-1 dF/dx`` at the root, whatever the solver did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.derivatives.jacobian import jacobian
from sparsesolve.derivatives.traced_function import Lazy
from sparsesolve.host.imports import importing
from sparsesolve.numpy_ops.implicit import root_operation

__all__ = ["implicit"]

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
        Takes the arguments of `solve`, arrays or numbers. It may be differentiated once; its
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
    slopes = _Slopes(residual)
    return wraps(solve)(root_operation(solve, slopes.pullback, slopes.push))


class _Slopes:
    """Derivatives of a residual, prepared at the first root."""

    def __init__(self, residual: Callable[..., Any]) -> None:
        self._residual = residual
        self._prepared = Lazy()
        self._last: tuple[bytes, Any] | None = None

    def pullback(self, g: Array, root: Array, k: int, args: Sequence[Any]) -> Array:
        """Return ``g`` times the derivative of the root by argument k, in the shape of that."""
        given = [np.asarray(a, dtype=np.float64)[()] for a in (root, *args)]
        weights = self._factors(given).solve(np.ravel(np.asarray(g, dtype=np.float64)), trans="T")
        slope = self._by(k + 1, given)(*given)
        found: Array = -np.asarray(slope.T @ weights).reshape(np.shape(given[k + 1]))
        return found

    def push(self, v: Array, root: Array, k: int, args: Sequence[Any]) -> Array:
        """Return the derivative of the root by argument k times ``v``, in the shape of the root."""
        given = [np.asarray(a, dtype=np.float64)[()] for a in (root, *args)]
        slope = self._by(k + 1, given)(*given)
        moved = slope @ np.ravel(np.asarray(v, dtype=np.float64))
        found: Array = -np.asarray(self._factors(given).solve(moved)).reshape(np.shape(root))
        return found

    def _by(self, argnum: int, given: Sequence[Any]) -> Any:
        shapes = [np.shape(a) for a in given]
        name = f"{argnum} of {shapes}"
        return self._prepared.get(name, lambda: jacobian(self._residual, *given, argnum=argnum))

    def _factors(self, given: Sequence[Any]) -> Any:
        key = b"|".join(np.asarray(a).tobytes() for a in given)
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
