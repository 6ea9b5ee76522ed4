"""Tape -> Program: array operations become index arrays and scalar kernels.

The stages above know slots and scalar operations only.

- `lower` turns a tape into a program; `lower_into` appends it to a program being built.
- `batch` gathers equal scalar kernels into vectors, so that Python loops cost like array code.

There is one rule a primitive in `sparsesolve.lower.context.RULES`, which the families of
`sparsesolve.numpy_ops` fill.
"""

from __future__ import annotations

from sparsesolve.lower.batch import batch
from sparsesolve.lower.lowering import lower, lower_into

__all__ = ["batch", "lower", "lower_into"]
