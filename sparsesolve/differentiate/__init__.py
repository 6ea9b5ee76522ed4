"""Differentiate: Program -> Program of partials, of the gradient, of tangents and of nonzeros.

Separate from `lower` because it acts on programs only, and from `engine` because derivatives are
programs like any other. Rules come from autograd (`rules`).
"""

from __future__ import annotations

from sparsesolve.differentiate.activity import active_slots
from sparsesolve.differentiate.adjoint import adjoint_program, gradient_program
from sparsesolve.differentiate.guards import guard_program
from sparsesolve.differentiate.jacobian import (
    JacobianProgram,
    TooManyTerms,
    jacobian_pattern,
    jacobian_program,
)
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
    "tangent_program",
]
