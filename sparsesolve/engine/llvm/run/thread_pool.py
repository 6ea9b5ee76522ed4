"""A team: threads that run tables together, handed their work in less than a microsecond.

Separate because it is the only place where threads meet. The workers are Python threads that enter
machine code once and stay there, without the global lock. Between jobs a worker looks for the next
one for a moment, which serves solvers that call again and again, and then sleeps on a lock.

Everything is called in the form of a kernel, so that a table says who does what when. A row with
`TEAM` lets all threads run one table. The rows of that table are `PARTS`: each thread takes the
next part that nobody has taken, until there are none, and waits until all are finished. So a worker
that comes late, because other programs have its processor, keeps nobody waiting: it finds nothing
to do, or its job withdrawn. One job runs at a time; whoever comes meanwhile runs all of it alone.
Results do not depend on who does what.

Data layout, in int64 words. The team: `_TEAM`, then the address of each worker's job. A job:
`_JOB`, its state 0 for none, 1 offered, 2 at work.
"""

from __future__ import annotations

import ctypes
import os
import platform
import threading
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.engine.llvm.run.jit import compile_functions
from sparsesolve.host.fork import after_fork, forkable_lock
from sparsesolve.host.interrupts import interrupts_held

__all__ = ["PARTS", "TEAM", "TEAM_DECLARATIONS", "ThreadPool", "shared_pool"]

_TEAM = ("busy", "workers", "release", "wait")
_JOB = ("state", "asleep", "table", "bases", "lock", "acquire", "drive")
_MOST_WORKERS = 255
_LOOKS = 500  # before a worker sleeps: some 20 microseconds
_PATIENCE = 2000  # looks before a waiting thread offers its processor to others
_X86, _ARM = ("void @llvm.x86.sse2.pause(", ""), ("void @llvm.aarch64.hint(", "i32 1")
_PAUSE = {"x86_64": _X86, "AMD64": _X86, "aarch64": _ARM, "arm64": _ARM}.get(platform.machine())

TEAM_DECLARATIONS = frozenset([f"declare {_PAUSE[0]}{_PAUSE[1][:3]})"] if _PAUSE else [])
"""What the functions here declare: the instruction that makes waiting cheap."""

Words = NDArray[np.int64]


def _at(name: str, vector: str, index: int) -> str:
    return f"  %{name}.p = getelementptr i64, ptr %{vector}, i64 {index}\n"


def _get(name: str, vector: str, index: int, kind: str = "ptr") -> str:
    return _at(name, vector, index) + f"  %{name} = load {kind}, ptr %{name}.p\n"


def _pause() -> str:
    return f"  call {_PAUSE[0]}{_PAUSE[1]})\n" if _PAUSE else ""


def _wait(name: str, before: str, after: str, ready: str) -> str:
    """Look until ``%<name>.ready`` holds, which `ready` computes; then go to `after`."""
    return f"""{name}:
  %{name}.n = phi i64 [ 0, %{before} ], [ %{name}.n, %{name}.busy ], [ %{name}.next, %{name}.more ]
{ready}
  br i1 %{name}.ready, label %{after}, label %{name}.look
{name}.look:
{_pause()}
  %{name}.next = add i64 %{name}.n, 1
  %{name}.long = icmp sgt i64 %{name}.next, {_PATIENCE}
  br i1 %{name}.long, label %{name}.busy, label %{name}.more
{name}.busy:
  call void %wait()
  br label %{name}
{name}.more:
  br label %{name}
"""


_FINISHED = """  %finished.now = load atomic i64, ptr %finished.p acquire, align 8
  %finished.ready = icmp sge i64 %finished.now, %count"""

PARTS = f"""(ptr %words, ptr %bases, i64 %low, i64 %high) nounwind {{
entry:
{_get("wait", "words", 0)}
{_get("drive", "words", 1)}
{_get("taken", "words", 2)}
{_get("count", "words", 3, "i64")}
{_at("finished", "taken", 1)}
  br label %take
take:
  %part = atomicrmw add ptr %taken, i64 1 acq_rel
  %is.part = icmp slt i64 %part, %count
  br i1 %is.part, label %work, label %finished
work:
  %number = add i64 %part, 4
  %table.p = getelementptr i64, ptr %words, i64 %number
  %table = load ptr, ptr %table.p
  call void %drive(ptr %table, ptr %bases)
  %before = atomicrmw add ptr %finished.p, i64 1 acq_rel
  br label %take
{_wait("finished", "take", "done", _FINISHED)}
done:
  ret void
}}
"""
"""Take parts; words: function that lets others have the processor, driver, address of two counters
that are zero, number of parts, their tables."""

