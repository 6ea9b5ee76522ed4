"""Differentiate: Program -> Program of partials, of the gradient, of tangents and of nonzeros.

Separate from `lower` because it acts on programs only, and from `engine` because derivatives are
programs like any other. Rules come from autograd (`rules`).

The nonzeros of the Jacobian of ``f(x) = x[1:] * sin(x[:-1])``: two in each row, by x[1:] and by
x[:-1], written by one kernel with two outputs.

>>> from sparsesolve.fuse import fuse
>>> from sparsesolve.ir.builder import Builder
>>> b = Builder((3,))
>>> f = fuse(b.build(b.map("multiply", b.x[1:], b.map("sin", b.x[:-1]))))
>>> found = jacobian_program(f)
>>> found.pattern.indices.tolist()
[0, 1, 1, 2]
>>> print(fuse(found.program))
slots 8: x[3]
4..7 = sin(s[0+1i]), multiply(s[1+1i], cos(s[0+1i])) for i < 2
return [6, 4, 7, ...]
"""

from __future__ import annotations

from sparsesolve.differentiate.activity import active_slots, stepped_slots
from sparsesolve.differentiate.adjoint import adjoint_program, gradient_program
from sparsesolve.differentiate.guards import guard_program
from sparsesolve.differentiate.jacobian import (
    JacobianProgram,
    TooManyTerms,
    jacobian_pattern,
    jacobian_program,
)
from sparsesolve.differentiate.off_zero import off_zero
from sparsesolve.differentiate.pieces import piece_program
from sparsesolve.differentiate.singular import may_be_singular
from sparsesolve.differentiate.tangent import tangent_program

__all__ = [
    "JacobianProgram",
    "TooManyTerms",
    "active_slots",
    "adjoint_program",
    "gradient_program",
    "guard_program",
    "jacobian_pattern",
    "jacobian_program",
    "may_be_singular",
    "off_zero",
    "piece_program",
    "stepped_slots",
    "tangent_program",
]
