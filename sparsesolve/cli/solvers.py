"""`python -m sparsesolve solvers`: what can solve here.

It only prints what `sparsesolve.solvers` finds.
"""

from __future__ import annotations

import itertools

import rich.box
from rich.console import Console
from rich.table import Table

import sparsesolve as ss

__all__ = ["print_solvers"]


def print_solvers(console: Console) -> None:
    """Print a table: each IPOPT on a line of its own, other solvers by where they come from."""
    with console.status("trying linear solvers ..."):
        found = ss.solvers()
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False)
    for head in ("solver", "version", "from", "linear solvers"):
        table.add_column(head, overflow="fold")
    for (function, version, source, path), group in itertools.groupby(found, _line):
        some = list(group)
        names = ", ".join(one.name for one in some)
        label = f"{function}: {names}"
        linear = ", ".join(some[0].linear_solvers)
        table.add_row(label, version, f"{source}\n{path}" if path else source, linear)
    console.print(table)
    if not any(one.name == "ipopt" for one in found):
        console.print("IPOPT is not installed: pip install 'sparsesolve\\[ipopt]'")


def _line(one: ss.SolverInfo) -> tuple[str, str, str, str]:
    return one.function, one.version, one.source, one.path
