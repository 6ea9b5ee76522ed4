"""Functions in fresh processes within limits, forked from one that has imported everything.

Separate because a cell must not be seen by the next one, whatever it does: crash, hang, or eat the
memory. A fresh interpreter would spend more on imports than most cells spend on solving. So one
quiet process imports the packages once, computes nothing, has no threads, and forks for each
request; the child is as isolated as any other process. ``python -m benchmarks.sweep.nursery`` is
that process; `Nursery` in `benchmarks.sweep.isolate` talks to it.

Protocol: one JSON object a line. In: ``id``, ``function`` (``module:name``), ``argument``,
``seconds``, ``megabytes``. Out: ``id``, ``outcome``, ``reason``, ``value``, ``seconds``, ``peak``.
The end of the input ends the process and all its children, so nothing outlives its owner.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["serve"]

POLL = 0.05
"""Seconds between two looks at the memory of the children."""

PAGE = os.sysconf("SC_PAGE_SIZE")
SLACK = 2_000
"""Megabytes of address space beyond the limit: code and stacks reserve more than they use."""


@dataclass(eq=False)
class Child:
    """A process at work.

    Parameters
    ----------
    request : dict
        What it was asked.
    pid, handle : int
        Its number, and a file descriptor that becomes readable when it ends.
    start : float, s
        When it was forked.
    base : float, MB
        Resident memory that it shares with its parent.
    verdict, reason : str
        Why it was stopped, where it was.
    """

    request: dict[str, Any]
    pid: int
    handle: int
    start: float
    base: float
    verdict: str = ""
    reason: str = ""
    peak: float = 0.0

    @property
    def deadline(self) -> float:
        """When its time is over."""
        return self.start + float(self.request["seconds"])

    def stop(self, verdict: str, reason: str) -> None:
        """Kill it and all it started."""
        self.verdict, self.reason = verdict, reason
        for kill in (os.killpg, os.kill):
            try:
                kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


class Server:
    """Reads requests, forks, watches, answers."""

    def __init__(self, source: int, sink: int, folder: Path) -> None:
        self.source, self.sink, self.folder = source, sink, folder
        self.children: dict[int, Child] = {}
        self.poll = select.poll()
        self.poll.register(source, select.POLLIN)
        self.rest = b""

    def run(self) -> None:
        """Serve until the input ends."""
        while self._wait():
            self._watch()
        for child in self.children.values():
            child.stop("stopped", "the owner is gone")
            os.waitpid(child.pid, 0)

    def _wait(self) -> bool:
        """Handle what happened; False at the end of the input."""
        for handle, _ in self.poll.poll(1000 * POLL if self.children else None):
            if handle != self.source:
                self._finish(self.children.pop(handle))
                continue
            chunk = os.read(self.source, 1 << 20)
            if not chunk:
                return False
            *lines, self.rest = (self.rest + chunk).split(b"\n")
            for line in lines:
                self._fork(json.loads(line))
        return True

    def _watch(self) -> None:
        now = time.monotonic()
        for child in self.children.values():
            if child.verdict:
                continue
            used = _resident(child.pid)
            child.peak = max(child.peak, used)
            limit = float(child.request["megabytes"])
            if used - child.base > limit:
                child.stop("memory-limit", f"more than {limit:g} MB")
            elif now > child.deadline:
                child.stop("time-limit", f"killed after {now - child.start:.0f} s")

    def _fork(self, request: dict[str, Any]) -> None:
        start, base = time.monotonic(), _resident(os.getpid())
        pid = os.fork()
        if pid == 0:
            try:
                os.close(self.source)
                os.close(self.sink)
                _be_child(request, self._answer(os.getpid()))
            finally:
                os._exit(1)  # never back into the loop of the parent
        handle = os.pidfd_open(pid)
        self.children[handle] = Child(request, pid, handle, start, base)
        self.poll.register(handle, select.POLLIN)

    def _answer(self, pid: int) -> Path:
        return self.folder / f"{pid}.json"

    def _finish(self, child: Child) -> None:
        self.poll.unregister(child.handle)
        os.close(child.handle)
        _, status, usage = os.wait4(child.pid, 0)
        path = self._answer(child.pid)
        log = path.with_suffix(".log")
        reply = self._reply(child, status, path, log)
        reply["id"] = child.request["id"]
        reply["seconds"] = time.monotonic() - child.start
        reply["cpu"] = usage.ru_utime + usage.ru_stime
        reply.setdefault("peak", child.peak)
        path.unlink(missing_ok=True)
        log.unlink(missing_ok=True)
        _write(self.sink, json.dumps(reply).encode() + b"\n")

    @staticmethod
    def _reply(child: Child, status: int, path: Path, log: Path) -> dict[str, Any]:
        if path.exists():
            done: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return done
        if child.verdict:
            return {"outcome": child.verdict, "reason": child.reason, "value": None}
        code = os.waitstatus_to_exitcode(status)
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return {"outcome": "crash", "reason": f"{how}{_last_words(log)}", "value": None}


def _be_child(request: dict[str, Any], path: Path) -> None:
    """Call the function, leave its answer in a file, and end the process."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with path.with_suffix(".log").open("wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    faulthandler.enable(sys.stderr)
    space = _virtual(os.getpid()) + float(request["megabytes"]) + SLACK
    resource.setrlimit(resource.RLIMIT_AS, (int(space * 2**20), resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    done: dict[str, Any] = {"outcome": "ok", "reason": "", "value": None}
    try:
        module, name = request["function"].split(":")
        done["value"] = getattr(importlib.import_module(module), name)(request["argument"])
        text = json.dumps({**done, "peak": _peak()})
    except MemoryError as error:
        text = json.dumps({"outcome": "memory-limit", "reason": _words(error), "value": None})
    except BaseException as error:
        text = json.dumps({"outcome": "error", "reason": _words(error), "value": None})
    unfinished = path.with_suffix(".part")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.rename(path)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _words(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:300]


def _last_words(log: Path) -> str:
    """Name the innermost Python line that a crash report shows."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    lines = [line.strip() for line in text.splitlines() if line.startswith('  File "')]
    return f" in {lines[0].removeprefix('File ')}"[:200] if lines else ""


def _resident(pid: int) -> float:
    """Resident memory of a process in MB, 0 where it is gone."""
    return _statm(pid, 1)


def _virtual(pid: int) -> float:
    return _statm(pid, 0)


def _statm(pid: int, field: int) -> float:
    try:
        text = Path(f"/proc/{pid}/statm").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return int(text.split()[field]) * PAGE / 2**20


def _peak() -> float:
    """Largest resident memory of this process in MB, what it shares with its parent included."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def _write(sink: int, data: bytes) -> None:
    while data:
        data = data[os.write(sink, data) :]


def serve(modules: list[str]) -> None:
    """Import `modules`, then serve requests from standard input until it ends.

    A module given as ``module:function`` has that function called as well.
    """
    sink = os.dup(1)
    os.dup2(2, 1)  # whatever prints must not be taken for an answer
    for text in modules:
        name, _, function = text.partition(":")
        module = importlib.import_module(name)
        if function:
            getattr(module, function)()
    with tempfile.TemporaryDirectory(prefix="nursery-") as home:
        _write(sink, b"{}\n")
        Server(os.dup(0), sink, Path(home)).run()


if __name__ == "__main__":
    serve(sys.argv[1:])
