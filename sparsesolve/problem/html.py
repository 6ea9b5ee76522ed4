"""Tables for notebooks.

Separate because problems and results show themselves alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

__all__ = ["html_table"]


def html_table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """Return a table of two columns.

    Parameters
    ----------
    title : str
        Above it.
    rows : iterable of (str, str)
        Label and text; both are escaped.

    Examples
    --------
    >>> html_table("a < b", [("n", "3")])
    '<table><caption>a &lt; b</caption><tr><th>n</th><td>3</td></tr></table>'
    """
    cells = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows)
    return f"<table><caption>{escape(title)}</caption>{cells}</table>"
