"""Sparse Levenberg-Marquardt and Gauss-Newton methods for least squares.

scipy's `lm` is dense, and its `trf` solves sparse problems only by LSMR, which
stalls on ill-conditioned ones. Steps come from one sparse factorization (see `normal_equations`).
The damping follows the gain ratio (Nielsen 1999, "Damping parameter in Marquardt's method", IMM-REP
1999-05), and variables are scaled by the largest column norms seen (More 1978). Gauss-Newton is the
same with no damping until a step fails.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.methods.augmented_system import Augmented
from sparsesolve.methods.iteration import Ending, IterativeMethod, Outcome, run
from sparsesolve.methods.losses import Loss, robust_cost, robust_weights
from sparsesolve.methods.low_rank import (
    LowRankAugmented,
    LowRankSum,
    column_squares,
    scaled_rows,
)
from sparsesolve.methods.monitor import Monitor
from sparsesolve.methods.normal_equations import NormalEquations, damped_system
from sparsesolve.methods.residual import Residual
from sparsesolve.methods.residual_measure import measure_residual
from sparsesolve.options import count, positive
from sparsesolve.problem.bounds import real_array
from sparsesolve.problem.result import Status
from sparsesolve.structure.pattern import Pattern

__all__ = ["LevenbergOptions", "solve_levenberg"]

Array = NDArray[np.float64]

_LARGEST_MU = 1e30
_MOST = 2**62


@dataclass(frozen=True, slots=True)
class LevenbergOptions:
    """Options of `solve_levenberg`.

    Parameters
    ----------
    ftol : float
        Stop where the relative fall of the cost, real and predicted, is below this. 1e-10.
    xtol : float
        Stop where the relative step is below this. 1e-10.
    gtol : float
        Stop where the largest entry of the gradient is below this, absolute. 1e-10.
    max_iterations : int or None
        None allows 200, and 10 for each unknown where that is more.
    damping : float
        First damping, relative to the squared column norms; 0 for Gauss-Newton. 1e-3.
    max_nfev : int or None
        How many evaluations of the residual are allowed. None.
    x_scale : float, array_like or "jac"
        Size of each variable; "jac": from the columns of the Jacobian. "jac".
    """

    ftol: float = 1e-10
    xtol: float = 1e-10
    gtol: float = 1e-10
    max_iterations: int | None = None
    damping: float = 1e-3
    max_nfev: int | None = None
    x_scale: Any = "jac"


def solve_levenberg(
    residual: Residual,
    x0: Array,
    options: LevenbergOptions,
    monitor: Monitor,
    *,
    loss: Loss | None = None,
    scale: float = 1.0,
) -> Outcome:
    """Minimize half the sum of the (robust) squares of the residual.

    Parameters
    ----------
    residual : Residual
        r and its Jacobian, of any shape.
    x0 : ndarray, shape (n,)
        Start.
    options : LevenbergOptions
        Tolerances and limits.
    monitor : Monitor
        Receives the iterations.
    loss : callable, optional
        One of `LOSSES`, or made by `as_loss`. Default is a linear one.
    scale : float, optional
        Of the loss. Default is 1.

    Returns
    -------
    Outcome
        Its cost never exceeds that of `x0`.
    """
    most = options.max_iterations
    most = max(200, 10 * x0.size) if most is None else most
    return run(_Levenberg(residual, x0, options, loss, scale), monitor, most)


class _Levenberg(IterativeMethod):
    def __init__(
        self,
        residual: Residual,
        x0: Array,
        options: LevenbergOptions,
        loss: Loss | None,
        scale: float,
    ) -> None:
        self.residual = residual
        self.options = options
        self.loss = loss
        self.scale = scale
        self.pattern = None if residual.is_thin else residual.pattern
        self.system = _system(self.pattern)
        self.mu = options.damping
        self.growth = 2.0
        self.given = fixed_weights(options.x_scale, x0.size)
        self.weights = np.zeros(x0.size)
        self._linearize(x0)

    def trouble(self) -> Ending | None:
        if np.isfinite(self.cost):
            return None
        return Ending(Status.EVALUATION_ERROR, "The residual is not finite.")

    def terminate(self) -> Ending | None:
        if self.optimality <= self.options.gtol and self._is_flat():
            return Ending(Status.SOLVED, "The gradient is below `gtol`.")
        most, made = self.options.max_nfev, self.residual.calls["value"]
        if most is None or made < most:
            return None
        return Ending(Status.ITERATION_LIMIT, f"{made} evaluations were not enough.")

    def exhausted(self, iterations: int) -> Ending:
        return Ending(Status.ITERATION_LIMIT, f"{iterations} iterations were not enough.")

    def details(self) -> dict[str, Any]:
        return {"mu": self.mu}

    def _is_flat(self) -> bool:
        """Whether the gradient is small in the units of the residual too."""
        return measure_residual(self.r, self.J, self.x).is_solved

    def _linearize(self, x: Array) -> None:
        self.x = x
        r, J = self.residual.value_and_jacobian(x)
        self.cost = robust_cost(r, self.loss, self.scale)
        weights = robust_weights(r, self.loss, self.scale)
        self.r = r * weights
        self.J = J
        pattern = None if isinstance(J, LowRankSum) else self.residual.pattern
        if pattern is not self.pattern:  # it has grown
            self.pattern, self.system = pattern, _system(pattern)
        if self.loss is not None:
            self.J = scaled_rows(J, weights)
        self.gradient = np.asarray(self.J.T @ self.r)
        self.optimality = float(np.max(np.abs(self.gradient), initial=0.0))
        if self.given is not None:
            self.weights = self.given
            return
        self.weights = np.maximum(self.weights, column_squares(self.J))

    def step(self) -> Ending | None:
        """Make one accepted step, raising the damping as needed."""
        if not np.all(np.isfinite(self.J.data)):
            return Ending(Status.EVALUATION_ERROR, self.residual.explain_nonfinite(self.x))
        D = np.where(self.weights > 0.0, self.weights, 1.0)
        while self.mu <= _LARGEST_MU:
            step = self.system.step(self.J, self.r, self.mu, D)
            if np.all(np.isfinite(step)):
                moved = self.J @ step
                # the fall of the quadratic model, damping left out: >= 0 by construction
                predicted = -float(self.gradient @ step) - 0.5 * float(moved @ moved)
                trial = self.x + step
                cost = robust_cost(self.residual.value(trial), self.loss, self.scale)
                fall = self.cost - cost
                small = self._converged(step, fall, predicted)
                if np.isfinite(cost) and predicted > 0.0 and fall > 1e-4 * predicted:
                    self._relax(fall / predicted)
                    self._linearize(trial)
                    return small
                if small is not None:  # nothing left to gain in floating point
                    return Ending(Status.ACCEPTABLE, small.message)
            self.mu = max(self.mu, 1e-5) * self.growth
            self.growth *= 2.0
        return Ending(Status.STALLED, "No step lowers the cost.")

    def _relax(self, ratio: float) -> None:
        self.mu *= max(1.0 / 3.0, 1.0 - (2.0 * ratio - 1.0) ** 3)
        if self.options.damping == 0.0 and ratio > 0.25:
            self.mu = self.mu / 100.0 if self.mu > 1e-6 else 0.0
        self.growth = 2.0

    def _converged(self, step: Array, fall: float, predicted: float) -> Ending | None:
        o = self.options
        # a strongly damped step is short for another reason
        if max(abs(fall), predicted) <= o.ftol * self.cost and self.mu <= 1.0:
            return Ending(Status.SOLVED, "The cost falls by less than `ftol`.")
        length = float(np.linalg.norm(step))
        if length <= o.xtol * (o.xtol + float(np.linalg.norm(self.x))):
            return Ending(Status.SOLVED, "The step is below `xtol`.")
        return None


def _system(pattern: Pattern | None) -> Augmented | NormalEquations | LowRankAugmented:
    """Choose the system of damped steps; without a pattern the Jacobian is sparse + low rank."""
    return LowRankAugmented() if pattern is None else damped_system(pattern)


def fixed_weights(x_scale: Any, n: int) -> Array | None:
    """Return the weights of the variables that a given scale stands for; None for "jac"."""
    if x_scale is None or (isinstance(x_scale, str) and x_scale == "jac"):
        return None
    scale = real_array("x_scale", x_scale)
    if scale.shape not in ((), (n,)) or not np.all(scale > 0.0) or not np.isfinite(scale).all():
        raise ValueError(
            f"`x_scale` must be 'jac', a positive number, or {n} of them, got {x_scale!r}."
        )
    return np.broadcast_to(scale, (n,)) ** -2.0


def as_options(given: dict[str, Any], method: str, tol: float | None) -> LevenbergOptions:
    """Return checked options.

    Parameters
    ----------
    given : dict
        The user's options.
    method : {"lm", "gauss-newton"}
        Decides the first damping.
    tol : float or None
        For ftol, xtol and gtol where they are not given.

    Returns
    -------
    LevenbergOptions
        Ready to use.

    Raises
    ------
    ValueError
        If an option is unknown.
    """
    known = tuple(LevenbergOptions.__dataclass_fields__)
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(
            f"`options` of method {method!r} are {', '.join(known)}; got {', '.join(unknown)}."
        )
    for name in ("ftol", "xtol", "gtol"):  # None switches a test off
        if name in given and given[name] is None:
            given = given | {name: 0.0}
    for name in ("ftol", "xtol", "gtol", "damping"):
        if name in given:
            positive(name, given[name], zero=True)
    for name in ("max_nfev", "max_iterations"):
        if given.get(name) is not None:
            count(name, given[name], _MOST)
    defaults: dict[str, Any] = {} if tol is None else dict.fromkeys(("ftol", "xtol", "gtol"), tol)
    if method == "gauss-newton":
        defaults["damping"] = 0.0
    return LevenbergOptions(**(defaults | given))
