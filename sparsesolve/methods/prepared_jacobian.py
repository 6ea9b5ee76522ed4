"""`prepare_jacobian`: the Jacobian that a solver uses: given, traced, or by differences on request.

Roots, least squares and integrators take `jac` and `derivatives` alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sparsesolve.host.imports import importing
from sparsesolve.methods.freshness import check_jacobian
from sparsesolve.options import FOR_SOLVERS, SolverDerivatives, choice

__all__ = ["is_prepared", "prepare_jacobian"]

_NOT_USED = "`jac` was not used: derivatives are our own"


def prepare_jacobian(
    function: Callable[..., Any],
    example: list[Any],
    argnum: int,
    jac: Any,
    derivatives: SolverDerivatives = "auto",
    check: Callable[[Any], tuple[Any, tuple[str, ...]]] | None = None,
) -> tuple[Any, tuple[str, ...]]:
    """Return a Jacobian of `function`, and notes for the result.

    Parameters
    ----------
    function : callable
        The user's.
    example : list
        Its arguments.
    argnum : int
        Position of the unknowns.
    jac : Jacobian, callable, str or None
        One prepared before is used, if it is of this function. Functions and words of scipy's are
        not needed.
    derivatives : str, default "auto"
        As `method` of `jacobian`; or "differences".
    check : callable, optional
        Compares a prepared one with the function, elsewhere than at the example.

    Raises
    ------
    TypeError
        If `jac` is something else.
    """
    choice("derivatives", derivatives, FOR_SOLVERS)
    if jac is not None and is_prepared(jac):
        return check(jac) if check else check_jacobian(function, jac, example, argnum)
    if not (jac is None or callable(jac) or isinstance(jac, str | bool)):
        raise TypeError(
            f"`jac` must be a Jacobian made by sparsesolve.jacobian, got {type(jac).__name__}. "
            "Leave it out, or call scipy itself with a matrix."
        )
    notes = () if jac is None or isinstance(jac, bool) else (_NOT_USED,)
    # here, so that importing the front stays light
    with importing():
        from sparsesolve.derivatives import jacobian, jacobian_by_differences  # noqa: PLC0415

    if derivatives != "differences":
        return jacobian(function, *example, argnum=argnum, method=derivatives), notes
    prepared = jacobian_by_differences(function, *example, argnum=argnum)
    return prepared, (*notes, _asked(prepared))


def is_prepared(jac: Any) -> bool:
    """Whether this has what a prepared Jacobian has."""
    # by its class: a pattern may be made when it is asked for
    names = ("pattern", "values", "value")
    has = all(hasattr(type(jac), name) or hasattr(jac, name) for name in names)
    return has and not hasattr(jac, "hvp")


def _asked(prepared: Any) -> str:
    return (
        "the Jacobian is by finite differences, as derivatives='differences' asks; its pattern "
        f"({prepared.nnz} nonzeros) is estimated and may miss entries"
    )
