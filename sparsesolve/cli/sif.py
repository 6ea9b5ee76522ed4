"""`python -m sparsesolve sif FILE`: a problem of the CUTEst collection, described and solved.

It only turns a file's problem into text and a call of a solver; it computes
nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

import sparsesolve as ss

__all__ = ["Request", "read_overrides", "run_sif"]

_SHOWN_OPTIMA = 6


@dataclass(frozen=True, slots=True)
class Request:
    """What to do with a file.

    Parameters
    ----------
    target : str
        A path, or a name in the folder $MASTSIF.
    parameters : mapping of str to number
        Values for the file's parameters.
    solver : str
        As for `minimize`; "none": describe only.
    check : bool
        Whether to compare derivatives with the file's own and with differences.
    """

    target: str
    parameters: Mapping[str, int | float] = field(default_factory=dict)
    solver: str = "auto"
    check: bool = False


def run_sif(request: Request, console: Console) -> bool:
    """Load a problem, describe it, and check or solve it as asked.

    Parameters
    ----------
    request : Request
        What to do.
    console : rich.console.Console
        Where to print.

    Returns
    -------
    bool
        Whether a solver, where one was asked for, succeeded.

    Raises
    ------
    SparseSolveError
        If the file cannot be read or the solver cannot take the problem.
    """
    problem = ss.sif.load(request.target, **request.parameters)
    _describe(problem, console)
    if request.check:
        _check(request, console)
    return _solve(problem, request.solver, console) if request.solver != "none" else True


def read_overrides(texts: Sequence[str]) -> dict[str, int | float]:
    """Read ``NAME=VALUE`` pairs of a command line.

    Parameters
    ----------
    texts : sequence of str
        Such as ``N=1000`` or ``ALPHA=2.5``.

    Returns
    -------
    dict
        Integers where the text is one, else floats.

    Raises
    ------
    SifError
        If a text is not of this form.
    """
    found: dict[str, int | float] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            found[name] = int(value) if value.lstrip("+-").isdigit() else float(value)
        except ValueError:
            equals = ""
        if not equals or not name:
            raise ss.errors.SifError(f"expected NAME=NUMBER for --param, got {text!r}.")
    return found


# ----- description -----


def _describe(problem: ss.Problem, console: Console) -> None:
    metadata, derivatives = problem.metadata, problem.derivatives
    lower, upper = problem.bounds
    fixed = int((lower == upper).sum())
    free = int((~np.isfinite(lower) & ~np.isfinite(upper)).sum())
    table = Table(show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column()
    rows = [
        ("problem", f"{problem.name} ({metadata.source})"),
        ("classification", metadata.classification or "not given"),
        (
            "variables",
            f"{problem.n}: {free} free, {fixed} fixed, {problem.n - free - fixed} bounded",
        ),
        ("constraints", _constraints(problem)),
        ("objective", _objective(problem)),
    ]
    if metadata.parameters:
        values = ", ".join(f"{name}={value:g}" for name, value in metadata.parameters.items())
        rows.append(("parameters", values))
    if metadata.integer_variables:
        rows.append(
            ("integer variables", f"{len(metadata.integer_variables)}, taken as continuous")
        )
    if problem.m:
        rows.append(("Jacobian", _structure(derivatives.jacobian_pattern, "columns")))
    full = derivatives.hessian_full(np.zeros(derivatives.hessian_pattern.nnz))
    hessian = ss.Pattern.from_scipy(full)
    rows.append(("Hessian", _structure(hessian, "symmetric")))
    rows.append(("known optimum", _optima(metadata)))
    for name, text in rows:
        table.add_row(name, Text(text))
    console.print(table)
    if problem.m:
        console.print(Text(f"Jacobian of the constraints\n{derivatives.jacobian_pattern}"))
    console.print(Text(f"Hessian of the Lagrangian\n{hessian}"))


def _constraints(problem: ss.Problem) -> str:
    if not problem.m:
        return "none"
    lower, upper = problem.constraint_bounds
    equal = lower == upper
    both = np.isfinite(lower) & np.isfinite(upper) & ~equal
    linear = int(problem.derivatives.linear_rows.sum())
    return (
        f"{problem.m}: {int(equal.sum())} equalities, {int((~equal).sum())} inequalities "
        f"({int(both.sum())} with two limits), {linear} proven linear"
    )


def _objective(problem: ss.Problem) -> str:
    if problem.objective is None:
        return "none: a feasible point is wanted"
    if problem.derivatives.objective_is_linear:
        return "proven linear"
    return "proven quadratic" if problem.derivatives.objective_is_quadratic else "general"


def _structure(pattern: ss.Pattern, structure: str) -> str:
    colors = ss.color(pattern, structure=structure).ncolors  # type: ignore[arg-type]
    density = 100 * pattern.density
    plural = "" if colors == 1 else "s"
    return f"{pattern.nnz} nonzeros ({density:.3g} %), {colors} color{plural} ({structure})"


def _optima(metadata: ss.Metadata) -> str:
    known = [k for k in metadata.known_optima if k.value is not None]
    if not known:
        return "not given"
    texts = []
    for optimum in known[:_SHOWN_OPTIMA]:
        remark = optimum.qualifier or optimum.note
        texts.append(f"{optimum.value:.10g}" + (f" [{remark}]" if remark else ""))
    more = len(known) - _SHOWN_OPTIMA
    return ", ".join(texts) + (f", {more} more" if more > 0 else "") + " (the file's own words)"


# ----- check and solve -----


def _check(request: Request, console: Console) -> None:
    table = Table(title="worst entries, at the starting point moved a little")
    for name in ("derivative", "against", "relative error", "entry", "exact", "other"):
        table.add_column(name)
    for row in ss.sif.check(request.target, **request.parameters):
        cells = [row.quantity, row.against, f"{row.error:.1e}", row.entry]
        table.add_row(*map(Text, [*cells, f"{row.exact:.6g}", f"{row.other:.6g}"]))
    console.print(table)


def _solve(problem: ss.Problem, solver: str, console: Console) -> bool:
    result = ss.minimize(problem, solver=solver, progress=True)
    console.print()
    counts = result.counts
    table = Table(show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column()
    rows = [
        ("status", f"{result.status} ({result.message})"),
        ("solver", result.solver),
        ("known optimum", _optima(problem.metadata)),
        ("violation", f"{result.constraint_violation:.2e}"),
        ("optimality", f"{result.optimality:.2e}"),
        ("iterations", str(result.iterations)),
        (
            "evaluations",
            f"{counts.function} objective, {counts.gradient} gradient, {counts.constraints} "
            f"constraints, {counts.jacobian} Jacobian, {counts.hessian} Hessian",
        ),
        (
            "seconds",
            f"{result.seconds_preparation:.3f} preparing, {result.seconds_derivatives:.3f} "
            f"derivatives, {result.seconds_solver:.3f} solver",
        ),
    ]
    if problem.objective is not None:
        rows.insert(1, ("objective", f"{result.fun:.12g}"))
    for name, text in rows:
        table.add_row(name, Text(text))
    console.print(table)
    return result.success
