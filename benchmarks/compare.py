"""The comparison: every tool on every family and size, in turns.

Separate from `cells`, which measures one of them. The tools take turns within a size, round after
round, so that a busy moment of the machine does not fall on one of them alone; the numbers of a
line are medians over the rounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .cells import PROBES, Cell, Outcome, run_cell
from .peers import OURS, PEERS
from .rows import Row
from .suite import FAMILIES, Family

__all__ = ["Options", "compare", "plan"]

LONG = 8.0
"""A cell whose set-up takes longer, in s, is measured once: noise is a small part of it."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to compare.

    Parameters
    ----------
    families : tuple of str
        Parts of the names of families; empty means all.
    peers : tuple of str
        Names of tools; ours is always there.
    smallest, largest : int
        Numbers of variables to include.
    threads : tuple of int
        Numbers of threads, one table each.
    rounds, repetitions : int
        Fresh processes a cell, and timed evaluations in each.
    budget, timeout : float, s
        For the evaluations of a process, and for the whole process.
    seed : int
        Of points, multipliers and probes.
    """

    families: tuple[str, ...] = ()
    peers: tuple[str, ...] = tuple(PEERS)
    smallest: int = 1
    largest: int = 10**9
    threads: tuple[int, ...] = (1,)
    rounds: int = 3
    repetitions: int = 50
    budget: float = 1.0
    timeout: float = 150.0
    seed: int = 0


def plan(options: Options) -> Iterator[tuple[Family, int, int, list[str]]]:
    """Yield family, size, threads and tools of each group of lines.

    Power flow has one size, which counts as in range whatever the limits.
    """
    for threads in options.threads:
        for family in FAMILIES:
            if options.families and not any(part in family.name for part in options.families):
                continue
            for n in family.sizes:
                if len(family.sizes) > 1 and not options.smallest <= n <= options.largest:
                    continue
                yield family, n, threads, _peers(options, family, n, threads)


def _peers(options: Options, family: Family, n: int, threads: int) -> list[str]:
    """Return ours, then those asked for that are installed and take the family at this size."""
    return [
        name
        for name, entry in PEERS.items()
        if (name == OURS or name in options.peers)
        and not entry.missing()
        and entry.takes(family, n)
        and (threads == 1 or entry.threads)
    ]


def compare(
    options: Options, family: Family, n: int, threads: int, peers: Sequence[str]
) -> list[Row]:
    """Measure one group of lines."""
    outcomes: dict[str, list[Outcome]] = {name: [] for name in peers}
    for _ in range(options.rounds):
        for name, so_far in outcomes.items():
            if so_far and (so_far[0].status != "ok" or so_far[0].setup > LONG):
                continue
            cell = Cell(
                family.name, n, name, threads, options.seed, options.repetitions, options.budget
            )
            so_far.append(run_cell(cell, options.timeout))
    reference = outcomes[OURS][0].probes
    return [
        _row(family.name, n, threads, name, so_far, reference) for name, so_far in outcomes.items()
    ]


def _row(
    family: str,
    n: int,
    threads: int,
    peer: str,
    outcomes: list[Outcome],
    reference: NDArray[np.float64] | None,
) -> Row:
    one = outcomes[0]
    failed = [outcome.status for outcome in outcomes if outcome.status != "ok"]
    error = _difference(one.probes, reference)
    status = failed[0] if failed else "ok"
    if error > PEERS[peer].tolerance:
        status = "other values than ours"

    def middle(name: str) -> float:
        return float(np.median([getattr(outcome, name) for outcome in outcomes]))

    return Row(
        family=family,
        n=n,
        m=one.m,
        nnz=one.nnz,
        colors=one.colors,
        peer=peer,
        threads=threads,
        rounds=len(outcomes),
        setup=middle("setup"),
        first=middle("first"),
        evaluation=middle("evaluation"),
        best=min(outcome.best for outcome in outcomes),
        peak=middle("peak"),
        base=middle("base"),
        error=error,
        load=max(outcome.load for outcome in outcomes),
        status=status,
    )


def _difference(probes: NDArray[np.float64] | None, reference: NDArray[np.float64] | None) -> float:
    if probes is None or reference is None:
        return np.nan
    if probes.shape != reference.shape:
        return np.inf
    scale = np.maximum(reference[:, PROBES:], np.finfo(float).tiny)
    return float(np.max(np.abs(probes - reference)[:, :PROBES] / scale, initial=0.0))
