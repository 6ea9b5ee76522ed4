"""Fuse kernels: Program -> Program with few, large kernels.

Lowering writes one kernel an operation. Here a kernel whose result is read by others is inlined
into its readers, movement included: reading producer P at positions q is P's expression with every
load composed with q. What must exist as numbers stays stored: outputs of the program, operands of
opaque calls, sums, and whatever one load mixes from several producers.

Separate from `lower` because derivatives are programs too, and are fused by the same pass.

The two kernels of ``x[1:] * sin(x[:-1])`` become one, and the slots between them go:

>>> from sparsesolve.ir.builder import Builder
>>> b = Builder((3,))
>>> print(fuse(b.build(b.map("multiply", b.x[1:], b.map("sin", b.x[:-1])))))
slots 5: x[3]
3..4 = multiply(s[1+1i], sin(s[0+1i])) for i < 2
return 3+1i
"""

from __future__ import annotations

from sparsesolve.fuse.choose import Choice
from sparsesolve.fuse.part import part_of
from sparsesolve.fuse.renumber import with_parameter
from sparsesolve.fuse.restrict import restrict
from sparsesolve.fuse.split_producers import split_by_producer
from sparsesolve.fuse.write import write
from sparsesolve.ir.program import Program

__all__ = ["fuse", "part_of", "restrict", "with_parameter"]


def fuse(program: Program) -> Program:
    """Merge the kernels of a program.

    Parameters
    ----------
    program : Program
        Any program.

    Returns
    -------
    Program
        The same function of the same input and parameters, with fewer kernels, in slots numbered
        afresh.

    Notes
    -----
    Time is linear in the number of nodes of the result times the cost of composing index arrays.

    Examples
    --------
    >>> from sparsesolve.ir.builder import Builder
    >>> b = Builder((3,))
    >>> y = b.map("exp", b.map("negative", b.x))
    >>> print(fuse(b.build(y)))
    slots 6: x[3]
    3..5 = exp(negative(s[0+1i])) for i < 3
    return 3+1i
    """
    choice = Choice(split_by_producer(program))
    choice.run()
    return restrict(write(choice))
