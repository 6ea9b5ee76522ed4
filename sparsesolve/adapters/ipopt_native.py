"""IPOPT through its C interface, with callbacks in machine code.

It replaces one part of `ipopt_c` only: what IPOPT calls. That code computes each
value once a point (see `engine.llvm.run.c_callbacks`) and leaves to Python, with the same
arguments, what it cannot do: kinds without machine code, and points where something is not finite.
What it has seen goes to the evaluation and to the monitor, at the end, and at each iteration if
somebody watches.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
from functools import cached_property
from typing import Any

from sparsesolve.adapters.ipopt_c import CALLBACKS, CProblem
from sparsesolve.derivatives.c_callbacks import make_c_callbacks
from sparsesolve.methods.monitor import FEASIBLE, IterationState

__all__ = ["NativeProblem"]

_BEAT = ctypes.CFUNCTYPE(ctypes.c_int)
_KINDS = {
    "objective": "function",
    "gradient": "gradient",
    "constraints": "constraints",
    "jacobian": "jacobian",
    "hessian": "hessian",
}


class NativeProblem(CProblem):
    """A `CProblem` that calls Python for little; where nothing has machine code, for everything."""

    _native: Any = None  # `CCallbacks`, during a solve
    _resting: Any = None  # that of the solve before
    _notes = False  # whether only the numbers of each iteration are wanted

    def renew(self, problem_obj: Any) -> None:
        """Take other callbacks, with the structures of those before, for another solve."""
        super().renew(problem_obj)
        if self._user is not None:  # IPOPT goes on calling what it was told of at first
            self._codes()

    def _codes(self) -> list[Any]:
        evaluation, monitor = self._given.evaluation, self._given.monitor
        rows = (evaluation.row_lower, evaluation.row_upper)
        bounds = (evaluation.lower, evaluation.upper, *rows)
        resting, self._resting = self._resting, None
        self._native = make_c_callbacks(evaluation.derivatives, bounds, FEASIBLE, resting)
        if self._native is None and resting is not None:  # nothing has machine code any more
            resting.begin({})
            self._native = resting
        if self._native is None:
            return super()._codes()
        watched = monitor is not None and monitor.watched
        intermediate = self._addresses["intermediate"]
        seen = intermediate if watched or not self._native.ranks else 0
        self._notes = monitor is not None and not seen
        note = intermediate if self._notes else 0
        if self._native is not resting:
            self._native.ask(**{kind: self._addresses[name] for name, kind in _KINDS.items()})
        main = threading.current_thread() is threading.main_thread()
        self._native.tell(beat=self._beat[1] if main else 0, intermediate=seen, note=note)
        self._user = self._native.address
        return [ctypes.c_void_p(address) for address in self._native.addresses.values()]

    @cached_property
    def _addresses(self) -> dict[str, int]:
        """Addresses of the callbacks in Python."""
        codes = (code.value or 0 for code in super()._codes())
        return dict(zip(CALLBACKS, codes, strict=True))

    @cached_property
    def _beat(self) -> tuple[Any, int]:
        """A callback in which Python sees to signals, on the way in, and its address."""
        problem = weakref.ref(self)  # or else it would keep itself alive
        beat = _BEAT(lambda: int(getattr(problem(), "_error", None) is None))
        return beat, ctypes.cast(beat, ctypes.c_void_p).value or 0

    def _keep(self, error: BaseException) -> None:
        super()._keep(error)
        if self._native is not None:
            self._native.stop()

    def _intermediate(self, *values: Any) -> bool:
        given = self._given
        if self._notes:
            _, iteration, fun, violation, optimality, given.last_mu, step = values[:7]
            iteration += given.iterations_before
            given.monitor.note(iteration, fun, violation, optimality, step)
            return self._error is None
        self._hand_over()
        return super()._intermediate(*values)

    def _hand_over(self) -> None:
        """Give points and values to the evaluation, which then need not compute them again."""
        if self._native is None:
            return
        evaluation = self._given.evaluation
        for x, values in self._native.points():
            evaluation.adopt(x, values)
        newest = self._native.newest()
        if newest is not None:
            evaluation.newest = newest

    def _close(self) -> None:
        native, evaluation, monitor = self._native, self._given.evaluation, self._given.monitor
        if native is None:
            return
        self._hand_over()
        evaluation.see_first_gradient(native.first_gradient())
        if monitor is not None:
            best = native.best()
            monitor.adopt(native.iterations(), _state(monitor, native.iterations(), best))
        evaluation.count(*native.release())
        self._native, self._resting = None, native


def _state(monitor: Any, iteration: int, best: Any) -> IterationState | None:
    if best is None:
        return None
    x, fun, excess = best
    return IterationState(
        iteration, x, fun, excess + FEASIBLE if excess else 0.0, solver=monitor.solver
    )
