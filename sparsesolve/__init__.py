"""Exact sparse derivatives of ordinary NumPy functions, for the solvers you already use.

Only the public names and the version stand here. Each name is imported from its module on first
use, so that ``import sparsesolve`` loads neither the compilers nor a solver.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sparsesolve.host.imports import importing

if TYPE_CHECKING:
    from sparsesolve import errors, extend, ocp, sif
    from sparsesolve.adapters.optiprofiler import optiprofiler_arguments
    from sparsesolve.adapters.pycutest import pycutest_problem
    from sparsesolve.adapters.solvers import SolverInfo, solvers
    from sparsesolve.coloring import Coloring, color
    from sparsesolve.coloring.cache import shared_coloring_cache
    from sparsesolve.coloring.recover import decompress
    from sparsesolve.coloring.seeds import compress
    from sparsesolve.derivatives import (
        Gradient,
        Hessian,
        Jacobian,
        LagrangianHessian,
        gradient,
        hessian,
        hessian_pattern,
        jacobian,
        jacobian_by_differences,
        jacobian_pattern,
    )
    from sparsesolve.derivatives.implicit import implicit
    from sparsesolve.derivatives.scan import scan
    from sparsesolve.extend import elementwise
    from sparsesolve.front import (
        least_squares,
        minimize,
        multistart,
        odeint,
        root,
        solve_dae,
        solve_ivp,
    )
    from sparsesolve.picture import plot_coloring, spy
    from sparsesolve.problem.metadata import KnownOptimum, Metadata
    from sparsesolve.problem.problem import Constraint, Problem
    from sparsesolve.problem.result import Result, Status
    from sparsesolve.structure.pattern import Pattern

__all__ = [
    "Coloring",
    "Constraint",
    "Gradient",
    "Hessian",
    "Jacobian",
    "KnownOptimum",
    "LagrangianHessian",
    "Metadata",
    "Pattern",
    "Problem",
    "Result",
    "SolverInfo",
    "Status",
    "__version__",
    "color",
    "compress",
    "decompress",
    "elementwise",
    "errors",
    "extend",
    "gradient",
    "hessian",
    "hessian_pattern",
    "implicit",
    "jacobian",
    "jacobian_by_differences",
    "jacobian_pattern",
    "least_squares",
    "minimize",
    "multistart",
    "ocp",
    "odeint",
    "optiprofiler_arguments",
    "plot_coloring",
    "pycutest_problem",
    "root",
    "scan",
    "shared_coloring_cache",
    "sif",
    "solve_dae",
    "solve_ivp",
    "solvers",
    "spy",
]

__version__ = "0.2.0"

_HOME = {
    "Coloring": "coloring",
    "Constraint": "problem.problem",
    "Gradient": "derivatives",
    "Hessian": "derivatives",
    "Jacobian": "derivatives",
    "KnownOptimum": "problem.metadata",
    "LagrangianHessian": "derivatives",
    "Metadata": "problem.metadata",
    "Pattern": "structure.pattern",
    "Problem": "problem.problem",
    "Result": "problem.result",
    "SolverInfo": "adapters.solvers",
    "Status": "problem.result",
    "color": "coloring",
    "compress": "coloring.seeds",
    "decompress": "coloring.recover",
    "elementwise": "extend",
    "gradient": "derivatives",
    "hessian": "derivatives",
    "hessian_pattern": "derivatives",
    "implicit": "derivatives.implicit",
    "jacobian": "derivatives",
    "jacobian_by_differences": "derivatives",
    "jacobian_pattern": "derivatives",
    "least_squares": "front",
    "minimize": "front",
    "multistart": "front",
    "odeint": "front",
    "optiprofiler_arguments": "adapters.optiprofiler",
    "plot_coloring": "picture",
    "pycutest_problem": "adapters.pycutest",
    "root": "front",
    "scan": "derivatives.scan",
    "shared_coloring_cache": "coloring.cache",
    "solve_dae": "front",
    "solve_ivp": "front",
    "solvers": "adapters.solvers",
    "spy": "picture",
}


_MEANT = {"minimise": "minimize", "jac": "jacobian", "hess": "hessian", "grad": "gradient"}
_MEANT |= {
    "solve": "minimize",
    "fsolve": "root",
    "curve_fit": "least_squares",
}


def __getattr__(name: str) -> Any:
    if name in ("errors", "extend", "ocp", "sif"):
        with importing():
            return importlib.import_module(f"sparsesolve.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'sparsesolve' has no attribute {name!r}{_hint(name)}")
    with importing():
        importlib.import_module("sparsesolve.host.light_scipy").import_sparse()
        value = getattr(importlib.import_module(f"sparsesolve.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def _hint(name: str) -> str:
    """Say which public name is near, of the words that people write."""
    if name.startswith("_"):
        return ""
    from sparsesolve.host.words import similar  # noqa: PLC0415 - only for the message

    near = _MEANT.get(name) or similar(name, __all__)
    return f". Did you mean {near}?" if near else ""


def __dir__() -> list[str]:
    return sorted(__all__)
