"""No solve answers for old data: what was prepared is compared with the functions as they are.

Every solver needs it, and none knows. At the start of a solve with something
prepared before, each of the user's functions is called once; what differs is traced anew, and the
result says so. At the end each is called once more; a difference then means that data changed
during the solve, and the result has failed. Both look near the point, where nothing vanishes by
chance; at the point itself only where a function is not finite, or raises, near it. What is known
not to have changed (`Problem.is_settled`) is not called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import VerificationError
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Result, Status
from sparsesolve.trace import content_of, moved

__all__ = ["check_jacobian", "confirm", "during", "failed_if", "find_change", "refresh", "seal"]

Array = NDArray[np.float64]

# of values whose sums may go in another order
_TOLERANCE = 1e-9


def refresh(problem: Problem) -> tuple[str, ...]:
    """Trace a problem's functions anew where they are no more what was traced.

    Parameters
    ----------
    problem : Problem
        Where nothing was prepared yet, nothing is done.

    Returns
    -------
    tuple of str
        A note for the result, if there was a difference.
    """
    if not isinstance(problem, Problem):
        kind = type(problem).__name__
        raise TypeError(f"`problem` must be a Problem, got {kind}. Write Problem(objective, x0).")
    if not problem.is_prepared or problem.is_settled:
        return ()
    name, stale = problem.staleness(*_points(problem, problem.start))
    if not stale:
        return ()
    problem.forget()
    return (_anew(name, stale),)


def confirm(problem: Problem, result: Result, notes: tuple[str, ...]) -> Result:
    """Return a result with notes, failed where data changed during the solve."""
    try:
        known = problem.is_settled
        name, stale = ("", "") if known else problem.staleness(*_points(problem, result.x))
    except Exception as error:  # whatever the user's function raises
        name, stale = "problem", _uncallable(error) if result.success else ""
    if stale:
        problem.forget()
    return failed_if(replace(result, notes=result.notes + notes) if notes else result, name, stale)


def failed_if(result: Result, name: str, stale: str) -> Result:
    """Return the result of a solve during which a function changed: failed; or as it was."""
    if not stale:
        return result
    return replace(result, status=Status.FAILED, message=during(name, stale))


def check_jacobian(
    function: Callable[..., Any], jac: Any, args: list[Any], position: int
) -> tuple[Any, tuple[str, ...]]:
    """Return a Jacobian of `function`: `jac`, or one prepared anew with a note.

    Parameters
    ----------
    function : callable
        What is to be solved; it is called once.
    jac : Jacobian
        Prepared before, perhaps of another function or of other data.
    args : list
        Arguments of the function at the start.
    position : int
        Of the unknowns among them.

    Raises
    ------
    ValueError
        If `jac` was prepared for another argument.
    VerificationError
        If it differs and cannot be prepared anew, because it calls a function of its own.
    """
    if not hasattr(jac, "staleness"):
        if _difference(function, jac, args):
            raise VerificationError(
                "expected `jac` to be of the function that is solved, got other values from its "
                "`value`. Make it of this function with sparsesolve.jacobian."
            )
        return jac, ()
    if jac.argnum != position:
        raise ValueError(
            f"`jac` must be prepared with argnum={position}, got one of argnum={jac.argnum}: the "
            f"unknowns are argument {position} of the function."
        )
    stale = jac.staleness(function, args, moved(np.asarray(args[position], dtype=np.float64)))
    if not stale:
        return jac, ()
    return jac.anew(function, args), (_anew("function", stale),)


def find_change(
    function: Callable[..., Any],
    jac: Any,
    args: list[Any],
    position: int,
    sealed: list[Any],
    success: bool,
) -> str:
    """Say how `function` differs at the end of a solve from what was solved; empty if not.

    Parameters
    ----------
    function : callable
        The user's; it is called once.
    jac : Jacobian
        What the solve used.
    args : list
        Arguments as the user gave them, at the end.
    position : int
        Of the unknowns among them.
    sealed : list
        What `seal` returned for those after the unknowns, at the start.
    success : bool
        Whether the solve succeeded: only then a function must have a value at its end.
    """
    try:
        if not hasattr(jac, "staleness"):
            return _difference(function, jac, args)
        stale = str(jac.staleness(function, args, moved(np.asarray(args[position]))))
        if not stale and content_of(sealed) != content_of(seal(jac, args)[position + 1 :]):
            stale = "is given arguments that were changed in place"
        return stale
    except Exception as error:  # whatever the user's function raises
        return _uncallable(error) if success else ""


def _uncallable(error: Exception) -> str:
    return f"cannot be called at the result: {error!r}"


def during(name: str, stale: str) -> str:
    """Say that data changed during a solve."""
    return (
        f"Data changed during the solve, so this is no result: the {name} {stale}. Solve again, "
        "and leave what the functions use as it is until then."
    )


def seal(jac: Any, args: list[Any]) -> list[Any]:
    """Return arguments that `jac` need not compare again at each call."""
    sealed: list[Any] = jac.seal(args) if hasattr(jac, "seal") else args
    return sealed


def _difference(function: Callable[..., Any], jac: Any, args: list[Any]) -> str:
    """Compare a function with the values of an object that stands for a Jacobian."""
    own, other = np.ravel(jac.value(*args)), np.ravel(function(*args))
    same = own.shape == other.shape and np.allclose(
        own, other, rtol=_TOLERANCE, atol=_TOLERANCE * np.abs(own).max(initial=0.0), equal_nan=True
    )
    return "" if same else "returns other values than those of `jac`"


def _anew(name: str, stale: str) -> str:
    return f"traced anew: the {name} {stale}, unlike when it was prepared"


def _points(problem: Problem, x: Array) -> tuple[Array, Array]:
    return x, moved(x, *problem.bounds)