_RETURNED = """  %returned.now = load atomic i64, ptr %late acquire, align 8
  %returned.ready = icmp eq i64 %returned.now, 0"""

TEAM = f"""(ptr %words, ptr %bases, i64 %low, i64 %high) nounwind {{
entry:
{_get("team", "words", 0)}
{_get("drive", "words", 1)}
{_get("alone", "words", 2)}
{_get("table", "words", 3)}
{_get("count", "words", 4, "i64")}
{_get("counters", "words", 5)}
{_get("size", "words", 6, "i64")}
{_get("wait", "team", _TEAM.index("wait"))}
{_get("release", "team", _TEAM.index("release"))}
{_at("workers", "team", _TEAM.index("workers"))}
  %workers = load atomic i64, ptr %workers.p acquire, align 8
  %enough = icmp sge i64 %workers, %count
  br i1 %enough, label %try, label %single
try:
  %pair = cmpxchg ptr %team, i64 0, i64 1 acq_rel monotonic
  %won = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %won, label %clear, label %single
single:
  call void %drive(ptr %alone, ptr %bases)
  ret void
clear:
  %z = phi i64 [ 0, %try ], [ %z.next, %clear ]
  %counter = getelementptr i64, ptr %counters, i64 %z
  store i64 0, ptr %counter
  %z.next = add i64 %z, 1
  %z.more = icmp slt i64 %z.next, %size
  br i1 %z.more, label %clear, label %offer
offer:
  %k = phi i64 [ 0, %clear ], [ %k.next, %offered ]
  %k.more = icmp slt i64 %k, %count
  br i1 %k.more, label %hand, label %own
hand:
  %job.number = add i64 %k, {len(_TEAM)}
  %job.a = getelementptr i64, ptr %team, i64 %job.number
  %job = load ptr, ptr %job.a
{_at("job.table", "job", _JOB.index("table"))}
{_at("job.bases", "job", _JOB.index("bases"))}
{_at("job.asleep", "job", _JOB.index("asleep"))}
{_get("lock", "job", _JOB.index("lock"))}
  store ptr %table, ptr %job.table.p
  store ptr %bases, ptr %job.bases.p
  store atomic i64 1, ptr %job seq_cst, align 8
  %was.asleep = atomicrmw xchg ptr %job.asleep.p, i64 0 seq_cst
  %sleeps = icmp ne i64 %was.asleep, 0
  br i1 %sleeps, label %wake, label %offered
wake:
  call void %release(ptr %lock)
  br label %offered
offered:
  %k.next = add i64 %k, 1
  br label %offer
own:
  call void %drive(ptr %table, ptr %bases)
  br label %collect
collect:
  %c = phi i64 [ 0, %own ], [ %c.next, %collected ]
  %c.more = icmp slt i64 %c, %count
  br i1 %c.more, label %fetch, label %finish
fetch:
  %late.number = add i64 %c, {len(_TEAM)}
  %late.a = getelementptr i64, ptr %team, i64 %late.number
  %late = load ptr, ptr %late.a
  %withdrawn = cmpxchg ptr %late, i64 1, i64 0 seq_cst seq_cst
  %unused = extractvalue {{ i64, i1 }} %withdrawn, 1
  br i1 %unused, label %collected, label %returned
{_wait("returned", "fetch", "collected", _RETURNED)}
collected:
  %c.next = add i64 %c, 1
  br label %collect
finish:
  store atomic i64 0, ptr %team release, align 8
  ret void
}}
"""
"""Run a table together; words: team, driver, table to run alone, table of `PARTS`, number of
workers, address and number of all counters of that table."""

