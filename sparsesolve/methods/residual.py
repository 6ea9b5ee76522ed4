"""`Residual`: a vector function and its sparse Jacobian during one solve, counted and timed.

Newton, the least squares methods and the integrators read a function the same
way; the values at the last point are kept, since most ask for F and then for J at one point.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.methods.freshness import failed_if, find_change, seal
from sparsesolve.methods.low_rank import LowRankSum
from sparsesolve.methods.prepared_jacobian import is_prepared, prepare_jacobian
from sparsesolve.options import SolverDerivatives
from sparsesolve.problem.result import Counts, Result
from sparsesolve.structure.pattern import Pattern

__all__ = ["CscOrder", "Residual", "prepare_residual"]

Array = NDArray[np.float64]


class Residual:
    """F and J at points, with what has just been computed kept.

    Parameters
    ----------
    jacobian : Jacobian
        As made by `sparsesolve.jacobian`.
    args : tuple, optional
        Further arguments of the function.
    thin : bool, default False
        Whether the Jacobian may be left as sparse + low rank where it is large.
    """

    def __init__(self, jacobian: Any, args: tuple[Any, ...] = (), *, thin: bool = False) -> None:
        self.prepared = jacobian
        self.args = args
        self.notes: tuple[str, ...] = ()
        self.is_thin = thin and bool(getattr(jacobian, "is_thin", False))
        self._pattern: Pattern | None = None
        self.calls = {"value": 0, "jacobian": 0}
        self.seconds = 0.0
        self.seconds_preparation = 0.0
        self._csc: CscOrder | None = None
        self._sum: tuple[Array, LowRankSum] | None = None
        self._at: dict[str, tuple[Array, Array]] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """Of the Jacobian."""
        return _shape_of(self.prepared)

    @property
    def pattern(self) -> Pattern:
        """Structure of the Jacobian."""
        if self._pattern is None:
            self._pattern = self.prepared.pattern
        return self._pattern

    @property
    def counts(self) -> Counts:
        """Evaluations so far."""
        return Counts(function=self.calls["value"], jacobian=self.calls["jacobian"])

    def value(self, x: Array) -> Array:
        """Return F(x), shape (m,); a fresh array."""
        return np.array(self._once("value", self.prepared.value, x))

    def values(self, x: Array) -> Array:
        """Return the nonzeros of J(x) in the order of its pattern, read-only."""
        if self._follow():  # what is kept has the old structure
            self._at.pop("jacobian", None)
        values = self._once("jacobian", self.prepared.values, x)
        self._follow()
        return values

    def csr(self, x: Array) -> sp.csr_array:
        """Return J(x), rows first."""
        values = np.array(self.values(x))
        return self.pattern.to_scipy(values)

    def csc(self, x: Array) -> sp.csc_array:
        """Return J(x), columns first, sorted, int32."""
        values = self.values(x)
        if self._csc is None:
            self._csc = CscOrder(self.pattern)
        return self._csc.matrix(values)

    def matrix(self, x: Array) -> Any:
        """Return J(x), columns first; a `LowRankSum` where it is left as sparse + low rank."""
        if not self.is_thin:
            return self.csc(x)
        known = self._sum
        if known is None or not np.array_equal(known[0], x):
            found = self._timed(self.prepared.factored, x)
            self.calls["jacobian"] += 1
            if found is None:  # not finite: the values say where
                self.is_thin = False
                return self.csc(x)
            known = self._sum = np.array(x), LowRankSum.of(found)
        return known[1]

    def final_jacobian(self, x: Array) -> Any:
        """Return J(x) for a result: rows first, or an operator where it was never formed."""
        return self.prepared.as_linear_operator(x, *self.args) if self.is_thin else self.csr(x)

    def value_and_jacobian(self, x: Array) -> tuple[Array, Any]:
        """Return F(x) and J(x), columns first."""
        return self.value(x), self.matrix(x)

    def explain_nonfinite(self, x: Array) -> str:
        """Name the first entry of J(x) that is not finite, and where it comes from."""
        text = ""
        if hasattr(self.prepared, "explain_nonfinite"):
            with np.errstate(all="ignore"):
                text = str(self.prepared.explain_nonfinite(x, *self.args))
        return text or "The Jacobian is not finite."

    def is_finite(self, x: Array) -> bool:
        """Whether the Jacobian is."""
        return bool(np.all(np.isfinite(self.values(x))))

    def confirm(
        self, function: Callable[..., Any], args: tuple[Any, ...], result: Result
    ) -> Result:
        """Return a result with the notes of its solve, failed where `function` changed meanwhile.

        Parameters
        ----------
        function : callable
            The user's; it is called once.
        args : tuple
            Its further arguments, as the user gave them.
        result : Result
            Of the solve.
        """
        stale = find_change(
            function, self.prepared, [result.x, *args], 0, list(self.args), result.success
        )
        return failed_if(replace(result, notes=result.notes + self.notes), "function", stale)

    def _follow(self) -> bool:
        """Take over the pattern where it has grown, by a branch that was not taken before."""
        if self.prepared.pattern is self.pattern:
            return False
        self._pattern, self._csc = self.prepared.pattern, None
        return True

    def _once(self, kind: str, function: Callable[..., Any], x: Array) -> Array:
        known = self._at.get(kind)
        if known is None or not np.array_equal(known[0], x):
            value = np.ravel(self._timed(function, x))
            value.setflags(write=False)
            self.calls[kind] += 1
            known = self._at[kind] = (np.array(x), value)
        return known[1]

    def _timed(self, function: Callable[..., Any], x: Array) -> Any:
        start = time.perf_counter()
        with np.errstate(all="ignore"):
            value = function(x, *self.args)
        self.seconds += time.perf_counter() - start
        return value


def prepare_residual(
    function: Callable[..., Any],
    x0: Array,
    args: tuple[Any, ...] = (),
    *,
    derivatives: SolverDerivatives = "auto",
    jacobian: Any = None,
    thin: bool = False,
) -> Residual:
    """Prepare the Jacobian of `function` at `x0`, or take one prepared before.

    Parameters
    ----------
    function : callable
        ``function(x, *args)``.
    x0 : ndarray, shape (n,)
        Example point.
    args : tuple, optional
        Further arguments.
    derivatives : {"auto", "compiled", "interpreted", "colored", "differences"}, optional
        How they are made.
    jacobian : Jacobian, optional
        Prepared before; reused.
    thin : bool, default False
        Whether the solver takes a Jacobian that is left as sparse + low rank.

    Returns
    -------
    Residual
        Ready to be evaluated.
    """
    start = time.perf_counter()
    if jacobian is not None and is_prepared(jacobian):
        _, n = _shape_of(jacobian)
        if n != x0.size:
            raise ValueError(
                f"`jac` was prepared for {n} variables, but the start has {x0.size}. Prepare it "
                "with an example of this size."
            )
    prepared, notes = prepare_jacobian(function, [x0, *args], 0, jacobian, derivatives)
    residual = Residual(prepared, tuple(seal(prepared, [x0, *args])[1:]), thin=thin)
    residual.notes = notes
    # the first evaluations compile what they need; their values are kept, so none is wasted
    _, J = residual.value_and_jacobian(x0)
    if isinstance(J, LowRankSum):
        residual.notes += (
            f"the Jacobian, {J.shape[0]} x {J.shape[1]}, is not formed: its systems are those of a "
            f"sparse matrix with {J.sparse.nnz} nonzeros, bordered by {J.rank} rows and columns",
        )
    residual.seconds_preparation = time.perf_counter() - start
    residual.seconds = 0.0
    return residual


class CscOrder:
    """The structure of a pattern by columns, and where each value comes from."""

    def __init__(self, pattern: Pattern) -> None:
        numbered = pattern.to_scipy(np.arange(1, pattern.nnz + 1)).tocsc()
        numbered.sort_indices()
        self.shape = pattern.shape
        self.indptr = numbered.indptr.astype(np.int32)
        self.indices = numbered.indices.astype(np.int32)
        self.gather = numbered.data.astype(np.intp) - 1

    @classmethod
    def of_entries(cls, shape: tuple[int, int], rows: Any, columns: Any) -> CscOrder:
        """Take the entries in the order of a pattern, by rows."""
        return cls(Pattern.from_coo(shape, rows, columns))

    def matrix(self, values: Array) -> sp.csc_array:
        """Return the matrix; data is fresh, indices are shared."""
        return sp.csc_array((values[self.gather], self.indices, self.indptr), shape=self.shape)


def _shape_of(jacobian: Any) -> tuple[int, int]:
    """Return rows and columns; an object of the user's own may have no more than a pattern."""
    shape: tuple[int, int] = getattr(jacobian, "shape", None) or jacobian.pattern.shape
    return shape
