"""Gradients of what is computed from a trajectory of ``F(t, y, y') = 0``, by its adjoint.

With E and G the derivatives of F by y' and by y, the adjoint l satisfies ``(E' l)' = G' l``. Its
unknowns here are l and m = E' l, so that E is never differentiated: ``m' = G' l`` and ``m = E' l``
where y' is in F, ``0 = G' l`` where it is not. Where the system is of index one, so are these.
The unknowns of y whose slopes are in no equation are known by structure. States come from the
dense output of the run, slopes and what has none by Newton's method from there.

Cao, Li, Petzold, Serban (2003), "Adjoint sensitivity analysis for differential-algebraic
equations", SIAM J. Sci. Comput. 24(3).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from sparsesolve.adapters.adjoint import FINER, WeightedTimes, integrate_back
from sparsesolve.adapters.mass_matrix import MassSystem
from sparsesolve.derivatives.jumps import may_jump
from sparsesolve.methods.consistent import consistent_start
from sparsesolve.methods.radau import Point

__all__ = ["ImplicitAdjoint"]

Array = NDArray[np.float64]

_KEPT = 8  # times: a step of the adjoint comes back to a few
_MOST_ITERATIONS = 10
_SETTLED = 1e-11  # a step, relative to the state and the slope
_ASIDE = 1e-6  # part of the span in which a slope is guessed


class _Linear(NamedTuple):
    """The derivatives of F at one time, transposed: by slopes and states, and by parameters."""

    by_slopes: sp.csr_array
    by_states: sp.csr_array
    by_parameters: list[sp.csc_array]
    solve: Callable[[Array], Array]
    """Solves for l, given ``E' l`` where there are slopes and ``G' l`` where there are none."""


class ImplicitAdjoint(WeightedTimes):
    """``run.vjp`` of an implicit system.

    Parameters
    ----------
    run : OdeResult
        Its times, states and dense output.
    system : TracedSystem
        What was integrated: F as a function of t and the pair of y and y'.
    example : list
        Arguments of F at the start, the pair in one.
    wanted : int, str or tuple
        As for `TrajectorySensitivities`.
    rtol : float
        That of the run.
    """

    def __init__(self, run: Any, system: Any, example: list[Any], wanted: Any, rtol: float) -> None:
        if may_jump(system.prepared):
            raise ValueError(
                "`adjoint` takes equations that cannot jump here, got some with operations that "
                "may: the gradient is not compared with differences."
            )
        super().__init__(run, system.function, example, wanted, system.traced_method)
        self._system, self._rtol = system, FINER * rtol
        ends = [self._begin, *run.t]
        self._span = min(ends), max(ends)
        has_slope = np.diff(system.structures[0].indptr) > 0
        self._moving, self._still = np.flatnonzero(has_slope), np.flatnonzero(~has_slope)
        self._known: OrderedDict[float, _Linear] = OrderedDict()
        kept = np.ones(self._moving.size + self._q)
        self._mass = sp.csc_array(sp.diags_array(np.concatenate([kept, np.zeros(self._n)])))

    def _at(self, t: float) -> _Linear:
        found = self._known.get(t)
        if found is None:
            found = self._known[t] = self._linearized(t)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found

    def _linearized(self, t: float) -> _Linear:
        y, slope = np.array(self._sol(t)), self._slope_about(t)
        for _ in range(_MOST_ITERATIONS):
            E, minus_G = self._system.linearize(t, y, slope)
            factor = self._factor(E, minus_G, t)
            step = factor.solve(-self._system.residual(t, y, slope))
            moved = np.zeros(self._n), np.zeros(self._n)
            moved[1][self._moving] = step[: self._moving.size]
            moved[0][self._still] = step[self._moving.size :]
            y, slope = y + moved[0], slope + moved[1]
            sizes = (np.abs(part).max(initial=0.0) for part in (y, slope))
            if np.abs(step).max(initial=0.0) <= _SETTLED * max(1.0, *sizes):
                break
        else:
            raise ValueError(f"The equations are not solved by slopes at t = {t:g}.")
        pair = np.stack([y, slope])
        parts = [p.transposed(t, pair) for p in self._of_parameters.values()]
        by_slopes, by_states = sp.csr_array(E.T), sp.csr_array(-minus_G.T)
        return _Linear(by_slopes, by_states, parts, lambda v: factor.solve(v, trans="T"))

    def _factor(self, E: sp.csc_array, minus_G: sp.csc_array, t: float) -> Any:
        """Factorize the derivatives by slopes, and by states that have none."""
        both = sp.hstack([E[:, self._moving], -minus_G[:, self._still]], format="csc")
        try:
            factor = splu(both)
            diagonal = np.abs(factor.U.diagonal())
            if diagonal.min() > self._n * np.finfo(float).eps * diagonal.max():
                return factor
        except RuntimeError:
            pass
        raise ValueError(
            f"`adjoint` needs equations that determine all slopes that are in them, and all states "
            f"that are in them without slopes; at t = {t:g} they do not. Combine equations and "
            "unknowns so that each slope in them is determined."
        )

    def _slope_about(self, t: float) -> Array:
        low, high = self._span
        aside = _ASIDE * (high - low)
        before, after = max(low, t - aside), min(high, t + aside)
        return np.asarray((self._sol(after) - self._sol(before)) / (after - before))

    def _jump(self, weight: Array, t: float) -> Array:
        at = self._at(t)
        pulse = at.solve(np.concatenate([np.zeros(self._moving.size), weight[self._still]]))
        step = np.zeros(self._n)
        step[self._moving] = (weight - at.by_states @ pulse)[self._moving]
        return np.concatenate([step, *(-(part @ pulse) for part in at.by_parameters)])

    def _back(self, z: Array, start: float, end: float, size: float) -> Array:
        if start == end or not z.any():
            return z
        inner = np.concatenate([z[self._moving], z[self._n :]])
        right = np.concatenate([z[self._moving], np.zeros(self._still.size)])
        inner = np.concatenate([inner, self._at(start).solve(right)])
        system = MassSystem(self._mass, self._slopes, self._matrix)
        given = Point(start, inner, np.zeros(inner.size))
        allowed = self._rtol * (size + np.abs(inner))
        at, _ = consistent_start(system, given, allowed, abs(end - start), told=False)
        inner = integrate_back(system, at.y, at.slope, (start, end), self._rtol, size)
        back = np.zeros(z.size)
        back[self._moving] = inner[: self._moving.size]
        back[self._n :] = inner[self._moving.size : self._moving.size + self._q]
        return back

    def _slopes(self, t: float, inner: Array) -> Array:
        """Return m', q' and the equations, of m, q and l."""
        at = self._at(t)
        adjoint = inner[self._moving.size + self._q :]
        states = at.by_states @ adjoint
        gap = inner[: self._moving.size] - (at.by_slopes @ adjoint)[self._moving]
        integrals = [part @ adjoint for part in at.by_parameters]
        return np.concatenate([states[self._moving], *integrals, gap, states[self._still]])

    def _matrix(self, t: float, inner: Array) -> sp.csc_array:
        """Return the derivatives of `_slopes`, which are linear."""
        at, moving = self._at(t), self._moving.size
        of_adjoint = sp.vstack(
            [
                at.by_states[self._moving],
                *at.by_parameters,
                -at.by_slopes[self._moving],
                at.by_states[self._still],
            ]
        )
        above = moving + self._q
        rows, columns = above + np.arange(moving), np.arange(moving)
        of_others = sp.coo_array((np.ones(moving), (rows, columns)), shape=(inner.size, above))
        matrix = sp.csc_array(sp.hstack([of_others, of_adjoint], format="csc"))
        matrix.sort_indices()
        return matrix
