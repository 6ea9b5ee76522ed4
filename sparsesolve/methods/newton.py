"""A sparse Newton method for F(x) = 0: line search, Levenberg steps where J is singular, splu.

scipy has none: its `hybr` and `lm` are dense, its others ignore the Jacobian.

Each iteration factorizes J once. The Newton step is damped by a line search on the merit
``0.5 ||F||^2`` (quadratic interpolation; a point where F is not finite halves the step). Where J is
singular, or the damped step gains nothing, a Levenberg step from the augmented system

    [ I   J ] [ r ]   [ -F ]
    [ J' -mu] [ d ] = [  0 ]

replaces it: always a direction of descent, with mu raised until the merit falls. Dennis, Schnabel
(1996), "Numerical Methods for Unconstrained Optimization and Nonlinear Equations", ch. 6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.methods.augmented_system import Augmented
from sparsesolve.methods.iteration import Ending, IterativeMethod, Outcome, run
from sparsesolve.methods.low_rank import LowRankAugmented, LowRankLU, column_squares
from sparsesolve.methods.monitor import Monitor
from sparsesolve.methods.residual import Residual
from sparsesolve.methods.residual_measure import measure_residual
from sparsesolve.methods.sparse_lu import SparseLU
from sparsesolve.problem.result import Status

__all__ = ["NewtonOptions", "solve_newton"]

Array = NDArray[np.float64]

_ARMIJO = 1e-4
_SMALLEST_STEP = 1e-6
_RELATIVE = 1e-4
_LARGEST_MU = 1e20


@dataclass(frozen=True, slots=True)
class NewtonOptions:
    """Options of `solve_newton`.

    Parameters
    ----------
    tol : float
        Largest absolute entry of F at a solution. Default is 1e-10.
    xtol : float
        Relative length of a full Newton step below which x counts as exact (with F at rounding
        level). Default is 1e-14.
    max_iterations : int
        Default is 100.
    max_step : float
        Longest step, in units of ``max(1, ||x||)``. Default is 1e3.
    """

    tol: float = 1e-10
    xtol: float = 1e-14
    max_iterations: int = 100
    max_step: float = 1e3


def solve_newton(
    residual: Residual, x0: Array, options: NewtonOptions, monitor: Monitor
) -> Outcome:
    """Solve F(x) = 0 from `x0`.

    Parameters
    ----------
    residual : Residual
        F and its Jacobian, square.
    x0 : ndarray, shape (n,)
        Start.
    options : NewtonOptions
        Tolerances and limits.
    monitor : Monitor
        Receives the iterations.

    Returns
    -------
    Outcome
        With the last point; its merit never exceeds that of `x0`.
    """
    return run(_Newton(residual, x0, options), monitor, options.max_iterations)


class _Newton(IterativeMethod):
    def __init__(self, residual: Residual, x0: Array, options: NewtonOptions) -> None:
        self.residual = residual
        self.options = options
        self.lu: SparseLU | LowRankLU = LowRankLU() if residual.is_thin else SparseLU()
        self.augmented = LowRankAugmented() if residual.is_thin else Augmented(residual.pattern)
        self.mu = 0.0
        self._accept(x0)

    def trouble(self) -> Ending | None:
        bad = np.flatnonzero(~np.isfinite(self.F))
        if not bad.size:
            return None
        text = f"The residual is {self.F[bad[0]]} in row {bad[0]} at the start."
        return Ending(Status.EVALUATION_ERROR, text)

    def terminate(self) -> Ending | None:
        if not self._is_root():
            return None
        return Ending(Status.SOLVED, "The residual is below `tol`.")

    def exhausted(self, iterations: int) -> Ending:
        text = f"The residual is {self.optimality:.3e} after {iterations} iterations."
        return Ending(Status.ITERATION_LIMIT, text)

    def judge(self, ending: Ending) -> Ending:
        gave_up = ending.status in (Status.STALLED, Status.SINGULAR, Status.ITERATION_LIMIT)
        if not gave_up or self.optimality > self.options.tol:
            return ending
        text = "The residual is below `tol`, but not small in its own units."
        return Ending(Status.ACCEPTABLE, f"{text} {ending.message}")

    def details(self) -> dict[str, Any]:
        return {"mu": self.mu}

    def _is_root(self) -> bool:
        """Whether F is below `tol`, and small in its own units: a tiny F may have no root near."""
        if self.optimality > self.options.tol:
            return False
        return measure_residual(self.F, self.J, self.x).relative <= _RELATIVE

    def step(self) -> Ending | None:
        if not np.all(np.isfinite(self.J.data)):
            return Ending(Status.EVALUATION_ERROR, self.residual.explain_nonfinite(self.x))
        factor = self.lu.factor(self.J)
        step = factor.solve(-self.F)
        if factor.ok and np.all(np.isfinite(step)):
            length = float(np.linalg.norm(step))
            scale = max(1.0, float(np.linalg.norm(self.x)))
            rounding = length <= self.options.xtol * scale
            if length > self.options.max_step * scale:
                step *= self.options.max_step * scale / length
            if self._line_search(step):
                self.mu = 0.0
                return None
            if rounding:
                return self._at_rounding()
        return self._levenberg(singular=not factor.ok)

    def _at_rounding(self) -> Ending:
        text = f"No smaller residual in floating point than {self.optimality:.3e}."
        return Ending(Status.ACCEPTABLE, text)

    def _line_search(self, step: Array) -> bool:
        """Move along `step` where the merit falls enough."""
        start = self.cost
        alpha = 1.0
        while alpha > _SMALLEST_STEP:
            trial = self.x + alpha * step
            F = self.residual.value(trial)
            merit = _merit(F)
            # along a Newton step the merit falls at the rate -2 start
            if np.isfinite(merit) and merit <= (1.0 - 2.0 * _ARMIJO * alpha) * start:
                self._accept(trial)
                return True
            alpha = _next_alpha(alpha, start, merit)
        return False

    def _levenberg(self, *, singular: bool) -> Ending | None:
        """Make a Levenberg step, raising mu until the merit falls."""
        start = self.cost
        stuck = Status.SINGULAR if singular else Status.STALLED
        gradient = np.asarray(self.J.T @ self.F)
        columns = float(np.max(column_squares(self.J), initial=0.0))
        if _size(gradient) <= 1e-10 * np.sqrt(columns) * np.linalg.norm(self.F):
            text = f"J^T F vanishes where F does not (its largest entry is {self.optimality:.3e})."
            return Ending(stuck, text)
        mu = max(self.mu / 10.0, 1e-10 * columns)
        while mu <= _LARGEST_MU * max(columns, 1.0):
            step = self.augmented.step(self.J, self.F, mu)
            trial = self.x + step
            F = self.residual.value(trial)
            merit = _merit(F)
            if np.isfinite(merit) and merit < start + _ARMIJO * float(gradient @ step):
                self.mu = mu
                self._accept(trial)
                return None
            mu *= 10.0
        text = f"No step lowers the residual below {self.optimality:.3e}."
        return Ending(stuck, text)

    def _accept(self, x: Array) -> None:
        self.x = x
        self.F, self.J = self.residual.value_and_jacobian(x)
        self.cost, self.optimality = _merit(self.F), _size(self.F)


def _next_alpha(alpha: float, start: float, merit: float) -> float:
    """Minimum of the parabola through both values, kept between a tenth and a half."""
    if not np.isfinite(merit):
        return 0.5 * alpha
    slope = -2.0 * start
    curvature = (merit - start - slope * alpha) / alpha**2
    best = -slope / (2.0 * curvature) if curvature > 0.0 else 0.5 * alpha
    return float(np.clip(best, 0.1 * alpha, 0.5 * alpha))


def _merit(F: Array) -> float:
    with np.errstate(all="ignore"):  # a trial point far away may overflow: it is refused
        return 0.5 * float(F @ F)


def _size(F: Array) -> float:
    return float(np.max(np.abs(F), initial=0.0))
