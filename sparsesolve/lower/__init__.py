"""Tape -> Program: array operations become index arrays and scalar kernels.

Separate because this is the stage that knows what NumPy's operations mean element by element; the
stages above know slots and scalar operations only.

- `lower` turns a tape into a program; `lower_into` appends it to a program being built.
- `batch` gathers equal scalar kernels into vectors, so that Python loops cost like array code.

There is one rule a primitive (`sparsesolve.lower.context.RULES`), grouped by family.
"""

from __future__ import annotations

# each of these registers the rules of its family
from sparsesolve.lower import elementwise, linalg, linear, matrices, movement, reduce  # noqa: F401
from sparsesolve.lower.batch import batch
from sparsesolve.lower.lowering import lower, lower_into

__all__ = ["batch", "lower", "lower_into"]
