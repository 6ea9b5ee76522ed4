"""`guard_program`: where a function steps around a singular point by a choice.

A choice hides what `singular` looks for: ``where(r > 0, sin(r) / r, 1)`` is
smooth, its formula at zero is finite, and yet wrong, since the branch taken there is a constant.
Looked for are the conditions that such guards are made of: NaN or infinity, equality, and a size (a
root, a square, an absolute value) compared with zero or with a tiny number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.differentiate.activity import active_slots, any_slot
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.expression import Expressions
from sparsesolve.ir.program import Node, Program
from sparsesolve.ir.recurrence import all_kernels

__all__ = ["guard_program"]

Mask = NDArray[np.bool_]
_TINY = 1e-4  # a size is compared with less than this in a guard
_SIZES = {"sqrt", "abs", "hypot"}
_BELOW = {"less", "less_equal"}
_ABOVE = {"greater", "greater_equal"}


def guard_program(program: Program) -> Program | None:
    """Make the program that says which guards of a function are hit.

    Parameters
    ----------
    program : Program
        A function.

    Returns
    -------
    Program or None
        Of the same arguments; each output is true where a guard is hit. None if there are none.
    """
    active = active_slots(program)
    sizes = np.zeros(program.n_slots, dtype=bool)
    for constant in program.constants:
        sizes[constant.start : constant.start + constant.values.size] = constant.values >= 0.0
    b = Builder.resume(program)
    found = []
    for step in all_kernels(program):
        if step.length == 0:
            continue
        moving = [any_slot(active, index) for index in step.loads]
        if not any(moving):
            continue
        known = [bool(sizes[index.to_array()].all()) for index in step.loads]
        e = Expressions()
        numbers = e.graft(step.nodes)
        by_form = _sizes(e, known)
        hit = _any_hit(e, moving, by_form)
        if hit is not None:
            start = b.kernel(step.length, step.loads, e.nodes, [hit])
            found.append(np.arange(start, start + step.length, dtype=np.int32))
        for k, output in enumerate(step.outputs):
            first = step.start + k * step.rows
            sizes[first : first + step.rows] = by_form[numbers[output]]
    return b.build(np.concatenate(found)) if found else None


def _any_hit(e: Expressions, moving: list[bool], sizes: list[bool]) -> int | None:
    """Node that is true where a guard is hit; None if there is no guard."""
    through: list[bool] = []
    any_hit: int | None = None
    for node in list(e.nodes):
        if node.op == "load":
            through.append(moving[node.args[0]])
            continue
        through.append(any(through[a] for a in node.args))
        if through[-1]:
            hit = _hit(e, node, sizes)
            if hit is not None:
                any_hit = hit if any_hit is None else e.intern("logical_or", any_hit, hit)
    return any_hit


def _hit(e: Expressions, node: Node, sizes: list[bool]) -> int | None:
    """Node that is true where a condition is that of a guard, and it is hit."""
    if node.op in ("isnan", "isinf"):
        return e.intern(node.op, *node.args)
    if node.op == "isfinite":
        return e.intern("logical_not", e.intern(node.op, *node.args))
    if node.op in ("equal", "not_equal") and not any(_is_infinite(e, a) for a in node.args):
        return e.intern("equal", *node.args)
    if node.op in _BELOW | _ABOVE:
        for size, other in (node.args, node.args[::-1]):
            bound = e.value(other)
            if bound is not None and 0.0 <= bound <= _TINY and sizes[size]:
                return e.intern("less_equal", size, other)
    return None


def _is_infinite(e: Expressions, number: int) -> bool:
    """Whether a node is infinity, as `nan_to_num` compares with it besides NaN."""
    value = e.value(number)
    return value is not None and bool(np.isinf(value))


def _sizes(e: Expressions, known: list[bool]) -> list[bool]:
    """Which nodes are zero or positive by their form; `known` says it of loads."""
    found: list[bool] = []
    for node in e.nodes:
        if node.op == "load":
            found.append(known[node.args[0]])
            continue
        square = node.op == "multiply" and node.args[0] == node.args[1]
        sum_or_product = node.op in ("add", "multiply") and all(found[a] for a in node.args)
        constant = node.op == "const" and node.value >= 0.0
        found.append(square or sum_or_product or constant or node.op in _SIZES)
    return found
