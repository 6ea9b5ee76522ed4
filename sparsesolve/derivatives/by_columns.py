"""A full Jacobian of a function with linear calls: all columns at once, by products.

Separate because where every output depends on every input through a Fourier transform, there is
nothing to detect or to color, and no term of the chain rule to list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.products import Products
from sparsesolve.engine.arguments import output_buffer
from sparsesolve.engine.evaluator import Evaluator
from sparsesolve.host.dataclass import dataclass
from sparsesolve.structure.pattern import Pattern

__all__ = ["ByColumns"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ByColumns(Evaluator):
    """All entries of a matrix, by products with unit vectors.

    Parameters
    ----------
    pattern : Pattern
        A full one.
    products : Products
        Products with the matrix.
    """

    pattern: Pattern
    products: Products
    method: str = "interpreted"

    @property
    def run(self) -> Evaluator:
        """Computes the entries."""
        return self

    @property
    def size(self) -> int:
        """How many there are."""
        return self.pattern.nnz

    def __call__(self, x: Any, parameters: Sequence[Any] = (), out: Array | None = None) -> Array:
        """Return the entries, row by row."""
        result = np.empty(self.size) if out is None else output_buffer(out, self.size)
        result.reshape(self.pattern.shape)[...] = self.products.units(x, parameters).T
        return result