_WORKER = f"""(ptr %job) nounwind {{
entry:
{_at("asleep", "job", _JOB.index("asleep"))}
{_at("table", "job", _JOB.index("table"))}
{_at("bases", "job", _JOB.index("bases"))}
{_get("lock", "job", _JOB.index("lock"))}
{_get("acquire", "job", _JOB.index("acquire"))}
{_get("drive", "job", _JOB.index("drive"))}
  br label %look
look:
  %n = phi i64 [ 0, %entry ], [ %n.next, %again ], [ 0, %restless ], [ 0, %block ], [ 0, %work ]
  %state = load atomic i64, ptr %job seq_cst, align 8
  %is.offered = icmp eq i64 %state, 1
  br i1 %is.offered, label %claim, label %nothing
claim:
  %pair = cmpxchg ptr %job, i64 1, i64 2 seq_cst seq_cst
  %won = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %won, label %work, label %nothing
nothing:
  %n.next = add i64 %n, 1
  %tired = icmp sgt i64 %n.next, {_LOOKS}
  br i1 %tired, label %doze, label %again
again:
{_pause()}
  br label %look
doze:
  %before = atomicrmw xchg ptr %asleep.p, i64 1 seq_cst
  %last = load atomic i64, ptr %job seq_cst, align 8
  %is.late = icmp eq i64 %last, 1
  br i1 %is.late, label %restless, label %block
restless:
  %mine = atomicrmw xchg ptr %asleep.p, i64 0 seq_cst
  %nobody.wakes = icmp ne i64 %mine, 0
  br i1 %nobody.wakes, label %look, label %block
block:
  %acquired = call i32 %acquire(ptr %lock, i32 1)
  br label %look
work:
  %t = load ptr, ptr %table.p
  %b = load ptr, ptr %bases.p
  call void %drive(ptr %t, ptr %b)
  store atomic i64 0, ptr %job seq_cst, align 8
  br label %look
}}
"""
"""Look for jobs, for ever. Whoever clears `asleep` of a sleeper must release its lock."""


class ThreadPool:
    """The workers of this process."""

    def __init__(self, drive: int) -> None:
        api = ctypes.pythonapi
        api.PyThread_allocate_lock.restype = ctypes.c_void_p
        api.PyThread_acquire_lock.argtypes = [ctypes.c_void_p, ctypes.c_int]
        self._drive = drive
        self._words = np.zeros(len(_TEAM) + _MOST_WORKERS, dtype=np.int64)
        self._words[_TEAM.index("release")] = _function(api.PyThread_release_lock)
        self._words[_TEAM.index("wait")] = _function(_yield())
        self._jobs: list[Words] = []
        self._lock = forkable_lock()
        self._functions, _ = compile_functions({_WORKER: 0}, TEAM_DECLARATIONS)
        worker = self._functions[_WORKER]
        self._work = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(worker.address)
        self.address = _address(self._words)
        self.wait = int(self._words[_TEAM.index("wait")])

    def grow(self, workers: int) -> None:
        """Start workers until there are as many."""
        # a worker that has started must be known: it reads its job for ever
        with self._lock, interrupts_held():
            while len(self._jobs) < min(workers, _MOST_WORKERS):
                self._hire()

    def restart(self) -> None:
        """Start all workers again, in a child process that has none."""
        count = len(self._jobs)
        self._jobs = []
        self._words[[_TEAM.index(name) for name in ("busy", "workers")]] = 0
        self.grow(count)

    def _hire(self) -> None:
        api = ctypes.pythonapi
        lock = api.PyThread_allocate_lock()
        api.PyThread_acquire_lock(lock, 1)
        given = {
            "lock": lock,
            "acquire": _function(api.PyThread_acquire_lock),
            "drive": self._drive,
        }
        job = np.array([given.get(name, 0) for name in _JOB], dtype=np.int64)
        threading.Thread(
            target=self._work, args=(_address(job),), name="sparsesolve", daemon=True
        ).start()
        self._words[len(_TEAM) + len(self._jobs)] = _address(job)
        self._jobs.append(job)
        self._words[_TEAM.index("workers")] = len(self._jobs)


@cache
def shared_pool(drive: int) -> ThreadPool:
    """Return the team of this process; `drive` is the address of the driver."""
    team = ThreadPool(drive)
    after_fork(team.restart)  # threads do not survive a fork
    return team


def _yield() -> Any:
    """Return the function that lets another thread have the processor."""
    if os.name == "nt":  # pragma: no cover - Windows has another function for it
        return ctypes.CDLL("kernel32").SwitchToThread
    return ctypes.CDLL(None).sched_yield


def _function(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])
