"""Scaling over processes: evaluation, assembly, solve and memory on 1, 2 and 4 ranks.

Strong scaling keeps the problem, weak scaling the unknowns a rank. Times are processor time of the
slowest rank, best of many, without what waits for other ranks: on a machine that others use, and
with more ranks than processors, wall times say little. Memory is the largest peak of a rank, with
all that is loaded; the base is the same for 64 unknowns, before, in the same process. Files are
pages of libraries in that, of which a machine holds one copy for all its ranks.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # not in the memory of ranks
    from rich.console import Console

__all__ = ["run_ranks"]

HEADS = (
    "scaling", "problem", "n", "ranks", "F ms", "J ms", "assembly ms", "set-up s", "solve s",
    "iterations", "MB base", "MB files", "MB evaluated", "MB solved",
)  # fmt: skip
CELLS = (
    *(("strong", "bratu", 1000, ranks) for ranks in (1, 2, 4)),
    *(("strong", "bratu", 2000, ranks) for ranks in (1, 2, 4)),
    *(("strong", "stencil", 100, ranks) for ranks in (1, 2, 4)),
    *(("weak", "bratu", side, ranks) for side, ranks in ((500, 1), (707, 2), (1000, 4))),
)
QUICK = tuple(("strong", "bratu", 64, ranks) for ranks in (1, 2))
REPETITIONS = 40
OPEN_MPI = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMP_NUM_THREADS": "1",
}


def run_ranks(console: Console, *, quick: bool, output: Path, about: Mapping[str, str]) -> None:
    """Measure, and write a file of results.

    Parameters
    ----------
    console : Console
        Shows each line.
    quick : bool
        One small problem.
    output : Path
        CSV.
    about : mapping
        The machine.
    """
    if shutil.which("mpiexec") is None:
        console.print("mpiexec is missing; docs/distributed.md says how to install PETSc")
        return
    rows = []
    for scaling, problem, side, ranks in QUICK if quick else CELLS:
        found = _measured(problem, side, ranks)
        rows.append({"scaling": scaling, "problem": problem, "ranks": ranks} | found)
        console.print(" | ".join(str(rows[-1][head]) for head in HEADS), highlight=False)
    with output.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {name}: {value}\n" for name, value in about.items())
        table = csv.DictWriter(file, HEADS)
        table.writeheader()
        table.writerows(rows)
    console.print(f"[dim]written: {output}[/dim]")


def _measured(problem: str, side: int, ranks: int) -> dict[str, Any]:
    command = ["mpiexec", "-n", str(ranks), sys.executable, "-m", __name__, problem, str(side)]
    done = subprocess.run(
        command, env=os.environ | OPEN_MPI, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def bratu(side: int) -> tuple[Callable[[Any], Any], int]:
    """Return the residual of Bratu's problem on a square, and the number of unknowns."""
    h = 1.0 / (side + 1)

    def residual(x: Any) -> Any:
        p = np.pad(x.reshape(side, side), 1)
        mid = p[1:-1, 1:-1]
        around = p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2]
        return (4 * mid - around - 6.0 * h**2 * np.exp(mid)).ravel()

    return residual, side**2


def stencil(side: int) -> tuple[Callable[[Any], Any], int]:
    """Return the same in a cube."""
    h, c = 1.0 / (side + 1), slice(1, -1)

    def residual(x: Any) -> Any:
        p = np.pad(x.reshape(side, side, side), 1)
        mid = p[c, c, c]
        around = p[2:, c, c] + p[:-2, c, c] + p[c, 2:, c] + p[c, :-2, c] + p[c, c, 2:]
        return (6 * mid - around - p[c, c, :-2] - 6.0 * h**2 * np.exp(mid)).ravel()

    return residual, side**3


def memory(kind: str = "VmHWM") -> float:
    """Return memory of this process, in MB: the largest so far, or another kind by its name."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(kind))) / 1024


def on_this_rank(problem: str, side: int) -> dict[str, Any]:
    """Measure, together with all other ranks."""
    from sparsesolve import root  # first, as users do: it imports SciPy in a light way
    from sparsesolve.adapters.petsc.library import require_petsc
    from sparsesolve.adapters.petsc.ranks import Ranks

    made = {"bratu": bratu, "stencil": stencil}[problem]
    ranks = Ranks(require_petsc())
    _prepared(ranks, *made(round(64 ** (0.5 if problem == "bratu" else 1 / 3))))
    base = ranks.largest(memory())
    residual, n = made(side)
    found = {"MB base": base} | _evaluated(ranks, residual, n)
    options = {"pc_type": "gamg", "answer": "owned"}
    answers: list[Any] = []

    def solve() -> None:
        answers.append(root(residual, np.zeros(n), method="petsc", options=options))

    seconds = _spent(ranks, solve, 1) - found["set-up s"]
    found |= {"n": n, "solve s": seconds, "iterations": answers[0].iterations}
    found |= {"MB solved": ranks.largest(memory())}
    return {name: round(value, 2) for name, value in found.items()} if not ranks.rank else {}


def _spent(ranks: Any, work: Callable[[], Any], repetitions: int = REPETITIONS) -> float:
    """Return the processor time of the slowest rank, the best of some."""
    best = np.inf
    for _ in range(repetitions):
        ranks.total(0.0)
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return float(ranks.largest(best))


def _evaluated(ranks: Any, residual: Callable[[Any], Any], n: int) -> dict[str, float]:
    made: list[Any] = []
    setup = _spent(ranks, lambda: made.append(_prepared(ranks, residual, n)), 1)
    system, x = made[0]
    at = np.array(system.needed.of(x, np.empty(0)))
    out, values = np.empty(system.numbering.sizes[0]), system.assembly.buffer()
    return {
        "F ms": 1e3 * _spent(ranks, lambda: system.block.value(at, [], out)),
        "J ms": 1e3 * _spent(ranks, lambda: system.block.refill(values, at, [])),
        "assembly ms": 1e3 * _spent(ranks, lambda: system.assembly.fill()),
        "set-up s": setup,
        "MB files": ranks.largest(memory("RssFile")),
        "MB evaluated": ranks.largest(memory()),
    }


def _prepared(ranks: Any, residual: Callable[[Any], Any], n: int) -> Any:
    from sparsesolve.adapters.petsc.distributed import distributed

    system, _ = distributed(ranks, residual, [np.zeros(n)], 0, "auto")
    x, f = system.vector(np.zeros(n)), system.vector()
    operator, _ = system.matrices()
    system.value(x, f)
    system.jacobian(x, operator)
    return system, x


if __name__ == "__main__":
    answer = on_this_rank(sys.argv[1], int(sys.argv[2]))
    if answer:
        print(json.dumps(answer))
