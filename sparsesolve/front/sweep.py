"""`multistart`: one problem from many starting points, for a minimum that is not only local.

It only chooses starts; `adapters` do the work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sparsesolve.host.imports import importing
from sparsesolve.options import count, positive
from sparsesolve.problem.pose import pose
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Result

__all__ = ["multistart"]

_MOST = 1_000_000


def multistart(
    problem: Problem | Callable[..., Any],
    x0: Any = None,
    *,
    starts: int | Sequence[Any] = 20,
    bounds: Any = None,
    constraints: Any = (),
    args: Any = (),
    spread: float = 3.0,
    seed: int = 0,
    workers: Any = None,
    progress: bool = False,
    **options: Any,
) -> list[Result]:
    """Minimize from many starting points; the best result comes first.

    Parameters
    ----------
    problem : Problem or callable
        As for `minimize`.
    x0 : array_like or nest of arrays, optional
        As for `minimize`: the first of the starts.
    starts : int or sequence, optional
        How many, or the points themselves, each like `x0`. Points are drawn within the bounds, one
        in each slice of the range of each variable (Latin hypercube sampling). Default is 20.
    bounds, constraints, args
        As for `minimize`; with a plain function only.
    spread : float, optional
        Where a variable has no bound: how far from the start, in units of its size, at least 1.
        Default is 3.
    seed : int, optional
        Of the random numbers; the same gives the same points. Default is 0.
    workers, progress
        As for `Problem.map`.
    **options
        `method`, `tol`, `options` of `minimize`.

    Returns
    -------
    list of Result
        All of them: those that succeeded first, by their objective.

    Raises
    ------
    ValueError, TypeError
        As `minimize`.

    Examples
    --------
    >>> import numpy as np
    >>> waves = multistart(
    ...     lambda x: np.sum(x**2 - np.cos(6 * x)), [2.1, -2.0], bounds=(-3, 3), method="L-BFGS-B"
    ... )
    >>> round(waves[0].fun, 6), waves[0].fun < waves[-1].fun
    (-2.0, True)
    """
    posed = pose(
        problem,
        x0 if not isinstance(problem, Problem) else None,
        args=args,
        kwargs=None,
        bounds=bounds,
        constraints=constraints,
        with_gradient=False,
        derivatives="auto",
    )
    with importing():
        from sparsesolve.adapters.sweep import (  # noqa: PLC0415
            best_first,
            solve_all,
            starts_within,
        )

    if isinstance(problem, Problem) and x0 is not None:
        posed = posed.at(x0=x0)
    if isinstance(starts, int | np.integer):
        number = count("starts", starts, _MOST)
        points = starts_within(posed, number, positive("spread", spread), seed)
        given = points if posed.form is None else [posed.form.copy(point) for point in points]
    else:
        given = list(starts)
    tasks = [{"x0": point} for point in given]
    return best_first(solve_all(posed, tasks, workers=workers, progress=progress, **options))
