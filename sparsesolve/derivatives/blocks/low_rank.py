"""A matrix at one point as sparse + products of thin blocks, for products without forming it.

It is a value, not a function: what `as_linear_operator` of a Jacobian or Hessian
with wide sums holds, and what a solver can take apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.imports import importing

__all__ = ["Part", "SparsePlusLowRank", "by_columns", "linear_operator"]

Array = NDArray[np.float64]
Ids = NDArray[np.intp]
Part: TypeAlias = tuple[Ids | slice, Any, Any, Ids | slice]
"""Rows, a tall factor, a wide factor, columns."""


@dataclass(frozen=True, eq=False, slots=True)
class SparsePlusLowRank:
    """``S + sum of R_k A_k B_k C_k'``, where R and C place rows and columns.

    Parameters
    ----------
    sparse : csr_array, shape (m, n)
        S.
    parts : list of Part
        Factors, dense or sparse.
    """

    sparse: Any
    parts: list[Part]

    @property
    def is_finite(self) -> bool:
        """Whether all numbers in it are finite."""
        factors = [f for _, left, right, _ in self.parts for f in (left, right)]
        return all(
            bool(np.isfinite(f.data if sp.issparse(f) else f).all())
            for f in [self.sparse, *factors]
        )

    def times(self, v: Array) -> Array:
        """Return the product with a vector, or with the columns of a matrix."""
        product = np.asarray(self.sparse @ v)
        for rows, left, right, columns in self.parts:
            product[rows] += left @ (right @ v[columns])
        return product

    def transposed_times(self, w: Array) -> Array:
        """Return the product of the transposed matrix."""
        product = np.asarray(self.sparse.T @ w)
        for rows, left, right, columns in self.parts:
            product[columns] += right.T @ (left.T @ w[rows])
        return product


def linear_operator(
    shape: tuple[int, int], times: Callable[[Array], Array], transposed: Callable[[Array], Array]
) -> Any:
    """Return scipy's `LinearOperator` of two products, which take vectors or matrices."""
    with importing():
        from scipy.sparse.linalg import LinearOperator  # noqa: PLC0415 - slow to import

    def vector(product: Callable[[Array], Array]) -> Callable[[Array], Array]:
        return lambda v: product(np.asarray(v, dtype=np.float64).reshape(-1))

    return LinearOperator(
        shape,
        matvec=vector(times),
        rmatvec=vector(transposed),
        matmat=times,
        rmatmat=transposed,
        dtype=np.float64,
    )


def by_columns(product: Callable[[Array], Array], v: Array, rows: int) -> Array:
    """Return a product that takes vectors only, with a vector or with each column of a matrix."""
    if v.ndim == 1:
        return product(v)
    result = np.empty((rows, v.shape[1]))
    for k, column in enumerate(v.T):
        result[:, k] = product(column)
    return result
