"""`Monitor`: follows a solve by its iterations: progress, callback, the best point.

Every solver reports its iterations in another form and all want the same three
things done. A callback stops the solve by returning a true value or raising StopIteration.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.methods.callback import as_callback, check_callback
from sparsesolve.methods.progress import ProgressTable
from sparsesolve.problem.history import History

if TYPE_CHECKING:
    from sparsesolve.methods.units import Units

__all__ = ["FEASIBLE", "IterationState", "Monitor"]

Array = NDArray[np.float64]

_LOG = logging.getLogger("sparsesolve")
_LOG.addHandler(logging.NullHandler())

FEASIBLE = 1e-6
"""Violation up to which points are compared by their objective."""


@dataclass(frozen=True, eq=False, slots=True)
class IterationState:
    """One iteration, as callbacks and the progress table see it.

    Parameters
    ----------
    iteration : int
        Number of the iteration, from 0.
    x : ndarray, shape (n,)
        The iterate (a copy). For IPOPT the last point at which derivatives were asked for.
    fun : float
        Objective (or cost) at `x`.
    constraint_violation : float
        Largest violation at `x`, absolute.
    optimality : float
        The solver's measure of optimality.
    step : float
        Length of the step, or radius of the trust region, where the solver tells.
    solver : str
        Name of the solver.
    seconds : float, s
        Since the start of the solve.
    extra : dict
        What else the solver tells (for IPOPT `mu`, `regularization`, `line_search_trials`, ...).
    """

    iteration: int
    x: Array
    fun: float
    constraint_violation: float = 0.0
    optimality: float = float("nan")
    step: float = float("nan")
    solver: str = ""
    seconds: float = 0.0
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def nit(self) -> int:
        """The iteration, by scipy's name."""
        return self.iteration


class Monitor:
    """Receives iterations; used as a context manager around a solve.

    Parameters
    ----------
    solver : str
        Name of the solver.
    callback : callable, optional
        ``callback(state)`` with an `IterationState`, or as scipy's are written; a true result stops
        the solve.
    progress : bool, optional
        Show a live table. Default is False.
    units : Units, optional
        Of a scaled problem: table, callback and history are told in the user's.
    """

    def __init__(
        self,
        solver: str,
        *,
        callback: Callable[[IterationState], Any] | None = None,
        progress: bool = False,
        units: Units | None = None,
    ) -> None:
        check_callback(callback)
        self.solver = solver
        self.units = units
        self.callback = None if callback is None else as_callback(callback)
        self.stopped = False
        self.error: BaseException | None = None
        self.best: IterationState | None = None
        self.iterations = 0
        self._seen: list[tuple[float, ...]] = []
        self._table = ProgressTable(solver) if progress else None
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start

    def update(
        self, iteration: int, x: Array, fun: float, *, slopes: Array | None = None, **details: Any
    ) -> bool:
        """Take one iteration.

        Parameters
        ----------
        iteration : int
            Number of the iteration.
        x : ndarray, shape (n,)
            The iterate; copied.
        fun : float
            Objective there.
        slopes : ndarray, optional
            The gradient of the Lagrangian, where the solver tells.
        **details
            Other fields of `IterationState`.

        Returns
        -------
        bool
            Whether to go on.
        """
        state = IterationState(
            iteration, np.array(x), float(fun), solver=self.solver, seconds=self.seconds, **details
        )
        self.iterations = max(self.iterations, iteration)
        if self.best is None or _rank(state) < _rank(self.best):
            self.best = state
        if self.units is not None:
            state = self.units.told(state, slopes)
        self.note(iteration, state.fun, state.constraint_violation, state.optimality, state.step)
        if self._table is not None:
            self._table.add(state)
        if self.callback is not None:
            try:
                self.stopped = bool(self.callback(state))
            except StopIteration:
                self.stopped = True
            except BaseException as error:
                self.error = error  # to tell it from a failure of the solver
                raise
        return not self.stopped

    def note(
        self, iteration: int, fun: float, violation: float, optimality: float, step: float
    ) -> None:
        """Take the numbers of one iteration for the history."""
        row = (iteration, fun, violation, optimality, step, self.seconds)
        if self._seen and self._seen[-1][0] == iteration:
            self._seen[-1] = row  # told twice: the end of a solve that goes on
        else:
            self._seen.append(row)
        if _LOG.isEnabledFor(logging.DEBUG):
            _LOG.debug("%s %d: %.9e, violation %.2e, optimality %.2e", self.solver, *row[:4])

    @property
    def history(self) -> History:
        """What was seen so far."""
        return History(self._seen)

    @property
    def watched(self) -> bool:
        """Whether anybody wants to see each iteration."""
        return not (self._table is None and self.callback is None and self.units is None)

    def adopt(self, iterations: int, best: IterationState | None) -> None:
        """Take what was seen elsewhere: the number of the last iteration, and the best."""
        self.iterations = max(self.iterations, iterations)
        if best is not None and (self.best is None or _rank(best) < _rank(self.best)):
            self.best = best

    def follow(self, other: Monitor, n: int) -> None:
        """Take what another monitor has seen of the first `n` variables and more."""
        best = other.best and replace(other.best, x=other.best.x[:n])
        self.adopt(other.iterations, best)
        if not self.watched:
            self._seen = other._seen

    def __enter__(self) -> Monitor:
        self._start = time.perf_counter()
        if self._table is not None:
            self._table.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._table is not None:
            self._table.stop()
        _LOG.info("%s: %d iterations in %.3f s", self.solver, self.iterations, self.seconds)


def _rank(state: IterationState) -> tuple[float, float]:
    """Smaller is better: first feasible, then a low objective; NaN last."""
    violation = state.constraint_violation
    excess = np.inf if np.isnan(violation) else max(violation - FEASIBLE, 0.0)
    return excess, np.inf if np.isnan(state.fun) else state.fun
