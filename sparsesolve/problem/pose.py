"""`pose`: a problem out of what `minimize` is given: a `Problem`, or a function and the rest.

It is about words only: which go together, and what one of them lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sparsesolve.options import SolverDerivatives, as_tuple, mapping
from sparsesolve.problem.bounds import Bounds
from sparsesolve.problem.call import FirstOf, with_arguments
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.start import form_of

__all__ = ["pose"]


def pose(
    problem: Problem | Callable[..., Any],
    x0: Any,
    *,
    args: Any,
    kwargs: Any,
    bounds: Bounds | None,
    constraints: Any,
    with_gradient: bool,
    derivatives: SolverDerivatives,
    x_scale: Any = None,
    f_scale: Any = None,
) -> Problem:
    """Return a problem.

    Parameters
    ----------
    problem, x0, args, kwargs, bounds, constraints, derivatives, x_scale, f_scale
        As for `sparsesolve.minimize`.
    with_gradient : bool
        Whether the function returns its gradient too.

    Raises
    ------
    TypeError
        If something is given besides a Problem that belongs to it, or a function lacks a start.
    """
    if isinstance(problem, Problem):
        _only_with_a_function(x0, args or kwargs, bounds, constraints, derivatives)
        if x_scale is not None or f_scale is not None:
            raise TypeError(
                "`x_scale` and `f_scale` belong to the Problem; pass them with a plain function "
                "only, or make another Problem."
            )
        return problem
    if not callable(problem):
        kind = type(problem).__name__
        raise TypeError(f"`problem` must be a Problem or a function, got {kind}.")
    if x0 is None:
        raise TypeError("`x0` is needed with a plain function: minimize(f, x0).")
    mapping("kwargs", kwargs)
    function = with_arguments(FirstOf(problem) if with_gradient else problem, args, kwargs)
    start = np.atleast_1d(np.asarray(x0)) if form_of(x0) is None else x0
    return Problem(
        function,
        start,
        bounds=bounds,
        constraints=constraints,
        derivatives=derivatives,
        x_scale=x_scale,
        f_scale=f_scale,
    )


def _only_with_a_function(
    x0: Any, args: Any, bounds: Any, constraints: Any, derivatives: str
) -> None:
    """Raise where what a Problem holds is given besides one."""
    alone = constraints is None or (isinstance(constraints, Sequence) and not constraints)
    if x0 is not None or bounds is not None or not alone:
        raise TypeError(
            "`x0`, `bounds` and `constraints` belong to the Problem; pass them with a plain "
            "function only, or make another Problem."
        )
    if as_tuple(args) or derivatives != "auto":
        raise TypeError(
            "`args` and `derivatives` belong to the Problem; pass them with a plain function only."
        )
