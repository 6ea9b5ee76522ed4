"""All cells of a run: plan what is missing, run it, keep each row as it comes.

Separate because it is the only place that knows both the store and the processes. Nothing is run
twice: a cell that has a row is left alone, unless it failed and failures are to be tried again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..machine import describe as describe_machine
from .isolate import Reply, Request
from .posed import Description, Spec, title
from .sets import Selection
from .store import FAILED, Store
from .ways import refusal

__all__ = ["CELL", "Executor", "Plan", "Settings", "describe_all", "make_plan", "run"]

CELL = f"{__package__}.cell:run_cell"
DESCRIBE = f"{__package__}.posed:describe"
PACKAGES = ("numpy", "scipy", "autograd", "llvmlite", "numba", "cyipopt")
GRACE = 10.0
"""Seconds after the time limit before a process that does not stop by itself is killed."""


class Executor(Protocol):
    """Runs calls in fresh processes, here or elsewhere."""

    def run(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Yield replies in the order in which the calls end."""
        ...


@dataclass(frozen=True, slots=True)
class Settings:
    """What to run.

    Parameters
    ----------
    solvers, ways : tuple of str
        Every problem is solved by each solver in each way.
    seeds : tuple of int
        0 is the problem's own start, others move it a little.
    time_limit : float, s
        Of the solve in one cell.
    memory_limit : float, MB
        That one cell may add to what its process begins with.
    retry_failed : bool
        Run again what ended by error, crash or limit.
    cell : str
        ``module:function`` of a cell; another one in tests.
    """

    solvers: tuple[str, ...]
    ways: tuple[str, ...]
    seeds: tuple[int, ...] = (0,)
    time_limit: float = 60.0
    memory_limit: float = 4000.0
    retry_failed: bool = False
    cell: str = CELL


@dataclass(frozen=True, slots=True)
class Plan:
    """Cells of a run.

    Parameters
    ----------
    requests : list of Request
        To be run; the tag holds the columns that are known before.
    refused : list of dict
        Rows of cells that no process is started for.
    done : int
        Cells that have a row already.
    """

    requests: list[Request]
    refused: list[dict[str, Any]]
    done: int


def describe_all(
    selection: Selection, store: Store, executor: Executor, settings: Settings
) -> tuple[dict[str, tuple[Spec, Description]], dict[str, str]]:
    """Read every problem once, in processes of their own.

    Parameters
    ----------
    selection : Selection
        Which problems.
    store : Store
        Remembers descriptions.
    executor : Executor
        Where to read them.
    settings : Settings
        Limits.

    Returns
    -------
    tuple of dict
        Problems that the filters keep, by title; and reasons why others cannot be read.
    """
    known = store.descriptions()
    named = {title(spec): spec for spec in selection.specs}
    requests = [
        Request(DESCRIBE, s.words(), settings.time_limit + GRACE, settings.memory_limit, name)
        for name, s in named.items()
        if name not in known
    ]
    unreadable = {}
    for reply in executor.run(requests):
        name = reply.request.tag
        if reply.outcome == "ok":
            known[name] = Description(**reply.value)
            store.describe(name, known[name])
        else:
            unreadable[name] = f"cannot be read: {reply.reason}"
    kept = {
        name: (spec, known[name])
        for name, spec in named.items()
        if name in known and selection.keeps(spec, known[name])
    }
    return kept, unreadable


def make_plan(
    problems: dict[str, tuple[Spec, Description]],
    store: Store,
    settings: Settings,
    unreadable: Mapping[str, str] | None = None,
) -> Plan:
    """List the cells that have no row yet.

    Parameters
    ----------
    problems : dict
        By title.
    store : Store
        Has the rows.
    settings : Settings
        Solvers, ways and seeds.
    unreadable : mapping, optional
        Reasons by title: their cells are rows as well.

    Returns
    -------
    Plan
        Problem after problem, so that whole lines of the table fill first.
    """
    outcomes = store.outcomes()
    requests: list[Request] = []
    refused: list[dict[str, Any]] = []
    done = 0

    def missing(names: Iterable[str]) -> Iterator[dict[str, Any]]:
        nonlocal done
        for cell in itertools.product(names, settings.seeds, settings.solvers, settings.ways):
            name, seed, solver, way = cell
            before = outcomes.get((name, solver, way, seed))
            if before is None or (settings.retry_failed and before in FAILED):
                yield {"problem": name, "solver": solver, "way": way, "seed": seed}
            else:
                done += 1

    for row in missing(problems):
        spec, description = problems[row["problem"]]
        row |= _head(spec, description, settings)
        if reason := refusal(row["solver"], row["way"], description):
            refused.append(row | {"outcome": "not-applicable", "reason": reason})
        else:
            requests.append(_request(spec, row, settings))
    for row in missing(unreadable or {}):
        reason = (unreadable or {})[row["problem"]]
        refused.append(row | {"outcome": "error", "reason": reason})
    return Plan(requests, refused, done)


def _head(spec: Spec, description: Description, settings: Settings) -> dict[str, Any]:
    return {
        "source": spec.source,
        "classification": description.classification,
        "known": description.best,
        "n": description.n,
        "m": description.m,
        "time_limit": settings.time_limit,
        "memory_limit": settings.memory_limit,
    }


def _request(spec: Spec, row: dict[str, Any], settings: Settings) -> Request:
    words = {
        "spec": spec.words(),
        "solver": row["solver"],
        "way": row["way"],
        "seed": row["seed"],
        "seconds": settings.time_limit,
    }
    seconds = settings.time_limit + GRACE
    return Request(settings.cell, words, seconds, settings.memory_limit, row)


def run(
    plan: Plan, store: Store, executor: Executor, progress: Callable[[dict[str, Any]], None]
) -> None:
    """Run a plan; each row is in the store before `progress` sees it.

    Parameters
    ----------
    plan : Plan
        What to run.
    store : Store
        Gets the rows.
    executor : Executor
        Where to run.
    progress : callable
        Called with each row of a process.
    """
    about = describe_machine(PACKAGES, 0)
    stamp = {key: about[key] for key in ("date", "machine", "python", "versions", "commit")}
    for row in plan.refused:
        store.add(row | stamp)
    for reply in executor.run(plan.requests):
        row = dict(reply.request.tag) | stamp | _outcome(reply)
        store.add(row)
        progress(row)


def _outcome(reply: Reply) -> dict[str, Any]:
    row = {
        "outcome": reply.outcome,
        "reason": reply.reason,
        "seconds_process": reply.seconds,
        "seconds_cpu": reply.cpu,
        "peak_megabytes": reply.peak,
    }
    return row | (reply.value or {})
