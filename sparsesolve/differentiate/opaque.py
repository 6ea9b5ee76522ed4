"""Derivatives of opaque calls, by autograd itself.

Separate because only here does autograd differentiate at evaluation time. Each function made here
is again built of autograd primitives, so it can be differentiated once more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.core import VJPNode, backward_pass
from autograd.tracer import getval, isbox, new_box, trace_stack
from numpy.typing import NDArray

from sparsesolve.differentiate.activity import active_slots, any_slot
from sparsesolve.ir.linear import LinearCall, LinearPush
from sparsesolve.ir.matrix_call import MatrixCall
from sparsesolve.ir.program import Opaque, Program

__all__ = [
    "call_in_many_rows",
    "has_linear_calls",
    "jacobian_function",
    "jvp_function",
    "vjp_function",
]

_ROWS_A_COLUMN = 4  # a direction is two sweeps
_FEW_ROWS = 100


def jacobian_function(step: Opaque, operand: int) -> Callable[..., Any]:
    """Return the function of the operands that gives d result / d operand as a matrix.

    The matrix has shape (size of the result, size of the operand).
    """
    if isinstance(step.function, MatrixCall) and step.function.has_jacobian:
        return partial(step.function.jacobian, operand)

    def block(*operands: Any) -> Any:
        value, pull = _pull(step.function, operand, operands)
        size = int(np.size(getval(operands[operand])))
        rows = [anp.reshape(pull(unit), (size,)) for unit in _units(anp.shape(value))]
        return anp.stack(rows) if rows else np.zeros((0, size))

    return block


def call_in_many_rows(program: Program) -> str:
    """Return the name of a call whose rows cost more than directions do; empty if there is none.

    Rows of its Jacobian are found one at a time, and there are columns for the inputs alone.
    """
    calls = [step for step in program.instructions if type(step) is Opaque]
    slow = [step for step in calls if _is_slow(step, program.n)]
    active = active_slots(program) if slow else np.zeros(0, dtype=bool)
    for step in slow:
        if any(any_slot(active, index) for index in step.operands):
            return step.name
    return ""


def has_linear_calls(program: Program) -> bool:
    """Whether a program makes calls, all of them linear."""
    calls = [step for step in program.instructions if type(step) is Opaque]
    return bool(calls) and all(isinstance(step.function, LinearCall) for step in calls)


def _is_slow(step: Opaque, n: int) -> bool:
    return step.length > max(_FEW_ROWS, _ROWS_A_COLUMN * n) and not _has_closed_form(step)


def _has_closed_form(step: Opaque) -> bool:
    if isinstance(step.function, MatrixCall):
        return step.function.has_jacobian
    return isinstance(step.function, LinearCall)


def vjp_function(step: Opaque, operand: int) -> Callable[..., Any]:
    """Return the function of (weights, *operands) that pulls weights back to one operand."""

    def pulled(weights: Any, *operands: Any) -> Any:
        _, pull = _pull(step.function, operand, operands)
        return pull(anp.reshape(weights, step.result_shape))

    return pulled


def jvp_function(step: Opaque, operand: int) -> Callable[..., Any]:
    """Return the function of (direction, *operands) that pushes a direction forward.

    Two reverse sweeps give a forward one: the vector-Jacobian product is linear in its weights.
    They are ones, as rules exist that leave out what zero weights would multiply. A linear call
    is its own derivative.
    """
    if isinstance(step.function, LinearCall):
        return LinearPush(step.function, operand, step.shapes)

    def pushed(direction: Any, *operands: Any) -> Any:
        value, pull = _pull(step.function, operand, operands)
        _, transpose = _pull(pull, 0, (np.ones(anp.shape(value)),))
        return transpose(anp.reshape(direction, step.shapes[operand]))

    return pushed


def _pull(
    function: Callable[..., Any], operand: int, operands: Sequence[Any]
) -> tuple[Any, Callable[[Any], Any]]:
    """Value of a function and its vector-Jacobian product by one operand.

    As autograd's `make_vjp`, but a result that does not depend on the operand is no cause for a
    warning: the derivative of a linear call is such a result.
    """
    root = VJPNode.new_root()
    with trace_stack.new_trace() as level:
        box = new_box(operands[operand], level, root)
        end = function(*operands[:operand], box, *operands[operand + 1 :])
    if isbox(end) and end._trace == level:
        node = end._node
        return end._value, lambda g: backward_pass(g, node)
    shape = anp.shape(operands[operand])
    return end, lambda g: np.zeros(shape)


def _units(shape: tuple[int, ...]) -> list[NDArray[np.float64]]:
    size = int(np.prod(shape, dtype=np.int64))
    return [row.reshape(shape) for row in np.eye(size)]
