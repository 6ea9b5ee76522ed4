"""`report`: what preparing a derivative cost and chose, as a table in text.

Separate so that the derivative objects hold numbers and this holds words.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["describe_problem", "readable", "report", "table"]


def report(derivative: Any, function: Any, nonzeros: Any) -> str:
    """Describe a prepared derivative.

    Parameters
    ----------
    derivative : Jacobian or Hessian
        Its shape, method and counts are shown.
    function : TracedFunction or Differences
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
        ("nonzeros", f"{derivative.nnz} ({100 * derivative.nnz / max(1, m * n):.3g} %)"),
        ("method", derivative.method),
        ("calls of the user's function", str(function.user_calls)),
    ]
    estimate = getattr(nonzeros, "estimate", None)
    if estimate is not None:
        rows.append(("pattern", f"estimated, may miss entries: {estimate.how}"))
    recovery = getattr(nonzeros, "recovery", None)
    if recovery is not None:
        used = recovery.coloring
        rows.append(("colors", f"{used.ncolors} ({used.structure}, at least {used.lower_bound})"))
    log = getattr(function, "log", None)
    if log is not None:
        rows += log.rows()
    rows += [(f"calls of {name}", str(count)) for name, count in derivative.calls.items() if count]
    return table(rows)


def describe_problem(problem: Any) -> str:
    """Describe a problem: its size, kinds of rows, and what its derivatives cost so far.

    Parameters
    ----------
    problem : Problem
        Its derivatives are prepared here if they were not before.
    """
    lower, upper = problem.constraint_bounds
    derivatives = problem.derivatives
    equal = lower == upper
    lo, hi = problem.bounds
    kind = "general"
    if problem.objective is None:
        kind = "none (feasibility)"
    elif derivatives.objective_is_linear:
        kind = "proven linear"
    elif derivatives.objective_is_quadratic:
        kind = "proven quadratic"
    lines = [
        f"Problem {problem.name or '(no name)'}: n = {problem.n}, m = {problem.m} "
        f"({int(equal.sum())} equalities, {int((~equal).sum())} inequalities, "
        f"{int(np.sum(derivatives.linear_rows))} rows proven linear)",
        f"  bounds: {int(np.sum(np.isfinite(lo)))} lower, {int(np.sum(np.isfinite(hi)))} "
        f"upper, {int(np.sum(lo == hi))} variables fixed",
        f"  objective: {kind}",
    ]
    sizes = derivatives.constraint_sizes
    lines += [f"  {c.label}: {k} rows" for c, k in zip(problem.constraints, sizes, strict=True)]
    return "\n".join([*lines, str(derivatives.report())])


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
    programs = getattr(run, "programs", None)
    if programs is None:
        return _text(run)
    return "\n\n".join(f"{what}:\n{_text(part)}" for what, part in programs().items())


def _text(run: Any) -> str:
    source = getattr(run, "source", None)
    return str(source() if source else run.program)
