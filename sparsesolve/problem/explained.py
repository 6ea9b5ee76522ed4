"""`Explained`: what a problem says of itself, besides its values.

What is looked at, and by which programs, is no matter of a problem: it is imported
when asked for.
"""

from __future__ import annotations

from typing import Any

from sparsesolve.host.imports import importing

__all__ = ["Explained"]


class Explained:
    """Mixed into `Problem`."""

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
