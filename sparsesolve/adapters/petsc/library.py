"""PETSc itself, initialized with the command line, or a word on how to get it.

Separate because the package is optional.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from sparsesolve.errors import SolverUnavailable
from sparsesolve.host.imports import importing

__all__ = ["require_petsc"]


def require_petsc() -> Any:
    """Return the module ``petsc4py.PETSc``.

    Options of the command line are PETSc's, unless the user's program has initialized it before.

    Raises
    ------
    SolverUnavailable
        If it is not installed.
    """
    try:
        with importing():
            if "petsc4py.PETSc" not in sys.modules:
                importlib.import_module("petsc4py").init(sys.argv)
            return importlib.import_module("petsc4py.PETSc")
    except ImportError as error:
        raise SolverUnavailable(
            "method='petsc' needs petsc4py, and PETSc installed before it: on Debian 12 "
            "`apt-get install petsc-dev`, then `pip install --no-build-isolation "
            f"petsc4py==3.18.5`; see docs/distributed.md. ({error})"
        ) from None
