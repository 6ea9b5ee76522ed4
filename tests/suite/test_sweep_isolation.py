"""A call in a fresh process ends as a reply, whatever it does; nothing outlives its owner."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.sweep.isolate import Nursery, Request

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux's pidfd_open")


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery(2, ["numpy"]) as started:
        yield started


def request(function: str, argument: object = None, **limits: float) -> Request:
    return Request(function, argument, **{"seconds": 20.0, "megabytes": 500.0, **limits})


def test_a_value_comes_back(nursery: Nursery) -> None:
    reply = nursery.call(request("math:sqrt", 4.0))
    assert (reply.outcome, reply.value, reply.reason) == ("ok", 2.0, "")
    assert reply.seconds > 0


def test_numbers_that_json_does_not_know_come_back(nursery: Nursery) -> None:
    assert nursery.call(request("builtins:float", "inf")).value == float("inf")


def test_an_exception_is_an_error_with_its_words(nursery: Nursery) -> None:
    reply = nursery.call(request("math:sqrt", -1.0))
    assert reply.outcome == "error"
    assert reply.reason.startswith("ValueError: ")


def test_a_segmentation_fault_is_a_crash_that_names_the_place(nursery: Nursery) -> None:
    reply = nursery.call(request("ctypes:string_at", 0))
    assert reply.outcome == "crash"
    assert "SIGSEGV" in reply.reason
    assert "string_at" in reply.reason


def test_a_process_that_leaves_is_a_crash(nursery: Nursery) -> None:
    assert nursery.call(request("os:_exit", 3)).reason == "exit code 3"


def test_time_is_limited(nursery: Nursery) -> None:
    reply = nursery.call(request("time:sleep", 60.0, seconds=0.2))
    assert reply.outcome == "time-limit"


def test_an_array_that_cannot_be_had_is_a_memory_limit(nursery: Nursery) -> None:
    reply = nursery.call(request("numpy:ones", 10**11))
    assert reply.outcome == "memory-limit"
    assert "MemoryError" in reply.reason


def test_memory_that_is_used_is_watched(nursery: Nursery) -> None:
    reply = nursery.call(request("numpy:ones", 10**8, megabytes=100.0))
    assert reply.outcome == "memory-limit"
    assert reply.reason == "more than 100 MB"


@pytest.mark.slow
def test_calls_run_side_by_side(nursery: Nursery) -> None:
    long, short = request("time:sleep", 0.5), request("math:sqrt", 1.0)
    order = [r.request.function for r in nursery.run([long, *[short] * 5])]
    assert order[-1] == "time:sleep"
    assert len(order) == 6


def test_children_die_with_the_nursery(tmp_path: Path) -> None:
    with Nursery(1) as started:
        replies = started.run([request("time:sleep", 60.0)])
        started._send(next(iter([request("time:sleep", 60.0)])))
        process = started._process
        assert process is not None
        children = _children(process.pid)
        del replies
    assert process.poll() == 0
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def _children(pid: int) -> list[int]:
    path, until = Path(f"/proc/{pid}/task/{pid}/children"), time.monotonic() + 5
    while time.monotonic() < until:
        if found := [int(word) for word in path.read_text().split()]:
            return found
    return []


def test_a_nursery_that_is_killed_starts_again() -> None:
    with Nursery(1) as started:
        started.call(request("math:sqrt", 1.0))
        assert started._process is not None
        started._send(request("time:sleep", 60.0))
        os.kill(started._process.pid, signal.SIGKILL)
        [lost] = started._receive()
        assert lost.outcome == "crash"
        assert started.call(request("math:sqrt", 9.0)).value == 3.0


def test_imports_that_fail_are_told() -> None:
    with Nursery(1, ["no_such_module"]) as started, pytest.raises(RuntimeError, match="imports"):
        started.call(request("math:sqrt", 1.0))
