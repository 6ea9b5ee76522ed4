"""``python -m benchmarks solve``: whole solves, with sparsesolve and without.

Separate from the derivatives because what a user waits for is the solver. Each line is one problem
solved by one way in a fresh process, after a tiny one of its kind, so that no line pays for
imports. "default" is the same solver with the derivatives that it makes for itself. Of what is
solved again and again, "solve" is the sum of 50 solves.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .fresh import FreshFailure, answer, run_fresh
from .measure import load_average
from .table import time_text
from .ways import WAYS

__all__ = ["SOLVES", "Line", "Solve", "run_solve"]

OURS = "sparsesolve"


@dataclass(frozen=True, slots=True)
class Solve:
    """One problem at one size, and the ways to solve it.

    Parameters
    ----------
    problem, solver : str
        Key of `WAYS`.
    size, small : int
        Size parameter; that of a quick run.
    ways : tuple of str
        The first is ours.
    """

    problem: str
    solver: str
    size: int
    small: int
    ways: tuple[str, ...] = (OURS, "default")


_OTHERS = ("sparsesolve-pounce", "sparsesolve-uno")
_IPOPTS = (OURS, "sparsesolve-debian", "sparsesolve-cyipopt", *_OTHERS, "casadi", "pyoptinterface")
SOLVES = (
    Solve("lukvle1", "ipopt", 200, 20),
    Solve("lukvle1", "ipopt", 100_000, 50, _IPOPTS),
    Solve("lukvle1", "ipopt-unmatched", 100_000, 50, (OURS, "casadi", "pyoptinterface")),
    Solve("lukvle1", "trust-constr", 100, 10),
    Solve("brusselator", "bdf", 32, 8, (OURS, "sparsesolve-krylov", "default", "jac_sparsity")),
    Solve("brusselator", "bdf", 64, 9, (OURS, "sparsesolve-krylov", "jac_sparsity", "default")),
    Solve("brusselator", "radau", 64, 8, (OURS, "jac_sparsity")),
    Solve("bratu", "root", 32, 8, (OURS, "default", "krylov")),
    Solve("bratu", "root", 100, 9, (OURS, "krylov")),
    Solve(
        "rosenbrock", "least-squares", 200, 20, (OURS, "sparsesolve-lm", "default", "jac_sparsity")
    ),
    Solve("data sets", "ipopt", 1000, 50, (OURS, "casadi-opti", "rebuilt")),
    Solve("data stream", "ipopt", 1000, 50, (OURS, "casadi-opti")),
    Solve("control loop", "ipopt", 60, 60, (OURS, "casadi-opti", "beyond IPOPT")),
    Solve("hs71 again", "ipopt", 4, 4, (OURS, "casadi", "beyond IPOPT")),
    Solve("power flow", "ipopt", 300, 9, (OURS, *_OTHERS, "pypower")),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One way of one problem.

    Parameters
    ----------
    problem, solver, way : str
        What, by which solver, with whose derivatives.
    n : int
        Unknowns.
    setup, solve : float, s
        Before the solver is called, and in it.
    value : float
        Objective, or the number that identifies the solution.
    derivatives : float, s
        Part of `solve` that was spent in callbacks, where it is known.
    load : float
        Load average of the machine at the beginning.
    status : str
        ``"ok"`` or what went wrong.
    """

    problem: str
    solver: str
    way: str
    n: int
    setup: float
    solve: float
    value: float
    derivatives: float
    load: float
    status: str

    @property
    def total(self) -> float:
        """Seconds that a user waits."""
        return self.setup + self.solve


def run_solve(console: Console, *, quick: bool, output: Path, about: Mapping[str, str]) -> None:
    """Solve everything, print a table, and write it.

    Parameters
    ----------
    console : rich.console.Console
        Where to print.
    quick : bool
        Small sizes.
    output : Path
        CSV file.
    about : mapping
        Machine and versions.
    """
    lines: list[Line] = []
    table = Table(title="Solves, one thread", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    heads = ("problem\n[dim]solver, n[/dim]", "way", "set-up", "solve", "times\nours", "value")
    for k, head in enumerate(heads):
        table.add_column(head, justify="left" if k < 2 else "right", no_wrap=k < 5)
    for solve in SOLVES:
        fresh = list(_lines(solve, quick))
        lines += fresh
        for line in fresh:
            table.add_row(
                f"{line.problem}\n[dim]{line.solver}, {fresh[0].n}[/dim]"
                if line is fresh[0]
                else "",
                line.way,
                time_text(line.setup),
                time_text(line.solve),
                f"{line.total / fresh[0].total:.3g}",
                f"{line.value:.6g}" if line.status == "ok" else line.status,
            )
    console.print(table)
    output.parent.mkdir(parents=True, exist_ok=True)
    names = Line.__dataclass_fields__
    with output.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {name}: {text}\n" for name, text in about.items())
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([getattr(line, name) for name in names] for line in lines)


def _lines(solve: Solve, quick: bool) -> Iterator[Line]:
    size = solve.small if quick else solve.size
    for way in solve.ways:
        load = load_average()
        request = {"key": [solve.problem, solve.solver, way], "size": size}
        try:
            done = run_fresh(f"{__package__}.solve", request, threads=1, timeout=150.0)
            status = "ok"
        except FreshFailure as failure:
            done = dict.fromkeys(("setup", "solve", "value", "derivatives"), float("nan"))
            done["n"], status = -1, str(failure)
        yield Line(solve.problem, solve.solver, way, **done, load=load, status=status)


def _answer(request: dict[str, Any], threads: int, folder: Path) -> dict[str, float]:
    run = WAYS[tuple(request["key"])]
    run(min(6, request["size"]))
    return run(request["size"])


if __name__ == "__main__":
    answer(_answer)
