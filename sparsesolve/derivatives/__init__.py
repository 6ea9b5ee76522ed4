"""Derivatives: the one place where the stages meet.

A user's function goes in; objects that are prepared once and called many times come out.
"""

from __future__ import annotations

from sparsesolve.derivatives.by_differences import jacobian_by_differences
from sparsesolve.derivatives.hessian import Gradient, Hessian, gradient, hessian, hessian_pattern
from sparsesolve.derivatives.jacobian import Jacobian, jacobian, jacobian_pattern
from sparsesolve.derivatives.lagrangian import LagrangianHessian, ProblemDerivatives

__all__ = [
    "Gradient",
    "Hessian",
    "Jacobian",
    "LagrangianHessian",
    "ProblemDerivatives",
    "gradient",
    "hessian",
    "hessian_pattern",
    "jacobian",
    "jacobian_by_differences",
    "jacobian_pattern",
]
