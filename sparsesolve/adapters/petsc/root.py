"""Nonlinear systems by SNES: Newton methods whose linear systems are PETSc's as well."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.petsc.distributed import Distributed, Told, distributed
from sparsesolve.adapters.petsc.library import require_petsc
from sparsesolve.adapters.petsc.linear import choose_linear_solver, precondition_on_the_right
from sparsesolve.adapters.petsc.options import answer_of, options_set
from sparsesolve.adapters.petsc.outcome import Stop, reason_of
from sparsesolve.adapters.petsc.ranks import Ranks
from sparsesolve.methods.monitor import Monitor
from sparsesolve.options import SolverDerivatives
from sparsesolve.problem.result import Counts, Result, Status

__all__ = ["root_by_snes"]

Array = NDArray[np.float64]

_TOL = 1e-10
_STATUS = {
    -1: Status.EVALUATION_ERROR,
    -3: Status.SINGULAR,
    -4: Status.EVALUATION_ERROR,
    -5: Status.ITERATION_LIMIT,
    -6: Status.STALLED,
    -8: Status.STALLED,
}


def root_by_snes(
    function: Callable[..., Any],
    x0: Array,
    *,
    tol: float | None,
    options: Mapping[str, Any] | None,
    args: tuple[Any, ...],
    derivatives: SolverDerivatives,
    monitor: Monitor,
) -> Result:
    """Solve ``function(x, *args) = 0``; the arguments are those of `sparsesolve.root`.

    Parameters
    ----------
    function, x0, tol, options, args, derivatives
        See `sparsesolve.root`.
    monitor : Monitor
        Of this solve.

    Returns
    -------
    Result
        The same on all ranks, or with the part that a rank owns, if ``options`` say so.
    """
    answer, given = answer_of(options)
    ranks = Ranks(require_petsc())
    ranks.require_same_given(x0=x0, tol=tol, options=options)
    start = time.perf_counter()
    with options_set(ranks.petsc, given) as known:
        system, notes = distributed(ranks, function, [x0, *args], 0, derivatives)
        snes = ranks.petsc.SNES().create(comm=ranks.comm)
        residual, x = system.vector(), system.vector(x0)
        snes.setFunction(lambda _, at, out: system.value(at, out), residual)
        snes.setJacobian(lambda _, at, J, P: system.jacobian(at, J), *system.matrices())
        snes.setTolerances(rtol=1e-50, atol=_TOL if tol is None else tol, stol=1e-14, max_it=100)
        notes += choose_linear_solver(system, snes.getKSP(), known)
        snes.setFromOptions()
        precondition_on_the_right(ranks.petsc, snes.getKSP(), known)
        _watch(snes, system, monitor)
        prepared = time.perf_counter() - start
        system.seconds = 0.0
        try:
            snes.solve(None, x)
        except Stop:
            monitor.stopped = True
        code = int(snes.getConvergedReason())
    system.value(x, residual)
    inside = system.seconds
    return system.result(
        answer,
        {"x": x, "fun": residual},
        status=_status(ranks, code, monitor.stopped),
        message=_message(ranks, code, monitor.stopped),
        solver="petsc",
        cost=0.5 * float(residual.norm()) ** 2,
        optimality=float(residual.norm(ranks.petsc.NormType.NORM_INFINITY)),
        iterations=int(snes.getIterationNumber()),
        counts=Counts(function=system.counts["value"], jacobian=system.counts["jacobian"]),
        seconds_preparation=prepared,
        seconds_derivatives=inside,
        seconds_solver=max(0.0, time.perf_counter() - start - prepared - inside),
        solver_status=code,
        notes=notes,
        history=monitor.history,
    )


def _status(ranks: Ranks, code: int, stopped: bool) -> Status:
    if stopped:
        return Status.STOPPED
    return Status.SOLVED if code > 0 else _STATUS.get(code, Status.FAILED)


def _message(ranks: Ranks, code: int, stopped: bool) -> str:
    reason = reason_of(ranks.petsc.SNES.ConvergedReason, code)
    return "Stopped by the callback." if stopped else f"SNES: {reason}."


def _watch(snes: Any, system: Distributed, monitor: Monitor) -> None:
    """Tell the monitor of every iteration; callbacks get whole vectors, on every rank."""
    tell = Told(system, monitor)
    snes.setMonitor(lambda _, k, norm: tell(k, snes.getSolution, 0.5 * norm**2, norm))
