"""The report as one page: no other file, no network; a table that sorts and filters itself.

Separate because it is the only place that writes HTML. Style and script stand beside this file and
are written into the page; pictures are data URIs.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from ..table import time_text
from .plots import COLORS, Picture
from .profiles import contestant
from .shares import gains, tallies
from .summary import SHORT, facts, number
from .verdict import MARGIN, Verdict

__all__ = ["COLUMNS", "html_page"]

HERE = Path(__file__).parent

Column = tuple[str, Callable[[Verdict], Any], str]


def _of(name: str) -> Callable[[Verdict], Any]:
    return lambda v: v.row[name]


COLUMNS: tuple[Column, ...] = (
    ("problem", _of("problem"), "left"),
    ("class", _of("classification"), "left"),
    ("n", _of("n"), "count"),
    ("m", _of("m"), "count"),
    ("solver", _of("solver"), "left"),
    ("derivatives", _of("way"), "left"),
    ("verdict", lambda v: v.verdict, "badge"),
    ("time", _of("seconds"), "time"),
    ("callbacks", _of("seconds_derivatives"), "time"),
    ("iterations", _of("iterations"), "count"),
    ("f", _of("calls_function"), "count"),
    ("g", _of("calls_gradient"), "count"),
    ("J", _of("calls_jacobian"), "count"),
    ("H", _of("calls_hessian"), "count"),
    ("objective", _of("objective"), "value"),
    ("best known", lambda v: v.best, "value"),
    ("violation", _of("violation"), "small"),
    ("stationarity", _of("stationarity"), "small"),
    ("MB", _of("peak_megabytes"), "whole"),
    ("reason", lambda v: v.reason, "words"),
)
"""Heading, value and kind of each column of the table of cells."""

_TEXT: dict[str, Callable[[Any], str]] = {
    "count": lambda x: number(x),
    "time": lambda x: "-" if x is None else time_text(float(x)),
    "value": lambda x: number(x, 8),
    "small": lambda x: "-" if x is None else f"{x:.1e}",
    "whole": lambda x: "-" if x is None else f"{x:.0f}",
}


def html_page(verdicts: Sequence[Verdict], pictures: Sequence[Picture]) -> str:
    """Return the page.

    Parameters
    ----------
    verdicts : sequence of Verdict
        Of a run; each is one row of the table of cells.
    pictures : sequence of Picture
        Shown above it.

    Returns
    -------
    str
        HTML with everything inside.
    """
    style = (HERE / "page.css").read_text(encoding="utf-8")
    script = (HERE / "page.js").read_text(encoding="utf-8")
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Solvers and derivatives</title><style>{style}</style></head><body><main>",
        *_head(verdicts),
        *_cards(verdicts),
        *_gains(verdicts),
        *_figures(pictures),
        *_matrix(verdicts),
        *_cells(verdicts),
        *_about(verdicts),
        f"</main><script>{script}</script></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _head(verdicts: Sequence[Verdict]) -> Iterator[str]:
    problems = len({v.row["problem"] for v in verdicts})
    yield "<h1>Solvers and derivatives</h1>"
    yield (
        f'<p class="lead">{problems} problems, {len(verdicts)} cells. A cell is one problem, one '
        "solver and one way to get derivatives, in a process of its own. Whether it is solved is "
        "judged from exact derivatives at the last point, not by the solver's word.</p>"
    )


def _cards(verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield '<div class="cards">'
    for t in tallies(verdicts):
        color = COLORS[t.name.split(", ")[1]]
        share = 100.0 * t.solved / t.total
        others = ", ".join(f"{count} {SHORT[name]}" for name, count in t.others) or "nothing else"
        yield (
            f'<div class="card"><h3><span class="swatch" style="background:{color}"></span>'
            f"{escape(t.name)}</h3>"
            f'<div class="big">{t.solved} <small>of {t.total} solved</small></div>'
            f'<div class="meter"><i style="width:{share:.1f}%;background:{color}"></i></div>'
            f'<div class="note">median {time_text(t.seconds)}, fastest on {t.fastest}<br>'
            f"{escape(others)}</div></div>"
        )
    yield "</div>"


def _gains(verdicts: Sequence[Verdict]) -> Iterator[str]:
    found = [g for g in gains(verdicts) if g.count]
    if not found:
        return
    yield '<h2>The same solver, other derivatives</h2><div class="cards">'
    for g in found:
        yield (
            f'<div class="card"><h3>{escape(g.solver)}: {escape(g.other)} over {escape(g.way)}</h3>'
            f'<div class="big">{g.median:.3g}<small> times the time, median of {g.count} that both '
            f'solve</small></div><div class="note">at most {g.largest:.3g}; {g.only} solved by '
            f"{escape(g.way)} only, {g.only_other} by {escape(g.other)} only</div></div>"
        )
    yield "</div>"


def _figures(pictures: Sequence[Picture]) -> Iterator[str]:
    if pictures:
        yield '<h2>Profiles</h2><div class="figures">'
        yield from map(_figure, pictures)
        yield "</div>"


def _figure(picture: Picture) -> str:
    data = base64.b64encode(picture.svg.encode("utf-8")).decode("ascii")
    title = escape(picture.title)
    return (
        f'<figure><figcaption>{title}</figcaption><img alt="{title}" '
        f'src="data:image/svg+xml;base64,{data}"></figure>'
    )


def _matrix(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """One line a problem, one column a contestant."""
    names = list(dict.fromkeys(contestant(v.row) for v in verdicts))
    lines: dict[tuple[str, int], dict[str, Verdict]] = {}
    for v in verdicts:
        lines.setdefault((v.row["problem"], v.row["seed"]), {})[contestant(v.row)] = v
    heads = "".join(f"<th>{escape(name).replace(', ', '<br>')}</th>" for name in names)
    yield '<h2>Problem by problem</h2><div class="scroll"><table id="problems"><thead><tr>'
    yield '<th class="left">problem</th><th class="left">class</th><th>n</th><th>m</th>'
    yield f"<th>best known</th>{heads}</tr></thead><tbody>"
    for (problem, seed), cells in lines.items():
        first = next(iter(cells.values()))
        label = problem + (f" (seed {seed})" if seed else "")
        yield (
            f'<tr><td class="left">{escape(label)}</td>'
            f'<td class="left">{escape(first.row["classification"] or "-")}</td>'
            f"<td>{number(first.row['n'])}</td><td>{number(first.row['m'])}</td>"
            f"<td>{number(first.best, 8)}</td>"
            + "".join(_mark(cells.get(name)) for name in names)
            + "</tr>"
        )
    yield "</tbody></table></div>"


def _mark(verdict: Verdict | None) -> str:
    if verdict is None:
        return "<td></td>"
    text = time_text(verdict.row["seconds"]) if verdict.solved else SHORT[verdict.verdict]
    reason = escape(verdict.reason or f"{verdict.row['iterations']} iterations", quote=True)
    return f'<td><span class="badge v-{verdict.verdict}" title="{reason}">{text}</span></td>'


def _cells(verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield "<h2>All cells</h2>"
    yield _filters(verdicts)
    heads = "".join(
        f'<th scope="col"{_left(kind)}>{escape(head)}</th>' for head, _, kind in COLUMNS
    )
    yield f'<div class="scroll"><table id="cells"><thead><tr>{heads}</tr></thead><tbody>'
    for v in verdicts:
        data = {
            "verdict": v.verdict,
            "solver": v.row["solver"],
            "way": v.row["way"],
            "class": v.row["classification"] or "",
            "n": v.row["n"],
        }
        marks = "".join(f' data-{key}="{escape(str(x), quote=True)}"' for key, x in data.items())
        cells = "".join(_cell(value(v), kind) for _, value, kind in COLUMNS)
        yield f"<tr{marks}>{cells}</tr>"
    yield "</tbody></table></div>"


def _left(kind: str) -> str:
    return ' class="left"' if kind in ("left", "badge", "words") else ""


def _cell(value: Any, kind: str) -> str:
    if kind == "badge":
        return f'<td class="left"><span class="badge v-{value}">{value}</span></td>'
    if kind in ("left", "words"):
        return f'<td class="{kind}">{escape(str(value or ""))}</td>'
    key = "" if value is None else f"{float(value):.17g}"
    return f'<td data-key="{key}">{_TEXT[kind](value)}</td>'


def _filters(verdicts: Sequence[Verdict]) -> str:
    def select(name: str, label: str, values: Sequence[str]) -> str:
        options = "".join(f'<option value="{escape(v)}">{escape(v)}</option>' for v in values)
        return (
            f'<select data-filter="{name}" aria-label="{label}">'
            f'<option value="">{label}</option>{options}</select>'
        )

    solvers = list(dict.fromkeys(v.row["solver"] for v in verdicts))
    ways = list(dict.fromkeys(v.row["way"] for v in verdicts))
    ends = ["failed", *sorted({v.verdict for v in verdicts})]
    return (
        '<div class="filters">'
        '<input type="search" data-filter="text" placeholder="search" aria-label="search">'
        + select("solver", "every solver", solvers)
        + select("way", "all derivatives", ways)
        + select("failed", "every verdict", ends)
        + '<input data-filter="class" placeholder="class, as OOR" aria-label="class" size="13">'
        '<input type="number" data-filter="least" placeholder="n from" aria-label="least n">'
        '<input type="number" data-filter="most" placeholder="n to" aria-label="largest n">'
        '<span id="count"></span></div>'
    )


def _about(verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield '<h2>How this was made</h2><div class="card"><dl class="facts">'
    for name, text in facts([v.row for v in verdicts]):
        if text:
            yield f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>"
    yield "</dl>"
    yield (
        '<p class="note">Residuals are dimensionless: violation of rows and bounds relative to '
        "their limits and gradients; stationarity relative to the gradients in play, with the "
        "solver's multipliers or, where better, least squares ones; complementarity relative to "
        "the objective. A KKT point whose objective exceeds the best known one by more than "
        f"{MARGIN:g} (relative) is called <em>worse</em>: often another local minimum. Times begin "
        "with plain functions, so tracing and compiling are part of them; imports are not. "
        "Performance profiles: Dolan and Mor&eacute; (2002); data profiles: Mor&eacute; and Wild "
        "(2009).</p></div>"
    )
