"""Products of a Jacobian with many seeds.

Separate because compressed matrices and those by columns need the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.coloring import Coloring
from sparsesolve.coloring.seeds import seed_chunks
from sparsesolve.derivatives.traced_function import Executable
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.program import Program

__all__ = ["Products"]

Array = NDArray[np.float64]
_CHUNK_BYTES = 2**27
_UNITS = 256  # unit vectors that exist at once


@dataclass(frozen=True, eq=False)
class Products:
    """Products with many seeds, by a program that takes `width` of them at once.

    Parameters
    ----------
    run : Executable
        The seeds are its last parameter. The interpreter takes any number of them as a batch.
    width : int
        Seeds in one call of machine code.
    """

    run: Executable
    width: int

    def with_program(self, change: Callable[[Program], Program | None]) -> Products | None:
        """Return products by a changed program, or None."""
        program = change(self.run.program)
        if program is None:
            return None
        if isinstance(self.run, Interpreter):
            return Products(Interpreter(program), self.width)
        from sparsesolve.engine.llvm.compile import compile_program  # noqa: PLC0415  (is slow)

        return Products(compile_program(program), self.width)

    def __call__(
        self, x: Any, parameters: Sequence[Any], coloring: Coloring, *, reverse: bool = False
    ) -> Array:
        """Return the product with each seed of a coloring, one row each.

        Seeds are made a chunk at a time, so that memory stays bounded.
        """
        chunks = seed_chunks(coloring, self._most, reverse=reverse)
        return np.concatenate([self._chunk(x, parameters, seeds.T) for _, _, seeds in chunks])

    def units(self, x: Any, parameters: Sequence[Any]) -> Array:
        """Return the product with each unit vector, one row each: the matrix, transposed."""
        n, parts = self.run.program.n, []
        for start in range(0, n, _UNITS):
            seeds = np.eye(min(_UNITS, n - start), n, start)
            firsts = range(0, len(seeds), self._most)
            parts += [self._chunk(x, parameters, seeds[k : k + self._most]) for k in firsts]
        return np.concatenate(parts)

    @property
    def _most(self) -> int:
        """Seeds in one call."""
        if isinstance(self.run, Interpreter):
            return max(1, _CHUNK_BYTES // (8 * max(1, self.run.program.n_slots)))
        return self.width

    def _chunk(self, x: Any, parameters: Sequence[Any], seeds: Array) -> Array:
        last = len(self.run.program.parameters) - 1
        if isinstance(self.run, Interpreter):
            batch = np.ascontiguousarray(seeds)
            return self.run.run_batched(x, [*parameters, batch[0]], {last: batch})
        padded = np.zeros((self.width, seeds.shape[1]))
        padded[: len(seeds)] = seeds
        products = self.run(x, [*parameters, padded.reshape(-1)])
        return products.reshape(self.width, -1)[: len(seeds)]
