"""Linear solvers where the user names none.

Separate because every solver of PETSc has one inside. Direct for few unknowns; for many GMRES with
PETSc's preconditioner, on the right, so that it stops by the true residual: on the left, the norm
that a multigrid method sees may be small where the residual is not.
"""

from __future__ import annotations

from typing import Any

from sparsesolve.adapters.petsc.ranks import Ranks

__all__ = ["choose_linear_solver", "precondition_on_the_right"]

_MOST_DIRECT = 100_000
_ON_THE_RIGHT = ("gmres", "fgmres", "lgmres", "pgmres", "bcgs", "ibcgs", "gcr", "dgmres")


def choose_linear_solver(ranks: Ranks, ksp: Any, known: Any, n: int) -> tuple[str, ...]:
    """Set a linear solver, before options are read.

    Parameters
    ----------
    ranks : Ranks
        Who solves.
    ksp : KSP
        PETSc's.
    known : Options
        Those of the user.
    n : int
        Unknowns.

    Returns
    -------
    tuple of str
        Notes for the result.
    """
    if known.hasName("ksp_type") or known.hasName("pc_type"):
        return ()
    parallel = ranks.size > 1
    if n <= _MOST_DIRECT and (not parallel or ranks.petsc.Sys.hasExternalPackage("mumps")):
        ksp.setType("preonly")
        ksp.getPC().setType("lu")
        if parallel:
            ksp.getPC().setFactorSolverType("mumps")
        return ()
    ksp.setType("gmres")
    ksp.setTolerances(rtol=1e-6)
    return (
        "linear systems by GMRES with PETSc's default preconditioner; for elliptic equations "
        "options={'pc_type': 'gamg'} takes far fewer iterations",
    )


def precondition_on_the_right(petsc: Any, ksp: Any, known: Any) -> None:
    """Precondition on the right where the method can and the user has not said otherwise."""
    if not known.hasName("ksp_pc_side") and ksp.getType() in _ON_THE_RIGHT:
        ksp.setPCSide(petsc.PC.Side.RIGHT)
