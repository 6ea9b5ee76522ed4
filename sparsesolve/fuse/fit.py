"""Which bodies of loops may stay rolled up.

Separate because loops that were found and loops that were written as such ask the same: whether
derivatives of a trip need to know nothing of where it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Constant, Kernel, Node, Opaque, Program, Slots
from sparsesolve.ir.recurrence import Recurrence
from sparsesolve.ir.scalar_ops import OPS

__all__ = ["calls_functions", "curved_slots", "hides_slopes", "is_affine"]

Constants: TypeAlias = Sequence[Constant]

_CHOICES = {"where", "maximum", "minimum", "fmax", "fmin", "abs", "copysign"}
_FINITE = _CHOICES | {"negative", "add", "subtract", "multiply", "sin", "cos", "tanh", "arctan"}
_LINEAR = {"add", "subtract", "negative"}
_POSITIVE = {"exp", "cosh"}
_MOST_STEPS = 50_000  # kernels of all trips, up to which these are looked at one by one
_SLOPED = _FINITE | {"exp", "sinh", "cosh"}  # slopes are finite but for overflow


def calls_functions(body: Program) -> bool:
    """Whether a trip calls functions of a user."""
    return any(OPS[op].function is not None for op in _ops(body))


def hides_slopes(program: Program) -> bool:
    """Whether infinite slopes of loops may meet what was not chosen, or a constant that is zero.

    Choices keep infinite slopes of what was not chosen out of the derivative, within a trip. What
    an earlier trip computed, and a later one did not choose, gets the adjoint zero, and zero times
    infinity is NaN.
    """
    loops = [step for step in program.instructions if isinstance(step, Recurrence)]
    if sum(step.trips * len(step.body.instructions) for step in loops) > _MOST_STEPS:
        return False
    outside = {node.op for step in program.instructions for node in _nodes(step)}
    if loops and outside & _CHOICES:  # of what overflows in a loop, maybe
        return True
    return not all(_keeps_slopes_finite(step, program.constants) for step in loops)


def _keeps_slopes_finite(step: Recurrence, constants: Constants) -> bool:
    ops = _ops(step.body)
    if ops <= _FINITE:
        return True
    if ops & _CHOICES:
        return False
    if _has_zeros(step.body) or _gives_zeros(step.inputs()[1:], constants):
        return False
    safe = all(_overflows_at_most(_nodes(kernel)) for kernel in step.body.instructions)
    return safe or not _gives_zeros(step.inputs(), constants)  # the state at the beginning


def _has_zeros(body: Program) -> bool:
    """Whether a constant of a trip is zero."""
    nodes = [node for step in body.instructions for node in _nodes(step)]
    written = any(node.op == "const" and node.value == 0.0 for node in nodes)
    return written or any((constant.values == 0.0).any() for constant in body.constants)


def _ops(body: Program) -> set[str]:
    """Operations of a body, but for those whose slope is zero."""
    ops = {node.op for step in body.instructions for node in _nodes(step)} - {"load", "const"}
    return {op for op in ops if not OPS[op].flat}


def _overflows_at_most(nodes: Sequence[Node]) -> bool:
    """Whether slopes are finite unless an exponential overflows, where limits put things right."""
    least = _least_values(nodes)
    for node in nodes:
        if node.op == "divide" and least[node.args[1]] > 0.0:
            continue
        if node.op in ("log", "sqrt") and least[node.args[0]] > 0.0:
            continue
        if node.op not in _SLOPED and node.op not in ("load", "const"):
            return False
    return True


def _least_values(nodes: Sequence[Node]) -> list[float]:
    """Return a number that each node is not below, as far as signs of operands tell."""
    least: list[float] = []
    for node in nodes:
        value = -np.inf
        if node.op == "const":
            value = node.value
        elif node.op == "add":
            value = least[node.args[0]] + least[node.args[1]]
        elif node.op in _POSITIVE or (node.op == "multiply" and node.args[0] == node.args[1]):
            value = 0.0
        least.append(float(value))
    return least


def is_affine(body: Program, given: Slots, b: Builder) -> bool:
    """Whether a trip multiplies nothing that may vary by anything that may.

    Then its derivatives are numbers, which are known one by one where trips are not rolled up.
    """
    moving = np.zeros(body.n_slots, dtype=bool)
    known = np.zeros(b.n_slots, dtype=bool)
    for constant in b.constants:
        known[constant.start : constant.start + constant.values.size] = True
    moving[: body.n] = ~((given >= 0) & known[np.maximum(given, 0)]).all(axis=0)
    return all(_is_affine(step, moving) for step in body.instructions)


def curved_slots(program: Program, steps: Sequence[Kernel | Opaque]) -> NDArray[np.bool_]:
    """Mark the slots that some instructions write and whose derivatives are no numbers.

    Parameters
    ----------
    program : Program
        Whose slots these are.
    steps : sequence of Kernel or Opaque
        Its first instructions.
    """
    moving = ~program.constant_mask()
    curved = np.zeros(program.n_slots, dtype=bool)
    for step in steps:
        if isinstance(step, Kernel):
            reads = any(curved[index.to_array()].any() for index in step.loads)
            curved[step.start : step.stop] = reads or not _is_affine(step, moving)
        else:
            curved[step.start : step.stop] = True
        moving[step.start : step.stop] |= curved[step.start : step.stop]
    return curved


def _gives_zeros(given: Slots, constants: Constants) -> bool:
    """Whether some trip is given a constant that is zero."""
    zeros = [c.start + np.flatnonzero(c.values == 0.0) for c in constants]
    return bool(np.isin(np.unique(given), np.concatenate(zeros)).any()) if zeros else False


def _is_affine(step: Kernel | Opaque, moving: NDArray[np.bool_]) -> bool:
    """Whether a kernel is affine in what is moving; marks what it writes as moving, too."""
    through: list[bool] = []
    for node in _nodes(step):
        if node.op in ("load", "const"):
            index = step.loads[node.args[0]] if isinstance(step, Kernel) and node.args else None
            through.append(index is not None and bool(moving[index.to_array()].any()))
            continue
        args = [through[a] for a in node.args]
        first_only = node.op == "divide" and not args[1]
        product = node.op == "multiply" and not all(args)
        if any(args) and not (product or first_only or node.op in _LINEAR):
            return False
        through.append(any(args))
    moving[step.start : step.stop] = any(through)
    return True


def _nodes(step: Kernel | Opaque) -> tuple[Node, ...]:
    return step.nodes if isinstance(step, Kernel) else ()
