"""ColPack, the C++ library, colors the same patterns.

Separate because it is optional: a small driver is compiled against Debian's ``libcolpack-dev`` for
each run, and without compiler or library the comparison goes on without it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparsesolve.structure.pattern import Pattern

__all__ = ["ORDERS", "ColPack", "ColPackMissing", "built"]

ORDERS = {
    "natural": "NATURAL",
    "largest-first": "LARGEST_FIRST",
    "smallest-last": "SMALLEST_LAST",
    "incidence-degree": "INCIDENCE_DEGREE",
    "dynamic-largest-first": "DYNAMIC_LARGEST_FIRST",
    "random": "RANDOM",
}
HINT = "apt-get install libcolpack-dev g++"


class ColPackMissing(Exception):
    """The driver cannot be built here; the message says why."""


@dataclass(frozen=True, slots=True)
class ColPack:
    """The compiled driver.

    Parameters
    ----------
    driver : Path
        The program.
    folder : Path
        Where patterns are written for it.
    """

    driver: Path
    folder: Path

    def color(
        self, pattern: Pattern, way: str, *, repeats: int, timeout: float = 120.0
    ) -> dict[str, tuple[int, float]]:
        """Return colors and seconds by order; what fails or takes too long is left out.

        Parameters
        ----------
        pattern : Pattern
            What to color.
        way : {"columns", "rows", "star", "acyclic", "bidirectional"}
            How.
        repeats : int
            The best time of so many is taken.
        timeout : float, s
            For each order.
        """
        file = self.folder / "pattern.bin"
        head = np.array([*pattern.shape, pattern.nnz], dtype=np.int32)
        np.concatenate((head, pattern.indptr, pattern.indices)).tofile(file)
        found = {}
        for ours, theirs in ORDERS.items():
            # ColPack has neither order for both sides
            if way == "bidirectional" and ours == "random":
                continue
            answer = self._run([str(file), way, str(repeats), theirs], timeout)
            if answer:
                found[ours] = int(answer[1]), float(answer[2])
        return found

    def _run(self, arguments: list[str], timeout: float) -> list[str]:
        try:
            done = subprocess.run(
                [str(self.driver), *arguments],
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        except subprocess.TimeoutExpired:
            return []
        words = done.stdout.split()
        return words if done.returncode == 0 and len(words) == 3 else []


@contextlib.contextmanager
def built() -> Iterator[ColPack]:
    """Compile the driver into a folder that is removed afterwards.

    Raises
    ------
    ColPackMissing
        If there is no compiler or no library.
    """
    compiler = shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        raise ColPackMissing(f"ColPack is skipped: no C++ compiler. On Debian: {HINT}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        driver = folder / "driver"
        source = Path(__file__).with_name("driver.cpp")
        done = subprocess.run(
            [compiler, "-O3", "-march=native", "-w", "-o", driver, source, "-lColPack"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            first = next((x for x in done.stderr.splitlines() if "error" in x), "it failed")
            raise ColPackMissing(f"ColPack is skipped: {first.strip()}. On Debian: {HINT}")
        yield ColPack(driver, folder)
