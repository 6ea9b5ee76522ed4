"""The Jacobian by y of a right-hand side, in the form each method takes.

Separate from the choice of a method: it is prepared once, or was before, and compared with the
function; what is not finite in it is differenced, because a method would factorize it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.adapters.finite_values import FiniteValues
from sparsesolve.methods.freshness import check_jacobian, seal
from sparsesolve.methods.prepared_jacobian import prepare_jacobian
from sparsesolve.methods.residual import CscOrder
from sparsesolve.options import TRACED, SolverDerivatives

__all__ = ["NEAR", "JacobianSupply"]

Array = NDArray[np.float64]
Rhs = Callable[..., Any]

# scipy's default
_ATOL = 1e-6

# up to this size, or from this density on, LAPACK beats SuperLU and the sparse arithmetic
_DENSE_SIZE = 40
_DENSE_SHARE = 0.3

NEAR = 1e-3
"""Which part of the span away from its ends a function is compared: not where a term is zero."""


class JacobianSupply:
    """The Jacobian by y of a right-hand side, in the form each method takes."""

    def __init__(
        self,
        rhs: Rhs,
        t_span: tuple[float, float],
        y0: Array,
        args: tuple[Any, ...],
        jac: Any,
        atol: Any = _ATOL,
        derivatives: SolverDerivatives = "auto",
    ) -> None:
        t0 = float(t_span[0])
        self.t_start, self.y_start = t0, y0
        self.span = abs(float(t_span[1]) - t0)
        self.prepared, self._prepare_notes = prepare_jacobian(
            rhs,
            [t0, y0, *args],
            1,
            jac,
            derivatives,
            lambda given: self._checked(rhs, given, t_span, args),
        )
        # an object of the user's own may give a Jacobian alone: the function is then called itself
        self.comparable = hasattr(self.prepared, "staleness")
        self.args = seal(self.prepared, [t0, y0, *args])[2:]
        self._finite_values = FiniteValues(self.prepared, atol)
        self._follow()
        n = y0.size
        if self.pattern.shape != (n, n):
            raise ValueError(
                f"The right-hand side must return {n} values for {n} unknowns, got "
                f"{self.pattern.shape[0]}. It is called as rhs(t, y, *args), t first."
            )
        self.is_small = n <= _DENSE_SIZE or self.pattern.density >= _DENSE_SHARE
        self.state_function = self._of_state(rhs, args)

    def _follow(self) -> None:
        """Take over the pattern, at the start and where a branch has made it grow."""
        self.pattern = self._finite_values.pattern
        self.order = CscOrder(self.pattern)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the result should tell of the Jacobian."""
        return self._prepare_notes + self._finite_values.notes

    def trouble_at_the_start(self) -> str:
        """Say what of the right-hand side is not finite at the start; empty if all is."""
        with np.errstate(all="ignore"):
            value = self.state_function(self.t_start, self.y_start)
        bad = np.flatnonzero(~np.isfinite(value))
        if not bad.size:
            return ""
        return (
            f"The right-hand side is {value[bad[0]]} in row {bad[0]} at the start ({bad.size} such "
            "rows). Start where it is finite."
        )

    def _checked(
        self, rhs: Rhs, jac: Any, t_span: tuple[float, float], args: tuple[Any, ...]
    ) -> tuple[Any, tuple[str, ...]]:
        """Return `jac`, or one prepared anew where it is not of `rhs`."""
        if not hasattr(jac, "staleness"):
            return jac, ()
        length = float(t_span[1]) - self.t_start
        at = self.t_start + NEAR * (length if np.isfinite(length) else 1.0)
        return check_jacobian(rhs, jac, [at, self.y_start, *args], 1)

    def function(self, rhs: Rhs) -> Rhs:
        """Return the right-hand side as it was traced; the user's own where it was not."""
        if not self._is_traced:
            return rhs
        value, fixed = self.prepared.value, self.args
        return lambda t, y, *args: value(t, y, *fixed).ravel()

    def _of_state(self, rhs: Rhs, args: tuple[Any, ...]) -> Callable[[float, Array], Array]:
        """Return it as a function of t and y alone, whose values are flat."""
        if self._is_traced:
            return self.function(rhs)
        return lambda t, y: np.ravel(np.asarray(rhs(t, y, *args), dtype=np.float64))

    @property
    def _is_traced(self) -> bool:
        return getattr(self.prepared, "method", "") in TRACED

    def sparse(self, t: float, y: Array, *args: Any) -> sp.csc_array:
        """Return J as csc, sorted, int32."""
        values = self._finite(t, y)
        return self.order.matrix(values)

    def by_rows(self, t: float, y: Array) -> sp.csr_array:
        """Return J as csr, in the order of the pattern."""
        values = self._finite(t, y)
        return sp.csr_array(
            (values, self.pattern.indices, self.pattern.indptr), shape=self.pattern.shape
        )

    def product(self, t: float, y: Array, v: Array) -> Array:
        """Return J v."""
        if not hasattr(self.prepared, "jvp"):
            return np.asarray(self.by_rows(t, y) @ v)
        with np.errstate(all="ignore"):
            return np.ravel(self.prepared.jvp(t, y, *self.args, v))

    def dense(self, t: float, y: Array, *args: Any) -> Array:
        """Return J as an array of shape (n, n)."""
        values = self._finite(t, y)
        full = np.zeros(self.pattern.shape)
        full[self.pattern.rows, self.pattern.indices] = values
        return full

    @property
    def may_grow(self) -> bool:
        """Whether there are branches, of which another one may need more entries."""
        paths = getattr(self.prepared, "paths", tuple)
        return self._is_traced and bool(paths())

    def lsoda(self) -> dict[str, Any]:
        """Return LSODA's arguments: bands where they are narrow."""
        offset = self.pattern.indices.astype(np.int64) - self.pattern.rows
        upper, lower = int(offset.max(initial=0)), int(-offset.min(initial=0))
        n = self.pattern.shape[0]
        if 2 * (upper + lower + 1) >= n or self.may_grow:
            return {"jac": self.dense}
        rows = upper - offset

        def banded(t: float, y: Array, *args: Any) -> Array:
            packed = np.zeros((lower + upper + 1, n))
            packed[rows, self.pattern.indices] = self._finite(t, y)
            return packed

        return {"jac": banded, "lband": lower, "uband": upper}

    def _finite(self, t: float, y: Array) -> Array:
        """Values at (t, y), all finite; the pattern is then that of these."""
        values = self._finite_values.at(lambda at: self.state_function(t, at), t, y, self.args)
        if self._finite_values.pattern is not self.pattern:
            self._follow()
        return values
