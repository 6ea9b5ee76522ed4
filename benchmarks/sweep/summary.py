"""The report as Markdown: for a repository page, with the pictures beside it.

Separate from the page, which is for reading in a browser.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..table import time_text
from .judge import TOLERANCE
from .plots import Picture
from .profiles import contestant
from .shares import gains, shares, tallies
from .verdict import MARGIN, Verdict

__all__ = ["facts", "markdown", "number"]

SHORT = {
    "worse": "worse",
    "infeasible": "infeasible",
    "not-stationary": "not stationary",
    "time-limit": "time",
    "memory-limit": "memory",
    "crash": "crash",
    "error": "error",
    "not-applicable": "-",
}


def facts(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return what a report begins with: sizes of the run, limits, machine, versions."""

    def all_of(name: str) -> str:
        return "; ".join(dict.fromkeys(str(row[name]) for row in rows if row[name] is not None))

    loads = [row["load_average"] for row in rows if row["load_average"] is not None]
    spent = sum(row["seconds_process"] or 0.0 for row in rows)
    dates = sorted(row["date"] for row in rows if row["date"])
    return [
        ("cells", f"{len(rows)}, of {len({row['problem'] for row in rows})} problems"),
        ("processes", f"{spent / 60:.1f} minutes in all"),
        ("date", dates[0] if dates else ""),
        ("machine", all_of("machine")),
        ("python", all_of("python")),
        ("versions", all_of("versions")),
        ("commit", all_of("commit")),
        ("time limit", f"{all_of('time_limit')} s"),
        ("memory limit", f"{all_of('memory_limit')} MB"),
        ("load of the machine", f"{min(loads):.1f} to {max(loads):.1f}" if loads else ""),
        ("solved", f"KKT residuals <= {TOLERANCE:g}, objective within {MARGIN:g} of the best"),
    ]


def number(value: Any, digits: int = 4) -> str:
    """Return a number for a table, "-" where there is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def markdown(verdicts: Sequence[Verdict], pictures: Sequence[Picture]) -> str:
    """Return the report.

    Parameters
    ----------
    verdicts : sequence of Verdict
        Of a run.
    pictures : sequence of Picture
        Those written as files are linked.

    Returns
    -------
    str
        Facts, tallies, gains, pictures, shares of time, a table by problem, failures.
    """
    lines = [f"- {name}: {text}" for name, text in facts([v.row for v in verdicts]) if text]
    lines += ["", *_tally_table(verdicts), "", *_gain_table(verdicts), ""]
    lines += [f"![{p.title}]({p.png.name})" for p in pictures if p.png is not None]
    lines += ["", *_share_table(verdicts), "", *_problem_table(verdicts), "", *_failures(verdicts)]
    return "\n".join(lines) + "\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    rule = ["---"] * left + ["---:"] * (len(heads) - left)
    return [f"| {' | '.join(line)} |" for line in (heads, rule, *rows)]


def _tally_table(verdicts: Sequence[Verdict]) -> list[str]:
    rows = [
        [
            t.name,
            f"{t.solved} of {t.total}",
            str(t.fastest),
            time_text(t.seconds),
            ", ".join(f"{count} {SHORT[name]}" for name, count in t.others) or "-",
        ]
        for t in tallies(verdicts)
    ]
    heads = ["solver, derivatives", "solved", "fastest", "median time", "otherwise"]
    return ["### Solved", "", *_table(heads, rows)]


def _gain_table(verdicts: Sequence[Verdict]) -> list[str]:
    rows = [
        [
            g.solver,
            f"{g.other} over {g.way}",
            str(g.count),
            number(g.median, 3),
            number(g.largest, 3),
            f"{g.only}, {g.only_other}",
        ]
        for g in gains(verdicts)
    ]
    heads = ["solver", "time of", "both solve", "median", "largest", "only one solves"]
    return ["### The same solver, other derivatives", "", *_table(heads, rows, 2)] if rows else []


def _share_table(verdicts: Sequence[Verdict]) -> list[str]:
    rows = [
        [
            s.name,
            *(f"{100 * part:.0f} %" for part in (s.preparation, s.callbacks, s.solver)),
            f"{s.seconds:.4g} s",
        ]
        for s in shares(verdicts)
    ]
    heads = ["solver, derivatives", "preparation", "callbacks", "solver", "all cells"]
    return ["### Share of the time, mean over the cells", "", *_table(heads, rows)]


def _problem_table(verdicts: Sequence[Verdict]) -> list[str]:
    names = list(dict.fromkeys(contestant(v.row) for v in verdicts))
    problems: dict[tuple[str, int], dict[str, Verdict]] = {}
    for v in verdicts:
        problems.setdefault((v.row["problem"], v.row["seed"]), {})[contestant(v.row)] = v
    rows = []
    for (problem, seed), cells in problems.items():
        first = next(iter(cells.values()))
        rows.append(
            [
                problem + (f" (seed {seed})" if seed else ""),
                first.row["classification"] or "-",
                number(first.row["n"]),
                number(first.row["m"]),
                number(first.best, 8),
                *(_cell(cells.get(name)) for name in names),
            ]
        )
    heads = ["problem", "class", "n", "m", "best known", *names]
    return ["### Problem by problem", "", *_table(heads, rows, 2)]


def _cell(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    if not verdict.solved:
        return SHORT[verdict.verdict]
    return f"{time_text(verdict.row['seconds'])}, {verdict.row['iterations']} it"


def _failures(verdicts: Sequence[Verdict]) -> list[str]:
    lines = [
        f"- {v.row['problem']}, {contestant(v.row)}: {v.verdict}, {v.reason}"
        for v in verdicts
        if not v.solved and v.verdict != "not-applicable"
    ]
    return ["### Not solved, and why", "", *(lines or ["Everything was solved."])]
