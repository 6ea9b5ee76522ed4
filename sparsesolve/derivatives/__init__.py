"""Derivatives: the one place where the stages meet.

A user's function goes in; objects that are prepared once and called many times come out.

All stages at once, for ``f(x) = x[1:] * sin(x[:-1])``:

>>> import numpy as np
>>> J = jacobian(lambda x: x[1:] * np.sin(x[:-1]), np.zeros(3))
>>> J
<Jacobian 2x3, 4 nonzeros (66.7 %), compiled>
>>> print(J.kernels())
for i < 2:
    out-first <- multiply(unit s[1+1i], cos(unit s[0+1i]))
    out-next <- sin(unit s[0+1i])
>>> J(np.array([0.0, 1.0, 2.0])).toarray().round(6)
array([[1.      , 0.      , 0.      ],
       [0.      , 1.080605, 0.841471]])
"""

from __future__ import annotations

from sparsesolve.derivatives import integrals, minima, stored_nonzeros  # noqa: F401
from sparsesolve.derivatives.branched_problem import problem_derivatives
from sparsesolve.derivatives.by_differences import jacobian_by_differences
from sparsesolve.derivatives.gradient import Gradient, gradient
from sparsesolve.derivatives.hessian import Hessian, hessian, hessian_pattern
from sparsesolve.derivatives.implicit import implicit
from sparsesolve.derivatives.jacobian import Jacobian, jacobian, jacobian_pattern
from sparsesolve.derivatives.lagrangian import ProblemDerivatives
from sparsesolve.derivatives.lagrangian_hessian import LagrangianHessian
from sparsesolve.derivatives.problem_differences import ProblemDifferences

__all__ = [
    "Gradient",
    "Hessian",
    "Jacobian",
    "LagrangianHessian",
    "ProblemDerivatives",
    "ProblemDifferences",
    "gradient",
    "hessian",
    "hessian_pattern",
    "implicit",
    "jacobian",
    "jacobian_by_differences",
    "jacobian_pattern",
    "problem_derivatives",
]
