"""`Explained`: what a problem says of itself, besides its values.

What is looked at, and by which programs, is no matter of a problem: it is imported
when asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sparsesolve.host.imports import importing
from sparsesolve.problem.html import html_table
from sparsesolve.problem.names import block_name

__all__ = ["Explained"]

_MOST = 12


class Explained:
    """Mixed into `Problem`."""

    def _repr_html_(self) -> str:
        problem: Any = self
        lower, upper = problem.bounds
        bounded = int(np.sum(np.isfinite(lower) | np.isfinite(upper)))
        rows = [("variables", f"{problem.n}, {bounded} with bounds")]
        rows += [(f"block {name}", shape) for name, shape in _blocks(problem)]
        rows += [(f"constraint {c.label}", _limits(c)) for c in problem.constraints[:_MOST]]
        if len(problem.constraints) > _MOST:
            rows.append(("...", f"{len(problem.constraints) - _MOST} more"))
        table = html_table(problem.name or "Problem", rows)
        if not problem.is_prepared or not problem.constraints:
            return table  # what was not traced yet is not traced for a picture
        return table + str(problem.derivatives.jacobian_pattern._repr_html_())

    def diagnose(self, x: Any = None) -> Any:
        """Look for what may be wrong: scaling, rank, dependent or constant rows, kinks.

        Parameters
        ----------
        x : array_like or nest of arrays, optional
            Where; the start, moved into the bounds, if not given.

        Returns
        -------
        Diagnosis
            Printed, a table, with advice; rows and variables by their names. Its fields hold the
            same, and ``is_clean`` whether there is nothing to say.

        Notes
        -----
        At a point: values, largest derivatives of rows and columns, numerical rank of the
        equalities and which rows are combinations of which, what is not finite, jumps of
        derivatives. By structure, so at every point: constant rows, unused variables, and the
        decomposition of Dulmage and Mendelsohn of the equalities.

        Examples
        --------
        >>> import numpy as np
        >>> from sparsesolve import Constraint, Problem
        >>> rows = Constraint(lambda x: np.array([x[0] + x[1], 2 * x[0] + 2 * x[1]]), 1.0, 1.0)
        >>> found = Problem(lambda x: np.sum(x**2), np.ones(2), constraints=rows).diagnose()
        >>> found.rank, found.dependent
        (1, ('<lambda>[1] (of <lambda>[0])',))
        """
        with importing():
            from sparsesolve.adapters.explanations import diagnose  # noqa: PLC0415

        problem: Any = self
        return diagnose(problem, x)


def _blocks(problem: Any) -> list[tuple[str, str]]:
    blocks = () if problem.form is None else problem.form.blocks
    shapes = [(block_name(b), " x ".join(map(str, b.shape)) or "number") for b in blocks]
    return shapes[:_MOST]


def _limits(constraint: Any) -> str:
    """Say between which limits rows are: numbers, or that they differ."""
    ends = [np.unique(limit) for limit in (constraint.lower, constraint.upper)]
    low, high = (f"{end[0]:g}" if end.size == 1 else "its own limit" for end in ends)
    return f"= {low}" if low == high else f"from {low} to {high}"
