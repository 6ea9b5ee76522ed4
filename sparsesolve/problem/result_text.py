"""A result as a table: what is printed, and what a notebook shows.

Separate because a `Result` holds what a solver found, and this is how people read it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sparsesolve.problem.result import Result

__all__ = ["result_rows", "result_title"]

Array = NDArray[np.float64]

_MOST_NAMES = 12
_NEAR = 1e-6


def result_title(result: Result) -> str:
    """Return one line: which problem and solver, and how it ended."""
    title = f"{result.name}: " if result.name else ""
    return f"{title}{result.solver} {result.status.value} ({result.message})"


def result_rows(result: Result) -> list[tuple[str, str]]:
    """Return the lines of the table, each a label and a text.

    Parameters
    ----------
    result : Result
        Any. Unknowns that are a nest, and constraints with names, have a line each, the first
        dozen of them.
    """
    first = "objective" if np.ndim(result.fun) == 0 else "cost"
    rows = [
        (first, f"{result.cost:.12g}"),
        ("constraint violation", f"{result.constraint_violation:.3e}"),
        ("optimality", f"{result.optimality:.3e}"),
        *_unknowns(result),
        *_constraints(result),
        ("iterations", str(result.iterations)),
        ("evaluations", _evaluations(result.counts)),
        ("seconds", _seconds(result)),
    ]
    if result.seconds_linear_solver is not None:
        text = f"{result.seconds_linear_solver:.3f} of the solver's seconds"
        rows.append(("linear solver", text))
    if result.backend:
        rows.append(("by", result.backend))
    if result.choice:
        rows.append(("chosen for", result.choice))
    return rows + [("note", note) for note in result.notes]


def _unknowns(result: Result) -> list[tuple[str, str]]:
    if result.vector is None:
        return [("x", summary(result.x))]
    blocks = result.blocks()
    rows = [(name, f"{_shape(shape)}{summary(values)}") for name, shape, values in blocks]
    more = [("...", f"{len(rows) - _MOST_NAMES} more")] if len(rows) > _MOST_NAMES else []
    return rows[:_MOST_NAMES] + more


def _constraints(result: Result) -> list[tuple[str, str]]:
    y = np.asarray(result.multipliers)
    if not y.size:
        return []
    parts = getattr(result.constraints, "parts", ())
    if not parts or len(parts) > _MOST_NAMES or result.slack.size != y.size:
        return [("multipliers", summary(y))]
    rows, start = [], 0
    for name, shape in parts:
        stop = start + math.prod(shape)
        rows.append((f"row {name}" if not shape else f"rows {name}",
                     _row(np.asarray(result.slack)[start:stop], y[start:stop], shape)))  # fmt: skip
        start = stop
    return rows


def _row(slack: Array, multipliers: Array, shape: tuple[int, ...]) -> str:
    """Say how many rows are at a limit or violated, and what multipliers they have."""
    violated, at = int(np.sum(slack < -_NEAR)), int(np.sum(np.abs(slack) <= _NEAR))
    state = f"{at} of {slack.size} at a limit"
    if slack.size == 1:
        state = "at a limit" if at else "violated" if violated else f"{slack[0]:.3g} inside"
    elif violated:
        state += f", {violated} violated"
    return f"{_shape(shape)}{state}, multipliers {summary(multipliers)}"


def _shape(shape: tuple[int, ...]) -> str:
    return f"{' x '.join(map(str, shape))}: " if len(shape) > 1 else ""


def summary(values: Any) -> str:
    """Return an array in one short line, its ends where it is long."""
    flat = np.ravel(np.asarray(values, dtype=np.float64))
    if not np.ndim(values):
        return f"{float(flat[0]):.6g}"
    text = np.array2string(flat, precision=6, threshold=8, edgeitems=3, max_line_width=10_000)
    return f"{text}  ({flat.size} values)" if flat.size > 8 else text


def _evaluations(counts: Any) -> str:
    return (
        f"function {counts.function}, gradient {counts.gradient}, constraints "
        f"{counts.constraints}, Jacobian {counts.jacobian}, Hessian {counts.hessian}"
    )


def _seconds(result: Result) -> str:
    parts = result.seconds_preparation, result.seconds_derivatives, result.seconds_solver
    return "{:.3f} = preparation {:.3f} + derivatives {:.3f} + solver {:.3f}".format(
        sum(parts), *parts
    )
