"""Derivatives of opaque calls, by autograd itself.

Separate because only here does autograd differentiate at evaluation time. Each function made here
is again built of autograd primitives, so it can be differentiated once more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import make_vjp
from numpy.typing import NDArray

from sparsesolve.program import Opaque

__all__ = ["jacobian_function", "jvp_function", "vjp_function"]


def jacobian_function(step: Opaque, operand: int) -> Callable[..., Any]:
    """Return the function of the operands that gives d result / d operand as a matrix.

    The matrix has shape (size of the result, size of the operand).
    """

    def block(*operands: Any) -> Any:
        pull, value = make_vjp(step.function, operand)(*operands)
        size = int(np.size(operands[operand]))
        rows = [anp.reshape(pull(unit), (size,)) for unit in _units(anp.shape(value))]
        return anp.stack(rows) if rows else anp.zeros((0, size))

    return block


def vjp_function(step: Opaque, operand: int) -> Callable[..., Any]:
    """Return the function of (weights, *operands) that pulls weights back to one operand."""

    def pulled(weights: Any, *operands: Any) -> Any:
        pull, _ = make_vjp(step.function, operand)(*operands)
        return pull(anp.reshape(weights, step.result_shape))

    return pulled


def jvp_function(step: Opaque, operand: int) -> Callable[..., Any]:
    """Return the function of (direction, *operands) that pushes a direction forward.

    Two reverse sweeps give a forward one: the vector-Jacobian product is linear in its weights.
    """

    def pushed(direction: Any, *operands: Any) -> Any:
        pull, value = make_vjp(step.function, operand)(*operands)
        transpose, _ = make_vjp(pull)(anp.zeros(anp.shape(value)))
        return transpose(anp.reshape(direction, step.shapes[operand]))

    return pushed


def _units(shape: tuple[int, ...]) -> list[NDArray[np.float64]]:
    size = int(np.prod(shape, dtype=np.int64))
    return [row.reshape(shape) for row in np.eye(size)]
