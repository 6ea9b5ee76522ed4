"""Radau IIA for implicit systems as one of scipy's methods, so that `solve_ivp` drives it.

scipy's Radau knows ``y' = f(t, y)`` only; `t_eval`, events, dense output and
messages are scipy's. The step follows the last two errors. Everything that is not finite, and
every singular matrix, halves the step.

Gustafsson (1994), "Control-theoretic techniques for stepsize selection in implicit Runge-Kutta
methods", ACM Trans. Math. Softw. 20(4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DenseOutput, OdeSolver

from sparsesolve.methods.radau import (
    MOST_ITERATIONS,
    ImplicitSystem,
    Point,
    RadauStages,
    Stages,
    mean_size,
)

__all__ = ["ImplicitRadau"]

Array = NDArray[np.float64]

_LEAST_FACTOR, _MOST_FACTOR = 0.2, 10.0
_KEEP = 1.2  # a step that could grow by less keeps its factorization
_SLOW = 1e-3  # rate of convergence from which the Jacobian is computed anew


class _Cubic(DenseOutput):  # type: ignore[misc]
    """The collocation polynomial of one step."""

    def __init__(self, start: Point, t: float, stages: Stages, end: Array) -> None:
        super().__init__(start.t, t)
        self.h = t - start.t
        self.y_old = start.y
        self.coefficients = stages.coefficients
        self.coefficients[2] += end - (start.y + stages.increments[-1])

    def _call_impl(self, t: Any) -> Array:
        s = (np.asarray(t) - self.t_old) / self.h
        powers = np.stack([s, s**2, s**3])
        value = np.tensordot(self.coefficients.T, powers, axes=1)
        return np.asarray(value + (self.y_old if s.ndim == 0 else self.y_old[:, None]))


class ImplicitRadau(OdeSolver):  # type: ignore[misc]
    """The method, for ``scipy.integrate.solve_ivp(..., method=ImplicitRadau, system=system)``.

    Parameters
    ----------
    fun, t0, y0, t_bound, max_step, rtol, atol, vectorized, first_step
        As for ``scipy.integrate.Radau``; `fun` is not called.
    system : ImplicitSystem
        What is integrated; `y0` must satisfy its equations without derivatives.
    slope : ndarray, shape (n,)
        About y' at the start: for the first step.
    project : callable, optional
        ``project(t, y, scale)`` returns the nearest state that satisfies equations which the
        solution keeps and the system does not hold; None where there is none nearby.
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        t0: float,
        y0: Array,
        t_bound: float,
        max_step: float = np.inf,
        rtol: float = 1e-3,
        atol: Any = 1e-6,
        vectorized: bool = False,
        first_step: float | None = None,
        *,
        system: ImplicitSystem,
        slope: Array,
        project: Callable[[float, Array, Array], Array | None] | None = None,
    ) -> None:
        self.t: float
        self.y: Array
        super().__init__(fun, t0, y0, t_bound, vectorized)
        self.max_step, self.rtol, self.atol = max_step, max(rtol, 100 * np.finfo(float).eps), atol
        self.slope, self._project = slope, project
        self._stages = RadauStages(system, self.rtol, self._here())
        self.h_abs = self._first_step() if first_step is None else float(first_step)
        self._before: tuple[float, float] | None = None  # the last step and its error
        self._sol: _Cubic | None = None
        self._count()

    def _here(self) -> Point:
        return Point(self.t, self.y, self.slope)

    def _count(self) -> None:
        made = self._stages
        self.nfev, self.njev, self.nlu = made.evaluations, made.jacobians, made.factorizations

    def _scale(self, *states: Array) -> Array:
        largest = np.max(np.abs(states), axis=0, initial=0.0)
        return np.asarray(self.atol + self.rtol * largest)

    def _first_step(self) -> float:
        """Guess a step from the size of the slope, and be careful."""
        span = abs(self.t_bound - self.t)
        scale = self._scale(self.y)
        size, speed = mean_size(self.y / scale), mean_size(self.slope / scale)
        guess = 0.01 * size / speed if size > 1e-5 and speed > 1e-5 else 1e-6
        return float(min(guess, 1e-3 * span if span else guess, self.max_step))

    def _step_impl(self) -> tuple[bool, str | None]:
        try:
            with np.errstate(all="ignore"):  # tiny steps overflow, and are given up
                return self._step()
        finally:
            self._count()

    def _step(self) -> tuple[bool, str | None]:
        least = 10 * abs(np.nextafter(self.t, self.direction * np.inf) - self.t)
        if not least <= self.h_abs <= self.max_step:
            self._resize(min(max(self.h_abs, least), self.max_step))
        rejected = False
        while self.h_abs >= least:
            t_new = self.t + self.h_abs * self.direction
            if self.direction * (t_new - self.t_bound) > 0:
                t_new = self.t_bound
            if abs(t_new - self.t) != self.h_abs:
                self._resize(abs(t_new - self.t))
            stages = self._stages.solve(
                self._here(), t_new - self.t, self._guess, self._scale(self.y)
            )
            if not stages.converged:
                self._resize(0.5 * self.h_abs)
                continue
            end = self._end(t_new, stages)
            if end is None:
                self._resize(0.5 * self.h_abs)
                continue
            error = max(self._error(stages, rejected), self._moved(stages, end))
            most = 2 * MOST_ITERATIONS
            safety = 0.9 * (most + 1) / (most + stages.iterations)
            factor = safety * self._predict(error)
            if error <= 1.0:
                self._accept(t_new, stages, end, error, factor)
                return True, None
            rejected = True
            self._resize(self.h_abs * max(_LEAST_FACTOR, factor))
        return False, self.TOO_SMALL_STEP

    def _resize(self, h_abs: float) -> None:
        self.h_abs = h_abs
        self._stages.forget_factors()

    def _guess(self, times: Array) -> Array:
        """Return increments at some times by the last polynomial."""
        if self._sol is None:
            return np.outer(times - self.t, self.slope)
        return np.asarray(self._sol(times).T - self.y)

    def _error(self, stages: Stages, rejected: bool) -> float:
        scale = self._scale(self.y, self.y + stages.increments[-1])
        again = rejected or self._sol is None
        return self._stages.error(self._here(), stages, scale, again=again)

    def _end(self, t: float, stages: Stages) -> Array | None:
        """Return the state after a step, on all that the solution keeps."""
        end = self.y + stages.increments[-1]
        return end if self._project is None else self._project(t, end, self._scale(self.y, end))

    def _moved(self, stages: Stages, end: Array) -> float:
        """Return the size of a projection, which is an error of the step."""
        if self._project is None:
            return 0.0
        drift = end - (self.y + stages.increments[-1])
        return mean_size(drift / self._scale(self.y, end))

    def _predict(self, error: float) -> float:
        """Return the factor by which the step could grow, from this error and the last one."""
        if error == 0.0:
            return _MOST_FACTOR
        plain = float(error**-0.25)
        if self._before is None or self._before[1] == 0.0:
            return plain
        h_before, error_before = self._before
        ratio = self.h_abs / h_before * float((error_before / error) ** 0.25)
        return plain * min(1.0, ratio)

    def _accept(
        self, t_new: float, stages: Stages, end: Array, error: float, factor: float
    ) -> None:
        self._before = self.h_abs, error
        self._sol = _Cubic(self._here(), t_new, stages, end)
        self.t, self.y, self.slope = t_new, end, stages.slope
        self._stages.fresh = False
        if stages.iterations > 2 and stages.rate > _SLOW:
            self._stages.linearize(self._here())
            self.h_abs *= min(_MOST_FACTOR, factor)
        elif factor >= _KEEP:
            self._resize(self.h_abs * min(_MOST_FACTOR, factor))

    def _dense_output_impl(self) -> _Cubic:
        assert self._sol is not None
        return self._sol
