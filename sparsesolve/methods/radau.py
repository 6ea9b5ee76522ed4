"""Radau IIA of order 5 for implicit systems ``F(t, y, y') = 0``: the stages and their error.

Separate from the control of the step, which is written for scipy's driver. ``M y' - f(t, y)`` with
a matrix M that may be singular is such a system.

With Z the increments of the three stages, the slopes there are ``inv(A) Z / h``. The eigenvectors
of inv(A) divide a Newton step into one real and one complex system with matrices ``w / h M - J``,
where M is the derivative of F by y' and -J that by y. The error is that of an embedded method of
order 3, filtered by the real system.

Hairer, Wanner (1996), "Solving Ordinary Differential Equations II", 2nd ed., IV.8, VI.1 and VII.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.methods.pencil import Pencil
from sparsesolve.methods.sparse_lu import Factor, SparseLU

__all__ = ["MOST_ITERATIONS", "ImplicitSystem", "Point", "RadauStages", "Stages", "mean_size"]

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

_FROM_PARTS = np.stack(
    [_VECTORS[:, 0].real, 2.0 * _VECTORS[:, 1].real, -2.0 * _VECTORS[:, 1].imag], axis=1
)
_SPLIT = np.concatenate([_TO_VECTORS[:1].real, _TO_VECTORS[1:2].real, _TO_VECTORS[1:2].imag])

MOST_ITERATIONS = 6
_ROUNDING = 100 * np.finfo(float).eps  # relative change of y below which an iteration has ended


class ImplicitSystem(Protocol):
    """``F(t, y, y') = 0`` with its derivatives."""

    def residual(self, t: float, y: Array, slope: Array) -> Array:
        """Return F."""
        ...

    def linearize(self, t: float, y: Array, slope: Array) -> tuple[sp.csc_array, sp.csc_array]:
        """Return the derivative of F by y', and minus that by y."""
        ...


@dataclass(frozen=True, slots=True)
class Point:
    """Where a step begins: time, state and slope."""

    t: float
    y: Array
    slope: Array


@dataclass(frozen=True, slots=True)
class Stages:
    """What the Newton iteration came to."""

    converged: bool
    iterations: int
    increments: Array
    rate: float
    h: float

    @property
    def slope(self) -> Array:
        """The slope of the collocation polynomial at the end."""
        return np.asarray(_INVERSE[2] @ self.increments / self.h)

    @property
    def coefficients(self) -> Array:
        """Of s, s^2, s^3 in the collocation polynomial, s from 0 to 1."""
        return np.asarray(_POLYNOMIAL @ self.increments)


class RadauStages:
    """Solves for the stages of one step after the other.

    Parameters
    ----------
    system : ImplicitSystem
        What is integrated.
    rtol : float
        Relative tolerance of a step.
    start : Point
        The first Jacobian is taken there.
    """

    def __init__(self, system: ImplicitSystem, rtol: float, start: Point) -> None:
        self.system = system
        self.evaluations = self.jacobians = self.factorizations = 0
        self._tolerance = max(10 * np.finfo(float).eps / rtol, min(0.03, float(np.sqrt(rtol))))
        self._makers = SparseLU(), SparseLU()
        self._factors: tuple[Factor, Factor] | None = None
        self.linearize(start)
        self._pencil = Pencil(*self._matrices)

    def linearize(self, at: Point) -> None:
        """Take the Jacobian anew."""
        self.jacobians += 1
        self._matrices = self.system.linearize(at.t, at.y, at.slope)
        self.fresh, self._factors = True, None

    def forget_factors(self) -> None:
        """Factorize before the next stages, because the step changes."""
        self._factors = None

    def solve(self, at: Point, h: float, guess: Any, scale: Array) -> Stages:
        """Iterate; with a new Jacobian where the old one was not good enough.

        Parameters
        ----------
        at : Point
            Where the step begins.
        h : float
            The step.
        guess : callable
            Increments at the times of the stages, as rows.
        scale : ndarray, shape (n,)
            What counts as an error of one.
        """
        Z = np.ascontiguousarray(guess(at.t + h * _NODES))
        while True:
            stages = self._iterate(at, h, Z, scale)
            if stages.converged or self.fresh:
                return stages
            self.linearize(at)

    def error(self, at: Point, stages: Stages, scale: Array, *, again: bool) -> float:
        """Return the size of the error; `again`: filter a large one twice."""
        real = self._factorized(stages.h)[0]
        slope = -(_ERROR @ stages.increments) / stages.h
        error = real.solve(-self._residual(at.t, at.y, slope))
        size = mean_size(error / scale)
        if size > 1.0 and again:
            error = real.solve(-self._residual(at.t, at.y + error, slope))
            size = mean_size(error / scale)
        return size if np.isfinite(size) else np.inf

    def _residual(self, t: float, y: Array, slope: Array) -> Array:
        self.evaluations += 1
        return self.system.residual(t, y, slope)

    def _factorized(self, h: float) -> tuple[Factor, Factor]:
        if self._factors is None:
            self.factorizations += 2
            if not self._pencil.fits(*self._matrices):
                self._pencil = Pencil(*self._matrices)
            self._factors = (
                self._makers[0].factor(self._pencil(_REAL / h, *self._matrices)),
                self._makers[1].factor(self._pencil(_COMPLEX / h, *self._matrices)),
            )
        return self._factors

    def _iterate(self, at: Point, h: float, Z: Array, scale: Array) -> Stages:
        """Solve for the increments of the stages by simplified Newton steps."""
        real, other = self._factorized(h)
        rounding = _ROUNDING * float(np.max(np.abs(at.y) / scale, initial=0.0))
        before, rate = None, 0.0
        for number in range(1, MOST_ITERATIONS + 1):
            F = self._residuals(at, h, Z)
            if not np.all(np.isfinite(F)):
                return Stages(False, number, Z, rate, h)
            right = -(_SPLIT @ F)
            moved = _increments(real.solve(right[0]), other.solve(right[1] + 1j * right[2]))
            size = mean_size(moved / scale)
            if not np.isfinite(size):
                return Stages(False, number, Z, rate, h)
            if before and size > rounding:
                rate = size / before
                left = rate ** (MOST_ITERATIONS - number)
                if rate >= 1.0 or left / (1.0 - rate) * size > self._tolerance:
                    return Stages(False, number, Z, rate, h)
            Z = Z + moved
            if size <= rounding or (before and rate / (1.0 - rate) * size < self._tolerance):
                return Stages(True, number, Z, rate, h)
            before = size
        return Stages(False, MOST_ITERATIONS, Z, rate, h)

    def _residuals(self, at: Point, h: float, Z: Array) -> Array:
        times, slopes, states = at.t + h * _NODES, _INVERSE @ Z / h, at.y + Z
        self.evaluations += 3
        residual = self.system.residual
        return np.array([residual(float(times[i]), states[i], slopes[i]) for i in range(3)])


def _increments(along: Array, across: NDArray[np.complex128]) -> Array:
    """Return increments of the stages from parts along a real vector and one of a pair."""
    parts = np.array([along, across.real, across.imag])
    return np.asarray(_FROM_PARTS @ parts)


def mean_size(x: Array) -> float:
    """Return the root of the mean square."""
    flat = x.ravel()
    return math.sqrt(flat @ flat / flat.size) if x.size else 0.0
