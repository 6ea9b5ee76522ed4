"""Minimization within bounds by TAO: the objective as shares of sums, the rest by rows.

A rank evaluates its share of the terms of the objective, and the rows of gradient and Hessian that
it owns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.petsc.distributed import Distributed, Told, traced_together
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
_MOST_ITERATIONS = 1000  # PETSc's 50 are few where bounds come and go
_USERS = 83  # PETSc's code of errors in what a user gives
_NAN = -4  # TAO's reason
_STATUS = {
    6: Status.STALLED,
    7: Status.UNBOUNDED,
    -2: Status.ITERATION_LIMIT,
    _NAN: Status.EVALUATION_ERROR,
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
    ranks.require_same_given(x0=start, bounds=problem.bounds, tol=tol, options=options)
    with options_set(ranks.petsc, given):
        run = _Minimization(ranks, problem, objective, start)
        run.solve(_TOL if tol is None else tol, monitor)
    return run.result(answer, monitor)


class _Minimization:
    """One run of TAO."""

    def __init__(
        self, ranks: Ranks, problem: Problem, objective: Callable[..., Any], start: Array
    ) -> None:
        self.began = time.perf_counter()
        self.ranks, self.problem = ranks, problem
        example = [start, *problem.parameter_vectors]
        derivatives: SolverDerivatives = problem.method
        divided = traced_together(ranks, objective, example, 0, derivatives)
        self.system = Distributed(ranks, divided.gradient())
        self.value = _Objective(self.system, divided.summed())
        self.notes = tuple(divided.log.notes) + self.system.notes
        self.x = self.system.vector(np.clip(start, *problem.bounds))
        self.gradient = self.system.vector()
        self.prepared, self.code, self.iterations = 0.0, 0, 0

    def solve(self, tol: float, monitor: Monitor) -> None:
        """Run TAO, with the options that are set."""
        tao = self._made(tol)
        _watch(tao, self.system, monitor)
        self.prepared = time.perf_counter() - self.began
        self.system.seconds = 0.0
        try:
            tao.solve(self.x)
        except Stop:
            monitor.stopped = True
        except self.ranks.petsc.Error as error:
            if error.ierr != _USERS or self._is_finite():
                raise
            self.code = _NAN  # TAO raises an error of its own at such a start
            return
        self.code = int(tao.getConvergedReason())
        self.iterations = int(tao.getIterationNumber())

    def _is_finite(self) -> bool:
        self.system.value(self.x, self.gradient)
        return bool(np.isfinite(self.value(self.x)) and np.isfinite(self.gradient.norm()))

    def _made(self, tol: float) -> Any:
        system, ranks = self.system, self.ranks
        tao = ranks.petsc.TAO().create(comm=ranks.comm)
        tao.setObjective(lambda _, at: self.value(at))
        tao.setGradient(lambda _, at, out: system.value(at, out), self.gradient)
        tao.setHessian(lambda _, at, H, P: system.jacobian(at, H), *system.matrices())
        low, high = (system.vector(_finite(ranks, bound)) for bound in self.problem.bounds)
        tao.setVariableBounds((low, high))
        tao.setType("bntr")
        tao.setTolerances(gatol=tol, grtol=0.0, gttol=0.0)
        tao.setMaximumIterations(_MOST_ITERATIONS)
        tao.setFromOptions()
        return tao

    def result(self, answer: str, monitor: Monitor) -> Result:
        """Return what was found, with the multipliers of the bounds."""
        system, petsc, code = self.system, self.ranks.petsc, self.code
        fun = self.value(self.x)
        system.value(self.x, self.gradient)
        below, above = _multipliers(system, self.x, self.gradient, self.problem)
        seconds = time.perf_counter() - self.began - self.prepared
        return system.result(
            answer,
            {"x": self.x, "gradient": self.gradient, "lower": below, "upper": above},
            fun=fun,
            cost=fun,
            status=_status(code, monitor.stopped),
            message=_message(petsc, code, monitor.stopped),
            solver="petsc",
            optimality=_optimality(petsc, self.gradient, below, above),
            iterations=self.iterations,
            counts=self._counts(),
            seconds_preparation=self.prepared,
            seconds_derivatives=system.seconds,
            seconds_solver=max(0.0, seconds - system.seconds),
            solver_status=code,
            name=self.problem.name,
            notes=self.notes,
            history=monitor.history,
        )

    def _counts(self) -> Counts:
        counts = self.system.counts
        return Counts(self.value.calls, counts["value"], hessian=counts["jacobian"])


def _message(petsc: Any, code: int, stopped: bool) -> str:
    reason = reason_of(petsc.TAO.Reason, code)
    return "Stopped by the callback." if stopped else f"TAO: {reason}."


def _status(code: int, stopped: bool) -> Status:
    if stopped:
        return Status.STOPPED
    return _STATUS.get(code, Status.SOLVED if code > 0 else Status.FAILED)


def _optimality(petsc: Any, gradient: Any, below: Any, above: Any) -> float:
    """Return the largest element of the gradient that no multiplier of a bound makes up for."""
    left = gradient.copy()
    left.axpy(-1.0, below)
    left.axpy(1.0, above)
    return float(left.norm(petsc.NormType.NORM_INFINITY))


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
        tell(iteration, tao.getSolution, fun, measure)

    tell = Told(system, monitor)
    tao.setMonitor(seen)
