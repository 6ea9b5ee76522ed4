"""``python -m problems``: a table of all problems with their sizes and known values.

It is the only module here that prints.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from .registry import PROBLEMS, Entry

__all__ = ["main", "show"]

_WIDE = 110
CONVEX = {True: "yes", False: "no", None: "-"}


def _row(entry: Entry) -> list[str]:
    case = entry.build()
    sizes = ", ".join(f"{key} = {value}" for key, value in entry.sizes.items())
    best = "-" if case.best is None else f"{case.best:.10g}"
    convex = CONVEX[entry.convex]
    return [
        entry.name,
        entry.kind,
        f"{case.n}",
        f"{case.m}",
        best,
        convex,
        sizes or "-",
        entry.source,
    ]


def main(arguments: Sequence[str] | None = None, prog: str = "python -m problems") -> None:
    """Print the table."""
    argparse.ArgumentParser(prog=prog, description=show.__doc__).parse_args(arguments)
    show(Console())


def show(console: Console) -> None:
    """Print the table, names and values whole; sizes and sources where there is room for them."""
    wide = console.width >= _WIDE
    title = f"{len(PROBLEMS)} problems, at their default sizes"
    table = Table(title=title, box=None, pad_edge=wide)
    columns = ("problem", "kind", "n", "m", "known value", "convex", "size parameters", "source")
    shown = columns if wide else columns[:5]
    for column in shown:
        right = column in ("n", "m", "known value")
        whole = column in columns[:5]
        table.add_column(column, justify="right" if right else "left", no_wrap=whole)
    for entry in PROBLEMS:
        table.add_row(*_row(entry)[: len(shown)])
    console.print(table)
    if not wide:
        console.print(f"Sizes and sources are shown from {_WIDE} columns on.")


if __name__ == "__main__":
    main()
