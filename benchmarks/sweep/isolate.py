"""`Nursery`: asks the nursery process to run functions in fresh processes, several at a time.

Separate from the nursery itself so that the side that asks imports none of what the cells need.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from ..fresh import search_path

__all__ = ["Nursery", "Reply", "Request"]


@dataclass(frozen=True, slots=True)
class Request:
    """A call in a fresh process.

    Parameters
    ----------
    function : str
        ``module:name``; takes one argument that JSON can hold and returns such a value.
    argument : object
        Passed on.
    seconds : float, s
        After this time the process is killed.
    megabytes : float, MB
        Resident memory that it may add to what it begins with.
    tag : object
        Comes back with the reply, unseen by the process.
    """

    function: str
    argument: Any
    seconds: float
    megabytes: float
    tag: Any = None


@dataclass(frozen=True, slots=True)
class Reply:
    """How a call ended.

    Parameters
    ----------
    request : Request
        What was asked.
    outcome : str
        ``"ok"``, ``"error"`` (an exception), ``"crash"``, ``"time-limit"`` or ``"memory-limit"``.
    reason : str
        In words, where it is not ok.
    value : object
        What the function returned.
    seconds, cpu : float, s
        From fork to end; processor time.
    peak : float, MB
        Largest resident memory seen.
    """

    request: Request
    outcome: str
    reason: str
    value: Any
    seconds: float
    cpu: float
    peak: float


class Nursery:
    """A process that forks fresh ones; a context manager.

    Parameters
    ----------
    jobs : int
        Processes at a time.
    modules : sequence of str, optional
        Imported once, before any fork.
    threads : int, optional
        Threads that numerical libraries may use in each. Default is 1.

    Raises
    ------
    OSError
        Where processes cannot be watched: elsewhere than on Linux.
    """

    def __init__(self, jobs: int, modules: Sequence[str] = (), *, threads: int = 1) -> None:
        if not hasattr(os, "pidfd_open"):
            raise OSError(
                "Cells run in processes that are watched through pidfd_open, which needs Linux; "
                f"this is {sys.platform}. Use a Linux machine or a container."
            )
        self.jobs = jobs
        self._command = [sys.executable, "-m", f"{__package__}.nursery", *modules]
        self._environment = _environment(threads)
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count()
        self._open: dict[int, Request] = {}

    def __enter__(self) -> Nursery:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the nursery and every child of it."""
        process, self._process = self._process, None
        self._open.clear()
        if process is None:
            return
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()  # type: ignore[union-attr]
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]

    def run(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """Run all, `jobs` at a time, and yield each reply as it comes.

        Parameters
        ----------
        requests : iterable of Request
            Taken one by one, as places become free.

        Yields
        ------
        Reply
            In the order in which the calls end.
        """
        waiting = iter(requests)
        for request in itertools.islice(waiting, self.jobs):
            self._send(request)
        while self._open:
            for reply in self._receive():
                yield reply
                for request in itertools.islice(waiting, 1):
                    self._send(request)

    def call(self, request: Request) -> Reply:
        """Run one call and return its reply."""
        return next(self.run([request]))

    def _start(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            # a session of its own: Ctrl-C is for us, the end of its input tells the nursery
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=self._environment,
                start_new_session=True,
            )
            if not self._process.stdout.readline():  # type: ignore[union-attr]
                self.close()
                raise RuntimeError(
                    "The nursery must start, but its imports failed; run "
                    f"`python {' '.join(self._command[1:])}` to see why."
                )
        return self._process

    def _send(self, request: Request) -> None:
        number = next(self._numbers)
        self._open[number] = request
        line = {
            "id": number,
            "function": request.function,
            "argument": request.argument,
            "seconds": request.seconds,
            "megabytes": request.megabytes,
        }
        stdin = self._start().stdin
        assert stdin is not None
        stdin.write(json.dumps(line).encode() + b"\n")
        stdin.flush()

    def _receive(self) -> list[Reply]:
        """Wait for an answer; where the nursery itself is gone, all its calls have crashed."""
        stdout = self._start().stdout
        assert stdout is not None
        line = stdout.readline()
        if not line:
            lost = list(self._open.values())
            self.close()
            words = "the nursery was killed from outside"
            return [Reply(request, "crash", words, None, 0.0, 0.0, 0.0) for request in lost]
        answer = json.loads(line)
        return [Reply(self._open.pop(answer.pop("id")), **answer)]


def _environment(threads: int) -> dict[str, str]:
    """Thread counts of every library, no machine code from earlier runs, our modules found."""
    count = str(threads)
    return {
        **os.environ,
        **{f"{library}_NUM_THREADS": count for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")},
        "SPARSESOLVE_CACHE": "0",
        **search_path(),
    }
