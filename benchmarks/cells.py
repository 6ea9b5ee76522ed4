"""One cell: one tool on one family at one size, in a fresh process.

Separate so that peak memory and set-up are those of one tool alone. `run_cell` starts the process
and reads what it wrote; ``python -m benchmarks.cells`` is that process.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .fresh import FreshFailure, answer, run_fresh
from .measure import load_average, memory, sample, timed
from .peers import load_peer
from .suite import find_family

__all__ = ["PROBES", "Cell", "Outcome", "run_cell"]

PROBES = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """What to measure.

    Parameters
    ----------
    family : str
        Name of the family.
    n : int
        One of its sizes.
    peer : str
        Name of the tool.
    threads : int
        Threads it may use.
    seed : int
        Of points and probes.
    repetitions : int
        Timed evaluations.
    budget : float, s
        For the timed evaluations; half of it is spent before, to warm up.
    """

    family: str
    n: int
    peer: str
    threads: int
    seed: int
    repetitions: int
    budget: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """What was measured; numbers are nan, and `status` says why, where a cell failed.

    Parameters
    ----------
    status : str
        ``"ok"``, or what went wrong.
    load : float
        Load average of the machine when the cell began.
    m, nnz, colors : int
        Rows, stored nonzeros, colors; -1 where the tool does not tell.
    setup : float, s
        From the function to the first values.
    first : float, s
        The first evaluation, which is part of `setup`.
    evaluation, best : float, s
        Median and least of the later evaluations.
    peak, base : float, MB
        Largest resident memory, and that after the imports.
    probes : ndarray or None, shape (m, 2 PROBES)
        Matrix times random vectors, then absolute values of both multiplied.
    """

    status: str
    load: float
    m: int = -1
    nnz: int = -1
    colors: int = -1
    setup: float = np.nan
    first: float = np.nan
    evaluation: float = np.nan
    best: float = np.nan
    peak: float = np.nan
    base: float = np.nan
    probes: Any = None


def run_cell(cell: Cell, timeout: float) -> Outcome:
    """Measure one cell in a fresh process, which is stopped after `timeout` seconds."""
    load = load_average()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as home:
        folder = Path(home)
        try:
            measured = run_fresh(
                f"{__package__}.cells",
                asdict(cell),
                folder=folder,
                threads=cell.threads,
                timeout=timeout,
            )
        except FreshFailure as failure:
            return Outcome(str(failure), load)
        probes = folder / "probes.npy"
        return Outcome("ok", load, **measured, probes=np.load(probes) if probes.exists() else None)


def measure(request: dict[str, Any], threads: int, folder: Path) -> dict[str, float]:
    """Measure in this process; the probes go to a file."""
    cell = Cell(**request)
    peer = load_peer(cell.peer)
    task = find_family(cell.family).task(cell.n, cell.seed)
    if task.has_weights:
        task.multipliers  # noqa: B018 (computed before the clock starts)
    if hasattr(peer, "before"):
        peer.before(task)
    base = memory("VmRSS")
    prepared, preparing = timed(peer.prepare, task, threads)
    _, first = timed(prepared.evaluate, 0)
    samples = sample(prepared.evaluate, repetitions=cell.repetitions, budget=cell.budget)
    peak = memory("VmHWM")
    matrix = prepared.matrix()
    if matrix is not None:
        rng = np.random.default_rng(cell.seed + 2)
        vectors = rng.uniform(-1.0, 1.0, (matrix.shape[1], PROBES))
        np.save(folder / "probes.npy", np.hstack([matrix @ vectors, abs(matrix) @ abs(vectors)]))
    return {
        "m": prepared.rows,
        "nnz": prepared.nnz,
        "colors": prepared.colors(),
        "setup": preparing + first,
        "first": first,
        "evaluation": samples.median,
        "best": samples.best,
        "peak": peak,
        "base": base,
    }


if __name__ == "__main__":
    answer(measure)
