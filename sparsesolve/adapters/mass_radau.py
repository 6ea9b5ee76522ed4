"""Radau IIA of order 5 for ``M y' = f(t, y)`` with a constant matrix M, which may be singular.

Separate because scipy's Radau knows the identity only. It is one of scipy's `OdeSolver`, so that
``scipy.integrate.solve_ivp`` drives it: `t_eval`, events, dense output and messages are scipy's.

With Z the increments of the three stages, ``(inv(A) x M) Z = h F(y + Z)``. The eigenvectors of
inv(A) divide a Newton step into one real and one complex system with matrices ``w / h M - J``. The
error is that of an embedded method of order 3, filtered by the real system; the step follows the
last two errors. Everything that is not finite, and every singular matrix, halves the step.

Hairer, Wanner (1996), "Solving Ordinary Differential Equations II", 2nd ed., IV.8 and VI.1.
Gustafsson (1994), "Control-theoretic techniques for stepsize selection in implicit Runge-Kutta
methods", ACM Trans. Math. Softw. 20(4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.integrate import DenseOutput, OdeSolver

from sparsesolve.methods.sparse_lu import Factor, SparseLU

__all__ = ["MassRadau", "Pencil"]

Array = NDArray[np.float64]

_ROOT = np.sqrt(6.0)
_NODES = np.array([(4.0 - _ROOT) / 10.0, (4.0 + _ROOT) / 10.0, 1.0])
_POWERS = _NODES[:, None] ** np.arange(1, 4)
_INVERSE = np.linalg.inv((_POWERS / np.arange(1, 4)) @ np.linalg.inv(np.vander(_NODES, 3, True)))
_POLYNOMIAL = np.linalg.inv(_POWERS)
_ERROR = np.array([-13.0 - 7.0 * _ROOT, -13.0 + 7.0 * _ROOT, -1.0]) / 3.0


def _eigen() -> tuple[float, complex, NDArray[np.complex128], NDArray[np.complex128]]:
    """Return the real and one complex eigenvalue of inv(A), the eigenvectors and their inverse."""
    values, vectors = np.linalg.eig(_INVERSE)
    order = np.argsort(values.imag)[[1, 2, 0]]  # the real one first, then a pair
    vectors = vectors[:, order]
    vectors[:, 0] = vectors[:, 0] / vectors[np.argmax(np.abs(vectors[:, 0])), 0]
    return float(values[order[0]].real), complex(values[order[1]]), vectors, np.linalg.inv(vectors)


_REAL, _COMPLEX, _VECTORS, _TO_VECTORS = _eigen()

_MOST_ITERATIONS = 6
_LEAST_FACTOR, _MOST_FACTOR = 0.2, 10.0
_KEEP = 1.2  # a step that could grow by less keeps its factorization
_ROUNDING = 100 * np.finfo(float).eps  # relative change of y below which an iteration has ended
_SLOW = 1e-3  # rate of convergence from which the Jacobian is computed anew


class Pencil:
    """``w M - J`` in one fixed structure.

    Parameters
    ----------
    mass, jacobian : csc_array, shape (n, n)
        Fix the structure; the values of `jacobian` do not matter.
    """

    def __init__(self, mass: sp.csc_array, jacobian: Any) -> None:
        n = int(mass.shape[0])
        keys = [
            np.repeat(np.arange(n, dtype=np.int64), np.diff(part.indptr)) * n + part.indices
            for part in (mass, jacobian)
        ]
        union = np.union1d(*keys)
        counts = np.bincount(union // max(n, 1), minlength=n)
        self._indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        self._indices = (union % max(n, 1)).astype(np.int32)
        self._mass, self._jacobian = (np.searchsorted(union, key) for key in keys)
        self._values, self._n = mass.data, n

    def fits(self, jacobian: Any) -> bool:
        """Whether a Jacobian has this structure still; a branch may have made it grow."""
        return bool(self._jacobian.size == jacobian.nnz)

    def __call__(self, weight: complex, jacobian: Any) -> sp.csc_array:
        """Return the matrix for new values of the Jacobian, real where `weight` is."""
        kind = np.result_type(np.asarray(weight).dtype, np.float64)
        data = np.zeros(self._indices.size, dtype=kind)
        data[self._mass] = weight * self._values
        data[self._jacobian] -= jacobian.data
        return sp.csc_array((data, self._indices, self._indptr), shape=(self._n, self._n))


@dataclass(frozen=True, slots=True)
class _Stages:
    """What the Newton iteration came to."""

    converged: bool
    iterations: int
    increments: Array
    rate: float


class _Cubic(DenseOutput):  # type: ignore[misc]
    """The collocation polynomial of one step."""

    def __init__(self, t_old: float, t: float, y_old: Array, increments: Array) -> None:
        super().__init__(t_old, t)
        self.h = t - t_old
        self.y_old = y_old
        self.coefficients = _POLYNOMIAL @ increments

    def _call_impl(self, t: Any) -> Array:
        s = (np.asarray(t) - self.t_old) / self.h
        powers = np.stack([s, s**2, s**3])
        value = np.tensordot(self.coefficients.T, powers, axes=1)
        return np.asarray(value + (self.y_old if s.ndim == 0 else self.y_old[:, None]))


class MassRadau(OdeSolver):  # type: ignore[misc]
    """The method, for ``scipy.integrate.solve_ivp(..., method=MassRadau, mass=M, jac=jac)``.

    Parameters
    ----------
    fun, t0, y0, t_bound, max_step, rtol, atol, vectorized, first_step
        As for ``scipy.integrate.Radau``.
    jac : callable
        ``jac(t, y)`` returns the Jacobian of `fun` as a csc matrix of fixed structure.
    mass : csc_array, shape (n, n)
        M. Where it is singular, `y0` must satisfy the equations without derivatives.
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
        jac: Callable[..., Any] | None = None,
        vectorized: bool = False,
        first_step: float | None = None,
        mass: Any = None,
    ) -> None:
        self.t: float
        self.y: Array
        super().__init__(fun, t0, y0, t_bound, vectorized)
        assert jac is not None
        self.max_step, self.rtol, self.atol = max_step, max(rtol, 100 * np.finfo(float).eps), atol
        self.mass, self.jac = mass, jac
        self.f = self.fun(t0, self.y)
        self.J, self._fresh = self._jacobian(t0, self.y), True
        self._pencil = Pencil(mass, self.J)
        self._makers = SparseLU(), SparseLU()
        self._factors: tuple[Factor, Factor] | None = None
        self._tolerance = max(
            10 * np.finfo(float).eps / self.rtol, min(0.03, float(np.sqrt(self.rtol)))
        )
        self.h_abs = self._first_step() if first_step is None else float(first_step)
        self._before: tuple[float, float] | None = None  # the last step and its error
        self._sol: _Cubic | None = None

    def _jacobian(self, t: float, y: Array) -> Any:
        self.njev += 1
        return self.jac(t, y)

    def _scale(self, *states: Array) -> Array:
        largest = np.max(np.abs(states), axis=0, initial=0.0)
        return np.asarray(self.atol + self.rtol * largest)

    def _first_step(self) -> float:
        """Guess a step from the size of the derivatives where M is a diagonal, and be careful."""
        span = abs(self.t_bound - self.t)
        diagonal = self.mass.diagonal()
        known = diagonal != 0.0
        slope = np.zeros(self.n)
        slope[known] = self.f[known] / diagonal[known]
        scale = self._scale(self.y)
        size, speed = _norm(self.y / scale), _norm(slope / scale)
        guess = 0.01 * size / speed if size > 1e-5 and speed > 1e-5 else 1e-6
        return float(min(guess, 1e-3 * span if span else guess, self.max_step))

    def _step_impl(self) -> tuple[bool, str | None]:
        least = 10 * abs(np.nextafter(self.t, self.direction * np.inf) - self.t)
        if not least <= self.h_abs <= self.max_step:
            self.h_abs, self._factors = min(max(self.h_abs, least), self.max_step), None
        rejected = False
        while self.h_abs >= least:
            t_new = self.t + self.h_abs * self.direction
            if self.direction * (t_new - self.t_bound) > 0:
                t_new = self.t_bound
            h = t_new - self.t
            if abs(h) != self.h_abs:
                self.h_abs, self._factors = abs(h), None
            stages = self._solve_stages(h)
            if not stages.converged:
                self.h_abs, self._factors = 0.5 * self.h_abs, None
                continue
            y_new = self.y + stages.increments[-1]
            error = self._error(h, stages, y_new, rejected)
            most = 2 * _MOST_ITERATIONS
            safety = 0.9 * (most + 1) / (most + stages.iterations)
            factor = safety * self._predict(abs(h), error)
            if error <= 1.0:
                self._accept(t_new, y_new, stages, error, factor)
                return True, None
            rejected, self._factors = True, None
            self.h_abs *= max(_LEAST_FACTOR, factor)
        return False, self.TOO_SMALL_STEP

    def _solve_stages(self, h: float) -> _Stages:
        """Iterate; with a new Jacobian where the old one was not good enough."""
        while True:
            if self._factors is None:
                self._factors = self._factorize(h)
            stages = self._iterate(h, self._factors)
            if stages.converged or self._fresh:
                return stages
            self.J, self._fresh, self._factors = self._jacobian(self.t, self.y), True, None

    def _factorize(self, h: float) -> tuple[Factor, Factor]:
        self.nlu += 2
        if not self._pencil.fits(self.J):
            self._pencil = Pencil(self.mass, self.J)
        real, other = self._makers
        return (
            real.factor(self._pencil(_REAL / h, self.J)),
            other.factor(self._pencil(_COMPLEX / h, self.J)),
        )

    def _iterate(self, h: float, factors: tuple[Factor, Factor]) -> _Stages:
        """Solve for the increments of the stages by simplified Newton steps."""
        Z = self._extrapolated(h)
        W = _TO_VECTORS[:2] @ Z
        scale = self._scale(self.y)
        rounding = _ROUNDING * float(np.max(np.abs(self.y) / scale, initial=0.0))
        before, rate = None, 0.0
        for number in range(1, _MOST_ITERATIONS + 1):
            F = np.array(
                [self.fun(self.t + c * h, self.y + z) for c, z in zip(_NODES, Z, strict=True)]
            )
            if not np.all(np.isfinite(F)):
                return _Stages(False, number, Z, rate)
            right = _TO_VECTORS[:2] @ F
            weights = np.array([_REAL, _COMPLEX]) / h
            right -= weights[:, None] * (self.mass @ W.T).T
            step = np.array([factors[0].solve(right[0].real), factors[1].solve(right[1])])
            moved = _increments(step)
            size = _norm(moved / scale)
            if not np.isfinite(size):
                return _Stages(False, number, Z, rate)
            if before and size > rounding:
                rate = size / before
                left = rate ** (_MOST_ITERATIONS - number)
                if rate >= 1.0 or left / (1.0 - rate) * size > self._tolerance:
                    return _Stages(False, number, Z, rate)
            W, Z = W + step, Z + moved
            if size <= rounding or (before and rate / (1.0 - rate) * size < self._tolerance):
                return _Stages(True, number, Z, rate)
            before = size
        return _Stages(False, _MOST_ITERATIONS, Z, rate)

    def _extrapolated(self, h: float) -> Array:
        if self._sol is None:
            return np.zeros((3, self.n))
        return np.asarray(self._sol(self.t + h * _NODES).T - self.y)

    def _error(self, h: float, stages: _Stages, y_new: Array, rejected: bool) -> float:
        assert self._factors is not None
        scale = self._scale(self.y, y_new)
        slope = self.mass @ (_ERROR @ stages.increments) / h
        error = self._factors[0].solve(self.f + slope)
        size = _norm(error / scale)
        if size > 1.0 and (rejected or self._sol is None):
            error = self._factors[0].solve(self.fun(self.t, self.y + error) + slope)
            size = _norm(error / scale)
        return size if np.isfinite(size) else np.inf

    def _predict(self, h: float, error: float) -> float:
        """Return the factor by which the step could grow, from this error and the last one."""
        if error == 0.0:
            return _MOST_FACTOR
        plain = float(error**-0.25)
        if self._before is None or self._before[1] == 0.0:
            return plain
        h_before, error_before = self._before
        return plain * min(1.0, h / h_before * float((error_before / error) ** 0.25))

    def _accept(
        self, t_new: float, y_new: Array, stages: _Stages, error: float, factor: float
    ) -> None:
        self._before = self.h_abs, error
        self._sol = _Cubic(self.t, t_new, self.y, stages.increments)
        self.t, self.y = t_new, y_new
        self.f = self.fun(t_new, y_new)
        slow = stages.iterations > 2 and stages.rate > _SLOW
        if slow:
            self.J = self._jacobian(t_new, y_new)
        self._fresh = slow
        factor = min(_MOST_FACTOR, factor)
        if slow or factor >= _KEEP:
            self.h_abs, self._factors = self.h_abs * factor, None

    def _dense_output_impl(self) -> _Cubic:
        assert self._sol is not None
        return self._sol


def _increments(W: NDArray[np.complex128]) -> Array:
    """Return increments of the stages from parts along a real vector and one of a pair."""
    return np.asarray(
        np.outer(_VECTORS[:, 0], W[0]).real + 2.0 * np.outer(_VECTORS[:, 1], W[1]).real
    )


def _norm(x: Array) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(x * x))) if x.size else 0.0
