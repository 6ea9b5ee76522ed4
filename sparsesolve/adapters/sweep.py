"""Many solves of one problem: at many parameters, or from many starts; in turn, or by workers.

What runs them is anything with a `map` (`sweep_workers`): threads share what was prepared,
processes prepare once each.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.minimize import presented, with_origin
from sparsesolve.adapters.sweep_workers import arriving, require_workers
from sparsesolve.errors import SolverError
from sparsesolve.options import count
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Result, Status

__all__ = ["best_first", "solve_all", "starts_within"]

Array = NDArray[np.float64]
Task = Mapping[str, Any]

_MOST_THREADS = 256
_FEASIBLE = 1e-6
_EVERY = 10  # of the lines of progress, where they are not drawn over each other


def solve_all(
    problem: Problem,
    tasks: Sequence[Task],
    *,
    workers: Any = None,
    progress: bool = False,
    **options: Any,
) -> list[Result]:
    """Solve a problem once for each task, and return the results in their order.

    Parameters
    ----------
    problem : Problem
        It is prepared first.
    tasks : sequence of mapping
        What differs: `p`, `x0`, `bounds`, `limits`, `warm_start`.
    workers : int, executor or None
        None: one after the other. A number: as many threads. Or anything with a method `map`: an
        executor, a pool, a client of dask.
    progress : bool
        Whether to write lines to the standard error.
    **options
        For every solve.
    """
    given = [{**options, **task} for task in tasks]
    watched = _written(len(given)) if progress else iter
    if workers is None or isinstance(workers, int):
        _ = problem.derivatives
        solve = _InThisProcess(problem)
        if workers is None:
            return list(watched(map(solve, given)))
        with ThreadPoolExecutor(count("workers", workers, _MOST_THREADS)) as pool:
            return list(watched(pool.map(solve, given)))
    require_workers(workers)
    members = [problem.at(task.get("p"), **_changes(task)) for task in given]
    elsewhere = _worker(workers, problem)
    found: dict[int, Result] = {}

    def finished() -> Iterator[Result]:
        for number, got in arriving(workers, elsewhere, given):
            found[number] = _failed(members[number], got) if isinstance(got, Exception) else got
            yield found[number]

    for _ in watched(finished()):
        pass
    # problems do not travel back: each result is of this one, at its own parameters
    return [with_origin(member, found[number]) for number, member in enumerate(members)]


def _changes(task: Task) -> dict[str, Any]:
    return {name: task.get(name) for name in ("x0", "bounds", "limits")}


def _worker(workers: Any, problem: Problem) -> Callable[[Task], Any]:
    """Return what solves a task; threads of this process share what is prepared."""
    if isinstance(workers, ThreadPoolExecutor):
        _ = problem.derivatives
        return _InThisProcess(problem)
    return _Elsewhere(pickle.dumps(problem))


class _InThisProcess:
    """Solves one task."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def __call__(self, task: Task) -> Result:
        """Return its result; failed where the function raises."""
        try:
            return self.problem.solve(**task)
        except (ArithmeticError, np.linalg.LinAlgError, SolverError) as error:
            return _failed(self.problem.at(task.get("p"), **_changes(task)), error)


class _Elsewhere:
    """Solves one task in another process, where the problem is prepared once."""

    def __init__(self, pickled: bytes) -> None:
        self.pickled = pickled

    def __call__(self, task: Task) -> Result:
        """Return its result, without the problem that it is of."""
        return replace(_InThisProcess(_unpickled(self.pickled))(task), origin=None)


@lru_cache(maxsize=4)
def _unpickled(pickled: bytes) -> Problem:
    problem: Problem = pickle.loads(pickled)
    return problem


def _failed(problem: Problem, error: Exception) -> Result:
    """Say that one of many could not be solved, and go on with the others."""
    message = f"{type(error).__name__}: {error}"
    result = Result(problem.start, float("nan"), Status.FAILED, message, "none")
    return presented(problem, result)


def _written(total: int) -> Callable[[Iterable[Result]], Iterator[Result]]:
    """Return what writes how many are done, on one line in a terminal, else every tenth."""

    def watching(results: Iterable[Result]) -> Iterator[Result]:
        failures, live = 0, sys.stderr.isatty()
        for number, result in enumerate(results, 1):
            failures += not result.success
            if live or number % _EVERY == 0 or number == total:
                text = f"{number} of {total} solved, {failures} without success"
                end = "\r" if live and number < total else "\n"
                sys.stderr.write(f"{text}{end}")
                sys.stderr.flush()
            yield result

    return watching


# ----- From many starts ----------------------------------------------------------------------


def starts_within(problem: Problem, number: int, spread: float, seed: int) -> list[Array]:
    """Return starts: that of the problem, and others, one in each slice of each variable's range.

    Parameters
    ----------
    problem : Problem
        Its bounds are the ranges; where there is none, `spread` times the size of the start, at
        least one, to either side.
    number : int
        How many.
    spread : float
        See `problem`.
    seed : int
        Of the random numbers.

    Notes
    -----
    McKay, Beckman, Conover (1979), "A comparison of three methods for selecting values of input
    variables in the analysis of output from a computer code", Technometrics 21(2).
    """
    lower, upper = problem.bounds
    first = problem.start
    reach = spread * np.maximum(1.0, np.abs(first))
    low = np.where(
        np.isfinite(lower),
        lower,
        np.minimum(first, np.where(np.isfinite(upper), upper, first)) - reach,
    )
    high = np.where(np.isfinite(upper), upper, np.maximum(first, low) + reach)
    rng, slices = np.random.default_rng(seed), max(0, number - 1)
    order = rng.permuted(np.tile(np.arange(slices)[:, None], (1, problem.n)), axis=0)
    places = (order + rng.uniform(size=order.shape)) / max(1, slices)
    return [first, *(low + places * (high - low))]


def best_first(results: Sequence[Result]) -> list[Result]:
    """Sort results: those that succeeded first, then by what they violate, then by the cost."""

    def rank(result: Result) -> tuple[bool, float, float]:
        cost = result.cost if np.isfinite(result.cost) else np.inf
        excess = max(0.0, result.constraint_violation - _FEASIBLE)
        return not result.success, excess, cost

    return sorted(results, key=rank)
