"""Linear solvers where the user names none.

Separate because every solver of PETSc has one inside. Direct for few unknowns; for many GMRES with
PETSc's preconditioner, on the right, so that it stops by the true residual: on the left, the norm
that a multigrid method sees may be small where the residual is not.
"""

from __future__ import annotations

from typing import Any

from sparsesolve.adapters.petsc.distributed import Distributed

__all__ = ["choose_linear_solver", "precondition_on_the_right"]

_MOST_DIRECT = 100_000
_EXACT, _ROUGH = 1e-12, 1e-6  # relative residuals
_ON_THE_RIGHT = ("gmres", "fgmres", "lgmres", "pgmres", "bcgs", "ibcgs", "gcr", "dgmres")


def choose_linear_solver(
    system: Distributed, ksp: Any, known: Any, *, pivoting: bool = True
) -> tuple[str, ...]:
    """Set a linear solver, before options are read.

    Parameters
    ----------
    system : Distributed
        Whose matrices these are.
    ksp : KSP
        PETSc's.
    known : Options
        Those of the user.
    pivoting : bool, default True
        Whether pivots on the diagonal may be too small for PETSc's own factorization.

    Returns
    -------
    tuple of str
        Notes for the result.
    """
    if known.hasName("ksp_type") or known.hasName("pc_type"):
        return ()
    ranks = system.ranks
    mumps = bool(ranks.petsc.Sys.hasExternalPackage("mumps"))
    direct = system.numbering.n <= _MOST_DIRECT and (mumps or ranks.size == 1)
    ksp.setType("gmres")
    ksp.setTolerances(rtol=_EXACT if direct else _ROUGH)
    if not direct:
        return (
            "linear systems by GMRES with PETSc's default preconditioner; for elliptic equations "
            "options={'pc_type': 'gamg'} takes far fewer iterations",
        )
    if not system.sums.count:
        ksp.setType("preonly")
    ksp.getPC().setType("lu")
    if mumps and (pivoting or ranks.size > 1):
        ksp.getPC().setFactorSolverType("mumps")
    return ()


def precondition_on_the_right(petsc: Any, ksp: Any, known: Any) -> None:
    """Precondition on the right where the method can and the user has not said otherwise."""
    if not known.hasName("ksp_pc_side") and ksp.getType() in _ON_THE_RIGHT:
        ksp.setPCSide(petsc.PC.Side.RIGHT)
