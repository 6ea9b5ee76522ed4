"""Solves by several processes begin with PETSc: what is wrong on one of them must end all.

Separate because it comes before anything that may raise, in every function that takes a method.
"""

from __future__ import annotations

from typing import Any

from sparsesolve.host.imports import importing

__all__ = ["begin_ranks"]


def begin_ranks(method: Any) -> None:
    """Initialize PETSc, if that is the method.

    Parameters
    ----------
    method : object
        The user's.
    """
    if isinstance(method, str) and method.lower() == "petsc":
        with importing():
            from sparsesolve.adapters.petsc.library import require_petsc  # noqa: PLC0415

        require_petsc()
