"""Time and memory of this process.

Separate because cells, set-up and solve all measure in the same way.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Samples", "load_average", "memory", "sample", "timed"]

SHORT = 2e-4
"""Calls shorter than this, in s, are timed several at once."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Seconds a call.

    Parameters
    ----------
    median, best : float, s
        Over all samples.
    count : int
        Number of samples.
    """

    median: float
    best: float
    count: int


def timed(function: Callable[..., Any], *args: Any, **options: Any) -> tuple[Any, float]:
    """Return a result and the seconds it took."""
    start = time.perf_counter()
    result = function(*args, **options)
    return result, time.perf_counter() - start


def sample(call: Callable[[int], Any], *, repetitions: int, budget: float) -> Samples:
    """Time ``call(0), call(1), call(2), ...``.

    Parameters
    ----------
    call : callable
        Gets the number of the call.
    repetitions : int
        Samples to take, at least 3.
    budget : float, s
        No further samples after this time. Half of it is spent before, on calls that are not
        counted: tools that compile better code for what runs often shall have done so.
    """
    once, k, end = np.inf, 0, time.perf_counter() + budget / 2
    while k < 2 or time.perf_counter() < end:
        once = min(once, timed(call, k)[1])
        k += 1
    inner = max(1, int(np.ceil(SHORT / max(once, 1e-7))))
    spent: list[float] = []
    gc.collect()
    gc.disable()
    try:
        end = time.perf_counter() + budget
        while len(spent) < repetitions and (len(spent) < 3 or time.perf_counter() < end):
            start = time.perf_counter()
            for k in range(inner):
                call(k)
            spent.append((time.perf_counter() - start) / inner)
    finally:
        gc.enable()
    return Samples(float(np.median(spent)), min(spent), len(spent))


def memory(what: str) -> float:
    """Return memory of this process in MB: ``"VmHWM"`` at its peak, ``"VmRSS"`` now.

    NaN where the system does not tell: only Linux has these files.
    """
    told = Path("/proc/self/status")
    for line in told.read_text(encoding="utf-8").splitlines() if told.exists() else ():
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    return float("nan")


def load_average() -> float:
    """Return how many processes wanted to run, on average over the last minute; NaN on Windows."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
