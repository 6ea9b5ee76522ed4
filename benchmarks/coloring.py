"""``python -m benchmarks coloring``: colors and times, beside ColPack where it is installed.

Separate because here patterns are compared, not derivatives. For each pattern and each way to color
it: our default against the best of all of ColPack's orders, and each order against the same order.
Times are CPU time, the best of some repetitions, with the pattern and its transpose in memory on
both sides.
"""

from __future__ import annotations

import contextlib
import csv
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from sparsesolve.coloring import Coloring, color
from sparsesolve.structure.pattern import Pattern

from .coloring_patterns import PATTERNS, Named, brusselator, five_points
from .colpack import ColPack, ColPackMissing, built
from .fresh import INSTALLED
from .page import PAGE, RESULTS, quote

__all__ = ["WAYS", "Line", "markdown", "run_coloring", "write"]

WAYS: dict[str, dict[str, Any]] = {
    "columns": {"structure": "columns"},
    "rows": {"structure": "rows"},
    "star": {"structure": "symmetric"},
    "acyclic": {"structure": "symmetric", "recovery": "substitution"},
    "bidirectional": {"structure": "bidirectional"},
}
COMPARED = ("natural", "largest-first", "smallest-last", "incidence-degree")
BRUSSELATORS = {6: 8, 12: 8, 24: 10, 32: 10, 48: 9}
# Below this time, in s, neither side measures more than the overhead of a call.
SHORTEST = 2e-4


@dataclass(frozen=True, slots=True)
class Line:
    """One pattern, colored in one way.

    Parameters
    ----------
    pattern, family : str
        What.
    rows, columns, entries : int
        Its size.
    way : str
        Key of `WAYS`.
    bound : int
        Colors that none can go below, as far as is known.
    ours : int
        Colors of the default.
    order : str
        Where the default found them.
    seconds : float, s
        What that took.
    theirs : int or None
        The fewest colors of ColPack's orders; None where it was not run.
    their_order : str
        Which that was.
    ratios : tuple of float
        Our time over ColPack's for each of `COMPARED`; nan where it was not run.
    """

    pattern: str
    family: str
    rows: int
    columns: int
    entries: int
    way: str
    bound: int
    ours: int
    order: str
    seconds: float
    theirs: int | None
    their_order: str
    ratios: tuple[float, ...]


def run_coloring(console: Console, *, quick: bool, output: Path, about: Mapping[str, str]) -> None:
    """Color everything, print it, and write a CSV file and a Markdown file beside it.

    Parameters
    ----------
    console : rich.console.Console
        Where to print.
    quick : bool
        Few patterns, once each.
    output : Path
        CSV file.
    about : mapping
        Machine and versions.
    """
    chosen = PATTERNS[::8] if quick else PATTERNS
    repeats = 1 if quick else 5
    warm_up()
    lines: list[Line] = []
    with contextlib.ExitStack() as stack:
        colpack: ColPack | None = None
        try:
            colpack = stack.enter_context(built())
        except ColPackMissing as error:
            console.print(str(error))
        for named in chosen:
            for line in compare(named, colpack, repeats):
                lines.append(line)
                theirs = "" if line.theirs is None else f", ColPack {line.theirs}"
                console.print(
                    f"{line.pattern:28} {line.way:14} {line.ours:5} colors{theirs}, "
                    f"bound {line.bound}, {line.seconds:.3f} s, {line.order}",
                    highlight=False,
                )
    notes = [*stencil_times(300 if quick else 1000, repeats), *brusselator_colors()]
    text = markdown(lines, notes, about)
    console.print(text, highlight=False, markup=False)
    output.parent.mkdir(parents=True, exist_ok=True)
    write(output, lines, about)
    output.with_suffix(".md").write_text(text, encoding="utf-8")
    if output == RESULTS / "coloring.csv" and not INSTALLED:
        quote(PAGE, "coloring.md", text)


def warm_up() -> None:
    """Load or compile all kernels, so that no time holds it."""
    for way in WAYS.values():
        color(np.eye(4), order="best", budget=0.01, **way)
        for order in COMPARED:
            color(np.eye(4), order=order, **way)


def compare(named: Named, colpack: ColPack | None, repeats: int) -> list[Line]:
    """Color one pattern in all ways that it allows."""
    pattern = named.build()
    assert pattern.T.shape == pattern.shape[::-1]  # is now in memory
    lines = []
    for way, options in WAYS.items():
        if options["structure"] == "symmetric" and not pattern.is_symmetric:
            continue
        found, seconds = best_time(partial(color, pattern, **options), min(2, repeats))
        theirs = colpack.color(pattern, way, repeats=repeats) if colpack else {}
        fewest = min(theirs, key=lambda order: theirs[order][0], default="")
        ratios = []
        for order in COMPARED:
            ratio = np.nan
            if order in theirs and theirs[order][1] >= SHORTEST and way != "bidirectional":
                again = partial(color, pattern, order=order, **options)
                ratio = best_time(again, repeats)[1] / theirs[order][1]
            ratios.append(round(float(ratio), 3))
        lines.append(
            Line(
                named.name,
                named.family,
                *pattern.shape,
                pattern.nnz,
                way,
                found.lower_bound,
                found.ncolors,
                found.order,
                round(seconds, 4),
                theirs[fewest][0] if fewest else None,
                fewest,
                tuple(ratios),
            )
        )
    return lines


