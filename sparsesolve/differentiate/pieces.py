"""`piece_program`: on which of its smooth pieces a function is.

A derivative is that of one formula. Where an integration passes from one to another, and where it
does so moves with what is differentiated, the derivative of the integral has a part of its own.
"""

from __future__ import annotations

import numpy as np

from sparsesolve.differentiate.activity import active_slots, any_slot
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.expression import Expressions
from sparsesolve.ir.program import Node, Program
from sparsesolve.ir.recurrence import all_kernels
from sparsesolve.ir.scalar_ops import OPS

__all__ = ["piece_program"]

_LARGER = {"maximum", "minimum", "fmax", "fmin"}
_SIDES = {"abs": 0, "arctan2": 0, "copysign": 1}  # which operand's sign says it
_QUOTIENTS = {"remainder": "floor", "fmod": "trunc"}


def piece_program(program: Program) -> Program | None:
    """Make the program of all that changes by jumps: comparisons, signs, integer parts.

    Parameters
    ----------
    program : Program
        A function.

    Returns
    -------
    Program or None
        Of the same arguments. None if nothing of that kind depends on the differentiated one.
    """
    active = active_slots(program)
    b = Builder.resume(program)
    found = []
    for step in all_kernels(program):
        if step.length == 0:
            continue
        e = Expressions()
        e.graft(step.nodes)
        pieces = _pieces(e, [any_slot(active, index) for index in step.loads])
        if pieces:
            start = b.kernel(step.length, step.loads, e.nodes, pieces)
            size = len(pieces) * step.length
            found.append(np.arange(start, start + size, dtype=np.int32))
    return b.build(np.concatenate(found)) if found else None


def _pieces(e: Expressions, moving: list[bool]) -> list[int]:
    """Nodes that jump with what moves."""
    through: list[bool] = []
    found: list[int] = []
    for number, node in enumerate(list(e.nodes)):
        if node.op == "load":
            through.append(moving[node.args[0]])
            continue
        through.append(any(through[a] for a in node.args))
        piece = _piece(e, number, node) if through[-1] else None
        if piece is not None and e.value(piece) is None and piece not in found:
            found.append(piece)
    return found


def _piece(e: Expressions, number: int, node: Node) -> int | None:
    """Node that jumps where a node does, or its slope; None if neither does."""
    if node.op in _LARGER:
        return e.intern("less", *node.args)
    if node.op in _SIDES:
        return e.intern("less", node.args[_SIDES[node.op]], e.const(0.0))
    if node.op in _QUOTIENTS:
        return e.intern(_QUOTIENTS[node.op], e.intern("divide", *node.args))
    is_choice = node.op != "const" and OPS[node.op].flat and not node.op.startswith("logical")
    return number if is_choice else None
