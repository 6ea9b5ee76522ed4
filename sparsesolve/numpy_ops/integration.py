"""`scipy.integrate` on functions that hold traced values: `odeint`, `solve_ivp`, `quad`.

Separate because these are compiled or step as they like: they are called, never traced. What the
function that they integrate has closed over becomes an argument of the call, and the derivative
comes from the integral of the derivatives, which `sparsesolve.derivatives` provides.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import autograd.numpy as anp
import numpy as np

from sparsesolve.trace.closures import Opened
from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__ = ["OPERATIONS", "TIGHT"]

OPERATIONS: dict[str, Callable[..., Any]] = {}
"""What makes the operations ``ode``, ``steps`` and ``integral``; a later stage fills it."""

TIGHT = {"rtol": 1e-7, "atol": 1e-9}  # tolerances of sensitivities, at most


def _refuse(got: str, fix: str) -> NoReturn:
    raise refuse(f"{got} at {user_line()}", fix)


# --- differential equations ---


@replaces("scipy.integrate", "odeint")
def _odeint(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(
        func: Any, y0: Any, t: Any, args: Any = (), Dfun: Any = None, *rest: Any, **options: Any
    ) -> Any:
        args = args if isinstance(args, tuple) else (args,)
        opened = Opened((func, args))
        if not opened.values and not holds_boxes(y0) and not holds_boxes(t):
            return plain(func, y0, t, args, Dfun, *rest, **options)
        if rest or options.pop("full_output", 0) or holds_boxes(t):
            _refuse("odeint with full_output, positional options or traced times", _CONSTANT)
        first = options.pop("tfirst", False)
        for name in ("col_deriv", "ml", "mu", "printmessg"):
            options.pop(name, None)

        def bind(values: Any) -> Any:
            function, given = opened(values)
            if first:
                return lambda t, y: function(t, y, *given)
            return lambda t, y: function(y, t, *given)

        def solve(rhs: Any, y0: Any, band: int | None) -> Any:
            own = options | _tighter(options, 1.49e-8, "mxstep") if band is not None else options
            return plain(rhs, y0, t, tfirst=True, ml=band, mu=band, **own)

        return _ode(solve, bind, y0, opened)

    return call


_CONSTANT = "Give it constant times and leave the other options out"


def _tighter(options: dict[str, Any], default: float, steps: str | None = None) -> dict[str, Any]:
    """Options for the sensitivities, of which there are more than of unknowns."""
    most: dict[str, Any] = {steps: 50_000} if steps else {}
    for name, tight in TIGHT.items():
        given = options.get(name)
        most[name] = min(tight, float(np.min(default if given is None else given)))
    return most


def _ode(solve: Any, bind: Any, y0: Any, opened: Opened) -> Any:
    """Record a solution at constant times: one row a time."""
    y0 = anp.reshape(operand(y0), (-1,)) * 1.0
    bind.calls = opened.used()
    make = OPERATIONS.get("ode")
    if make is None:
        _refuse("a differential equation that is traced by itself", "Use sparsesolve.jacobian")
    return make(solve, bind, holds_boxes(y0))(y0, *opened.values)


class _Solution:
    """What stands for the result of `solve_ivp`."""

    def __init__(self, t: Any, y: Any) -> None:
        self.t, self.y = t, y
        self.success, self.status, self.message = True, 0, "The solver reached the end."
        self.sol: Any = None
        self.t_events = self.y_events = None

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


class _Dense:
    """What stands for a solution between its steps."""

    def __init__(self, rows: Callable[..., Any]) -> None:
        self._rows = rows

    def __call__(self, t: Any) -> Any:
        if holds_boxes(t):
            _refuse("a solution of solve_ivp at traced times", _CONSTANT)
        times = np.asarray(t, dtype=float)
        found = anp.transpose(self._rows(np.atleast_1d(times), dense=True))
        return found if times.ndim else found[:, 0]


class _AtTheEnd:
    """Values at the end only, of a solution at times that the solver chooses."""

    def __init__(self, values: Any) -> None:
        self._values = values

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, tuple) and len(index) == 2 and index[1] == -1:
            return self._values[index[0]]
        if index == -1 and not np.ndim(self._values):
            return self._values
        if isinstance(index, int) and np.ndim(self._values):
            return _AtTheEnd(self._values[index])
        _refuse("values of solve_ivp at times of its own", _TIMES)

    def __getattr__(self, name: str) -> NoReturn:
        _refuse("values of solve_ivp at times of its own", _TIMES)


_TIMES = "Give it t_eval=[...], or use those at the end, as in y[:, -1]"


@replaces("scipy.integrate", "solve_ivp")
def _solve_ivp(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(
        fun: Any,
        t_span: Any,
        y0: Any,
        method: Any = "RK45",
        t_eval: Any = None,
        dense_output: bool = False,
        events: Any = None,
        vectorized: bool = False,
        args: Any = None,
        **options: Any,
    ) -> Any:
        opened = Opened((fun, tuple(args or ())))
        times = holds_boxes(t_span) or holds_boxes(t_eval)
        if not opened.values and not holds_boxes(y0) and not times:
            given = (method, t_eval, dense_output, events, vectorized, args)
            return plain(fun, t_span, y0, *given, **options)
        if times or events is not None:
            _refuse("solve_ivp with traced times or events", _CONSTANT)
        for name in ("jac", "jac_sparsity", "lband", "uband"):
            options.pop(name, None)

        def bind(values: Any) -> Any:
            function, given = opened(values)
            return lambda t, y: function(t, y, *given)

        def solve(times: Any, dense: bool, rhs: Any, y0: Any, band: int | None) -> Any:
            own = options | _tighter(options, 1e-3) if band is not None else dict(options)
            if band is not None and method == "LSODA":
                own |= {"lband": band, "uband": band}
            found = plain(rhs, t_span, y0, method, None if dense else times, dense, **own)
            if not found.success:
                return np.full((len(times), np.size(y0)), np.nan)
            return (found.sol(times) if dense else found.y).T

        def rows(times: Any, *, dense: bool = False) -> Any:
            return _ode(partial(solve, times, dense), bind, y0, opened)

        if t_eval is None:
            at_the_end = rows([t_span[-1]])[0]
            found = _Solution(np.asarray(t_span, dtype=float), _AtTheEnd(at_the_end))
        else:
            found = _Solution(np.asarray(t_eval, dtype=float), anp.transpose(rows(t_eval)))
        found.sol = _Dense(rows) if dense_output else None
        return found

    return call


# --- ours, which are SciPy's within a function that is traced; what they need is loaded ---


@replaces("sparsesolve.front.integrate", "odeint")
def _our_odeint(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, derivatives: Any = None, **options: Any) -> Any:
        return sys.modules["scipy.integrate"].odeint(*args, **options)

    return call


@replaces("sparsesolve.front.integrate", "solve_ivp")
def _our_solve_ivp(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(rhs: Any = None, *given: Any, fun: Any = None, **options: Any) -> Any:
        method = given[2] if len(given) > 2 else options.setdefault("method", "BDF")
        others = {"mass_matrix", "sensitivity", "kwargs"}.intersection(options)
        if others or method in ("auto", "krylov", "cvode", "petsc"):
            _refuse(
                f"sparsesolve.solve_ivp with {', '.join(sorted(others)) or repr(method)} inside of "
                "a function",
                "Use the methods and arguments of scipy.integrate.solve_ivp",
            )
        options = {k: v for k, v in options.items() if k not in ("jac", "derivatives")}
        function = fun if rhs is None else rhs
        return sys.modules["scipy.integrate"].solve_ivp(function, *given, **options)

    return call


# --- integrals ---


@replaces("scipy.integrate", "quad")
def _quad(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(func: Any, a: Any, b: Any, args: Any = (), *rest: Any, **options: Any) -> Any:
        args = args if isinstance(args, tuple) else (args,)
        opened = Opened((func, args))
        if not opened.values and not holds_boxes(a) and not holds_boxes(b):
            return plain(func, a, b, args, *rest, **options)
        if rest or options.get("weight") is not None or options.get("full_output"):
            _refuse("quad with a weight, full_output or positional options", _CONSTANT)

        def bind(values: Any) -> Any:
            function, given = opened(values)
            return lambda s: function(s, *given)

        bind.calls = opened.used()  # type: ignore[attr-defined]
        make = OPERATIONS.get("integral")
        if make is None:
            _refuse("an integral that is traced by itself", "Use sparsesolve.jacobian")
        operation = make(lambda f, a, b: plain(f, a, b, **options)[0], bind)
        return operation(a, b, *opened.values), 0.0

    return call
