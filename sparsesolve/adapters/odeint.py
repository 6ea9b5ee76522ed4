"""``scipy.integrate.odeint`` with an exact Jacobian: bands where these are narrow, else dense."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import odeint

from sparsesolve.adapters.jacobian_supply import NEAR, JacobianSupply
from sparsesolve.errors import VerificationError
from sparsesolve.host.words import check_call
from sparsesolve.methods.freshness import during, find_change
from sparsesolve.options import SolverDerivatives
from sparsesolve.problem.start import start_point

__all__ = ["integrate_at"]

Array = NDArray[np.float64]

_ATOL = 1.49012e-8  # of LSODA, as odeint calls it


class _TimeFirst:
    """A right-hand side of y and t as one of t and y."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.calls = function

    def __call__(self, t: Any, y: Any, *args: Any) -> Any:
        return self.calls(y, t, *args)


def integrate_at(
    function: Callable[..., Any],
    y0: Any,
    times: Any,
    *,
    args: tuple[Any, ...],
    time_first: bool,
    derivatives: SolverDerivatives,
    options: Mapping[str, Any],
) -> Any:
    """Integrate; the arguments are those of `sparsesolve.odeint`.

    Parameters
    ----------
    function, y0, times, args, time_first, derivatives, options
        See `sparsesolve.odeint`.

    Returns
    -------
    ndarray, or tuple of ndarray and dict
        As scipy returns it.

    Raises
    ------
    VerificationError
        If the function is no more what was traced.
    """
    if "Dfun" in options:  # of the user's own
        return odeint(function, y0, times, args, tfirst=time_first, **options)
    t = np.asarray(times, dtype=np.float64)
    if t.ndim != 1 or not t.size:
        raise ValueError(f"`t` must be times, one dimension, got shape {t.shape}.")
    rhs = function if time_first else _TimeFirst(function)
    start = start_point(y0, "y0")
    check_call(rhs, [t[0], start, *args])
    span, atol = (float(t[0]), float(t[-1])), options.get("atol")
    supply = JacobianSupply(
        rhs, span, start, args, None, _ATOL if atol is None else atol, derivatives
    )
    form = supply.lsoda()
    given = {**options, "ml": form.get("lband"), "mu": form.get("uband")}
    found = odeint(supply.function(rhs), start, t, args, form["jac"], tfirst=True, **given)
    _confirm(found[0] if options.get("full_output") else found, t, supply, rhs, args)
    return found


def _confirm(
    found: Array, t: Array, supply: JacobianSupply, rhs: Callable[..., Any], args: tuple[Any, ...]
) -> None:
    """Raise where the right-hand side at the end is not the one that was traced."""
    if not supply.comparable:
        return
    at = float(t[-1]) - NEAR * float(t[-1] - t[0])
    stale = find_change(rhs, supply.prepared, [at, found[-1], *args], 1, supply.args, True)
    if stale:
        raise VerificationError(during("right-hand side", stale))
