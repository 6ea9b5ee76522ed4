"""Callbacks in machine code for the derivatives of a problem.

Only solvers written in C can use them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.lagrangian import ProblemDerivatives
from sparsesolve.host.imports import importing

if TYPE_CHECKING:
    from sparsesolve.engine.llvm.run.c_callbacks import CCallbacks

__all__ = ["make_c_callbacks"]

_KINDS = {
    "objective": "function",
    "gradient": "gradient",
    "constraints": "constraints",
    "jacobian_values": "jacobian",
    "hessian_values": "hessian",
}


def make_c_callbacks(
    derivatives: ProblemDerivatives,
    bounds: tuple[NDArray[np.float64], ...],
    feasible: float,
    before: CCallbacks | None = None,
) -> CCallbacks | None:
    """Return callbacks for what has machine code, or None where nothing has.

    Parameters
    ----------
    derivatives : ProblemDerivatives
        A method that was replaced by another function is not bypassed; an object that only has the
        same methods is called by them.
    bounds : tuple of ndarray
        Lower and upper of the variables, then of the rows.
    feasible : float
        See `CCallbacks`.
    before : CCallbacks, optional
        Of another solve with the same bounds, which is over; used again where it fits.
    """
    if not isinstance(derivatives, ProblemDerivatives):
        return None
    runs = {}
    for name, evaluator in derivatives.evaluators().items():
        empty = evaluator.size == 0 or name in vars(derivatives)
        run = None if empty else evaluator.native_run()
        if run is not None:
            runs[_KINDS[name]] = run
    if not runs:
        return None
    if before is not None and before.fits(runs):
        before.begin(runs, derivatives.parameters)
        return before
    return _kind()(runs, bounds, feasible, derivatives.parameters)


@cache
def _kind() -> type[CCallbacks]:
    with importing():
        from sparsesolve.engine.llvm.run.c_callbacks import CCallbacks  # noqa: PLC0415

    return CCallbacks
