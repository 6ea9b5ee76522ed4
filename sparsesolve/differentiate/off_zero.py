"""`off_zero`: a program whose roots are taken a little beside zero.

Separate because it serves as a last resort. The norm of what is zero on a whole neighborhood (a
distance of a point to itself, written twice) has the derivative zero, but its formula is infinity
times zero, there and everywhere around. With ``sqrt(s + tiny)`` for ``sqrt(s)``, in a function and
in all that was derived from it, the product is zero; where s is not tiny, nothing changes at all.
"""

from __future__ import annotations

from dataclasses import replace

from sparsesolve.ir.expression import Expressions
from sparsesolve.ir.program import Kernel, Program

__all__ = ["off_zero"]


def off_zero(program: Program, tiny: float) -> Program | None:
    """Return the program with something added to what roots are taken of; None if there are none.

    Parameters
    ----------
    program : Program
        A function, or a derivative of one.
    tiny : float
        What is added: as ``s + tiny == s``, it must be less than the last place of any other s.
    """
    steps = tuple(
        _moved(step, tiny) if isinstance(step, Kernel) else step for step in program.instructions
    )
    same = all(a is b for a, b in zip(steps, program.instructions, strict=True))
    return None if same else replace(program, instructions=steps)


def _moved(kernel: Kernel, tiny: float) -> Kernel:
    e = Expressions()
    numbers: list[int] = []
    changed = False
    for node in kernel.nodes:
        if node.op in ("load", "const"):
            numbers += e.graft([node])
            continue
        args = [numbers[a] for a in node.args]
        if _is_root(e, node.op, args):
            args[0] = e.intern("add", args[0], e.const(tiny))
            changed = True
        numbers.append(e.intern(node.op, *args))
    outputs = tuple(numbers[k] for k in kernel.outputs)
    return replace(kernel, nodes=tuple(e.nodes), outputs=outputs) if changed else kernel


def _is_root(e: Expressions, op: str, args: list[int]) -> bool:
    """Whether an operation is a root, or a power that is no whole number."""
    if op != "power":
        return op == "sqrt"
    exponent = e.value(args[1])
    return exponent is not None and not float(exponent).is_integer()
