"""`fused`: the one place that fuses programs, and the type of what comes out of it.

Separate so that every program is fused once: what runs, and what is differentiated further, is a
`Fused`, which the type checker keeps apart from a program that has just been made.
"""

from __future__ import annotations

from typing import NewType

from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.stored import StoredKind, stored_as
from sparsesolve.differentiate import adjoint_program, gradient_program
from sparsesolve.fuse import fuse
from sparsesolve.ir.program import Program
from sparsesolve.ir.program_tree import program_from_tree, program_tree

__all__ = ["Fused", "fused", "fused_adjoint", "fused_gradient"]

Fused = NewType("Fused", Program)
"""A program of few, large kernels; a plain `Program` wherever one is read."""


stored_as(
    Program, StoredKind("program", program_tree, lambda tree, log: Fused(program_from_tree(tree)))
)


def fused(program: Program, log: PrepareLog | None = None) -> Fused:
    """Merge the kernels of a program that has just been made.

    Parameters
    ----------
    program : Program
        Lowered, differentiated, or a part of another.
    log : PrepareLog, optional
        Gets the time; not within another stage, whose time would count twice.
    """
    if log is None:
        return Fused(fuse(program))
    with log.stage("fuse"):
        return Fused(fuse(program))


def fused_gradient(program: Fused, log: PrepareLog) -> Fused:
    """Return the gradient of a scalar function as a program, and log what it took."""
    with log.stage("differentiate"):
        slopes = gradient_program(program)
    return fused(slopes, log)


def fused_adjoint(program: Program, log: PrepareLog) -> Fused:
    """Return products with the transposed Jacobian of a program, and log what it took."""
    with log.stage("differentiate"):
        adjoint = adjoint_program(program)
    return fused(adjoint, log)