def best_time(call: Callable[[], Coloring], repeats: int) -> tuple[Coloring, float]:
    """Return what a call returns, and its shortest CPU time."""
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        result = call()
        best = min(best, time.process_time() - start)
    return result, float(best)


def stencil_times(side: int, repeats: int) -> list[str]:
    """Say how long a five-point stencil of side * side columns takes."""
    made = five_points(side)

    def fresh(**options: Any) -> Callable[[], Coloring]:
        # A new pattern each time: its transpose is part of what a user waits for.
        return lambda: color(Pattern(made.shape, made.indptr, made.indices), **options)

    notes = []
    for title, options in (
        ("order natural", {"order": "natural"}),
        ("default", {}),
        ("order saturation", {"order": "saturation"}),
    ):
        found, seconds = best_time(fresh(**options), repeats)
        cached, again = best_time(partial(color, made, **options), repeats)
        assert cached.ncolors == found.ncolors
        notes.append(
            f"5-point stencil, {made.shape[1]:,} columns, {title}: {found.ncolors} colors in "
            f"{again:.2f} s, {seconds:.2f} s with the transpose of the pattern."
        )
    return notes


def brusselator_colors() -> list[str]:
    """Say how many colors the periodic Brusselator takes, beside the targets."""
    found = ", ".join(
        f"{side}: {color(brusselator(side)).ncolors} (<= {most})"
        for side, most in BRUSSELATORS.items()
    )
    return [f"2-D periodic Brusselator, columns, default, side: colors (target): {found}."]


# ----- Files -----------------------------------------------------------------------------------


def write(output: Path, lines: Sequence[Line], about: Mapping[str, str]) -> None:
    """Write the lines as CSV, under comments that name the machine."""
    names = [field.name for field in fields(Line)][:-1]
    names[names.index("way")] = "structure"
    with output.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {name}: {text}\n" for name, text in about.items())
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, *(f"time ratio {order}" for order in COMPARED)])
        for line in lines:
            *values, ratios = astuple(line)
            writer.writerow([*values, *ratios])


def markdown(lines: Sequence[Line], notes: Sequence[str], about: Mapping[str, str]) -> str:
    """Return the summary and the table: colors by pattern and way, ours / ColPack's best."""
    parts = ["\n".join(f"- {name}: {text}" for name, text in about.items())]
    compared = [line for line in lines if line.theirs is not None]
    if compared:
        parts += [_counts(compared), _times(compared)]
    parts.append("\n".join(f"- {note}" for note in notes))
    head = "| pattern | size | nonzeros | " + " | ".join(WAYS) + " |"
    table = [head, "|---|---|---:|" + "---:|" * len(WAYS)]
    by_pattern: dict[str, dict[str, Line]] = {}
    for line in lines:
        by_pattern.setdefault(line.pattern, {})[line.way] = line
    for name, ways in by_pattern.items():
        one = next(iter(ways.values()))
        cells = [_cell(ways.get(way)) for way in WAYS]
        size = f"{one.rows} x {one.columns}"
        table.append(f"| {name} | {size} | {one.entries} | {' | '.join(cells)} |")
    parts.append("\n".join(table))
    return "\n\n".join(parts) + "\n"


def _cell(line: Line | None) -> str:
    if line is None:
        return "-"
    if line.theirs is None:
        return str(line.ours)
    text = f"{line.ours} / {line.theirs}"
    return f"**{text}**" if line.ours > line.theirs else text


def _counts(lines: Sequence[Line]) -> str:
    """Count where the default has more, as many, and fewer colors than ColPack's best order."""
    table = ["| colors, default against ColPack's best order | fewer | equal | more |"]
    table.append("|---|---:|---:|---:|")
    for way in (*WAYS, "all"):
        pairs = [(x.ours, x.theirs) for x in lines if way in ("all", x.way)]
        fewer = sum(ours < theirs for ours, theirs in pairs)
        more = sum(ours > theirs for ours, theirs in pairs)
        table.append(f"| {way} | {fewer} | {len(pairs) - fewer - more} | {more} |")
    names = {x.pattern for x in lines}
    worse = {x.pattern for x in lines if x.ours > x.theirs}
    share = 100 * (1 - len(worse) / len(names))
    table.append("")
    table.append(
        f"Never more colors, in any way of coloring, on {len(names) - len(worse)} of {len(names)} "
        f"patterns ({share:.0f} %)."
    )
    return "\n".join(table)


def _times(lines: Sequence[Line]) -> str:
    """Compare the times of single orders; short runs are left out."""
    table = [
        "| our time / ColPack's, median (largest) | " + " | ".join(COMPARED) + " |",
        "|---|" + "---:|" * len(COMPARED),
    ]
    for way in WAYS:
        ratios = np.array([x.ratios for x in lines if x.way == way]).reshape(-1, len(COMPARED))
        if np.isnan(ratios).all():
            continue
        cells = [
            f"{np.median(r):.2f} ({r.max():.2f})" if (r := c[~np.isnan(c)]).size else "-"
            for c in ratios.T
        ]
        table.append(f"| {way} | {' | '.join(cells)} |")
    return "\n".join(table)
