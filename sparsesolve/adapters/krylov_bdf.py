"""BDF with Newton-Krylov steps as one of scipy's methods, so that `solve_ivp` drives it.

scipy's BDF factorizes whenever the step changes; here the step is free, and the
order and step are those with the least error for the way to go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DenseOutput, OdeSolver

from sparsesolve.methods.differences_table import DifferencesTable
from sparsesolve.methods.newton_krylov import NewtonKrylov
from sparsesolve.methods.radau import mean_size

__all__ = ["KrylovBDF"]

Array = NDArray[np.float64]

_LEAST_FACTOR, _MOST_FACTOR = 0.2, 10.0
_SAFETY = 0.85


class _Differences(DenseOutput):  # type: ignore[misc]
    """The polynomial through the last states."""

    def __init__(self, t_old: float, t: float, h: float, order: int, rows: Array) -> None:
        super().__init__(t_old, t)
        self.nodes = t - h * np.arange(order)
        self.widths = h * np.arange(1, order + 1)
        self.rows = rows[: order + 1].copy()

    def _call_impl(self, t: Any) -> Array:
        at = np.asarray(t, dtype=np.float64)
        ratios = (at[..., None] - self.nodes) / self.widths
        weights = np.cumprod(ratios, axis=-1)
        value = np.tensordot(weights, self.rows[1:], axes=1) + self.rows[0]
        return np.asarray(np.moveaxis(value, -1, 0))


class KrylovBDF(OdeSolver):  # type: ignore[misc]
    """The method, for ``scipy.integrate.solve_ivp(..., method=KrylovBDF, matrix=matrix)``.

    Parameters
    ----------
    fun, t0, y0, t_bound, max_step, rtol, atol, vectorized, first_step
        As for ``scipy.integrate.BDF``.
    matrix : callable
        ``matrix(t, y)`` returns the Jacobian as csr.
    copies : int, default 1
        Of how many equal blocks of it, one after the other, the Newton matrix consists.
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
        matrix: Callable[[float, Array], Any],
        copies: int = 1,
    ) -> None:
        self.t: float
        self.y: Array
        super().__init__(fun, t0, y0, t_bound, vectorized)
        self.max_step, self.rtol, self.atol = max_step, max(rtol, 100 * np.finfo(float).eps), atol
        slope = self.fun(t0, self.y)
        self.h_abs = self._first_step(slope) if first_step is None else float(first_step)
        self._table = DifferencesTable(self.y, slope * self.h_abs * self.direction)
        self._newton = NewtonKrylov(self.fun, matrix, self.n, copies)
        self._sol: _Differences | None = None

    def _scale(self, y: Array) -> Array:
        return np.asarray(self.atol + self.rtol * np.abs(y))

    def _first_step(self, slope: Array) -> float:
        """Return a step in which an explicit Euler step would err little."""
        span = abs(self.t_bound - self.t)
        scale = self._scale(self.y)
        size, speed = mean_size(self.y / scale), mean_size(slope / scale)
        h = min(0.01 * size / speed if size > 1e-5 and speed > 1e-5 else 1e-6, span or 1.0)
        ahead = self.fun(self.t + h * self.direction, self.y + h * self.direction * slope)
        bend = mean_size((ahead - slope) / scale) / h
        largest = max(speed, bend)
        if np.isfinite(largest):
            wanted = np.sqrt(0.01 / largest) if largest > 1e-15 else max(1e-6, 1e-3 * h)
            h = min(100.0 * h, float(wanted))
        return float(min(h, span or h, self.max_step))

    def _step_impl(self) -> tuple[bool, str | None]:
        try:
            with np.errstate(all="ignore"):  # what is not finite makes a smaller step
                return self._step()
        finally:
            self.njev, self.nlu = self._newton.jacobians, self._newton.factorizations

    def _step(self) -> tuple[bool, str | None]:
        least = 10 * abs(np.nextafter(self.t, self.direction * np.inf) - self.t)
        if not least <= self.h_abs <= self.max_step:
            self._resize(min(max(self.h_abs, least), self.max_step) / self.h_abs)
        while self.h_abs >= least:
            t_new = self.t + self.h_abs * self.direction
            if self.direction * (t_new - self.t_bound) > 0:
                t_new = self.t_bound
                self._resize(abs(t_new - self.t) / self.h_abs)
            h = t_new - self.t
            y, past, alpha = self._table.predict()
            scale = self._scale(y)
            solved = self._newton.solve(t_new, y, past, alpha, h, self._table.guess(), scale)
            if solved is None:
                self._resize(0.5)
                continue
            d, _ = solved
            scale = self._scale(y + d)
            error = mean_size(self._table.error(d) / scale)
            if error > 1.0:
                self._resize(max(_LEAST_FACTOR, _SAFETY * _growth(error, self._table.order)))
                continue
            self._accept(t_new, y + d, d, error, scale)
            return True, None
        return False, self.TOO_SMALL_STEP

    def _resize(self, factor: float) -> None:
        self.h_abs *= factor
        self._table.resize(factor)

    def _accept(self, t_new: float, y: Array, d: Array, error: float, scale: Array) -> None:
        table = self._table
        h = t_new - self.t
        table.accept(d)
        self._sol = _Differences(self.t, t_new, h, table.order, table.rows)
        self.t, self.y = t_new, y
        if table.equal_steps <= table.order:
            return
        below, above = (
            np.inf if e is None else mean_size(e / scale) for e in table.errors_beside()
        )
        growths = [_growth(e, table.order + k) for k, e in ((-1, below), (0, error), (1, above))]
        best = int(np.argmax(growths))
        table.order += best - 1
        self._resize(min(_MOST_FACTOR, _SAFETY * growths[best]))

    def _dense_output_impl(self) -> _Differences:
        assert self._sol is not None
        return self._sol


def _growth(error: float, order: int) -> float:
    """Return the factor by which a step could grow until the error is one."""
    return float(error ** (-1.0 / (order + 1))) if error > 0.0 else np.inf
