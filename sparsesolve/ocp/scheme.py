"""`Scheme`: a rule of collocation, as a table of numbers for one interval of length one.

Separate because Hermite-Simpson, Radau and the trapezoidal rule differ in these numbers only. In an
interval of length h with states ``X[j]`` at its points and slopes ``F[j] = f`` at those that are
collocated, each row of the table holds ``D @ X = h A @ F``, and integrals are ``h weights @ L``.

Hairer, Wanner (1996), "Solving Ordinary Differential Equations II", section IV.5 (Radau IIA). Betts
(2010), "Practical Methods for Optimal Control", section 4.6 (separated Hermite-Simpson). Garg et
al. (2010), "A unified framework for the numerical solution of optimal control problems using
pseudospectral methods", Automatica 46(11).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import Legendre, polynomial
from numpy.typing import NDArray

__all__ = ["Scheme", "hermite_simpson", "radau", "trapezoidal"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Scheme:
    """Numbers of a rule of collocation.

    Parameters
    ----------
    name : str
        What users call it.
    offsets : ndarray, shape (s + 1,)
        Points of an interval, from 0 to 1; the last is the first of the next one.
    collocated : tuple of int
        Points, ascending, at which f is evaluated, and where there are controls.
    D : ndarray, shape (rows, s + 1)
        Factors of the states.
    A : ndarray, shape (rows, collocated)
        Factors of the slopes.
    weights : ndarray, shape (collocated,)
        Of the quadrature.
    order : int
        Of the error of one interval, so that halving it divides the error by ``2**order``.
    """

    name: str
    offsets: Array
    collocated: tuple[int, ...]
    D: Array
    A: Array
    weights: Array
    order: int

    @property
    def stride(self) -> int:
        """How many points an interval adds."""
        return len(self.offsets) - 1

    def defects(self, states: list[Any], slopes: list[Any], h: Any) -> Any:
        """Return what the rows leave over.

        Parameters
        ----------
        states, slopes : list of array, each of shape (nx, intervals)
            At each point of the intervals; at the collocated ones.
        h : array, shape (intervals,)
            Lengths.

        Returns
        -------
        array, shape (rows, nx, intervals)
        """
        rows = zip(self.D, self.A, strict=True)
        return np.stack([_sum(d, states) - h * _sum(a, slopes) for d, a in rows])

    def quadrature(self, values: list[Any], h: Any) -> Any:
        """Return the integral over each interval, of values at the collocated points."""
        return h * _sum(self.weights, values)

    def slope_basis(self) -> Array:
        """Return coefficients of the polynomials through the collocated points.

        Returns
        -------
        ndarray, shape (k, k)
            Column j is that which is one at collocated point j and zero at the others, by
            ascending powers.
        """
        powers = np.vander(self.offsets[list(self.collocated)], increasing=True)
        return np.asarray(np.linalg.inv(powers), dtype=float)


def _sum(factors: Array, arrays: list[Any]) -> Any:
    """Return a sum of multiples; what is multiplied by zero takes no part."""
    terms = [a if c == 1.0 else c * a for c, a in zip(factors, arrays, strict=True) if c]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def hermite_simpson() -> Scheme:
    """Return the Hermite-Simpson rule, separated: order 4, controls at ends and middles."""
    return Scheme(
        "hermite-simpson",
        np.array([0.0, 0.5, 1.0]),
        (0, 1, 2),
        np.array([[-1.0, 0.0, 1.0], [-0.5, 1.0, -0.5]]),
        np.array([[1.0, 4.0, 1.0], [0.75, 0.0, -0.75]]) / 6.0,
        np.array([1.0, 4.0, 1.0]) / 6.0,
        4,
    )


def trapezoidal() -> Scheme:
    """Return the trapezoidal rule: order 2, controls at the ends."""
    half = np.array([0.5, 0.5])
    return Scheme(
        "trapezoidal", np.array([0.0, 1.0]), (0, 1), np.array([[-1.0, 1.0]]), half[None], half, 2
    )


def radau(degree: int = 3) -> Scheme:
    """Return collocation at the Legendre-Gauss-Radau points, which hold the end of an interval.

    Parameters
    ----------
    degree : int
        Points an interval, which is the degree of the states. Order ``2 degree - 1``.
    """
    points = _radau_points(degree)
    offsets = np.concatenate([[0.0], points])
    powers = np.vander(offsets, increasing=True)
    exponents = np.arange(degree + 1)
    slopes = exponents * offsets[:, None] ** np.maximum(exponents - 1, 0)
    integrals = 1.0 / np.arange(1, degree + 1)
    return Scheme(
        "radau",
        offsets,
        tuple(range(1, degree + 1)),
        np.asarray(slopes @ np.linalg.inv(powers))[1:],
        np.eye(degree),
        np.asarray(np.linalg.solve(np.vander(points, increasing=True).T, integrals), dtype=float),
        2 * degree - 1,
    )


def _radau_points(degree: int) -> Array:
    """Return the zeros of ``P_k - P_{k-1}``, moved to (0, 1]."""
    series = np.zeros(degree + 1)
    series[degree - 1 :] = -1.0, 1.0
    roots = np.sort(Legendre(series).roots().real)
    roots[-1] = 1.0
    return np.asarray(0.5 * (roots + 1.0))


def evaluate(coefficients: Array, s: Array) -> Array:
    """Return polynomials at points: coefficients by ascending powers along the first axis."""
    return np.asarray(polynomial.polyval(s, coefficients, tensor=False))
