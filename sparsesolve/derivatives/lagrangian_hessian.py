"""`LagrangianHessian`: one matrix of second derivatives for an objective and constraints.

Separate from `ProblemDerivatives`, which holds all that a solver asks for: here are those
derivatives under the protocol of a single one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsesolve.coloring import Coloring
from sparsesolve.coloring.cache import shared_coloring_cache
from sparsesolve.derivatives.branched_problem import problem_derivatives
from sparsesolve.derivatives.derivative import SymmetricDerivative
from sparsesolve.derivatives.jacobian import direction
from sparsesolve.derivatives.report import readable, table
from sparsesolve.engine.arguments import output_buffer
from sparsesolve.options import Method
from sparsesolve.structure.pattern import Pattern

__all__ = ["LagrangianHessian"]

Array = NDArray[np.float64]
Scalar = Callable[[Any], Any]


class LagrangianHessian(SymmetricDerivative):
    """Hessian of the Lagrangian, ``sigma * f(x) + multipliers @ c(x)``, by x.

    Parameters
    ----------
    objective : callable or None
        Returns a number.
    constraints : sequence of callable, or one
        Stacked in order.
    x0 : array_like, shape (n,)
        Fixes the number of variables.
    method : str, default "auto"
        As for `hessian`.

    Examples
    --------
    >>> import numpy as np
    >>> H = LagrangianHessian(lambda x: np.sum(x**2), [lambda x: x[0] * x[1]], np.ones(2))
    >>> H(np.ones(2), np.array([5.0]), sigma=0.5).toarray()
    array([[1., 5.],
           [5., 1.]])
    """

    def __init__(
        self,
        objective: Scalar | None,
        constraints: Sequence[Scalar] | Scalar,
        x0: ArrayLike,
        *,
        method: Method = "auto",
    ) -> None:
        if callable(constraints):
            constraints = [constraints]
        self.recipe = LagrangianHessian, (objective, constraints, x0), {"method": method}
        self._derivatives = problem_derivatives(objective, constraints, x0, method=method)
        self.calls = dict.fromkeys(("values", "value", "gradient", "hvp"), 0)

    @property
    def lower_pattern(self) -> Pattern:
        """Structure of the lower triangle, shape (n, n)."""
        return self._derivatives.hessian_pattern

    @property
    def pattern(self) -> Pattern:
        """Structure of the full matrix, shape (n, n)."""
        return self._derivatives.symmetric.pattern

    @property
    def method(self) -> str:
        """How values are computed: "compiled", "interpreted" or "colored"."""
        return self._derivatives.hessian_nonzeros.method

    @property
    def coloring(self) -> Coloring:
        """A star coloring of the pattern."""
        return shared_coloring_cache.get(self.pattern, structure="symmetric").coloring

    def __call__(self, x: Any, multipliers: Any, sigma: float = 1.0) -> Any:
        """Return the full symmetric csr_array."""
        return self._derivatives.hessian_full(self.lower_values(x, multipliers, sigma))

    def lower_values(
        self, x: Any, multipliers: Any, sigma: float = 1.0, out: Array | None = None
    ) -> Array:
        """Return the nonzeros of the lower triangle in the order of `lower_pattern`."""
        self.calls["values"] += 1
        return self._derivatives.hessian_values(x, multipliers, sigma, out)

    def values(
        self, x: Any, multipliers: Any, sigma: float = 1.0, out: Array | None = None
    ) -> Array:
        """Return the nonzeros of the full matrix in the order of `pattern`; into `out` if given."""
        if out is not None:
            output_buffer(out, self.nnz)
        lower = self.lower_values(x, multipliers, sigma)
        gather = self._derivatives.symmetric.gather
        if out is not None:
            output_buffer(out, gather.size)  # a branch may just have needed more entries
        return lower.take(gather, out=out, mode="clip")

    def value(self, x: Any, multipliers: Any, sigma: float = 1.0) -> float:
        """Return ``sigma * f + multipliers . c``."""
        self.calls["value"] += 1
        weights = self._derivatives.weights(multipliers, sigma)
        f, c = self._derivatives.objective(x), self._derivatives.constraints(x)
        return float(weights[0] * f + weights[1:] @ c)

    def gradient(self, x: Any, multipliers: Any, sigma: float = 1.0) -> Array:
        """Return the gradient of ``sigma * f + multipliers . c``, shape (n,)."""
        self.calls["gradient"] += 1
        return self._derivatives.lagrangian_gradient(x, multipliers, sigma)

    def hvp(self, *args: Any) -> Array:
        """Return ``H(x, multipliers, sigma) @ v``, shape (n,); `v` comes last, sigma may miss."""
        self.calls["hvp"] += 1
        x, multipliers, sigma, v = args if len(args) == _ALL else (*args[:2], 1.0, *args[2:])
        along = direction("v", v, self.shape[1])
        return self._derivatives.lagrangian_product(x, multipliers, sigma, along)

    def explain(self, i: int, j: int) -> str:
        """Say which source lines and primitives join gradient element i and variable j.

        Raises
        ------
        IndexError
            If the entry lies outside the matrix.
        """
        return self._derivatives.explain_hessian(i, j)

    def explain_nonfinite(self, x: Any, multipliers: Any, sigma: float = 1.0) -> str:
        """Say which source line and primitive make an entry infinite or not a number.

        Parameters
        ----------
        x, multipliers, sigma
            Arguments of a call.

        Returns
        -------
        str
            A sentence; empty if all entries are finite.
        """
        return self._derivatives.explain_nonfinite_hessian(x, multipliers, sigma)

    def explore(self, points: Iterable[Any]) -> None:
        """Trace ahead at some x, where functions branch on their values."""
        self._derivatives.explore(points)

    def kernels(self) -> str:
        """Return a readable form of the program that computes the nonzeros."""
        return readable(self._derivatives.hessian_nonzeros)

    def verify(self, x: ArrayLike | None = None) -> None:
        """Raise `VerificationError` where data of a function changed since it was traced."""
        self._derivatives.verify(x)

    def report(self) -> str:
        """Return a table of sizes, times of each stage and counts."""
        counts = [(f"calls of {name}", str(count)) for name, count in self.calls.items() if count]
        return "\n".join([self._derivatives.report(), *([table(counts)] if counts else [])])


# x, multipliers, sigma and a direction
_ALL = 4
