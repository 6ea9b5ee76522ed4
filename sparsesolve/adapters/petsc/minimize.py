"""Minimization within bounds by TAO: the objective as shares of sums, the rest by rows.

A rank evaluates its share of the terms of the objective, and the rows of gradient and Hessian that
it owns.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.petsc.distributed import Distributed, traced_together
from sparsesolve.adapters.petsc.library import require_petsc
from sparsesolve.adapters.petsc.needed import Needed, SharedSums
from sparsesolve.adapters.petsc.options import answer_of, options_set
from sparsesolve.adapters.petsc.outcome import Stop, reason_of
from sparsesolve.adapters.petsc.ranks import Ranks
from sparsesolve.derivatives.row_part import Divided
from sparsesolve.methods.monitor import Monitor
from sparsesolve.options import SolverDerivatives
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Counts, Result, Status

__all__ = ["minimize_by_tao"]

Array = NDArray[np.float64]

_TOL = 1e-8
_STATUS = {
    6: Status.STALLED,
    7: Status.UNBOUNDED,
    -2: Status.ITERATION_LIMIT,
    -4: Status.EVALUATION_ERROR,
    -5: Status.ITERATION_LIMIT,
    -6: Status.STALLED,
    -7: Status.STALLED,
}


class _Objective:
    """A function of one value: each rank adds its share of the long sums in it."""

    def __init__(self, system: Distributed, divided: Divided) -> None:
        ranks, like = system.ranks, system.vector()
        self.system = system
        self.sums = SharedSums(ranks, system.numbering, like, divided)
        # what is left, of few unknowns and the sums, is done by the first rank
        rows = np.zeros(1 if ranks.rank == 0 else 0, dtype=np.intp)
        self.rest = ranks.together(lambda: divided.rows(rows))
        self.needed = Needed(ranks, system.numbering, like, self.rest.inputs)
        self.calls = 0
        self._out = np.zeros(rows.size)

    def __call__(self, x: Any) -> float:
        start = time.perf_counter()
        system = self.system
        sums = self.sums.at(x, system.parameters, system.ranks.together)
        at = self.needed.of(x, sums)
        system.ranks.together(lambda: self.rest.value(at, system.parameters, self._out))
        self.calls += 1
        system.seconds += time.perf_counter() - start
        return system.ranks.total(float(self._out.sum()))


def minimize_by_tao(
    problem: Problem,
    start: Array,
    *,
    options: Mapping[str, Any] | None,
    tol: float | None,
    monitor: Monitor,
) -> Result:
    """Minimize the objective of a problem within its bounds.

    Parameters
    ----------
    problem : Problem
        Without constraints.
    start : ndarray, shape (n,)
        Where.
    options, tol
        See `sparsesolve.minimize`.
    monitor : Monitor
        Of this solve.
    """
    objective = problem.functions[0]
    if problem.constraints or objective is None:
        raise ValueError(
            "method='petsc' minimizes an objective within bounds, got "
            f"{'constraints' if problem.constraints else 'no objective'}. Use method='ipopt', or "
            "'trust-constr'."
        )
    answer, given = answer_of(options)
    ranks = Ranks(require_petsc())
    began = time.perf_counter()
    derivatives: SolverDerivatives = problem.method
    example = [start, *problem.parameter_vectors]
    divided = traced_together(ranks, objective, example, 0, derivatives)
    system = Distributed(ranks, divided.gradient())
    value = _Objective(system, divided.summed())
    lower, upper = (system.vector(_finite(ranks, bound)) for bound in problem.bounds)
    with options_set(ranks.petsc, given):
        tao = ranks.petsc.TAO().create(comm=ranks.comm)
        x, gradient = system.vector(np.clip(start, *problem.bounds)), system.vector()
        tao.setObjective(lambda _, at: value(at))
        tao.setGradient(lambda _, at, out: system.value(at, out), gradient)
        tao.setHessian(lambda _, at, H, P: system.jacobian(at, H), *system.matrices())
        tao.setVariableBounds((lower, upper))
        tao.setType("bntr")
        tao.setTolerances(gatol=_TOL if tol is None else tol, grtol=0.0, gttol=0.0)
        tao.setFromOptions()
        _watch(tao, system, monitor)
        prepared = time.perf_counter() - began
        system.seconds = 0.0
        try:
            tao.solve(x)
        except Stop:
            monitor.stopped = True
        code, iterations = int(tao.getConvergedReason()), int(tao.getIterationNumber())
    fun = value(x)
    system.value(x, gradient)
    below, above = _multipliers(system, x, gradient, problem)
    left = gradient.copy()
    left.axpy(-1.0, below)
    left.axpy(1.0, above)
    seconds = time.perf_counter() - began - prepared
    status = Status.SOLVED if code > 0 else Status.FAILED
    return system.result(
        answer,
        {"x": x, "gradient": gradient, "lower": below, "upper": above},
        fun=fun,
        cost=fun,
        status=Status.STOPPED if monitor.stopped else _STATUS.get(code, status),
        message=f"TAO: {reason_of(ranks.petsc.TAO.Reason, code)}.",
        solver="petsc",
        optimality=float(left.norm(ranks.petsc.NormType.NORM_INFINITY)),
        iterations=iterations,
        counts=Counts(value.calls, system.counts["value"], hessian=system.counts["jacobian"]),
        seconds_preparation=prepared,
        seconds_derivatives=system.seconds,
        seconds_solver=max(0.0, seconds - system.seconds),
        solver_status=code,
        name=problem.name,
        notes=tuple(divided.log.notes) + system.notes,
        history=monitor.history,
    )


def _finite(ranks: Ranks, bound: Array) -> Array:
    """Return bounds with PETSc's infinity."""
    most = float(ranks.petsc.INFINITY)
    return np.clip(bound, -most, most)


def _multipliers(system: Distributed, x: Any, gradient: Any, problem: Problem) -> tuple[Any, Any]:
    """Return multipliers of the bounds where x is at them: what is left of the gradient there."""
    owned = system.numbering.owned
    low, high = (bound[owned] for bound in problem.bounds)
    at, slope = x.getArray(readonly=True), gradient.getArray(readonly=True)
    below, above = system.vector(), system.vector()
    below.setArray(np.where(at <= low, np.maximum(slope, 0.0), 0.0))
    fixed = (low == high) & (slope < 0.0)
    above.setArray(np.where((at >= high) | fixed, np.maximum(-slope, 0.0), 0.0))
    return below, above


def _watch(tao: Any, system: Distributed, monitor: Monitor) -> None:
    """Tell the monitor of every iteration; callbacks get whole vectors, on every rank."""

    def seen(_: Any) -> None:
        iteration, fun, measure, *_ = tao.getSolutionStatus()
        if not monitor.watched:
            monitor.note(iteration, fun, 0.0, measure, float("nan"))
            return
        x = system.whole(tao.getSolution())
        go_on = system.ranks.together(lambda: monitor.update(iteration, x, fun, optimality=measure))
        if system.ranks.largest(float(not go_on)):
            raise Stop

    tao.setMonitor(seen)
