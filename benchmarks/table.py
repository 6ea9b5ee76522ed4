"""Tables of the results, for the terminal and in Markdown.

Separate from the measuring. A line sets ours beside the best of the rivals: the quickest of those
that gave the same values, chosen anew for set-up and for evaluation; the last ratio of set-up is
that to the rival that evaluates best.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from .peers import OURS, RIVALS
from .rows import Row

__all__ = ["HEADS", "cells_of", "groups", "markdown", "terminal", "time_text"]

HEADS = (
    "family",
    "n",
    "nonzeros",
    "colors",
    "set-up",
    "best rival",
    "ratio",
    "evaluation",
    "best rival",
    "ratio",
    "its set-up",
    "of loop",
    "of f",
    "MB",
    "rival MB",
)

Group = dict[str, Row]


def groups(rows: Iterable[Row], threads: int) -> dict[tuple[str, int], Group]:
    """Return the rows of one number of threads by family and size, then by tool."""
    found: dict[tuple[str, int], Group] = {}
    for row in rows:
        if row.threads == threads:
            found.setdefault((row.family, row.n), {})[row.peer] = row
    return {key: group for key, group in found.items() if OURS in group}


def cells_of(group: Group) -> list[str]:
    """Return one line of the table as text."""
    ours = group[OURS]
    setup, evaluation = _best(group, "setup"), _best(group, "evaluation")
    memory = [group[r].peak for r in RIVALS if r in group and not math.isnan(group[r].peak)]
    return [
        ours.family,
        str(ours.n),
        str(ours.nnz),
        str(ours.colors) if ours.colors >= 0 else "-",
        time_text(ours.setup),
        _rival(setup, "setup"),
        _ratio(ours.setup, setup, "setup"),
        time_text(ours.evaluation),
        _rival(evaluation, "evaluation"),
        _ratio(ours.evaluation, evaluation, "evaluation"),
        _ratio(ours.setup, evaluation, "setup"),
        _ratio(ours.evaluation, group.get("numba-loop"), "evaluation"),
        _ratio(ours.evaluation, group.get("numpy-call"), "evaluation"),
        f"{ours.peak:.0f}",
        f"{min(memory):.0f}" if memory else "-",
    ]


def _best(group: Group, what: str) -> Row | None:
    rivals = [group[name] for name in RIVALS if name in group and group[name].status == "ok"]
    return min(rivals, key=lambda row: getattr(row, what), default=None)


def _rival(row: Row | None, what: str) -> str:
    return "-" if row is None else f"{time_text(getattr(row, what))} {row.peer}"


def _ratio(ours: float, other: Row | None, what: str) -> str:
    if other is None or math.isnan(ours) or math.isnan(getattr(other, what)):
        return "-"
    return f"{ours / getattr(other, what):.2g}"


def time_text(seconds: float) -> str:
    """Return a time with three digits and its unit."""
    if math.isnan(seconds):
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns" if seconds else "0"


def terminal(rows: Sequence[Row], threads: int) -> Table:
    """Return the table for `rich`: ours, and below it the best rival."""
    table = Table(title=_title(threads), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("family\n[dim]n, nonzeros[/dim]", no_wrap=True)
    for head in ("set-up\n[dim]rival[/dim]", "ratio", "evaluation\n[dim]rival[/dim]", "ratio"):
        table.add_column(head, justify="right", no_wrap=True)
    for head in ("its\nset-up", "of\nloop", "of\nf", "MB\n[dim]rival[/dim]"):
        table.add_column(head, justify="right", no_wrap=True)
    for group in groups(rows, threads).values():
        family, n, nnz, _, *rest, ours, rival = cells_of(group)
        setup, other_setup, setup_ratio, value, other_value, *ratios = rest
        table.add_row(
            f"{family}\n[dim]{n}, {nnz}[/dim]",
            f"{setup}\n[dim]{other_setup}[/dim]",
            setup_ratio,
            f"{value}\n[dim]{other_value}[/dim]",
            *ratios,
            f"{ours}\n[dim]{rival}[/dim]",
        )
    return table


def _title(threads: int) -> str:
    return f"Against other tools, {threads} thread{'s' if threads > 1 else ''} each"


def markdown(rows: Sequence[Row], about: Mapping[str, str]) -> str:
    """Return all tables in Markdown, with the machine above them."""
    lines = [f"- {name}: {value}" for name, value in about.items()]
    for threads in sorted({row.threads for row in rows}):
        lines += ["", f"### {_title(threads)}", "", "| " + " | ".join(HEADS) + " |"]
        lines.append("|" + "|".join(["---"] + ["---:"] * (len(HEADS) - 1)) + "|")
        lines += [
            "| " + " | ".join(cells_of(group)) + " |" for group in groups(rows, threads).values()
        ]
    failed = [row for row in rows if row.status != "ok"]
    if failed:
        lines += ["", "Without a result:", ""]
    lines += [f"- {row.family}, n = {row.n}, {row.peer}: {row.status}" for row in failed]
    return "\n".join(lines)
