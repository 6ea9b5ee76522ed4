"""`Cluster`: the same calls on the workers of dask.distributed, here or on other machines.

Separate because only this needs dask (extra `cluster`). A worker keeps one nursery for each of its
threads, so a call runs in a fresh process within its limits there as well; what travels are the
words of requests and replies.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any

from .isolate import Nursery, Reply, Request

__all__ = ["Cluster", "missing"]

_OWN = threading.local()
_ALL: list[Nursery] = []


def missing() -> str:
    """Say what to install; "" where dask is there."""
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        return f"--executor dask needs dask ({error}): pip install 'sparsesolve[cluster]'"
    return ""


class Cluster:
    """Workers of a dask scheduler; a context manager.

    Parameters
    ----------
    address : str or None
        Of the scheduler, as ``tcp://host:8786``; None: a cluster of threads in this process.
    jobs : int
        Calls at a time, for a cluster of our own; another one has as many as its workers have
        threads.
    modules : sequence of str
        Imported in each nursery before any fork.
    """

    def __init__(self, address: str | None, jobs: int, modules: Sequence[str]) -> None:
        from distributed import Client, LocalCluster

        self._modules = tuple(modules)
        self._local = None
        if address is None:
            # any free port: the default one may be another cluster's on this machine
            self._local = LocalCluster(
                n_workers=1, threads_per_worker=jobs, processes=False, dashboard_address=":0"
            )
        self._client = Client(self._local or address)

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.run(close_nurseries, on_error="ignore")  # of a worker that is just lost
        self._client.close()
        if self._local is not None:
            self._local.close()

    def run(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Run all and yield each reply as it comes.

        Parameters
        ----------
        requests : sequence of Request
            Their tags stay here.

        Yields
        ------
        Reply
            What a lost worker had not finished is run again by others; a call that some workers
            died of is a crash.
        """
        from distributed import as_completed

        futures = {
            self._client.submit(
                call_there, replace(request, tag=None), self._modules, pure=False
            ): request
            for request in requests
        }
        try:
            ended = as_completed(list(futures))
            for future in ended:
                if future.status in ("pending", "lost"):  # it was lost with its worker
                    ended.add(future)
                    continue
                request = futures.pop(future)  # and so is not run again if its worker is lost
                if future.status == "finished":
                    yield replace(future.result(), request=request)
                else:
                    reason = f"lost by the cluster: {future.exception()!r}"[:300]
                    yield Reply(request, "crash", reason, None, 0.0, 0.0, 0.0)
        finally:
            self._client.cancel(list(futures))


def call_there(request: Request, modules: tuple[str, ...]) -> Reply:
    """Run a call on a worker, in the nursery of this thread."""
    nursery: Any = getattr(_OWN, "nursery", None)
    if nursery is None or nursery not in _ALL:
        nursery = _OWN.nursery = Nursery(1, modules)
        _ALL.append(nursery)
    reply: Reply = nursery.call(request)
    return reply


def close_nurseries() -> None:
    """End all nurseries of a worker."""
    while _ALL:
        _ALL.pop().close()
