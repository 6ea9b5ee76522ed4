"""A sparse Newton method for F(x) = 0: line search, Levenberg steps where J is singular, splu.

Separate because scipy has none: its `hybr` and `lm` are dense, its others ignore the Jacobian.

Each iteration factorizes J once. The Newton step is damped by a line search on the merit
``0.5 ||F||^2`` (quadratic interpolation; a point where F is not finite halves the step). Where J is
singular, or the damped step gains nothing, a Levenberg step from the augmented system

    [ I   J ] [ r ]   [ -F ]
    [ J' -mu] [ d ] = [  0 ]

replaces it: always a direction of descent, with mu raised until the merit falls. Dennis, Schnabel
(1996), "Numerical Methods for Unconstrained Optimization and Nonlinear Equations", ch. 6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.methods.augmented_system import Augmented
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


@dataclass(frozen=True, eq=False, slots=True)
class Outcome:
    """Where the method ended."""

    x: Array
    F: Array
    J: sp.csc_array
    status: Status
    message: str
    iterations: int


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
    return _Newton(residual, x0, options, monitor).run()


class _Newton:
    def __init__(
        self, residual: Residual, x0: Array, options: NewtonOptions, monitor: Monitor
    ) -> None:
        self.residual = residual
        self.options = options
        self.monitor = monitor
        self.lu = SparseLU()
        self.augmented = Augmented(residual.pattern)
        self.mu = 0.0
        self.x = x0
        self.F, self.J = residual.value_and_jacobian(x0)

    def run(self) -> Outcome:
        if not np.all(np.isfinite(self.F)):
            k = int(np.flatnonzero(~np.isfinite(self.F))[0])
            text = f"The residual is {self.F[k]} in row {k} at the start."
            return self._outcome(Status.EVALUATION_ERROR, text, 0)
        if not self.monitor.update(0, self.x, _merit(self.F), optimality=_size(self.F)):
            return self._outcome(Status.STOPPED, "The callback stopped the solve.", 0)
        for iteration in range(1, self.options.max_iterations + 1):
            if self._is_root():
                return self._outcome(Status.SOLVED, "The residual is below `tol`.", iteration - 1)
            before = self.x
            done = self._advance()
            if done is not None:
                return self._outcome(*done, iteration)
            going = self.monitor.update(
                iteration,
                self.x,
                _merit(self.F),
                optimality=_size(self.F),
                step=float(np.linalg.norm(self.x - before)),
                extra={"mu": self.mu},
            )
            if not going:
                return self._outcome(Status.STOPPED, "The callback stopped the solve.", iteration)
        if self._is_root():
            text = "The residual is below `tol`."
            return self._outcome(Status.SOLVED, text, self.options.max_iterations)
        text = (
            f"The residual is {_size(self.F):.3e} after {self.options.max_iterations} iterations."
        )
        return self._outcome(Status.ITERATION_LIMIT, text, self.options.max_iterations)

    def _is_root(self) -> bool:
        """Whether F is below `tol`, and small in its own units: a tiny F may have no root near."""
        if _size(self.F) > self.options.tol:
            return False
        return measure_residual(self.F, self.J, self.x).relative <= _RELATIVE

    def _advance(self) -> tuple[Status, str] | None:
        """Make one step; a status where there is nothing more to gain."""
        if not np.all(np.isfinite(self.J.data)):
            return Status.EVALUATION_ERROR, self.residual.explain_nonfinite(self.x)
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

    def _at_rounding(self) -> tuple[Status, str]:
        text = f"No smaller residual in floating point than {_size(self.F):.3e}."
        return Status.ACCEPTABLE, text

    def _line_search(self, step: Array) -> bool:
        """Move along `step` where the merit falls enough."""
        start = _merit(self.F)
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

    def _levenberg(self, *, singular: bool) -> tuple[Status, str] | None:
        """Make a Levenberg step, raising mu until the merit falls."""
        start = _merit(self.F)
        gradient = np.asarray(self.J.T @ self.F)
        columns = float(np.max(np.asarray(self.J.multiply(self.J).sum(axis=0)), initial=0.0))
        if _size(gradient) <= 1e-10 * np.sqrt(columns) * np.linalg.norm(self.F):
            text = f"J^T F vanishes where F does not (its largest entry is {_size(self.F):.3e})."
            return (Status.SINGULAR if singular else Status.STALLED), text
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
        text = f"No step lowers the residual below {_size(self.F):.3e}."
        return (Status.SINGULAR if singular else Status.STALLED), text

    def _accept(self, x: Array) -> None:
        self.x = x
        self.F, self.J = self.residual.value_and_jacobian(x)

    def _outcome(self, status: Status, message: str, iterations: int) -> Outcome:
        gave_up = status in (Status.STALLED, Status.SINGULAR, Status.ITERATION_LIMIT)
        if gave_up and _size(self.F) <= self.options.tol:
            status = Status.ACCEPTABLE
            message = f"The residual is below `tol`, but not small in its own units. {message}"
        return Outcome(self.x, self.F, self.J, status, message, iterations)


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
