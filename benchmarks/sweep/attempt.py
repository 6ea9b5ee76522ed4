"""`Attempt`: what one solver did with one problem, in one form for every way and every solver.

Separate because the ways produce it and the judge reads it, and neither should know the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.problem.result import Counts

__all__ = ["OPTIONS", "Attempt"]

OPTIONS: dict[str, dict[str, Any]] = {
    # honoring bounds, the default of old versions, moves the last point and may break the rows
    "ipopt": {
        "max_iter": 3000,
        "tol": 1e-8,
        "constr_viol_tol": 1e-7,
        "honor_original_bounds": "no",
    },
    "pounce": {"max_iter": 3000, "tol": 1e-8, "constr_viol_tol": 1e-7},
    **{
        f"uno-{preset}": {
            "preset": preset,
            "max_iterations": 3000,
            "primal_tolerance": 1e-8,
            "dual_tolerance": 1e-8,
        }
        for preset in ("ipopt", "filtersqp", "filterslp")
    },
    "trust-constr": {"maxiter": 5000, "gtol": 1e-8, "xtol": 1e-10},
    "slsqp": {"maxiter": 2000, "ftol": 1e-12},
    "l-bfgs-b": {"maxiter": 15000, "maxfun": 10**9, "ftol": 1e-14, "gtol": 1e-8},
    "tnc": {"maxfun": 10**6, "ftol": 1e-14, "gtol": 1e-8},
    "newton-cg": {"maxiter": 5000, "xtol": 1e-10},
    "trust-ncg": {"maxiter": 5000, "gtol": 1e-8},
    "trust-krylov": {"maxiter": 5000, "gtol": 1e-8},
    "trust-exact": {"maxiter": 5000, "gtol": 1e-8},
    "dogleg": {"maxiter": 5000, "gtol": 1e-8},
    "bfgs": {"maxiter": 10000, "gtol": 1e-8},
    "cg": {"maxiter": 50000, "gtol": 1e-8},
}
"""Each solver's own options, the same for every way: tolerances that aim below the judge's, and
iteration limits that leave the decision to the time limit."""


@dataclass(frozen=True, eq=False, slots=True)
class Attempt:
    """A solve that returned.

    Parameters
    ----------
    x : ndarray, shape (n,)
        The last point.
    multipliers : ndarray or None, shape (m,)
        Of the constraints, L = f + multipliers . c; None where the solver tells none.
    status, message : str
        As the solver tells, in the words of `sparsesolve.Status`.
    iterations : int
        As the solver counts.
    counts : Counts
        Calls of f and c (those for differences included); gradients, Jacobians and Hessians made.
        Differences that the solver does not count: the calls over n + 1.
    preparation, derivatives, seconds : float, s
        Tracing and compiling; all callbacks; everything, these two included.
    note : str
        Why machine code could not be used, where that was so.
    """

    x: NDArray[np.float64]
    multipliers: NDArray[np.float64] | None
    status: str
    message: str
    iterations: int
    counts: Counts
    preparation: float
    derivatives: float
    seconds: float
    note: str = ""
