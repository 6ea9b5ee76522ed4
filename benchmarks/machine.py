"""On what the numbers were measured: processor, versions, date.

Separate so that every result file begins with the same lines.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path

from .fresh import INSTALLED

__all__ = ["describe"]


def describe(packages: Iterable[str], seed: int) -> dict[str, str]:
    """Return what identifies a run, by name.

    Parameters
    ----------
    packages : iterable of str
        Distributions whose versions are listed, where installed.
    seed : int
        Of points, multipliers and probes.
    """
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{_processor()}, {os.cpu_count()} processors, {platform.system()}",
        "python": platform.python_version(),
        "versions": ", ".join(_versions(packages)),
        "commit": _commit(),
        "seed": str(seed),
    }


def _processor() -> str:
    told = Path("/proc/cpuinfo")  # of Linux
    for line in told.read_text(encoding="utf-8").splitlines() if told.exists() else ():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    """Name the state of this repository, or the version that is installed."""
    if INSTALLED:
        return f"sparsesolve {importlib.metadata.version('sparsesolve')}"
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"


def _versions(packages: Iterable[str]) -> list[str]:
    found = []
    for name in packages:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
