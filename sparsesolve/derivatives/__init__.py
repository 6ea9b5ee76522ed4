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

import importlib
from typing import TYPE_CHECKING, Any

from sparsesolve.derivatives import stored_nonzeros  # noqa: F401  (tells how they are kept)
from sparsesolve.derivatives.gradient import Gradient, gradient
from sparsesolve.derivatives.hessian import Hessian, hessian, hessian_pattern
from sparsesolve.derivatives.jacobian import Jacobian, jacobian, jacobian_pattern
from sparsesolve.host.imports import importing
from sparsesolve.numpy_ops.integration import OPERATIONS
from sparsesolve.numpy_ops.roots import OPERATION

if TYPE_CHECKING:
    from sparsesolve.derivatives.branched_problem import problem_derivatives
    from sparsesolve.derivatives.by_differences import jacobian_by_differences
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
    "jacobian",
    "jacobian_by_differences",
    "jacobian_pattern",
    "problem_derivatives",
]

# what a first Jacobian does without is imported when it is asked for
_HOME = {
    "LagrangianHessian": "lagrangian_hessian",
    "ProblemDerivatives": "lagrangian",
    "ProblemDifferences": "problem_differences",
    "jacobian_by_differences": "by_differences",
    "problem_derivatives": "branched_problem",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with importing():
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def _imported_later(table: dict[str, Any], name: str, home: str) -> None:
    """Register an operation of a module that registers its own when it is imported."""

    def operation(*args: Any, **options: Any) -> Any:
        with importing():
            importlib.import_module(f"{__name__}.{home}")
        return table[name](*args, **options)

    table[name] = operation


for _name in ("ode", "steps", "integral"):
    _imported_later(OPERATIONS, _name, "integrals")
_imported_later(OPERATION, "root", "implicit")
_imported_later(OPERATION, "minimum", "minima")
