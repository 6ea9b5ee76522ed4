"""Workers of a sweep: tasks handed to whatever has a `map`, results taken as they come.

Separate because each library loses a worker in its own way, and none of them may take
with it what others have done. dask runs again what was lost, and a result that has arrived is held
there no more; an executor of processes breaks as a whole, and what had not arrived is lost; what
has only a `map` is waited for.
"""

from __future__ import annotations

import concurrent.futures
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

__all__ = ["arriving", "require_workers"]

_T = TypeVar("_T")
_R = TypeVar("_R")


def require_workers(workers: Any) -> None:
    """Raise where something cannot run tasks.

    Parameters
    ----------
    workers : object
        As a user gave it.

    Raises
    ------
    TypeError
        If it has no method `map`, or its results must be awaited.
    """
    if not callable(getattr(workers, "map", None)):
        raise TypeError(
            f"`workers` must be a number of threads or have a method `map`, such as an executor of "
            f"concurrent.futures or a client of dask, got {type(workers).__name__}."
        )
    if getattr(workers, "asynchronous", False):
        raise TypeError(
            "`workers` must not be asynchronous, got a client of dask made with asynchronous=True. "
            "Make it without, or pass client.get_executor()."
        )


def arriving(
    workers: Any, function: Callable[[_T], _R], tasks: Sequence[_T]
) -> Iterator[tuple[int, _R | Exception]]:
    """Run a function on each task, and yield each number and result once it is there.

    Parameters
    ----------
    workers : object
        An executor, a pool, a client of dask; anything with a `map`.
    function : callable
        Of a task.
    tasks : sequence
        They travel, as the function does, if the workers are other processes.

    Yields
    ------
    int, result or Exception
        In any order. The exception is one of the library: it has lost this task for good. What the
        function raises is raised.
    """
    if _is_client_of_dask(workers):
        yield from _by_dask(workers, function, tasks)
    elif isinstance(workers, concurrent.futures.Executor):
        yield from _by_executor(workers, function, tasks)
    elif hasattr(workers, "gather"):  # futures; equal tasks would share one
        yield from enumerate(workers.gather(workers.map(function, list(tasks), pure=False)))
    else:
        yield from enumerate(getattr(workers, "imap", workers.map)(function, tasks))


def _is_client_of_dask(workers: Any) -> bool:
    distributed = sys.modules.get("distributed")  # loaded, where there is a client
    return distributed is not None and isinstance(workers, distributed.Client)


def _by_dask(client: Any, function: Any, tasks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    completed = sys.modules["distributed"].as_completed
    futures = client.map(function, list(tasks), pure=False)
    numbers = {future.key: number for number, future in enumerate(futures)}
    try:
        for future in completed(futures):
            yield numbers.pop(future.key), _outcome(future)
            future.release()  # or it would be computed again if its worker were lost
    finally:
        client.cancel([future for future in futures if future.key in numbers])


def _by_executor(pool: Any, function: Any, tasks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    numbers: dict[Any, int] = {}
    try:
        for number, task in enumerate(tasks):
            try:
                numbers[pool.submit(function, task)] = number
            except concurrent.futures.BrokenExecutor as broken:
                yield number, broken
        for future in concurrent.futures.as_completed(list(numbers)):
            yield numbers.pop(future), _outcome(future)
    finally:
        for future in numbers:
            future.cancel()


def _outcome(future: Any) -> Any:
    """Return the result of a future; raise what its function raised, return what it died of."""
    try:
        return future.result()
    except concurrent.futures.BrokenExecutor as error:
        return error
    except Exception as error:
        if type(error).__name__ == "KilledWorker":  # dask's, after some workers died of it
            return error
        raise
