"""The suite: solvers and derivatives on many problems, and times beside those of other tools.

It is the only module here that reads the command line: ``python -m benchmarks`` in a clone,
``sparsesolve bench`` everywhere.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from .compare import Options, compare, plan
from .fresh import INSTALLED
from .listing import listing
from .machine import describe
from .page import RESULTS, update
from .peers import PEERS
from .plot import plot
from .rows import Row, merged, read_rows, write_rows
from .sweep.command import add_report, add_run, report_command, run_command
from .table import terminal, time_text

__all__ = ["command_line", "main"]

SAYS = (__doc__ or "").partition("\n")[0]
WHERE = "this folder" if INSTALLED else "the folder of results"
PACKAGES = (
    "numpy", "scipy", "autograd", "llvmlite", "jax", "jaxlib", "asdex", "casadi", "numba", "cyipopt"
)  # fmt: skip
QUICK = Options(
    families=("jacobian bratu", "lukvle1", "case118", "rosenbrock"),
    peers=("asdex", "casadi-sx", "casadi-mx", "numpy-call"),
    smallest=500,
    largest=2000,
    rounds=1,
    repetitions=20,
    budget=0.3,
    timeout=60.0,
)


def command_line(prog: str) -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(prog=prog, description=SAYS)
    commands = parser.add_subparsers(dest="command", required=True)
    _add_peers(commands.add_parser("peers", help="derivatives, beside other tools"))
    shown = commands.add_parser("table", help="print result files in Markdown")
    shown.add_argument("files", type=Path, nargs="*", default=[RESULTS / "peers.csv"])
    if not INSTALLED:
        commands.add_parser("page", help="quote the result files in docs/benchmarks.md anew")
    for name, text in (
        ("setup", "detection, set-up and import, against their targets"),
        ("solve", "solvers with sparsesolve and with their own derivatives"),
        ("coloring", "colors and times, beside ColPack where it is installed"),
        ("ranks", "scaling over processes with PETSc: evaluation, assembly, solve, memory"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--quick", action="store_true", help="small sizes")
        output = RESULTS / f"{name}.csv"
        text = f"CSV; default {output.name} in {WHERE}"
        command.add_argument("--output", type=Path, default=output, help=text)
    add_run(commands.add_parser("run", help="many problems, many solvers; resumable"))
    add_report(commands.add_parser("report", help="profiles and tables of a `run`"))
    return parser


def main(arguments: Sequence[str] | None = None, prog: str = "python -m benchmarks") -> None:
    """Run a benchmark."""
    chosen = command_line(prog).parse_args(arguments)
    console = Console()
    if chosen.command == "peers":
        peers(chosen, console)
    elif chosen.command == "run":
        run_command(chosen, console)
    elif chosen.command == "report":
        report_command(chosen, console)
    elif chosen.command == "table":
        for file in chosen.files:
            print(listing(file), end="\n\n")
    elif chosen.command == "page":
        update()
    elif chosen.command == "setup":
        from .setup import run_setup

        run_setup(console, quick=chosen.quick, output=chosen.output, about=describe(PACKAGES, 0))
    elif chosen.command == "coloring":
        from .coloring import run_coloring

        run_coloring(console, quick=chosen.quick, output=chosen.output, about=describe(PACKAGES, 0))
    elif chosen.command == "ranks":
        from .ranks import run_ranks

        run_ranks(console, quick=chosen.quick, output=chosen.output, about=describe(PACKAGES, 0))
    else:
        from .solve import run_solve

        run_solve(console, quick=chosen.quick, output=chosen.output, about=describe(PACKAGES, 0))


def _add_peers(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--families", nargs="+", metavar="PART", help="only families whose name has such a part")
    add("--peers", nargs="+", choices=list(PEERS), metavar="NAME", help=f"of {', '.join(PEERS)}")
    add("--smallest", type=int, metavar="N", help="smallest number of variables")
    add("--largest", type=int, metavar="N", help="largest number of variables")
    add("--threads", type=int, nargs="+", metavar="COUNT", help="default 1; `1 2` for both")
    add("--rounds", type=int, help="fresh processes a cell (default 3)")
    add("--repetitions", type=int, help="timed evaluations in each (default 50)")
    add("--budget", type=float, metavar="S", help="seconds for them (default 1)")
    add("--timeout", type=float, metavar="S", help="seconds for a process (default 150)")
    add("--seed", type=int, help="of points, multipliers and probes (default 0)")
    add("--quick", action="store_true", help="about a minute: n near 1000, one round")
    add(
        "--output",
        type=Path,
        default=RESULTS / "peers.csv",
        help=f"CSV, in {WHERE} by default; the plot lies beside it",
    )
    add("--append", action="store_true", help="keep the other lines of an existing file")


def peers(chosen: argparse.Namespace, console: Console) -> None:
    """Run the comparison, writing the file after each size."""
    given = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in vars(chosen).items()
        if value is not None and name not in ("command", "quick", "output", "append")
    }
    options = replace(QUICK if chosen.quick else Options(), **given)
    for name in options.peers:
        if missing := PEERS[name].missing():
            console.print(f"{name} is skipped: {', '.join(missing)} not installed (extra `peers`)")
    about = describe(PACKAGES, options.seed)
    rows: list[Row] = []
    if chosen.append and chosen.output.exists():
        rows, _ = read_rows(chosen.output)
    for family, n, threads, names in plan(options):
        fresh = compare(options, family, n, threads, names)
        rows = merged(rows, fresh)
        write_rows(chosen.output, rows, about)
        for row in fresh:
            console.print(
                f"{row.family:24} n = {row.n:<8} {row.peer:18} {row.threads} thread(s)  "
                f"set-up {time_text(row.setup):>8}  evaluation {time_text(row.evaluation):>8}  "
                f"{row.peak:6.0f} MB  load {row.load:.1f}  {row.status}",
                highlight=False,
                soft_wrap=True,
            )
    for threads in options.threads:
        console.print(terminal(rows, threads))
    for name, value in about.items():
        console.print(f"[dim]{name}: {value}[/dim]", highlight=False)
    drawn = importlib.util.find_spec("matplotlib") is not None  # an extra
    if drawn:
        plot(rows, chosen.output.with_suffix(".svg"))
    beside = " and the plot beside it" if drawn else "; for a plot: extra `plot`"
    console.print(f"[dim]written: {chosen.output}{beside}[/dim]")


if __name__ == "__main__":
    main()
