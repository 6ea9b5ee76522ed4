"""The class `scipy.integrate.ode` on functions that hold traced values.

It keeps a state and goes on from it. While a function is traced, each call of `integrate` is one
more row of one solution: the same integrator goes through the same times again, with numbers, for
values and for sensitivities.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import wraps
from typing import Any

import autograd.numpy as anp
import numpy as np
from numpy.typing import NDArray

from sparsesolve.numpy_ops.integration import OPERATIONS, TIGHT
from sparsesolve.trace.closures import Opened
from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__: list[str] = []

Array = NDArray[np.float64]

_FIX = (
    "Give it constant times, and its function and parameters before the first step; or use "
    "scipy.integrate.solve_ivp"
)


class _Course:
    """Where a stepper begins, and all times that it has come to."""

    def __init__(self, stepper: Any, opened: Opened, start: Any, t0: float) -> None:
        self.times: list[float] = []
        self.works = True
        self._opened, self._t0 = opened, t0
        self._kind, self._integrator = type(stepper), copy.copy(stepper._integrator)
        self.start = anp.reshape(operand(start), (-1,)) * 1.0
        make = OPERATIONS.get("steps")
        if make is None:
            raise refuse(f"a stepper that is traced by itself at {user_line()}", _FIX)
        bind: Any = lambda values: self._bound(values)  # noqa: E731
        bind.calls = opened.used()
        self._row = make(self._solve, bind, holds_boxes(start))

    def _bound(self, values: Any) -> Callable[[Any, Any], Any]:
        function, given = self._opened(values)
        return lambda t, y: function(t, y, *given)

    def to(self, t: float) -> Any:
        """Return the state at one more time."""
        self.times.append(float(t))
        return self._row(len(self.times) - 1)(self.start, *self._opened.values)

    def _solve(self, rhs: Any, start: Array, band: int | None) -> Array:
        """Go through all times; NaN from where the integrator fails."""
        stepper = object.__new__(self._kind)
        self._kind.__init__(stepper, rhs)
        integrator = stepper._integrator = copy.copy(self._integrator)
        if band is not None:
            for name, tight in TIGHT.items():
                setattr(integrator, name, min(tight, float(np.min(getattr(integrator, name)))))
            integrator.nsteps = 50_000
        stepper._y = np.array(start)  # or it would take another integrator
        stepper.set_initial_value(stepper._y, self._t0)
        rows = np.full((len(self.times), np.size(start)), np.nan)
        for row, t in zip(rows, self.times, strict=True):
            found = stepper.integrate(t)
            if band is None:
                self.works = bool(stepper.successful())
            if not stepper.successful():
                break
            row[:] = found
        return rows


@replaces("scipy.integrate._ode", "ode.set_initial_value")
def _set_initial_value(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def call(self: Any, y: Any, t: Any = 0.0) -> Any:
        vars(self).pop("_course", None)
        vars(self)["_begun"] = y, t
        if not holds_boxes(y):
            return plain(self, y, t)
        plain(self, np.zeros(np.size(operand(y))), t)
        self._y = anp.reshape(operand(y), (-1,)) * 1.0
        return self

    return call


@replaces("scipy.integrate._ode", "ode.integrate")
def _integrate(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def call(self: Any, t: Any, step: bool = False, relax: bool = False) -> Any:
        opened = Opened((self.f, self.f_params))
        start, t0 = vars(self).get("_begun", (None, 0.0))
        course = vars(self).get("_course")
        if course is None and not opened.values and not holds_boxes(start) and not holds_boxes(t):
            return plain(self, t, step, relax)
        if step or relax or holds_boxes(t) or holds_boxes(t0) or start is None:
            raise refuse(f"single steps or traced times of ode at {user_line()}", _FIX)
        if course is None:
            if self.t != t0:
                raise refuse(f"an ode that has begun without traced values at {user_line()}", _FIX)
            course = vars(self)["_course"] = _Course(self, opened, start, t0)
            vars(self)["_of"] = self.f, self.f_params
        if (self.f, self.f_params) != vars(self)["_of"]:
            raise refuse(f"an ode with other parameters on the way at {user_line()}", _FIX)
        self._y, self.t = course.to(t), t
        self._integrator.success = int(course.works)
        return self._y

    return call
