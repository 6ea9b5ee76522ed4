"""`root`: prepare the Jacobian, run the sparse Newton method, write the `Result`.

Separate because the method knows nothing of results, and the result nothing of the method.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.methods.monitor import IterationState, Monitor
from sparsesolve.methods.newton import NewtonOptions, solve_newton
from sparsesolve.methods.residual import Residual, prepare_residual
from sparsesolve.problem.result import Result, Status

__all__ = ["residual_result", "solve_root"]

Array = NDArray[np.float64]


def solve_root(
    function: Callable[..., Any],
    x0: Array,
    *,
    method: str,
    tol: float | None,
    options: Mapping[str, Any] | None,
    args: tuple[Any, ...],
    jac: Any,
    progress: bool,
    callback: Callable[[IterationState], Any] | None,
) -> Result:
    """Solve ``function(x, *args) = 0``; the arguments are those of `sparsesolve.root`.

    Parameters
    ----------
    function, x0, method, tol, options, args, jac, progress, callback
        See `sparsesolve.root`.

    Returns
    -------
    Result
        With ``fun`` the residual vector.

    Raises
    ------
    ValueError
        If the method is unknown, an option is unknown, or the system is not square.
    """
    if method != "newton":
        raise ValueError(
            f"`method` must be 'newton', got {method!r}. For a least squares solution use "
            "sparsesolve.least_squares."
        )
    settings = _options(options, tol)
    residual = prepare_residual(function, x0, args, jacobian=jac)
    m, n = residual.pattern.shape
    if m != n:
        raise ValueError(
            f"`root` needs as many equations as unknowns, got {m} equations in {n} unknowns. Use "
            "sparsesolve.least_squares."
        )
    with Monitor("newton", callback=callback, progress=progress) as monitor:
        result = _newton(residual, x0, settings, monitor)
    return residual.confirm(function, args, result)


def _newton(residual: Residual, x0: Array, settings: NewtonOptions, monitor: Monitor) -> Result:
    try:
        end = solve_newton(residual, x0, settings, monitor)
    except KeyboardInterrupt:
        best = x0 if monitor.best is None else monitor.best.x
        text = "Interrupted from the keyboard; this is the best point so far."
        return residual_result(residual, monitor, best, Status.INTERRUPTED, text)
    except (MemoryError, np.linalg.LinAlgError) as failure:
        best = x0 if monitor.best is None else monitor.best.x
        text = f"The linear systems could not be solved: {str(failure) or 'no more memory'}."
        return residual_result(residual, monitor, best, Status.FAILED, text)
    return residual_result(
        residual, monitor, end.x, end.status, end.message, iterations=end.iterations
    )


def _options(options: Mapping[str, Any] | None, tol: float | None) -> NewtonOptions:
    given = dict(options or {})
    if tol is not None:
        given.setdefault("tol", float(tol))
    known = [f.name for f in dataclasses.fields(NewtonOptions)]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(
            f"`options` of method 'newton' are {', '.join(known)}; got {', '.join(unknown)}."
        )
    return NewtonOptions(**given)


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
    J = residual.csr(x)
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
    )
