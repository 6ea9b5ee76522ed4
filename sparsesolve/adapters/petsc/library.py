"""PETSc itself, initialized with the command line, or a word on how to get it.

Separate because the package is optional.
"""

from __future__ import annotations

import importlib
import os
import sys
from types import TracebackType
from typing import Any

import numpy as np

from sparsesolve.errors import SolverUnavailable
from sparsesolve.host.imports import importing

__all__ = ["require_petsc"]


def require_petsc() -> Any:
    """Return the module ``petsc4py.PETSc``.

    Options of the command line are PETSc's, unless the user's program has initialized it before.

    Raises
    ------
    SolverUnavailable
        If it is not installed, or made for other numbers.
    """
    try:
        with importing():
            if "petsc4py.PETSc" not in sys.modules:
                importlib.import_module("petsc4py").init(sys.argv)
            petsc = importlib.import_module("petsc4py.PETSc")
    except ImportError as error:
        raise SolverUnavailable(
            "method='petsc' needs petsc4py, and PETSc installed before it: on Debian 12 "
            "`apt-get install petsc-dev`, then `pip install --no-build-isolation "
            f"petsc4py==3.18.5`; see docs/distributed.md. ({error})"
        ) from None
    if petsc.ScalarType is not np.float64:
        raise SolverUnavailable(
            "method='petsc' needs PETSc for real numbers of double precision, got one for "
            f"{np.dtype(petsc.ScalarType)}. Set PETSC_DIR and PETSC_ARCH to another one before "
            "petsc4py is imported, or install petsc4py for it."
        )
    if petsc.COMM_WORLD.getSize() > 1 and not isinstance(sys.excepthook, _EndingAll):
        sys.excepthook = _EndingAll(sys.excepthook)
    return petsc


class _EndingAll:
    """Shows an exception that nobody caught, and ends this process at once.

    The usual way out waits for all other ranks, which wait for this one; `mpiexec` ends them where
    one leaves with an error.
    """

    def __init__(self, show: Any) -> None:
        self._show = show

    def __call__(
        self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        self._show(kind, error, traceback)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(1)
