"""`report`: what preparing a derivative cost and chose, as a table in text.

Separate so that the derivative objects hold numbers and this holds words.
"""

from __future__ import annotations

from typing import Any

__all__ = ["readable", "report", "table"]


def report(derivative: Any, function: Any, nonzeros: Any) -> str:
    """Describe a prepared derivative.

    Parameters
    ----------
    derivative : Jacobian or Hessian
        Its shape, method and counts are shown.
    function : Function or Differences
        Its stage times and calls are shown.
    nonzeros : Nonzeros
        Its colors are shown where it has any.

    Returns
    -------
    str
        One line a fact.
    """
    m, n = derivative.shape
    rows = [
        ("shape", f"{m} x {n}"),
        ("nonzeros", f"{derivative.nnz} ({100 * derivative.pattern.density:.3g} %)"),
        ("method", derivative.method),
        ("calls of the user's function", str(function.user_calls)),
    ]
    recovery = getattr(nonzeros, "recovery", None)
    if recovery is not None:
        used = recovery.coloring
        rows.append(("colors", f"{used.ncolors} ({used.structure}, at least {used.lower_bound})"))
    how = getattr(function, "preparation", None)
    if how is not None:
        rows += how.rows()
    rows += [(f"calls of {name}", str(count)) for name, count in derivative.calls.items() if count]
    return table(rows)


def table(rows: list[tuple[str, str]]) -> str:
    """Align two columns."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def readable(nonzeros: Any) -> str:
    """Write the program that computes nonzeros in a readable form."""
    products = getattr(nonzeros, "push", None) or getattr(nonzeros, "pull", None)
    run = getattr(products or nonzeros, "run", None)
    if run is None:
        return "differences of the function itself"
    source = getattr(run, "source", None)
    return str(source() if source else run.program)
