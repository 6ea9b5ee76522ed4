"""Stiff systems by TS: `M y' = f(t, y)` as the implicit form that PETSc's integrators take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from sparsesolve.adapters.mass_matrix import read_mass_matrix
from sparsesolve.adapters.petsc.distributed import Distributed, distributed
from sparsesolve.adapters.petsc.library import require_petsc
from sparsesolve.adapters.petsc.linear import choose_linear_solver, precondition_on_the_right
from sparsesolve.adapters.petsc.matrix import constant_matrix
from sparsesolve.adapters.petsc.options import answer_of, options_set
from sparsesolve.adapters.petsc.outcome import reason_of, version_of
from sparsesolve.adapters.petsc.ranks import Ranks
from sparsesolve.options import SolverDerivatives

__all__ = ["integrate_by_ts"]

Array = NDArray[np.float64]
Ids = NDArray[Any]

_TAKEN = ("t_eval", "mass_matrix", "rtol", "atol", "first_step", "options")
_RTOL, _ATOL = 1e-3, 1e-6  # scipy's
_FIRST = 1e-4  # of the span, where no first step is given
_MOST_STEPS = 1_000_000
_DEFAULTS = {"ts_bdf_order": 4}  # PETSc's own, 2, takes three times the steps


def integrate_by_ts(
    rhs: Callable[..., Any],
    t_span: tuple[float, float],
    y0: Array,
    *,
    args: tuple[Any, ...],
    derivatives: SolverDerivatives,
    given: Mapping[str, Any],
) -> Any:
    """Integrate; the arguments are those of `sparsesolve.solve_ivp`.

    Parameters
    ----------
    rhs, t_span, y0, args, derivatives
        See `sparsesolve.solve_ivp`.
    given : mapping
        What else it was given.

    Returns
    -------
    OdeResult
        States at `t_eval`; without, at the start and the end.
    """
    refused = sorted(set(given) - {*_TAKEN, "vectorized"})
    if refused:
        raise TypeError(
            f"with method='petsc', `solve_ivp` takes {', '.join(_TAKEN)}; got "
            f"{', '.join(refused)}. Other settings are options of PETSc's, such as "
            "options={'ts_max_steps': 1000}."
        )
    times = _times(t_span, given.get("t_eval"))
    answer, options = answer_of(given.get("options"))
    ranks = Ranks(require_petsc())
    ranks.require_same_given(t_span=t_span, y0=y0, **given)
    with options_set(ranks.petsc, _DEFAULTS | options) as known:
        system, notes = distributed(ranks, rhs, [float(times[0]), y0, *args], 1, derivatives)
        if not system.parameters or np.shape(system.parameters[0]) != ():
            raise ValueError("expected `rhs` to take the time, a number, before the state.")
        return _Integration(system, y0, times, given).run(answer, known, notes)


def _times(t_span: tuple[float, float], wanted: Any) -> Array:
    """Return the times at which states are wanted, the start first."""
    start, end = t_span
    if not (np.isfinite(t_span).all() and start < end):
        raise ValueError(
            f"method='petsc' integrates forward from a finite time to another, got {t_span}. "
            "Let time run backward in the function."
        )
    times = np.array(t_span if wanted is None else wanted, dtype=np.float64).reshape(-1)
    if times.size and (times[0] < start or times[-1] > end or np.any(np.diff(times) <= 0)):
        raise ValueError("`t_eval` must increase, within `t_span`.")
    if not times.size or times[0] > start:
        times = np.concatenate([[start], times])
    return times


class _Integration:
    """One run of TS."""

    def __init__(
        self, system: Distributed, y0: Array, times: Array, given: Mapping[str, Any]
    ) -> None:
        self.system, self.times, self.given = system, times, given
        self.y = system.vector(y0)
        self._rate = system.vector()
        mass = given.get("mass_matrix")
        owned = _mass_rows(mass, system, y0.size)
        self._mass = (
            None if mass is None else constant_matrix(system.ranks, system.numbering, *owned)
        )
        self._matrices = system.matrices(owned)

    def _at(self, t: float) -> list[Array]:
        return [np.array(t), *self.system.parameters[1:]]

    def residual(self, _: Any, t: float, y: Any, slope: Any, out: Any) -> None:
        """Write ``M y' - f(t, y)``."""
        self.system.value(y, self._rate, self._at(t))
        if self._mass is None:
            slope.copy(out)
        else:
            self._mass.mult(slope, out)
        out.axpy(-1.0, self._rate)

    def jacobian(
        self, _: Any, t: float, y: Any, slope: Any, shift: float, operator: Any, matrix: Any
    ) -> None:
        """Write ``shift M - J``."""
        self.system.jacobian(y, operator, self._at(t), shift)

    def run(self, answer: str, known: Any, notes: tuple[str, ...]) -> Any:
        """Integrate from time to time, and keep the states."""
        petsc = self.system.ranks.petsc
        ts, more = self._prepared(known)
        states, code = [self._state(answer)], 1
        for time in self.times[1:]:
            ts.setMaxTime(time)
            ts.solve(self.y)
            code = int(ts.getConvergedReason())
            if code < 0 or ts.getTime() < time - 1e-9 * abs(time - self.times[0]):
                break
            states.append(self._state(answer))
        nlu = int(ts.getSNESIterations())
        success = len(states) == len(self.times)
        message = reason_of(petsc.TS.ConvergedReason, code)
        if not success:
            message = f"{message} at t = {ts.getTime():g}"
        return self._told(states, answer, nlu, success, f"TS: {message}.", notes + more)

    def _prepared(self, known: Any) -> tuple[Any, tuple[str, ...]]:
        ranks, petsc, times = self.system.ranks, self.system.ranks.petsc, self.times
        ts = petsc.TS().create(comm=ranks.comm)
        ts.setIFunction(self.residual, self.system.vector())
        ts.setIJacobian(self.jacobian, *self._matrices)
        ts.setType("bdf")
        ts.setTolerances(rtol=self.given.get("rtol", _RTOL), atol=self._atol())
        ts.setTime(times[0])
        ts.setTimeStep(self.given.get("first_step") or _FIRST * (times[-1] - times[0]))
        ts.setMaxSteps(_MOST_STEPS)
        ts.setExactFinalTime(petsc.TS.ExactFinalTime.MATCHSTEP)
        ts.setErrorIfStepFails(False)
        notes = choose_linear_solver(
            self.system, ts.getSNES().getKSP(), known, pivoting=self._mass is not None
        )
        ts.setFromOptions()
        if ts.getType() == "arkimex":
            ts.setARKIMEXFullyImplicit(True)
        precondition_on_the_right(petsc, ts.getSNES().getKSP(), known)
        return ts, notes

    def _atol(self) -> Any:
        atol = self.given.get("atol", _ATOL)
        return float(atol) if np.ndim(atol) == 0 else self.system.vector(np.asarray(atol))

    def _state(self, answer: str) -> Array:
        owned = np.array(self.y.getArray(readonly=True))
        return self.system.whole(self.y) if answer == "gathered" else owned

    def _told(
        self,
        states: list[Array],
        answer: str,
        nlu: int,
        success: bool,
        message: str,
        notes: tuple[str, ...],
    ) -> Any:
        """Write scipy's result."""
        times = self.times[: len(states)]
        wanted = self.given.get("t_eval")
        if wanted is not None and len(times) > np.size(wanted):  # the start was not asked for
            times, states = times[1:], states[1:]
        run = solve_ivp(lambda t, y: y, (0.0, 0.0), [0.0])
        system = self.system
        y = np.array(states).T if states else np.empty((self.y.getLocalSize(), 0))
        run.update(t=times, y=y, success=success, status=0 if success else -1, message=message)
        run.update(nfev=system.counts["value"], njev=system.counts["jacobian"], nlu=nlu)
        run.update(notes=notes, backend=version_of(system.ranks.petsc, system.ranks.size))
        if answer == "owned":
            run.update(owned=system.numbering.owned)
        return run


def _mass_rows(mass: Any, system: Distributed, n: int) -> tuple[Ids, Ids, Array]:
    """Return the entries of M in the rows of this rank: row from the first owned, column, value."""
    owned = system.numbering.owned
    if mass is None:
        rows = np.arange(owned.size)
        return rows, system.numbering.of(owned), np.ones(owned.size)
    if callable(mass):
        raise TypeError("with method='petsc', `mass_matrix` must be constant, got a function.")
    found = sp.csr_array(read_mass_matrix(mass, n))[owned].tocoo()
    return found.row, system.numbering.of(found.col), found.data
