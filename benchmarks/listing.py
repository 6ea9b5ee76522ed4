"""Any result file as Markdown, for docs/benchmarks.md.

Separate from `table`, which sets ours beside the best rival: the other commands write one line a
measurement, and these are shown as they are.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

from .rows import read_rows
from .table import markdown, time_text

__all__ = ["listing"]

SOLVE_HEADS = (
    "problem", "solver", "n", "way", "set-up", "solve", "in derivatives", "times ours", "value"
)  # fmt: skip


def listing(path: Path) -> str:
    """Return a result file of `peers`, `setup` or `solve` in Markdown.

    Parameters
    ----------
    path : Path
        CSV file.

    Returns
    -------
    str
        The machine, and one table or more.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    about = [f"- {line[2:]}" for line in lines if line.startswith("# ")]
    table = csv.DictReader(line for line in lines if not line.startswith("# "))
    heads = list(table.fieldnames or ())
    if "peer" in heads:
        return markdown(*read_rows(path))
    if "way" in heads:
        return "\n".join([*about, "", *_rows(SOLVE_HEADS, _solves(list(table)))])
    return "\n".join([*about, "", *_rows(heads, [list(row.values()) for row in table])])


def _rows(heads: tuple[str, ...] | list[str], rows: list[list[str]]) -> list[str]:
    rule = "|" + "|".join(["---"] + ["---:"] * (len(heads) - 1)) + "|"
    return ["| " + " | ".join(heads) + " |", rule, *("| " + " | ".join(r) + " |" for r in rows)]


def _solves(rows: list[dict[str, str]]) -> list[list[str]]:
    """Write times with units, and the whole relative to the first way of each problem."""
    found = []
    ours = math.nan
    before: tuple[str, ...] = ()
    for row in rows:
        setup, solve, inside = (float(row[k]) for k in ("setup", "solve", "derivatives"))
        key = (row["problem"], row["solver"])
        if row["way"] == "sparsesolve":
            ours, before = setup + solve, key
        known = key == before and not math.isnan(solve)
        found.append(
            [
                *key,
                row["n"] if int(row["n"]) > 0 else "-",
                row["way"],
                time_text(setup),
                time_text(solve),
                "-" if math.isnan(inside) else f"{100 * inside / solve:.2g} %",
                f"{(setup + solve) / ours:.3g}" if known else "-",
                f"{float(row['value']):.10g}" if row["status"] == "ok" else row["status"],
            ]
        )
    return found
