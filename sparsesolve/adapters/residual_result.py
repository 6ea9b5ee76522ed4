"""`residual_result`: the `Result` of a vector function, for roots and least squares alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.methods.monitor import Monitor
from sparsesolve.methods.residual import Residual
from sparsesolve.problem.result import Result, Status

__all__ = ["residual_result"]

Array = NDArray[np.float64]


def residual_result(
    residual: Residual,
    monitor: Monitor,
    x: Array,
    status: Status,
    message: str,
    *,
    iterations: int | None = None,
    cost: float | None = None,
    optimality: float | None = None,
    solver_status: int | None = None,
) -> Result:
    """Write the `Result` of a vector function.

    Parameters
    ----------
    residual, monitor : Residual, Monitor
        Of this solve.
    x : ndarray, shape (n,)
        Solution.
    status, message : Status, str
        How it ended.
    iterations, cost, optimality, solver_status : optional
        As the solver tells; cost is ``0.5 ||F||^2`` and optimality the largest entry of F where
        not given.

    Returns
    -------
    Result
        With residual and Jacobian at `x`.
    """
    elapsed, inside = monitor.seconds, residual.seconds
    F = residual.value(x)
    J = residual.final_jacobian(x)
    return Result(
        x=np.array(x),
        fun=F,
        status=status,
        message=message,
        solver=monitor.solver,
        cost=0.5 * float(F @ F) if cost is None else cost,
        optimality=float(np.max(np.abs(F), initial=0.0)) if optimality is None else optimality,
        iterations=monitor.iterations if iterations is None else iterations,
        counts=residual.counts,
        seconds_preparation=residual.seconds_preparation,
        seconds_derivatives=residual.seconds,
        seconds_solver=max(0.0, elapsed - inside),
        jacobian=J,
        solver_status=solver_status,
        history=monitor.history,
    )
