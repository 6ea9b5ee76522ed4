"""A `Problem` in the arguments of ``optiprofiler.Problem``: linear rows apart, all as <= 0 or == 0.

It is another splitting of the same rows, and dense throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.methods.freshness import refresh
from sparsesolve.problem.problem import Problem

__all__ = ["optiprofiler_arguments"]

Array = NDArray[np.float64]


def optiprofiler_arguments(problem: Problem) -> dict[str, Any]:
    """Return the keyword arguments of ``optiprofiler.Problem``.

    Parameters
    ----------
    problem : Problem
        Small: matrices are dense there.

    Returns
    -------
    dict
        `fun`, `x0`, `name`, `xl`, `xu`, `grad`, `hess`; `aub`, `bub`, `aeq`, `beq` for rows proven
        linear; `cub`, `ceq`, `jcub`, `jceq`, `hcub`, `hceq` for the others, where there are such.

    Notes
    -----
    A row with two limits gives two inequalities, upper ones first.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsesolve import Constraint, Problem
    >>> row = Constraint(lambda x: x[0] + 2.0 * x[1], 1.0, 3.0)
    >>> found = optiprofiler_arguments(Problem(lambda x: np.sum(x**2), np.ones(2), constraints=row))
    >>> found["aub"], found["bub"]
    (array([[ 1.,  2.],
           [-1., -2.]]), array([ 3., -1.]))
    """
    refresh(problem)
    lower, upper = problem.bounds
    arguments: dict[str, Any] = {
        "fun": problem.objective_value,
        "x0": problem.first,
        "name": problem.name or None,
        "xl": lower,
        "xu": upper,
        "grad": problem.gradient,
        "hess": lambda x: problem.lagrangian_hessian(x).toarray(),
    }
    if problem.m == 0:
        return arguments
    low, high = problem.constraint_bounds
    linear = np.asarray(problem.derivatives.linear_rows, dtype=bool)
    equal = low == high
    for mask, name, matrix, right in (
        (equal, "eq", "aeq", "beq"),
        (~equal, "ub", "aub", "bub"),
    ):
        rows, signs, limits = _sides(mask & linear, low, high, name)
        if rows.size:
            A = signs[:, None] * problem.jacobian(problem.first).toarray()[rows]
            shift = A @ problem.first - signs * problem.constraint_values(problem.first)[rows]
            arguments |= {matrix: A, right: signs * limits + shift}
        side = _sides(mask & ~linear, low, high, name)
        if side[0].size:
            arguments |= _nonlinear(problem, name, *side)
    return arguments


def _sides(
    mask: NDArray[np.bool_], low: Array, high: Array, kind: str
) -> tuple[NDArray[np.intp], Array, Array]:
    """Return rows, signs and limits of ``sign * (c - limit) <= 0``, or ``== 0``."""
    above = np.flatnonzero(mask & np.isfinite(high))
    below = np.flatnonzero(mask & np.isfinite(low) & (kind == "ub"))
    signs = np.concatenate([np.ones(above.size), -np.ones(below.size)])
    return np.concatenate([above, below]), signs, np.concatenate([high[above], low[below]])


def _nonlinear(
    problem: Problem, kind: str, rows: NDArray[np.intp], signs: Array, limits: Array
) -> dict[str, Callable[[Array], Any]]:
    def values(x: Array) -> Array:
        return np.asarray(signs * (problem.constraint_values(x)[rows] - limits))

    def jacobian(x: Array) -> Array:
        return np.asarray(signs[:, None] * problem.jacobian(x).toarray()[rows])

    def hessians(x: Array) -> list[Array]:
        found = []
        for row, sign in zip(rows, signs, strict=True):
            weights = np.zeros(problem.m)
            weights[row] = sign
            found.append(problem.lagrangian_hessian(x, weights, 0.0).toarray())
        return found

    return {f"c{kind}": values, f"jc{kind}": jacobian, f"hc{kind}": hessians}
