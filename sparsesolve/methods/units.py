"""`Units`: what a solver tells of a scaled problem, and what it is told, in the user's units.

Separate because monitors and tolerances need it, whatever the solver. Tolerances
that have a dimension are translated so that what they promise holds for every variable and row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.scaling import Scales

if TYPE_CHECKING:
    from sparsesolve.methods.monitor import IterationState

__all__ = ["Units"]

Array = NDArray[np.float64]

_GRADIENT = (
    *("gtol", "dual_inf_tol", "acceptable_dual_inf_tol", "dual_feasibility_tolerance"),
    *("dual_tolerance", "loose_dual_tolerance"),
)
_ROWS = (
    *("constr_viol_tol", "acceptable_constr_viol_tol", "primal_tolerance"),
    "loose_primal_tolerance",
)
_OBJECTIVE = ("compl_inf_tol", "acceptable_compl_inf_tol", "barrier_tol")
_RELATIVE = {"ipopt", "pounce"}  # of which `tol` is
_STEP = {"trust-constr", "Newton-CG", "TNC"}  # whose `xtol` is a length
_DECREASE = {"SLSQP", "TNC"}  # whose `ftol` is a difference; that of L-BFGS-B is relative
_OF_ROWS = {"trust-constr": "gtol", "SLSQP": "ftol"}  # what is the tolerance of rows besides
_OF_TOL = {
    "trust-constr": ("xtol", "gtol", "barrier_tol"),
    "Newton-CG": ("xtol",),
    "TNC": ("xtol", "ftol", "gtol"),
    "SLSQP": ("ftol",),
    "L-BFGS-B": ("ftol", "gtol"),
    "uno": ("primal_tolerance", "dual_tolerance"),
    "highs": ("primal_feasibility_tolerance", "dual_feasibility_tolerance"),
}  # what `tol` stands for; `gtol` elsewhere


class Units:
    """Between a scaled problem and its user.

    Parameters
    ----------
    problem : Problem
        The user's.
    scales : Scales
        Its units.
    """

    def __init__(self, problem: Problem, scales: Scales) -> None:
        self.scales = scales
        self._evaluation = Evaluation(problem)
        self._before: Array | None = None
        sizes = problem.derivatives.constraint_sizes if problem.constraints else ()
        self.rows = scales.of_rows(tuple(sizes))

    def told(self, state: IterationState, slopes: Array | None = None) -> IterationState:
        """Return an iteration in the user's units; its step is how far x has moved.

        Parameters
        ----------
        state : IterationState
            Of the scaled problem.
        slopes : ndarray, shape (n,), optional
            The gradient of the Lagrangian there, whose largest entry is the optimality. Without
            it that is not known where there are rows; else it is the projected gradient's.
        """
        e, x = self._evaluation, state.x * self.scales.x
        step = np.nan if self._before is None else np.max(np.abs(x - self._before), initial=0.0)
        self._before = x
        with np.errstate(all="ignore"):
            if slopes is not None:
                left = slopes * self.scales.f / self.scales.x
            else:
                left = np.full(1, np.nan) if e.m else self._projected_gradient(x)
            return replace(
                state,
                x=x,
                fun=state.fun * self.scales.f,
                constraint_violation=e.violation(x),
                optimality=float(np.max(np.abs(left), initial=0.0)),
                step=float(step),
            )

    def told_of_equations(self, state: IterationState) -> IterationState:
        """Return an iteration of a problem of equations, whose cost is half the sum of squares."""
        told = self.told(state)
        e = self._evaluation
        return replace(told, fun=0.5 * float(np.sum((e.constraints(told.x) - e.row_lower) ** 2)))

    def _projected_gradient(self, x: Array) -> Array:
        e = self._evaluation
        return np.asarray(np.clip(x - e.gradient(x), e.lower, e.upper) - x)

    def tolerances(
        self, solver: str, options: Mapping[str, Any] | None, tol: float | None
    ) -> tuple[dict[str, Any] | None, float | None]:
        """Return options and `tol` for the scaled problem.

        Parameters
        ----------
        solver : str
            Its name. `tol` of IPOPT and POUNCE is relative, and stays.
        options, tol
            As the user gave them.
        """
        given = dict(options or {})
        if tol is not None and solver not in _RELATIVE:
            given = dict.fromkeys(_OF_TOL.get(solver, ("gtol",)), float(tol)) | given
            tol = None
        factors = self._factors(solver)
        for name in factors.keys() & given.keys():
            if isinstance(given[name], int | float | np.number):
                given[name] = float(given[name]) * factors[name]
        return given or None, tol

    def _factors(self, solver: str) -> dict[str, float]:
        x, f = self.scales.x, self.scales.f
        widest = float(np.max(self.rows, initial=0.0)) or 1.0
        slope, length = float(np.min(x, initial=np.inf)) / f, 1.0 / float(np.max(x, initial=0.0))
        factors = dict.fromkeys(_GRADIENT, slope) | dict.fromkeys(_ROWS, 1.0 / widest)
        factors |= dict.fromkeys(_OBJECTIVE, 1.0 / f)
        factors["primal_feasibility_tolerance"] = min(1.0 / widest, length)
        if solver in _STEP:
            factors["xtol"] = length
        if solver in _DECREASE:
            factors["ftol"] = 1.0 / f
        also = _OF_ROWS.get(solver)
        if also and self.rows.size:
            factors[also] = min(factors[also], 1.0 / widest)
        return factors
