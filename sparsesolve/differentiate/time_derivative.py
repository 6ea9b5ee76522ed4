"""The derivative of a program along a trajectory, as a program of the same input.

Where an input holds the derivative of another by time, as a vector of ``t, y, y', y''`` does, the
directions of forward mode are inputs themselves: no parameter is added, and what comes out can be
differentiated again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.differentiate.tangent import push
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Program

__all__ = ["time_derivative"]


def time_derivative(program: Program, order: int) -> Program:
    """Append the derivative by time of the last outputs.

    Parameters
    ----------
    program : Program
        Its input is ``t``, and then for each unknown its value, its first derivative, and so on,
        all unknowns of one order together; of the highest, none are in the last outputs.
    order : int
        How many of the outputs, from the end, are differentiated: also how many unknowns there are.

    Returns
    -------
    Program
        The outputs of `program`, and behind them as many derivatives. Not fused yet.

    Examples
    --------
    The square of an unknown, whose derivative is twice its product with the slope:

    >>> b = Builder((3,))
    >>> square = b.build(b.map("multiply", b.x[1:2], b.x[1:2]))
    >>> print(time_derivative(square, 1))
    slots 7: x[3]
    3..3 = multiply(s[1], s[1]) for i < 1
    6..6 = add(multiply(s[1], s[2]), multiply(s[1], s[2])) for i < 1
    return 3+3i
    """
    b = Builder.resume(program)
    zero, one = b.scalar(0.0), b.scalar(1.0)
    tangents = np.full((1, b.n_slots), zero, dtype=np.int32)
    tangents[0, : program.n] = _slopes(program.n, order, zero, one)
    push(b, program, tangents, zero)
    last = program.outputs[-order:] if order else program.outputs[:0]
    return b.build(np.concatenate([program.outputs, tangents[0, last]]))


def _slopes(n: int, unknowns: int, zero: int, one: int) -> NDArray[np.int32]:
    """Return the slots that hold the derivatives of the inputs; of the highest order zeros."""
    ahead = np.arange(1 + unknowns, n, dtype=np.int32)
    end = np.full(min(unknowns, n - 1), zero, dtype=np.int32)
    return np.concatenate([np.array([one], dtype=np.int32), ahead, end])
