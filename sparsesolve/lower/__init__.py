"""Tape -> Program: array operations become index arrays and scalar kernels.

The stages above know slots and scalar operations only.

- `lower` turns a tape into a program; `lower_into` appends it to a program being built.
- `batch` gathers equal scalar kernels into vectors, so that Python loops cost like array code.

There is one rule a primitive in `sparsesolve.lower.context.RULES`, which the families of
`sparsesolve.numpy_ops` fill.

The tape of ``x[1:] * sin(x[:-1])`` with three unknowns has four instructions; its slices become
index sets, and two kernels are left. A transposition leaves none at all:

>>> import numpy as np
>>> import sparsesolve.numpy_ops
>>> from sparsesolve.trace import trace
>>> print(lower(trace(lambda x: x[1:] * np.sin(x[:-1]), [np.zeros(3)])))
slots 7: x[3]
3..4 = sin(s[0+1i]) for i < 2
5..6 = multiply(s[1+1i], s[3+1i]) for i < 2
return 5+1i
>>> lower(trace(lambda x: x.reshape(2, 3).T, [np.zeros(6)])).outputs.tolist()
[0, 3, 1, 4, 2, 5]
"""

from __future__ import annotations

from sparsesolve.lower.batch import batch
from sparsesolve.lower.lowering import lower, lower_into, lower_layers

__all__ = ["batch", "lower", "lower_into", "lower_layers"]
