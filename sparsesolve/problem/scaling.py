"""Units: a problem in the variables ``z = x / x_scale``, of ``f / f_scale`` and ``c / scale``.

Solvers see the scaled problem only, users never: points, values, multipliers, measures and statuses
are theirs. Scales chosen by "auto" are powers of two, which cost no rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.problem.bounds import real_array

if TYPE_CHECKING:
    from sparsesolve.problem.problem import Problem

__all__ = ["Scaled", "Scales", "check_scale", "find_scales", "scaled_problem"]

Array = NDArray[np.float64]

_FEWEST, _MOST = 1e-10, 1e10  # beyond these a derivative of the start says little of units


def check_scale(name: str, given: Any) -> None:
    """Raise where a scale is not None, "auto", or made of positive numbers.

    Parameters
    ----------
    name : str
        Of the argument.
    given : None, "auto", number, array_like or nest of such
        As the user wrote it.
    """
    if given is None or isinstance(given, dict) or (isinstance(given, str) and given == "auto"):
        return
    if isinstance(given, str):
        raise ValueError(f"`{name}` must be 'auto' or positive numbers, got {given!r}.")
    if hasattr(given, "_fields") or hasattr(given, "__dataclass_fields__"):
        return
    values = real_array(name, given)
    if not (np.all(np.isfinite(values)) and np.all(values > 0.0)):
        raise ValueError(f"`{name}` must be 'auto' or positive numbers, got {given!r}.")


@dataclass(frozen=True, eq=False, slots=True)
class Scales:
    """Units of a problem.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Of the variables.
    f : float
        Of the objective.
    rows : tuple of ndarray
        Of each constraint, a number or one for each of its rows.
    """

    x: Array
    f: float
    rows: tuple[Array, ...]

    def of_rows(self, sizes: tuple[int, ...]) -> Array:
        """Return those of the stacked rows, shape (m,)."""
        parts = [np.broadcast_to(s, (k,)) for s, k in zip(self.rows, sizes, strict=True)]
        return np.concatenate([*parts, np.empty(0)])


class Scaled:
    """``function(z * x_scale) / unit``.

    Parameters
    ----------
    function : callable
        Of the vector x, and of parameters if there are any.
    x_scale : ndarray, shape (n,)
        Units of the variables.
    unit : float or ndarray
        Of the result.
    """

    def __init__(self, function: Callable[..., Any], x_scale: Array, unit: Any) -> None:
        self.function, self.x_scale, self.unit = function, x_scale, unit
        self.__name__ = getattr(function, "__name__", "function")

    def __call__(self, z: Any, *p: Any) -> Any:
        """Return the scaled value."""
        value = self.function(z * self.x_scale, *p)
        if isinstance(value, tuple | list):
            value = np.array(value)
        return np.ravel(value) / self.unit if np.ndim(self.unit) else value / self.unit


def find_scales(problem: Problem) -> Scales | None:
    """Return the units of a problem; None where all are 1. Found once for a family of problems.

    Parameters
    ----------
    problem : Problem
        With `x_scale`, `f_scale`, and the `scale` of its constraints.
    """
    asked = (problem.x_scale, problem.f_scale, *(c.scale for c in problem.constraints))
    if all(scale is None for scale in asked):
        return None
    kept = problem.kept
    if "scales" not in kept:
        kept["scales"] = _find(problem)
    found: Scales = kept["scales"]
    return found


def _find(problem: Problem) -> Scales:
    x = _of_variables(problem)
    start = problem.start
    f = problem.f_scale
    if isinstance(f, str):
        f = float(_power(np.max(np.abs(problem.gradient(start)) * x, initial=0.0)))
    rows = [c.scale for c in problem.constraints]
    if any(isinstance(row, str) for row in rows):
        slopes = abs(problem.jacobian(start)) * x[None, :]
        largest = np.asarray(slopes.max(axis=1).toarray()).reshape(-1)
        ends = np.cumsum(problem.derivatives.constraint_sizes)
        parts = np.split(_power(largest), ends[:-1])
        rows = [p if isinstance(row, str) else row for row, p in zip(rows, parts, strict=True)]
    units = tuple(np.ravel(real_array("scale", 1.0 if row is None else row)) for row in rows)
    return Scales(
        x, 1.0 if f is None else float(f), tuple(u if u.size > 1 else u[0] for u in units)
    )


def _of_variables(problem: Problem) -> Array:
    """Units of the variables: given, or the width of their bounds, or the size of the start."""
    given, n = problem.x_scale, problem.n
    if isinstance(given, str):
        lower, upper = problem.bounds
        width = upper - lower
        known = np.isfinite(width) & (width > 0.0)
        return np.asarray(_power(np.where(known, width, np.abs(problem.start))))
    if given is None:
        return np.ones(n)
    if problem.form is not None and np.ndim(given) == 0 and not isinstance(given, int | float):
        given = problem.form.vector(given)
    values = real_array("x_scale", given)
    if values.shape not in ((), (n,)):
        raise ValueError(
            f"`x_scale` must be 'auto', a positive number, or {n} of them, got shape "
            f"{values.shape}."
        )
    check_scale("x_scale", values)
    return np.broadcast_to(values, (n,)).copy()


def _power(values: Any) -> Any:
    """Return powers of two near to sizes; 1 where a size says nothing."""
    sizes = np.asarray(values, dtype=np.float64)
    usable = np.isfinite(sizes) & (sizes > 0.0)
    clipped = np.clip(np.where(usable, sizes, 1.0), _FEWEST, _MOST)
    return np.exp2(np.rint(np.log2(clipped)))


def scaled_problem(problem: Problem, scales: Scales) -> Problem:
    """Return the problem that solvers see; made once for a family of problems.

    Parameters
    ----------
    problem : Problem
        The user's.
    scales : Scales
        Its units.
    """
    lower, upper = (bound / scales.x for bound in problem.bounds)
    start = problem.first / scales.x
    limits = [
        (_over(c.lower, unit), _over(c.upper, unit))
        for c, unit in zip(problem.constraints, scales.rows, strict=True)
    ]
    kept = problem.kept
    if "scaled" not in kept:
        kept["scaled"] = _make(problem, scales, start, limits)
    base: Problem = kept["scaled"]
    p = problem.parameter_vectors[0] if problem.parameter_vectors else None
    made = base.at(p, x0=start, bounds=(lower, upper))
    made.constraints = tuple(
        replace(c, lower=low, upper=high)
        for c, (low, high) in zip(base.constraints, limits, strict=True)
    )
    made.keep_feasible, made.lift_sums = problem.keep_feasible, problem.lift_sums
    made._limits = None
    return made


def _make(problem: Problem, scales: Scales, start: Array, limits: list[Any]) -> Problem:
    objective, *functions = problem.functions
    constraints = [
        replace(c, function=Scaled(f, scales.x, unit), lower=low, upper=high, name=c.label)
        for c, f, unit, (low, high) in zip(
            problem.constraints, functions, scales.rows, limits, strict=True
        )
        if f is not None
    ]
    return type(problem)(
        None if objective is None else Scaled(objective, scales.x, scales.f),
        start,
        constraints=[replace(c, scale=None) for c in constraints],
        name=problem.name,
        derivatives=problem.method,
        threads=problem.threads,
        check=problem.check,
        parameters=problem.parameter_vectors[0] if problem.parameter_vectors else None,
    )


def _over(limit: Any, unit: Any) -> Any:
    values = np.asarray(limit, dtype=np.float64)
    return (np.ravel(values) if values.ndim else values) / unit
