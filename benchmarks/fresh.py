"""A function of this package in a fresh process.

Separate because every benchmark needs it: what one tool allocates, imports or starts must not be
seen by the next one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["INSTALLED", "ROOT", "FreshFailure", "answer", "run_fresh", "search_path"]

ROOT = Path(__file__).resolve().parents[1]
INSTALLED = not __name__.startswith("benchmarks.")
"""Whether this package came with a wheel, under its longer name."""


class FreshFailure(RuntimeError):
    """The process failed or took too long; the message says which."""


def run_fresh(
    module: str, request: Any, *, folder: Path | None = None, threads: int, timeout: float
) -> Any:
    """Run ``python -m module`` and return what it answers.

    Parameters
    ----------
    module : str
        Its ``__main__`` part calls `answer`.
    request : object
        Passed on, as JSON.
    folder : Path, optional
        Where the process may leave files.
    threads : int
        Threads and processors that it may use.
    timeout : float, s
        The process is stopped after this time.

    Raises
    ------
    FreshFailure
        If there is no answer.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as own:
        home = folder or Path(own)
        command = [sys.executable, "-m", module, str(home), str(threads), json.dumps(request)]
        try:
            done = subprocess.run(
                command,
                env=_environment(threads),
                timeout=timeout,
                capture_output=True,
                text=True,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise FreshFailure(f"more than {timeout:g} s") from None
        written = home / "answer.json"
        if done.returncode or not written.exists():
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise FreshFailure(lines[-1][:200])
        return json.loads(written.read_text(encoding="utf-8"))


def answer(function: Callable[[Any, int, Path], Any]) -> None:
    """Call ``function(request, threads, folder)`` and write what it returns."""
    folder, threads, request = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
    if hasattr(os, "sched_setaffinity"):  # Linux
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, set(allowed[-threads:]))
    result = function(request, threads, folder)
    (folder / "answer.json").write_text(json.dumps(result), encoding="utf-8")


def _environment(threads: int) -> dict[str, str]:
    """Thread counts of every library; no machine code from earlier runs."""
    count = str(threads)
    flags = os.environ.get("XLA_FLAGS", "")
    if threads == 1:
        flags += " --xla_cpu_multi_thread_eigen=false"
    return {
        **os.environ,
        **{f"{library}_NUM_THREADS": count for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")},
        "XLA_FLAGS": flags.strip(),
        "NPROC": count,
        "JAX_PLATFORMS": "cpu",
        "SPARSESOLVE_CACHE": "0",
        **search_path(),
    }


def search_path() -> dict[str, str]:
    """Let a new process find this package, and nothing by chance in the folder where it starts."""
    path = os.environ.get("PYTHONPATH", "")
    own = path if INSTALLED else os.pathsep.join(filter(None, [str(ROOT), path]))
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": own}
