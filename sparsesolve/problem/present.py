"""From the vectors of a solver to what its user named: blocks of unknowns, rows of constraints.

Solvers know vectors only, and every result goes this way once, at the end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.problem.named_rows import NamedRows
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Result

__all__ = ["present"]

Array = NDArray[np.float64]


def present(problem: Problem, result: Result, **changes: Any) -> Result:
    """Return a result in the form of a problem.

    Parameters
    ----------
    problem : Problem
        What was solved.
    result : Result
        With vectors.
    **changes
        Other fields of the result.
    """
    form = problem.form
    if problem.constraints and result.constraints.size:
        changes |= _named_rows(problem, result)
    if form is not None and result.vector is None:
        lower, upper = result.bound_multipliers
        known = lower.size == form.size
        changes |= {
            "vector": result.x,
            "x": form.copy(result.x),
            "gradient": None if result.gradient is None else form.copy(result.gradient),
            "bound_multipliers": (form.copy(lower), form.copy(upper)) if known else (lower, upper),
        }
    return replace(result, **changes) if changes else result


def _named_rows(problem: Problem, result: Result) -> dict[str, Any]:
    shapes = problem.derivatives.constraint_shapes
    labels = [constraint.label for constraint in problem.constraints]
    lower, upper = problem.constraint_bounds
    c = result.constraints
    rows = {"constraints": c, "multipliers": result.multipliers}
    rows["slack"] = np.minimum(c - lower, upper - c)
    parts = list(zip(labels, shapes, strict=True))
    return {
        name: NamedRows(values, parts) for name, values in rows.items() if values.size == c.size
    }
