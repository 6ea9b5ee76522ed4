"""Initial values that satisfy ``F(t, y, y') = 0``.

Separate from the methods, which want a start that is consistent. With M the derivative of F by y',
the parts of y that M does not see, ``y + R a`` with ``M R = 0``, and the slopes that it does see,
``y' + C b``, are moved until F = 0; so what has a slope keeps its value. That this determines them,
which the matrix ``[M C, F_y R]`` tells, is index one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.methods.radau import ImplicitSystem, Point
from sparsesolve.methods.sparse_lu import Factor, SparseLU
from sparsesolve.methods.structural_index import explain_index, unmatched

__all__ = ["consistent_start"]

Array = NDArray[np.float64]

_MOST_DENSE = 1000  # up to this size any singular matrix is taken apart
_MOST_ITERATIONS = 200
_ENOUGH = 10  # iterations, after which what the tolerances do not see is good enough
_LEAST_STEP = 1e-30  # share of a Newton step
_SETTLED = 1e-12
_SETTLED_SLOPE = 1e-6
_NEGLIGIBLE = 1e-2  # of what the tolerances allow
_TOLD = 1e-3  # relative change of a slope that is told
_SINGULAR = 1e-13


def consistent_start(
    system: ImplicitSystem, given: Point, allowed: Array, span: float, *, told: bool
) -> tuple[Point, tuple[str, ...]]:
    """Return a start that satisfies the equations.

    Parameters
    ----------
    system : ImplicitSystem
        The equations.
    given : Point
        The start; of y, only what M does not see is moved.
    allowed : ndarray, shape (n,)
        What counts as an error of one.
    span : float
        Length of the time to be integrated: slopes of ``allowed / span`` do not matter.
    told : bool
        Whether a note says that slopes were moved.

    Returns
    -------
    at : Point
        With the y of `given` where that is consistent.
    notes : tuple of str
        What was moved.

    Raises
    ------
    ValueError
        If the index is greater than one, or no consistent start is found nearby.
    """
    y, slope = given.y, given.slope
    residual = system.residual(given.t, y, slope)
    slow = allowed / span if np.isfinite(span) and span > 0 else allowed
    free = 0
    for number in range(_MOST_ITERATIONS):
        mass, jacobian = system.linearize(given.t, y, slope)
        way = _Directions.of(mass, jacobian)
        dy, ds = way.solve(-residual)
        free = way.states.shape[1]
        if number == 0:
            kept = float(np.max(np.abs(dy) / allowed, initial=0.0)) <= _NEGLIGIBLE
        if not (np.all(np.isfinite(dy)) and np.all(np.isfinite(ds))):
            break
        if kept:
            dy = np.zeros(y.size)
        near = _within(slope, dy, ds, _NEGLIGIBLE * allowed, _TOLD, _NEGLIGIBLE * slow)
        share = 1.0
        if near:  # and rounding may keep the residual from falling
            residual = system.residual(given.t, y + dy, slope + ds)
        else:
            share, residual = _shortened(system, Point(given.t, y, slope), dy, ds, residual, way)
        limits = np.maximum(_SETTLED * np.abs(y + dy), _SETTLED * allowed)
        settled = near and (
            number >= _ENOUGH or _within(slope, dy, ds, limits, _SETTLED_SLOPE, _NEGLIGIBLE * slow)
        )
        y, slope = y if kept else y + share * dy, slope + share * ds
        if settled:
            at = Point(given.t, y, slope)
            return at, _notes(given, at, allowed, slow, free, told)
    raise ValueError(
        f"No start near `y0` satisfies the {free} equations without derivatives: Newton's method "
        "does not converge. Give a start that satisfies them."
    )


def _within(
    slope: Array, dy: Array, ds: Array, limits: Array, relative: float, slow: Array
) -> bool:
    """Whether a step of states and slopes is small."""
    slopes = np.maximum(relative * np.abs(slope + ds), slow)
    return bool(np.all(np.abs(dy) <= limits) and np.all(np.abs(ds) <= slopes))


def _shortened(
    system: ImplicitSystem, at: Point, dy: Array, ds: Array, residual: Array, way: _Directions
) -> tuple[float, Array]:
    """Return the share of a step after which the residual is finite and not larger; and this."""
    share, before = 1.0, way.size(residual)
    while True:
        residual = system.residual(at.t, at.y + share * dy, at.slope + share * ds)
        if way.size(residual) <= before or share < _LEAST_STEP:
            return share, residual
        share *= 0.5


def _notes(
    given: Point, at: Point, allowed: Array, slow: Array, free: int, told: bool
) -> tuple[str, ...]:
    notes: tuple[str, ...] = ()
    if at.y is not given.y:
        k = int(np.argmax(np.abs(at.y - given.y) / allowed))
        notes += (
            f"the start was made consistent with the {free} equations without derivatives: y[{k}] "
            f"moved most, from {given.y[k]:g} to {at.y[k]:g}",
        )
    change = np.abs(at.slope - given.slope)
    size = np.maximum(np.abs(at.slope), slow / _TOLD)
    if told and np.any(change > _TOLD * size):
        k = int(np.argmax(change / size))
        notes += (
            "the slopes at the start were made consistent: that of "
            f"y[{k}] moved most, from {given.slope[k]:g} to {at.slope[k]:g}",
        )
    return notes


class _Directions:
    """Directions in which states and slopes may move, and the matrix of a Newton step."""

    def __init__(self, states: sp.csc_array, slopes: sp.csc_array, mass: Any, jacobian: Any):
        self.states, self.slopes = states, slopes
        matrix = sp.csc_array(sp.hstack([mass @ slopes, -(jacobian @ states)], format="csc"))
        self.matrix = matrix
        rows, columns = _sizes(matrix, 1), np.ones(matrix.shape[1])
        scaled = sp.csc_array(sp.diags_array(1.0 / rows) @ matrix)
        columns = _sizes(scaled, 0)
        scaled = sp.csc_array(scaled @ sp.diags_array(1.0 / columns))
        self._rows, self._columns = rows, columns
        self._factor = SparseLU(symmetric=False).factor(scaled)

    @classmethod
    def of(cls, mass: sp.csc_array, jacobian: sp.csc_array) -> _Directions:
        """Return unknowns that are in no derivative, else what M maps to zero.

        Raises
        ------
        ValueError
            If these are not determined.
        """
        n = mass.shape[0]
        mass = sp.csc_array(mass, copy=True)
        mass.eliminate_zeros()
        absent = np.diff(mass.indptr) == 0
        eye = sp.csc_array(sp.eye_array(n))
        made = cls(eye[:, absent], eye[:, ~absent], mass, jacobian)
        if _is_regular(made._factor):
            return made
        if n <= _MOST_DENSE:
            made = cls(*_null_space(mass), mass, jacobian)
            if _is_regular(made._factor):
                return made
        elif not unmatched(made.matrix)[0].size:
            raise ValueError(
                f"The matrix of the derivatives (`mass_matrix`, or that of F by y') is singular, "
                f"and with {n} unknowns those without derivatives are looked for among its columns "
                "of zeros only. Combine equations and unknowns so that as many columns are zero as "
                "equations hold no derivative, and reduce the index to one."
            )
        raise ValueError(f"{explain_index(mass, jacobian)}.")

    def size(self, residual: Array) -> float:
        """Return the size of a residual, each equation relative to its largest derivative."""
        size = float(np.max(np.abs(residual) / self._rows, initial=0.0))
        return size if np.isfinite(size) else np.inf

    def solve(self, right: Array) -> tuple[Array, Array]:
        """Return a step of the states, and one of the slopes."""
        step = self._factor.solve(right / self._rows) / self._columns
        count = self.slopes.shape[1]
        return np.asarray(self.states @ step[count:]), np.asarray(self.slopes @ step[:count])


def _sizes(matrix: sp.csc_array, axis: int) -> Array:
    """Return the largest entry of each row or column, 1 where there is none."""
    sizes = np.ravel(abs(matrix).max(axis=axis).toarray()) if matrix.nnz else np.zeros(0)
    if not sizes.size:
        return np.ones(matrix.shape[1 - axis])
    return np.where((sizes > 0.0) & np.isfinite(sizes), sizes, 1.0)


def _is_regular(factor: Factor) -> bool:
    if not factor.ok:
        return False
    pivots = np.abs(factor.lu.U.diagonal())
    return bool(pivots.min(initial=np.inf) > _SINGULAR * pivots.max(initial=0.0))


def _null_space(mass: sp.csc_array) -> tuple[sp.csc_array, sp.csc_array]:
    """Return a basis of what M maps to zero, and one of the complement."""
    n = mass.shape[0]
    _, sizes, V = np.linalg.svd(mass.toarray())
    rank = int(np.sum(sizes > n * np.finfo(float).eps * sizes[0])) if n and sizes[0] > 0 else 0
    return sp.csc_array(V[rank:].T), sp.csc_array(V[:rank].T)
