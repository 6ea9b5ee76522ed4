"""`root`: prepare the Jacobian, run the sparse Newton method, write the `Result`.

Separate because the method knows nothing of results, and the result nothing of the method.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.residual_result import residual_result
from sparsesolve.adapters.scipy_root import SCIPY_ROOT_METHODS, solve_by_scipy
from sparsesolve.host.imports import importing
from sparsesolve.methods.callback import check_callback
from sparsesolve.methods.failure import INTERRUPTED
from sparsesolve.methods.monitor import Monitor
from sparsesolve.methods.newton import NewtonOptions, solve_newton
from sparsesolve.methods.origin import Rooted
from sparsesolve.methods.residual import Residual, prepare_residual
from sparsesolve.options import SolverDerivatives, count, positive
from sparsesolve.problem.result import Result, Status

__all__ = ["solve_root"]

Array = NDArray[np.float64]

_MOST = 2**62


def solve_root(
    function: Callable[..., Any],
    x0: Array,
    *,
    method: str,
    tol: float | None,
    options: Mapping[str, Any] | None,
    args: tuple[Any, ...],
    jac: Any,
    derivatives: SolverDerivatives,
    progress: bool,
    callback: Callable[..., Any] | None,
) -> Result:
    """Solve ``function(x, *args) = 0``; the arguments are those of `sparsesolve.root`.

    Parameters
    ----------
    function, x0, method, tol, options, args, jac, derivatives, progress, callback
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
    check_callback(callback)
    if method == "petsc":
        with importing():
            from sparsesolve.adapters.petsc.root import root_by_snes  # noqa: PLC0415

        with Monitor(method, callback=callback, progress=progress) as monitor:
            found = root_by_snes(
                function,
                x0,
                tol=tol,
                options=options,
                args=args,
                derivatives=derivatives,
                monitor=monitor,
            )
        if jac is None or isinstance(jac, bool):
            return found
        note = "`jac` was not used: each process prepares the rows that it owns"
        return dataclasses.replace(found, notes=(*found.notes, note))
    if method not in ("newton", *SCIPY_ROOT_METHODS):
        raise ValueError(
            f"`method` must be 'newton', 'petsc' or one of scipy's, "
            f"{', '.join(SCIPY_ROOT_METHODS)}; got {method!r}. For a least squares solution use "
            "sparsesolve.least_squares."
        )
    settings = _options(options, tol) if method == "newton" else None
    residual = prepare_residual(
        function, x0, args, jacobian=jac, derivatives=derivatives, thin=settings is not None
    )
    m, n = residual.shape
    if m != n:
        raise ValueError(
            f"`root` needs as many equations as unknowns, got {m} equations in {n} unknowns. Use "
            "sparsesolve.least_squares."
        )
    with Monitor(method, callback=callback, progress=progress) as monitor:
        if settings is None:
            result = solve_by_scipy(residual, x0, method, tol, options, monitor)
        else:
            result = _newton(residual, x0, settings, monitor)
    confirmed = residual.confirm(function, args, result)
    return dataclasses.replace(confirmed, origin=Rooted(function, args))


def _newton(residual: Residual, x0: Array, settings: NewtonOptions, monitor: Monitor) -> Result:
    try:
        end = solve_newton(residual, x0, settings, monitor)
    except KeyboardInterrupt:
        best = x0 if monitor.best is None else monitor.best.x
        text = INTERRUPTED
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
    for name, value in given.items():
        if name == "max_iterations":
            count(name, value, _MOST)
        else:
            positive(name, value, zero=True)
    return NewtonOptions(**given)
