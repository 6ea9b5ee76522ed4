"""`may_be_singular`: whether a program can have a value without a finite formula for its slope.

Separate because it looks at operations alone, once, so that programs which cannot come to such a
point (most) are never looked at again when they are evaluated. Two kinds of operations lead there:

- the slope is infinite where the value is not: the root at zero, ``arcsin`` at one;
- the value is infinite too, but something that follows makes it finite: ``exp(-1 / x)``, a choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from sparsesolve.differentiate.activity import active_slots, any_slot
from sparsesolve.ir.program import Kernel, Node, Opaque, Program
from sparsesolve.ir.recurrence import Recurrence
from sparsesolve.ir.scalar_ops import OPS
from sparsesolve.numpy_ops import movement  # noqa: F401  (its package fills the tables)

__all__ = ["is_steep", "may_be_singular", "steep_slots"]

Mask = NDArray[np.bool_]
_SMOOTH = set(
    """
    negative abs sin cos tanh arctan arcsinh sinc add subtract multiply maximum minimum fmax fmin
    copysign logaddexp logaddexp2 where erf erfc expit j0 j1
    """.split()  # noqa: SIM905 (quicker to read than a list)
)
_POLES = set(
    """
    divide log log2 log10 log1p tan arctanh exp exp2 expm1 sinh cosh i0 i1 gamma gammaln psi
    digamma erfinv erfcinv logit y0 y1 betaln polygamma
    """.split()  # noqa: SIM905
)
_FINITE = {"load", "const", *_SMOOTH, *(name for name, op in OPS.items() if op.flat)}
_KEEP_INFINITY = {"add", "subtract", "negative", "abs", "multiply"}


def may_be_singular(program: Program) -> bool:
    """Whether a derivative may be NaN or infinite at a point where the function is finite.

    Parameters
    ----------
    program : Program
        A function, not its derivative.

    Returns
    -------
    bool
        Never False where it can be; True also for some where it cannot.
    """
    active = active_slots(program)
    infinite = np.zeros(program.n_slots, dtype=bool)
    for step in program.instructions:
        if isinstance(step, Opaque):
            given = any(any_slot(infinite, index) for index in step.operands)
            if active[step.start : step.stop].any() and (given or not _stays_finite(step)):
                return True
        elif not any(any_slot(active, index) for index in step.loads):
            continue
        elif _passes(step, active, infinite):
            return True
    return False


def steep_slots(program: Program) -> Mask:
    """Mark the slots on whose way from the input a slope may be infinite or NaN.

    Parameters
    ----------
    program : Program
        Any program.

    Returns
    -------
    ndarray of bool, shape (n_slots,)
        What is pulled back to the others is finite if what is given is.
    """
    active = active_slots(program)
    steep = np.zeros(program.n_slots, dtype=bool)
    for step in program.instructions:
        if not active[step.start : step.stop].any():
            continue
        if _is_steep_call(step, steep) if isinstance(step, Opaque) else is_steep(step, steep):
            steep[step.start : step.stop] = True
    return steep


def _stays_finite(step: Opaque) -> bool:
    """Whether a call is a recurrence whose trips have no pole and no infinite slope."""
    if not isinstance(step, Recurrence) or may_be_singular(step.body):
        return False
    return all(node.op in _FINITE for node in _all_nodes(step.body))


def _is_steep_call(step: Opaque, steep: Mask) -> bool:
    if not isinstance(step, Recurrence) or any(any_slot(steep, k) for k in step.operands):
        return True
    return any(node.op not in _FINITE for node in _all_nodes(step.body))


def _all_nodes(program: Program) -> Iterator[Node]:
    for step in program.instructions:
        if isinstance(step, Kernel):
            yield from step.nodes


def is_steep(step: Kernel, steep: Mask) -> bool:
    """Whether a kernel has a slope that may be infinite, or reads slots of such kernels."""
    if any(node.op not in _FINITE for node in step.nodes):
        return True
    return any(any_slot(steep, index) for index in step.loads)


def _passes(step: Kernel, active: Mask, infinite: Mask) -> bool:
    """Whether a kernel has a singular slope; else mark which of its slots may be infinite."""
    moving: list[bool] = []
    poles: list[bool] = []
    for node in step.nodes:
        if node.op == "load":
            index = step.loads[node.args[0]]
            moving.append(any_slot(active, index))
            poles.append(any_slot(infinite, index))
            continue
        if node.op == "const" or OPS[node.op].flat or not any(moving[a] for a in node.args):
            moving.append(False)
            poles.append(False)
            continue
        pole = _pole(step.nodes, node, moving, poles)
        if pole is None:
            return True
        moving.append(True)
        poles.append(pole)
    for k, output in enumerate(step.outputs):
        first = step.start + k * step.rows
        infinite[first : first + step.rows] = poles[output]
    return False


def _pole(
    nodes: Sequence[Node], node: Node, moving: Sequence[bool], poles: Sequence[bool]
) -> bool | None:
    """Whether a moving node may be infinite; None where its slope may be while it is not."""
    if any(poles[a] for a in node.args):
        keeps = node.op in _KEEP_INFINITY or (node.op == "divide" and not poles[node.args[1]])
        return True if keeps else None
    if node.op == "divide":
        return moving[node.args[1]]
    if node.op == "power":
        exponent = nodes[node.args[1]]
        return False if exponent.op == "const" and exponent.value >= 2.0 else None
    if node.op in _POLES:
        return True
    return False if node.op in _SMOOTH else None
