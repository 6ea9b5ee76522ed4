"""Where the wall time of each solver went, as a table in the terminal.

Separate from `shares`, which averages over cells: here seconds are added up, so that a few long
solves weigh what a user waited for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .profiles import contestant
from .verdict import verdicts

__all__ = ["WallTime", "print_profile", "wall_times"]


@dataclass(slots=True)
class WallTime:
    """Seconds of a contestant, summed over the cells that ended by themselves.

    Parameters
    ----------
    name : str
        Contestant.
    cells, solved, lost : int
        Cells that it can take; of these solved; of these without an end of their own (a limit, a
        crash, an error), whose time is not in the sums.
    preparation, derivatives, solver : float, s
        Tracing and compiling; values and derivatives; all the rest.
    longest : float, s
        The longest solve.
    where : str
        Its problem.
    """

    name: str
    cells: int = 0
    solved: int = 0
    lost: int = 0
    preparation: float = 0.0
    derivatives: float = 0.0
    solver: float = 0.0
    longest: float = 0.0
    where: str = "-"

    @property
    def total(self) -> float:
        """All of it."""
        return self.preparation + self.derivatives + self.solver

    def add(self, row: Mapping[str, Any], solved: bool) -> None:
        """Take one cell."""
        self.cells += 1
        self.solved += solved
        seconds = row["seconds"] or 0.0
        if row["outcome"] != "ok":
            self.lost += 1
            return
        prepared, inside = row["seconds_preparation"] or 0.0, row["seconds_derivatives"] or 0.0
        self.preparation += prepared
        self.derivatives += inside
        self.solver += max(0.0, seconds - prepared - inside)
        if seconds > self.longest:
            self.longest, self.where = seconds, row["problem"]


def wall_times(rows: Iterable[Mapping[str, Any]]) -> list[WallTime]:
    """Return the sums of each contestant, in order of appearance.

    Parameters
    ----------
    rows : iterable of mapping
        Of a `Store`.
    """
    found: dict[str, WallTime] = {}
    for one in verdicts(rows):
        if one.verdict != "not-applicable":
            name = contestant(one.row)
            found.setdefault(name, WallTime(name)).add(one.row, one.solved)
    return list(found.values())


def print_profile(rows: Iterable[Mapping[str, Any]], console: Console) -> None:
    """Print the sums as a table, the quickest first.

    Parameters
    ----------
    rows : iterable of mapping
        Of a `Store`.
    console : Console
        Where to.
    """
    times = sorted(wall_times(rows), key=lambda one: one.total)
    ways = {one.name.partition(", ")[2] for one in times}
    title = f"Wall time, {ways.pop()}" if len(ways) == 1 else "Wall time"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    heads = ("", "solved", "lost", "seconds", "prepare", "derive", "solve", "longest")
    for k, head in enumerate(heads):
        table.add_column(head, justify="right" if k else "left", no_wrap=k == 0)
    for one in times:
        whole = one.total or 1.0
        parts = (one.preparation, one.derivatives, one.solver)
        table.add_row(
            one.name.partition(", ")[0] if title != "Wall time" else one.name,
            f"{one.solved}/{one.cells}",
            str(one.lost),
            f"{one.total:.1f}",
            *(f"{100.0 * part / whole:.0f} %" for part in parts),
            f"{one.where} {one.longest:.1f}",
        )
    console.print(table)
