"""`Reduction`: a problem without its fixed variables, in the sparse forms scipy takes.

scipy handles fixed variables badly (trust-constr makes equality rows of them,
TNC and others patch the callback), while IPOPT handles them itself. Structures are selected once;
each evaluation is one gather of values. Where nothing is fixed the gathers are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.methods.evaluation import Evaluation

__all__ = ["ChosenRows", "Reduction", "Selection"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Selection:
    """Some rows and columns of a fixed pattern.

    Parameters
    ----------
    template : csr_array
        The selected structure; its data is not used.
    gather : ndarray of int, or None
        Position of each selected entry in the values of the whole; None: all, in order.
    """

    template: sp.csr_array
    gather: NDArray[np.intp] | None

    @classmethod
    def of(
        cls,
        numbered: sp.csr_array,
        rows: NDArray[np.intp] | None,
        columns: NDArray[np.intp] | None,
    ) -> Selection:
        """Select from a matrix whose data holds 1 + the position of each entry's value."""
        part = numbered
        if rows is not None:
            part = part[rows]
        if columns is not None:
            part = part[:, columns]
        part.sort_indices()
        gather = part.data.astype(np.intp) - 1
        if gather.size == numbered.nnz and np.array_equal(gather, np.arange(gather.size)):
            return cls(part, None)
        return cls(part, gather)

    def matrix(self, values: Array) -> sp.csr_array:
        """Return the selected matrix; indices are shared with all matrices of this selection."""
        data = values if self.gather is None else values[self.gather]
        part = self.template
        return sp.csr_array((data, part.indices, part.indptr), shape=part.shape)


@dataclass(eq=False, slots=True)
class ChosenRows:
    """ChosenRows of the Jacobian; selected again where a branch has made its pattern grow.

    Parameters
    ----------
    rows : ndarray of int
        Which.
    selection : Selection
        Of the present pattern.
    growths : int
        How often that has grown.
    """

    rows: NDArray[np.intp]
    selection: Selection
    growths: int


class Reduction:
    """The free variables of a problem, as z of shape (k,).

    Parameters
    ----------
    evaluation : Evaluation
        Of the whole problem.
    """

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation
        self.derivatives = evaluation.derivatives
        fixed = evaluation.lower == evaluation.upper
        self.free = np.flatnonzero(~fixed)
        self.any_fixed = bool(fixed.any())
        self.k = int(self.free.size)
        self.base = evaluation.problem.start  # fixed variables at their bounds
        self.lower = evaluation.lower[self.free]
        self.upper = evaluation.upper[self.free]
        self._columns = self.free if self.any_fixed else None
        self._hessian: Selection | None = None
        self._growths = self.derivatives.growths
        self._products_only: bool | None = None
        self._held: tuple[Array, sp.csr_array] | None = None

    def expand(self, z: Array) -> Array:
        """Return x for `z`; a copy, so that no solver's buffer is kept."""
        x = np.array(self.base)
        x[self.free] = z
        return x

    def restrict(self, x: Array) -> Array:
        """Return z for `x`, a copy."""
        return np.array(x[self.free])

    def objective(self, z: Array) -> float:
        """Return f; infinite where it is not a number, which every method of scipy steps back from.

        Comparisons with NaN are false, and some line searches (TNC's) then give up.
        """
        value = self.evaluation.objective(self.expand(z))
        return float("inf") if np.isnan(value) else value

    def gradient(self, z: Array) -> Array:
        """Return the gradient by the free variables, a fresh array."""
        return np.array(self.evaluation.gradient(self.expand(z))[self.free])

    def constraints(self, z: Array) -> Array:
        """Return the stacked constraints, read-only."""
        return self.evaluation.constraints(self.expand(z))

    def rows(self, rows: NDArray[np.intp]) -> ChosenRows:
        """Select these rows of the Jacobian, and the free columns."""
        return ChosenRows(rows, self._select(rows), self.derivatives.growths)

    def _select(self, rows: NDArray[np.intp]) -> Selection:
        pattern = self.derivatives.jacobian_pattern
        whole = rows.size == pattern.shape[0]
        numbered = pattern.to_scipy(np.arange(1, pattern.nnz + 1))
        return Selection.of(numbered, None if whole else rows, self._columns)

    def jacobian(self, z: Array, rows: ChosenRows) -> sp.csr_array:
        """Return selected rows of the Jacobian; fresh values."""
        values = self.evaluation.jacobian_values(self.expand(z))
        if rows.growths != self.derivatives.growths:
            rows.selection, rows.growths = self._select(rows.rows), self.derivatives.growths
        selection = rows.selection
        # a solver may scale or keep the data: never the cached array itself
        return selection.matrix(np.array(values) if selection.gather is None else values)

    def objective_hessian(self, z: Array) -> Any:
        """Return the Hessian of f by the free variables; products alone where it is too large."""
        if self._products_only is None:
            self._products_only = self.evaluation.thin_hessian > 0
        if not self._products_only:
            try:
                return self.hessian(z, np.zeros(self.evaluation.m), 1.0)
            except MemoryError:
                self._products_only = True
        from scipy.sparse.linalg import LinearOperator  # noqa: PLC0415 - slow to import

        x = self.expand(z)

        def product(p: Array) -> Array:
            v = np.zeros(x.size)
            v[self.free] = np.ravel(p)
            return self.evaluation.objective_hessian_product(x, v)[self.free]

        return LinearOperator((self.k, self.k), matvec=product, dtype=np.float64)

    def hessian(self, z: Array, multipliers: Array, sigma: float) -> sp.csr_array:
        """Return the Hessian of sigma f + multipliers . c by the free variables, symmetric."""
        values = self.evaluation.hessian_values(self.expand(z), multipliers, sigma)
        if self._held is not None and self._held[0] is values:
            return self._held[1]
        if not self.any_fixed:
            matrix = self.derivatives.hessian_full(values)
        else:
            if self._hessian is None or self._growths != self.derivatives.growths:
                self._growths = self.derivatives.growths
                numbers = np.arange(1.0, values.size + 1.0)
                numbered = self.derivatives.hessian_full(numbers)
                self._hessian = Selection.of(numbered, self.free, self.free)
            matrix = self._hessian.matrix(values)
        self._held = (values, matrix)
        return matrix
