"""Whether a tape may have found a value by comparisons alone, as a bisection does.

What is found so depends on x through choices between numbers, and on each path not at
all: its derivative is zero, though that of the root is not. A few such choices are a table or a
relay; where they are many, somebody has to look at the function itself.
"""

from __future__ import annotations

from collections import Counter

from sparsesolve.ir.scalar_ops import OPS
from sparsesolve.ir.tape import refs_of
from sparsesolve.trace.tracing import Traced

__all__ = ["may_search"]

_MANY = 20  # bits that are found: a bisection to six digits


def may_search(traced: Traced) -> bool:
    """Whether many choices depend on x, and what is chosen does not.

    Parameters
    ----------
    traced : Traced
        A function.
    """
    if traced.path is not None:
        lines = Counter(guard.source for guard in traced.path.guards)
        if max(lines.values(), default=0) >= _MANY:
            return True
    steps = traced.tape.instructions
    if sum(step.op == "where" for step in steps) < _MANY:
        return False
    reached, moved, choices = {0}, {0}, 0
    for step in steps:
        read = {ref.index for ref in refs_of((step.args, tuple(step.kwargs.values())))}
        if read.isdisjoint(reached):
            continue
        reached.add(step.out.index)
        if step.op == "where":
            read = {ref.index for ref in refs_of(step.args[1:])}
        known = OPS.get(step.op)
        if not read.isdisjoint(moved) and not (known is not None and known.flat):
            moved.add(step.out.index)
        elif step.op == "where":
            choices += 1
    return choices >= _MANY
