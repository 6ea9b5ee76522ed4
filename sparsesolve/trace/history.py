"""How a traced value came about: the steps behind it, as far as somebody looks.

Separate because several questions about a value are questions about its history, and histories may
be as long as a loop: they are lists, and nobody goes down them by recursion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from sparsesolve.ir.tape import Ref
from sparsesolve.trace.recorder import TapeNode

__all__ = ["Step", "history"]

Step: TypeAlias = tuple[Any, ...]
"""As a recorder keeps it: name, function, arguments, options, what it made ..."""


def history(node: TapeNode, read: Callable[[Step], Iterable[Any]]) -> list[tuple[int, Step | None]]:
    """List the numbers of the values behind one, with the steps that made them, in order.

    Parameters
    ----------
    node : TapeNode
        Of a traced value; it comes last.
    read : callable
        Which arguments of a step are looked at.

    Returns
    -------
    list of tuple
        The step is None for arguments of the function.
    """
    assert node.ref is not None
    steps = {step[4].index: step for step in node.recorder.steps}
    found: dict[int, Step | None] = {}
    left = [node.ref.index]
    while left:
        index = left.pop()
        if index not in found:
            step = found[index] = steps.get(index)
            given = () if step is None else read(step)
            left += [argument.index for argument in given if isinstance(argument, Ref)]
    return sorted(found.items())
