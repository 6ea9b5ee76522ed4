"""`run`: the loop of an iterative method, and the contract that a method fills in.

Newton and Levenberg-Marquardt differ in what a step is, not in when a solve ends,
what is counted, or who is told.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.methods.monitor import Monitor
from sparsesolve.problem.result import Status

__all__ = ["Ending", "IterativeMethod", "Outcome", "run"]

Array = NDArray[np.float64]


class Ending(NamedTuple):
    """Why a solve ended."""

    status: Status
    message: str


@dataclass(frozen=True, eq=False, slots=True)
class Outcome:
    """Where a method ended.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Its last point.
    cost, optimality : float
        What is minimized there, and how far that is from a solution.
    status, message : Status, str
        Why it ended.
    iterations : int
        How many steps were begun.
    """

    x: Array
    cost: float
    optimality: float
    status: Status
    message: str
    iterations: int


class IterativeMethod(ABC):
    """A method that goes from point to point; `run` calls it.

    Notes
    -----
    A method keeps these promises:

    1. Its constructor (*init*) evaluates the start. `x`, `cost` and `optimality` always belong to
       one another, and `x` is replaced, never written into.
    2. `trouble` says whether the start can be used at all; it is asked once, before the monitor
       sees the start as iteration 0.
    3. `terminate` is asked before each step, and after the last one that is allowed.
    4. `step` goes to a better point. It ends the solve by an `Ending`: then `x` is the last point,
       moved or not.
    5. `exhausted` says what it means that all iterations are used up.
    6. `judge` may replace an ending, whichever it is, once.
    """

    x: Array
    cost: float
    optimality: float

    @abstractmethod
    def trouble(self) -> Ending | None:
        """Say why the start cannot be used."""

    @abstractmethod
    def terminate(self) -> Ending | None:
        """Say why the point is where to stop."""

    @abstractmethod
    def step(self) -> Ending | None:
        """Go to the next point, or say why there is none, or why it is the last."""

    @abstractmethod
    def exhausted(self, iterations: int) -> Ending:
        """Say that the iterations were not enough."""

    def judge(self, ending: Ending) -> Ending:
        """Return the ending as it is to be reported."""
        return ending

    def details(self) -> dict[str, Any]:
        """Return what else the monitor is told."""
        return {}


def run(method: IterativeMethod, monitor: Monitor, most: int) -> Outcome:
    """Let a method go on until it ends, the monitor stops it, or its iterations are used up.

    Parameters
    ----------
    method : IterativeMethod
        At its start.
    monitor : Monitor
        Is told of the start, and of each iteration that moved or goes on.
    most : int
        How many iterations are allowed.

    Returns
    -------
    Outcome
        With the method's last point.
    """
    ending, iterations = _until_the_end(method, monitor, most)
    status, message = method.judge(ending)
    return Outcome(method.x, method.cost, method.optimality, status, message, iterations)


def _until_the_end(method: IterativeMethod, monitor: Monitor, most: int) -> tuple[Ending, int]:
    ending = method.trouble() or _told(method, monitor, 0, method.x)
    if ending is not None:
        return ending, 0
    for iteration in range(1, most + 1):
        ending = method.terminate()
        if ending is not None:
            return ending, iteration - 1
        before = method.x
        ending = method.step()
        if ending is None or method.x is not before:
            ending = _told(method, monitor, iteration, before) or ending
        if ending is not None:
            return ending, iteration
    return method.terminate() or method.exhausted(most), most


def _told(
    method: IterativeMethod, monitor: Monitor, iteration: int, before: Array
) -> Ending | None:
    """Tell the monitor; an ending where it wants no more."""
    going = monitor.update(
        iteration,
        method.x,
        method.cost,
        optimality=method.optimality,
        step=float(np.linalg.norm(method.x - before)),
        extra=method.details(),
    )
    return None if going else Ending(Status.STOPPED, "The callback stopped the solve.")
