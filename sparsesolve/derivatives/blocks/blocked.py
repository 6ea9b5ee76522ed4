"""`Blocked`: values of a matrix that is made of blocks, whatever the blocks are.

Jacobians and Hessians are summed, kept where constant, and mended in one way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from sparsesolve.derivatives.blocks.low_rank import SparsePlusLowRank
from sparsesolve.derivatives.blocks.submatrix import Array
from sparsesolve.derivatives.blocks.sums import BlockSum
from sparsesolve.derivatives.screened import all_finite
from sparsesolve.derivatives.traced_function import Executable
from sparsesolve.engine.arguments import output_buffer
from sparsesolve.engine.evaluator import Evaluator
from sparsesolve.host.fork import forkable_property
from sparsesolve.structure.pattern import Pattern

__all__ = ["Blocked", "NumberedBlocks", "Plain"]

Plain: TypeAlias = Callable[[Any, Sequence[Any]], Array]
"""Computes the transposed matrix as a dense array, by products with unit vectors."""
NumberedBlocks: TypeAlias = Iterator[tuple[int, Array]]

_LARGE = 2**15  # entries of a matrix that costs more to factorize than two thin ones
_THIN = 4
_MOST_KEPT = 2**24  # numbers of a matrix that is kept beside its function


class Blocked(Evaluator):
    """Values of a matrix that is made of blocks; as `Nonzeros` has it."""

    _total: BlockSum
    _plain: Plain
    method: str

    @property
    def run(self) -> Evaluator:
        """Computes the values."""
        return self

    def programs(self) -> dict[str, Executable]:
        """Return the programs whose values are multiplied, by what they compute."""
        raise NotImplementedError

    @property
    def pattern(self) -> Pattern:
        """Structure, made when it is asked for."""
        return self._total.pattern

    @property
    def nnz(self) -> int:
        """Number of entries, known without the structure."""
        return self._total.nnz

    @property
    def shape(self) -> tuple[int, int]:
        """Of the matrix."""
        return self._total.shape

    @property
    def size(self) -> int:
        """How many values."""
        return self.nnz

    @property
    def is_full(self) -> bool:
        """Whether the matrix is proven full."""
        return self._total.is_full

    @property
    def is_formable(self) -> bool:
        """Whether the matrix is small enough to be formed."""
        return self._total.is_formable

    @property
    def rank(self) -> int | None:
        """Rank, at most, of what stands beside the single entries; None where it is not known."""
        return None

    @property
    def is_formed_at_once(self) -> bool:
        """Whether the dense matrix is not the sum of what `factored` multiplies."""
        return False

    @property
    def is_lower(self) -> bool:
        """Whether the values are those of a lower triangle."""
        return self._total.lower

    def check_arguments(self, x: Array, parameters: Sequence[Any]) -> tuple[Array, Sequence[Any]]:
        """Return arguments at a point of the function, with weights of its outputs if needed."""
        return x, parameters

    def by_entries(self, x: Any, parameters: Sequence[Any], v: Array) -> tuple[Array, float]:
        """Return the product with `v` entry by entry, and the size of its terms; for a test."""
        raise NotImplementedError

    @property
    def most(self) -> int:
        """Number of entries, at most; known without the structure."""
        return self._total.most

    @property
    def is_thin(self) -> bool:
        """Whether sparse + low rank has much fewer numbers than the matrix, which is large."""
        size, rank = self._total.most, self.rank
        if rank is None or size < _LARGE:
            return False
        return _THIN * (self._total.single + rank * sum(self.shape)) <= size

    @forkable_property
    def _kept(self) -> frozenset[int]:
        """Numbers of the blocks that are the same at every x and kept as a sum."""
        small = self.shape[0] * self.shape[1] <= _MOST_KEPT
        return self._fixed_blocks() if small and self._total.is_dense else frozenset()

    @forkable_property
    def _base(self) -> Array | None:
        """Their sum as a dense array, if there are any."""
        if not self._kept:
            return None
        blocks = ((k, block) for k, block in self._fixed_products() if k in self._kept)
        return self._total.dense(blocks, None)

    @forkable_property
    def _base_values(self) -> Array | None:
        """Their sum as values of the pattern, if there are no other blocks."""
        if self._base is None or len(self._kept) < len(self._total.boxes):
            return None
        return self._total.values(self._base).copy()

    def _fixed_blocks(self) -> frozenset[int]:
        """Numbers of the blocks that are the same at every x."""
        raise NotImplementedError

    def _fixed_products(self) -> NumberedBlocks:
        """Return numbered blocks, of which only those are right that are the same at every x."""
        raise NotImplementedError

    def __call__(self, x: Any, parameters: Sequence[Any] = (), out: Array | None = None) -> Array:
        """Return the values in the order of the pattern."""
        if out is not None:
            output_buffer(out, self.size)
        total, base = self._total, None
        if total.is_dense:
            base = self._base_values
            if base is None:
                return total.values(self.dense(x, parameters), out)
        values = np.empty(self.size) if out is None else out
        blocks, entries = self._parts(x, parameters)
        if base is None:
            total.sparse(blocks, entries, values)
        else:
            values[:] = base
            total.add_entries(values, entries)
        if not all_finite(values):
            values[:] = total.values(np.ascontiguousarray(self._plain(x, parameters).T))
        return values

    def dense(self, x: Any, parameters: Sequence[Any]) -> Array:
        """Return the whole matrix as a dense array."""
        dense = self._total.dense(*self._parts(x, parameters), base=self._base)
        return self._mended(dense, x, parameters)

    def _mended(self, dense: Array, x: Any, parameters: Sequence[Any]) -> Array:
        if not all_finite(dense.reshape(-1)):
            return np.ascontiguousarray(self._plain(x, parameters).T)
        return dense

    def factored(self, x: Any, parameters: Sequence[Any]) -> SparsePlusLowRank:
        """Return the matrix at a point without forming it; both triangles of a Hessian."""
        raise NotImplementedError

    def _parts(self, x: Any, parameters: Sequence[Any]) -> tuple[NumberedBlocks, Array]:
        """Return numbered blocks, and the values of single entries."""
        raise NotImplementedError
