"""``python -m problems``: a table of all problems with their sizes and known values.

Separate because it is the only module here that prints.
"""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from problems.registry import PROBLEMS, Entry

__all__ = ["main"]

CONVEX = {True: "yes", False: "no", None: "-"}


def _row(entry: Entry) -> list[str]:
    case = entry.build()
    sizes = ", ".join(f"{key} = {value}" for key, value in entry.sizes.items())
    best = "-" if case.best is None else f"{case.best:.10g}"
    convex = CONVEX[entry.convex]
    return [entry.name, entry.kind, sizes or "-", f"{case.n}", f"{case.m}", best, convex]


def main() -> None:
    """Print the table."""
    table = Table(title=f"{len(PROBLEMS)} problems, at their default sizes")
    for column in ("problem", "kind", "size parameters"):
        table.add_column(column)
    for column in ("n", "m", "known value"):
        table.add_column(column, justify="right")
    table.add_column("convex")
    table.add_column("source")
    for entry in PROBLEMS:
        table.add_row(*_row(entry), entry.source)
    Console().print(table)


if __name__ == "__main__":
    main()
