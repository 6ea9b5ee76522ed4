"""From rows to files: pictures, Markdown and the page.

Separate so that each of these can be made alone.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .page import html_page
from .plots import draw_all
from .summary import markdown
from .verdict import verdicts
from .ways import SOLVERS, WAYS

__all__ = ["write_report"]


def write_report(rows: Sequence[Mapping[str, Any]], folder: Path) -> list[Path]:
    """Write ``report.html``, ``report.md`` and the pictures.

    Parameters
    ----------
    rows : sequence of mapping
        Of a `Store`.
    folder : Path
        Gets the files.

    Returns
    -------
    list of Path
        What was written; the page needs none of the others.
    """
    judged = verdicts(sorted(rows, key=_place))
    # an extra: without it there are words and tables
    pictures = draw_all(judged, folder) if importlib.util.find_spec("matplotlib") else []
    page, summary = folder / "report.html", folder / "report.md"
    page.write_text(html_page(judged, pictures), encoding="utf-8")
    summary.write_text(markdown(judged, pictures), encoding="utf-8")
    return [page, summary, *(p.png for p in pictures if p.png is not None)]


def _place(row: Mapping[str, Any]) -> tuple[str, int, int, int]:
    """Return where a row goes: problems by name, solvers and ways as their tables list them."""
    solvers, ways = list(SOLVERS), list(WAYS)
    solver = solvers.index(row["solver"]) if row["solver"] in SOLVERS else len(solvers)
    way = ways.index(row["way"]) if row["way"] in ways else len(ways)
    return str(row["problem"]).lower(), int(row["seed"]), solver, way
