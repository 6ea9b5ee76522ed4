"""``F(t, y, y') = 0`` of greater index as a system of index one, and the equations that it keeps.

Structure tells how often each equation must be differentiated (`structural_index`). The system of
index one consists of the highest derivative of each equation, for the unknowns and their lower
derivatives. The highest ones that differentiated equations hold are unknowns as well: so the matrix
of what is differentiated stays as constant as that of F, and Newton's method with an old one
converges. Lower derivatives of the equations are kept by exact solutions
only, and states are projected onto them after each step.

Pryce (2001), "A simple structural analysis method for DAEs", BIT 41(2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.derivatives.row_part import RowPart
from sparsesolve.derivatives.time_derivatives import TimeDerivatives
from sparsesolve.methods.consistent import consistent_start
from sparsesolve.methods.manifold import Projection
from sparsesolve.methods.radau import Point
from sparsesolve.methods.residual import CscOrder
from sparsesolve.methods.structural_index import named_differentiations
from sparsesolve.options import Method

__all__ = ["ReducedSystem"]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

_AT_THE_START = 100  # Newton steps
_NEGLIGIBLE = 1e-2  # of what the tolerances allow
_COMPANY = 1e-2  # a move, in units of its willingness, that others would do as well
_KEPT = 1e-5  # how willingly what is given moves, compared with what is not


class _Layout:
    """Which derivatives are states: the unknowns themselves come first.

    Parameters
    ----------
    held : ndarray of int, shape (n,)
        How many derivatives of each unknown are states, itself counted.
    inputs : int
        How many inputs the equations have.
    """

    def __init__(self, held: Ints, inputs: int) -> None:
        n, most = held.size, int(held.max(initial=0))
        above = [(k, j) for k in range(1, most) for j in np.flatnonzero(held > k)]
        self.orders = np.array([0] * n + [k for k, _ in above], dtype=np.int64)
        self.unknowns = np.array([*range(n), *(j for _, j in above)], dtype=np.int64)
        self.size = self.orders.size
        place = {(k, j): i for i, (k, j) in enumerate(zip(self.orders, self.unknowns, strict=True))}
        follows = [place.get((k + 1, j)) for k, j in zip(self.orders, self.unknowns, strict=True)]
        self.chained = np.array([i for i, f in enumerate(follows) if f is not None], dtype=np.int64)
        self.next = np.array([f for f in follows if f is not None], dtype=np.int64)
        # where in ``t, states, slopes, 0`` each input of the equations stands
        self.source = np.full(inputs, 1 + 2 * self.size)
        self.source[0] = 0
        at = 1 + n * self.orders + self.unknowns
        self.source[at + n] = 1 + self.size + np.arange(self.size)
        self.source[at] = 1 + np.arange(self.size)


def _held(top: RowPart, times: Ints, highest: Ints) -> Ints:
    """Return how many derivatives of each unknown are states."""
    n = times.size
    held = np.maximum(highest, 1)
    differentiated = times[top.pattern.rows] > 0
    inputs = top.inputs[top.pattern.indices[differentiated]]
    inputs = inputs[inputs > 0] - 1
    np.maximum.at(held, inputs % max(n, 1), inputs // max(n, 1) + 1)
    return held


class _Rows:
    """Some differentiated equations as functions of time, states and slopes."""

    def __init__(self, part: RowPart, layout: _Layout, parameters: Any) -> None:
        self._part, self._parameters = part, parameters
        self._inputs = layout.source[part.inputs]
        self.pattern = part.pattern
        self.sources = self._inputs[self.pattern.indices]
        if np.any(self.sources > 2 * layout.size):
            raise ValueError(
                "`index_reduction` needs equations whose structure tells which derivatives they "
                "hold, and differentiated these hold others. Differentiate them by hand."
            )
        self._buffer = part.buffer()

    def value(self, z: Array) -> Array:
        """Return the equations."""
        out = np.empty(self.pattern.shape[0])
        return self._part.value(z[self._inputs], self._parameters, out)

    def values(self, z: Array) -> Array:
        """Return the nonzeros of their derivatives; valid until the next call."""
        return self._part.refill(self._buffer, z[self._inputs], self._parameters)


class _Kept:
    """The lower derivatives of equations, which hold states only."""

    def __init__(self, rows: _Rows, layout: _Layout) -> None:
        self._rows, self._none = rows, np.zeros(layout.size + 1)
        self._of_states = rows.sources > 0
        columns = rows.sources[self._of_states] - 1
        at = rows.pattern.rows[self._of_states]
        shape = rows.pattern.shape[0], layout.size
        self._order = CscOrder.of_entries(shape, at, columns)

    def value(self, t: float, y: Array) -> Array:
        """Return the equations."""
        return self._rows.value(np.concatenate([[t], y, self._none]))

    def matrix(self, t: float, y: Array) -> sp.csc_array:
        """Return their derivative by the states."""
        values = self._rows.values(np.concatenate([[t], y, self._none]))
        return self._order.matrix(values[self._of_states])


class ReducedSystem:
    """The system of index one; `ImplicitSystem` says what its methods mean.

    Parameters
    ----------
    residual, args : callable, tuple
        F and its further arguments.
    t, y : float, ndarray
        The start.
    offsets : tuple of ndarray
        From `structural_index.offsets`.
    method : str
        As for `jacobian`.
    """

    def __init__(
        self,
        residual: Callable[..., Any],
        t: float,
        y: Array,
        args: tuple[Any, ...],
        offsets: tuple[Ints, Ints],
        method: Method,
    ) -> None:
        self.times, highest = offsets
        most = int(self.times.max(initial=0))
        made = TimeDerivatives(residual, t, y, args, most, method)
        n = self.n = y.size
        top = made.rows(np.arange(n), self.times)
        held = _held(top, self.times, highest)
        layout = self._layout = _Layout(held, 1 + n * (most + 2))
        self._rows = _Rows(top, layout, made.parameters)
        lower = [(i, k) for k in range(most) for i in np.flatnonzero(self.times > k)]
        pairs = np.array(lower, dtype=np.int64).reshape(-1, 2)
        kept = _Rows(made.rows(pairs[:, 0], pairs[:, 1]), layout, made.parameters)
        self._kept = _Kept(kept, layout)
        self.project = Projection(self._kept)
        self._split()

    def _split(self) -> None:
        """Sort the entries into those by states and by slopes."""
        layout, rows = self._layout, self._rows
        size, sources = layout.size, rows.sources - 1
        self._of_state = (sources >= 0) & (sources < size)
        self._of_slope = sources >= size
        chained = self.n + np.arange(layout.chained.size)
        self._ones = np.ones(chained.size)
        self._state, self._slope = (
            CscOrder.of_entries(
                (size, size),
                np.concatenate([rows.pattern.rows[part], chained]),
                np.concatenate([sources[part] % max(size, 1), columns]),
            )
            for part, columns in (
                (self._of_state, layout.next),
                (self._of_slope, layout.chained),
            )
        )

    def residual(self, t: float, y: Array, slope: Array) -> Array:
        """Return the equations, and those that say which state is the slope of which."""
        layout = self._layout
        equations = self._rows.value(np.concatenate([[t], y, slope, [0.0]]))
        return np.concatenate([equations, slope[layout.chained] - y[layout.next]])

    def linearize(self, t: float, y: Array, slope: Array) -> tuple[sp.csc_array, sp.csc_array]:
        """Return the derivative by the slopes, and minus that by the states."""
        values = self._rows.values(np.concatenate([[t], y, slope, [0.0]]))
        return (
            self._slope.matrix(np.concatenate([values[self._of_slope], self._ones])),
            self._state.matrix(np.concatenate([-values[self._of_state], self._ones])),
        )

    def spread(self, of_unknowns: Array) -> Array:
        """Return for each state what belongs to its unknown."""
        return np.asarray(of_unknowns)[self._layout.unknowns]

    def start(self, given: Point, allowed: Array, span: float) -> tuple[Point, str]:
        """Return a start that satisfies all equations, and a note where y was moved.

        Parameters
        ----------
        given : Point
            With the unknowns and a guess of their slopes.
        allowed : ndarray, shape (n,)
            What counts as an error of one.
        span : float
            Length of the time to be integrated.

        Raises
        ------
        ValueError
            If none is found.
        """
        n, layout = self.n, self._layout
        slopes = np.zeros(layout.size)
        slopes[:n] = given.slope
        states = self._on_kept(given)
        slopes[layout.chained] = states[layout.next]
        here = Point(given.t, states, slopes)
        try:
            at, _ = consistent_start(self, here, self.spread(allowed), span, told=False)
        except ValueError as error:
            raise ValueError(
                f"With {named_differentiations(self.times)} differentiated by t, as structure "
                "says, the equations do not determine the highest derivatives near the start. "
                "Give a start that satisfies the equations, or reduce the index by hand."
            ) from error
        return at, _moved(given.y, at.y[:n], allowed)

    def _on_kept(self, given: Point) -> Array:
        """Return states that satisfy the lower derivatives of the equations."""
        layout = self._layout
        known, first = layout.orders == 0, layout.orders == 1
        guess = np.where(known, given.y[layout.unknowns], 0.0)
        guess[first] = given.slope[layout.unknowns[first]]
        scale = (1.0 + np.abs(guess)) * np.where(known, _KEPT, 1.0)
        project = Projection(self._kept, _AT_THE_START)
        states = project(given.t, guess, scale)
        if states is not None:  # what has moved for company stays as it was given
            stays = known & (np.abs(states - guess) <= _COMPANY * scale)
            states = project(given.t, np.where(stays, guess, states), scale)
        if states is None:
            raise ValueError(
                "No start near `y0` satisfies the equations and their derivatives: Newton's method "
                "does not converge. Give a start that satisfies them, and `yp0`."
            )
        return states


def _moved(before: Array, after: Array, allowed: Array) -> str:
    change = np.abs(after - before) / allowed
    if not np.any(change > _NEGLIGIBLE):
        return ""
    k = int(np.argmax(change))
    return (
        "the start was made consistent with the equations and their derivatives: "
        f"y[{k}] moved most, from {before[k]:g} to {after[k]:g}"
    )
