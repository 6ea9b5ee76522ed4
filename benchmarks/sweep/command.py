"""``python -m benchmarks run`` and ``report``: arguments, progress bar, and the order of things.

Separate because it is the only module of the sweep that prints.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from .cell import modules
from .isolate import Nursery
from .profile import print_profile
from .runner import Settings, describe_all, make_plan, run
from .sets import parse
from .store import Store
from .ways import SOLVERS, WAYS

__all__ = ["add_report", "add_run", "report_command", "run_command"]

_PROFILE = "also print where each solver's wall time went"


def add_run(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``run``."""
    add = parser.add_argument
    add(
        "--problems",
        nargs="+",
        default=["own"],
        metavar="TERM",
        help="own, large, starter, sif:FOLDER, list:FILE, class:SUR2-*, n<=100 (docs/suite.md); "
        "default own",
    )
    for name, known, default in (
        ("--solvers", SOLVERS, ("ipopt", "trust-constr")),
        ("--derivatives", WAYS, WAYS[:1] + WAYS[3:]),
    ):
        text = f"of {', '.join(known)}; default {','.join(default)}"
        add(name, type=_choices(known), default=default, metavar="A,B", help=text)
    for name, value, mark, text in (
        ("--time-limit", 60.0, "S", "seconds for one solve"),
        ("--memory-limit", 4000.0, "MB", "of one process"),
        ("--jobs", 1, "N", "processes at a time"),
    ):
        text = f"{text}; default {value:g}"
        add(name, type=type(value), default=value, metavar=mark, help=text)
    text = "0 is the given start, others move it; default 0"
    add("--seed", type=int, nargs="+", default=[0], help=text)
    add("--out", type=Path, required=True, metavar="DIR", help="results; a second start goes on")
    add("--fresh", action="store_true", help="forget the results that stand in DIR")
    add("--retry-failed", action="store_true", help="try errors, crashes and limits again")
    add("--profile", action="store_true", help=_PROFILE)
    add("--executor", choices=("local", "dask"), default="local", help="default local")
    add("--scheduler", metavar="ADDRESS", help="of a dask cluster; without: one on this machine")


def add_report(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``report``."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="with the results of `run`")
    parser.add_argument("--profile", action="store_true", help=_PROFILE)


def _choices(known: Any) -> Callable[[str], tuple[str, ...]]:
    def convert(text: str) -> tuple[str, ...]:
        names = tuple(name.strip().lower() for name in text.split(",") if name.strip())
        if wrong := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(
                f"unknown: {', '.join(wrong)}; there are {', '.join(known)}"
            )
        return names

    return convert


def run_command(chosen: argparse.Namespace, console: Console) -> None:
    """Run all cells that have no row yet."""
    try:
        selection = parse(chosen.problems)
    except ValueError as error:
        _leave(console, str(error))
    if chosen.executor == "dask":
        from .cluster import missing

        if words := missing():
            _leave(console, words)
    settings = Settings(
        solvers=chosen.solvers,
        ways=chosen.derivatives,
        seeds=tuple(chosen.seed),
        time_limit=chosen.time_limit,
        memory_limit=chosen.memory_limit,
        retry_failed=chosen.retry_failed,
    )
    with _open(chosen.out, console, chosen.fresh) as store, _executor(chosen, console) as executor:
        problems, unreadable = describe_all(selection, store, executor, settings)
        for name, reason in unreadable.items():
            console.print(f"[yellow]{name}: {reason}[/yellow]", highlight=False)
        plan = make_plan(problems, store, settings, {} if selection.filters else unreadable)
        console.print(
            f"{len(problems)} problems, {len(plan.requests)} cells to run, {plan.done} done before"
            f", {len(plan.refused)} without a process"
        )
        try:
            _follow(plan, store, executor, console)
        except KeyboardInterrupt:
            console.print("Interrupted; every finished cell is kept. The same command goes on.")
            raise SystemExit(130) from None
        finally:
            for path in store.export():
                console.print(f"[dim]written: {path}[/dim]", highlight=False)
        if chosen.profile:
            print_profile(store.rows(), console)


def _open(folder: Path, console: Console, fresh: bool = False) -> Store:
    try:
        return Store(folder, fresh=fresh)
    except ValueError as error:
        _leave(console, str(error))


def _leave(console: Console, words: str) -> NoReturn:
    console.print(f"[red]{escape(words)}[/red]")
    raise SystemExit(2)


def _executor(chosen: argparse.Namespace, console: Console) -> AbstractContextManager[Any]:
    if chosen.executor == "local":
        return _nursery(chosen, console)
    from .cluster import Cluster

    return Cluster(chosen.scheduler, chosen.jobs, modules(chosen.derivatives))


def _nursery(chosen: argparse.Namespace, console: Console) -> Nursery:
    try:
        return Nursery(chosen.jobs, modules(chosen.derivatives))
    except OSError as error:  # not on Linux
        _leave(console, str(error))


def _follow(plan: Any, store: Store, executor: Any, console: Console) -> None:
    counts: Counter[str] = Counter()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("cells", total=len(plan.requests))

        def progress(row: dict[str, Any]) -> None:
            counts[row["outcome"]] += 1
            told = ", ".join(f"{count} {name}" for name, count in counts.most_common())
            bar.update(task, advance=1, description=told)

        run(plan, store, executor, progress)


def report_command(chosen: argparse.Namespace, console: Console) -> None:
    """Write the report of a folder of results."""
    from .report import write_report

    if not (chosen.folder / "results.sqlite").exists():
        _leave(console, f"{chosen.folder} holds no results.sqlite; start `run` first.")
    with _open(chosen.folder, console) as store:
        for path in write_report(store.rows(), chosen.folder):
            console.print(f"[dim]written: {path}[/dim]", highlight=False)
        if chosen.profile:
            print_profile(store.rows(), console)
    if importlib.util.find_spec("matplotlib") is None:
        console.print("Pictures need matplotlib: pip install 'sparsesolve\\[plot]'")
