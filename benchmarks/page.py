"""``python -m benchmarks page``: the tables of docs/benchmarks.md, from the result files.

Separate because the words of that page are written by people, and only what stands between its
marks by programs.
"""

from __future__ import annotations

from pathlib import Path

from .fresh import INSTALLED, ROOT
from .listing import listing

__all__ = ["PAGE", "RESULTS", "marks", "quote", "update"]

PAGE = ROOT / "docs" / "benchmarks.md"
RESULTS = Path() if INSTALLED else Path(__file__).parent / "results"
"""Where result files go if no other place is named: what is installed is not written into."""


def marks(name: str) -> tuple[str, str]:
    """Return the lines around what is quoted from a result file."""
    return f"<!-- results/{name} -->\n", f"<!-- end of results/{name} -->\n"


def quote(page: Path, name: str, text: str) -> None:
    """Put the text between the marks of a page.

    Raises
    ------
    ValueError
        If the page has no such marks.
    """
    begin, end = marks(name)
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{page} must have lines {begin.strip()!r} and {end.strip()!r}.")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def update(page: Path = PAGE, results: Path = RESULTS) -> None:
    """Quote every result file anew."""
    for name in ("peers.csv", "blocks.csv", "setup.csv", "solve.csv"):
        quote(page, name, listing(results / name) + "\n")
    quote(page, "coloring.md", (results / "coloring.md").read_text(encoding="utf-8"))
