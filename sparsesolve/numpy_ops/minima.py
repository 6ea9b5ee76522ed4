"""Minimizers of `scipy.optimize` inside of a function whose objective holds traced values.

They are called, never traced, as solvers of equations are (`roots`): at a minimum the gradient
vanishes, by all unknowns that are not held by a bound. `sparsesolve.derivatives` provides the
derivative. Beside the minimum the call returns whether it was found, and what is held.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import autograd.numpy as anp
import numpy as np

from sparsesolve.numpy_ops.roots import OPERATION, Found
from sparsesolve.trace.closures import Opened
from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__ = ["limits_of", "record_minimum"]


def _refuse(got: str, fix: str) -> NoReturn:
    raise refuse(f"{got} inside of a function at {user_line()}", fix)


def _as_tuple(args: Any) -> tuple[Any, ...]:
    return args if isinstance(args, tuple) else (args,)


def record_minimum(
    solve: Any, bind: Any, start: Any, opened: Opened, bounds: Any
) -> tuple[Any, Any]:
    """Record a minimum; return it and whether it was found.

    Parameters
    ----------
    solve : callable
        ``solve(bound, start)`` returns an array and a flag.
    bind : callable
        ``bind(bound)`` is the objective of what `opened` holds, a function of a vector.
    start : array_like
        Where to look: of no influence on the minimum.
    opened : Opened
        The objective, and all that was given with it.
    bounds : pair of ndarray
        Constant lower and upper bounds of the unknowns.
    """
    make = OPERATION.get("minimum")
    if make is None:
        _refuse("a minimum that is traced by itself", "Use sparsesolve.gradient")

    def solved(start: Any, *values: Any) -> Any:
        found, well = solve(opened(values), start)
        return np.append(np.ravel(found), float(well))

    def objective(y: Any, start: Any, *values: Any) -> Any:
        return anp.sum(operand(bind(opened(values))(y[:-1])))

    objective.calls = opened.used()  # type: ignore[attr-defined]
    found = make(solved, objective, bounds)(operand(start), *opened.values)
    return found[:-1], found[-1] != 0


def limits_of(bounds: Any, size: int) -> tuple[Any, Any]:
    """Return lower and upper bounds as SciPy reads them: pairs, or a `Bounds`."""
    if holds_boxes(bounds) or holds_boxes(list(vars(bounds).values()) if _has_lb(bounds) else ()):
        _refuse("bounds that are traced", "Keep them constant, or scale the unknowns by them")
    if bounds is None:
        return np.full(size, -np.inf), np.full(size, np.inf)
    if _has_lb(bounds):
        low, high = bounds.lb, bounds.ub
    else:
        low = [-np.inf if pair[0] is None else pair[0] for pair in bounds]
        high = [np.inf if pair[1] is None else pair[1] for pair in bounds]
    return tuple(np.broadcast_to(np.asarray(b, dtype=np.float64), (size,)) for b in (low, high))  # type: ignore[return-value]


def _has_lb(bounds: Any) -> bool:
    return hasattr(bounds, "lb") and hasattr(bounds, "ub")


@replaces("scipy.optimize", "minimize")
def _minimize(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(
        fun: Any,
        x0: Any,
        args: Any = (),
        method: Any = None,
        jac: Any = None,
        hess: Any = None,
        hessp: Any = None,
        bounds: Any = None,
        constraints: Any = (),
        tol: Any = None,
        callback: Any = None,
        options: Any = None,
    ) -> Any:
        slopes = {"jac": jac, "hess": hess, "hessp": hessp}
        opened = Opened((fun, _as_tuple(args), slopes))
        others = {"method": method, "constraints": constraints, "bounds": bounds, "tol": tol}
        held = holds_boxes(bounds) or Opened(constraints).values
        if not opened.values and not holds_boxes(x0) and not held:
            return plain(fun, x0, args, **slopes, **others, callback=callback, options=options)
        if Opened(constraints).values or np.size(constraints):
            _refuse("minimize with constraints", "Solve the conditions of the optimum by root")
        start = anp.reshape(operand(x0), (-1,)) * 1.0
        limits = limits_of(bounds, np.size(start))

        def solve(bound: Any, start: Any) -> Any:
            f, more, own = bound
            result = plain(f, start, more, **own, **others, options=options)
            return result.x, result.success

        def objective(bound: Any) -> Callable[[Any], Any]:
            f, more = bound[:2]
            return lambda y: f(y, *more)[0] if jac is True else f(y, *more)

        found, well = record_minimum(solve, objective, start, opened, limits)
        return Found(well, x=found, fun=objective((fun, _as_tuple(args)))(found), status=0)

    return call


@replaces("scipy.optimize", "minimize_scalar")
def _minimize_scalar(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(
        fun: Any,
        bracket: Any = None,
        bounds: Any = None,
        args: Any = (),
        method: Any = None,
        tol: Any = None,
        options: Any = None,
    ) -> Any:
        opened = Opened((fun, _as_tuple(args)))
        others = {"bracket": bracket, "bounds": bounds, "method": method, "tol": tol}
        if not opened.values and not holds_boxes(bounds) and not holds_boxes(bracket):
            return plain(fun, args=args, options=options, **others)
        limits = limits_of(None if bounds is None else [tuple(bounds)], 1)
        if holds_boxes(bracket):
            _refuse("a bracket that is traced", "Give it constants")

        def solve(bound: Any, start: Any) -> Any:
            result = plain(bound[0], args=bound[1], options=options, **others)
            return result.x, result.success

        bind = lambda b: lambda y: b[0](y[0], *b[1])  # noqa: E731
        found, well = record_minimum(solve, bind, np.zeros(1), opened, limits)
        return Found(well, x=found[0], fun=fun(found[0], *_as_tuple(args)))

    return call


@replaces("scipy.optimize", "least_squares")
def _least_squares(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(
        fun: Any, x0: Any, jac: Any = "2-point", bounds: Any = None, *rest: Any, **options: Any
    ) -> Any:
        more, keywords = _as_tuple(options.pop("args", ())), options.pop("kwargs", None) or {}
        opened = Opened((fun, more, keywords, jac))
        given = {} if bounds is None else {"bounds": bounds}
        if not opened.values and not holds_boxes(x0) and not holds_boxes(bounds):
            return plain(fun, x0, jac, *rest, args=more, kwargs=keywords, **given, **options)
        if rest or options.get("loss", "linear") != "linear":
            _refuse("least_squares with a loss or positional options", "Leave them out")
        start = anp.reshape(operand(x0), (-1,)) * 1.0
        pair = bounds
        if isinstance(bounds, tuple):
            size = np.size(start)
            pair = [*zip(*(np.broadcast_to(b, (size,)) for b in bounds), strict=True)]
        limits = limits_of(pair, np.size(start))

        def solve(bound: Any, start: Any) -> Any:
            f, more, keywords, slope = bound
            result = plain(f, start, slope, args=more, kwargs=keywords, **given, **options)
            return result.x, result.success

        def residual(bound: Any, y: Any) -> Any:
            f, more, keywords = bound[:3]
            return anp.ravel(operand(f(y, *more, **keywords)))

        def half(bound: Any) -> Callable[[Any], Any]:
            return lambda y: 0.5 * anp.sum(residual(bound, y) ** 2)

        found, well = record_minimum(solve, half, start, opened, limits)
        value = residual((fun, more, keywords), found)
        return Found(well, x=found, fun=value, cost=0.5 * anp.sum(value**2), status=1)

    return call


@replaces("scipy.optimize", "curve_fit")
def _curve_fit(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(
        f: Any,
        xdata: Any,
        ydata: Any,
        p0: Any = None,
        sigma: Any = None,
        *rest: Any,
        **options: Any,
    ) -> Any:
        opened = Opened((f, xdata, ydata, sigma))
        if not opened.values and not holds_boxes(p0):
            return plain(f, xdata, ydata, p0, sigma, *rest, **options)
        if rest or p0 is None or np.ndim(sigma) > 1 or options.get("bounds") is not None:
            _refuse(
                "curve_fit without p0, with bounds, with a matrix of errors or positional options",
                "Give it p0 and leave the others out, or use least_squares",
            )
        start = anp.reshape(operand(p0), (-1,)) * 1.0

        def solve(bound: Any, start: Any) -> Any:
            return plain(*bound[:3], start, bound[3], **options)[0], True

        def half(bound: Any) -> Any:
            f, xdata, ydata, sigma = bound
            scale = 1.0 if sigma is None else operand(sigma)
            return lambda p: 0.5 * anp.sum(((f(xdata, *p) - operand(ydata)) / scale) ** 2)

        found, _ = record_minimum(solve, half, start, opened, limits_of(None, np.size(start)))
        return found, _Covariance()

    return call


class _Covariance:
    """What stands for the covariances of a fit: they may be given away, and not used."""

    def __getattr__(self, name: str) -> NoReturn:
        _refuse("covariances of curve_fit", "Compute them from the Jacobian of the model")

    def __getitem__(self, index: Any) -> NoReturn:
        _refuse("covariances of curve_fit", "Compute them from the Jacobian of the model")


def _by_old_name(name: str) -> None:
    """Let a minimizer of an objective, with a starting point, be called as `minimize` is."""

    @replaces("scipy.optimize", name, second=True)
    def make(plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(func: Any, x0: Any, fprime: Any = None, args: Any = (), **options: Any) -> Any:
            opened = Opened((func, _as_tuple(args), fprime))
            slope = {} if fprime is None else {"fprime": fprime}
            if not opened.values and not holds_boxes(x0):
                return plain(func, x0, args=args, **slope, **options)
            if any(holds_boxes(v) for v in options.values()) or options.get("full_output"):
                _refuse(f"`scipy.optimize.{name}` with all its results", "Use minimize")
            start = anp.reshape(operand(x0), (-1,)) * 1.0
            limits = limits_of(options.get("bounds"), np.size(start))

            def solve(bound: Any, start: Any) -> Any:
                f, more, own = bound
                slope = {} if own is None else {"fprime": own}
                result = plain(f, start, args=more, **slope, **options)
                return (result[0] if isinstance(result, tuple) else result), True

            alone = fprime is None and name == "fmin_l_bfgs_b" and not options.get("approx_grad")

            def bind(bound: Any) -> Callable[[Any], Any]:
                f, more = bound[:2]
                return lambda y: f(y, *more)[0] if alone else f(y, *more)

            found, _ = record_minimum(solve, bind, start, opened, limits)
            if name != "fmin_l_bfgs_b":
                return found
            return found, bind((func, _as_tuple(args)))(found), {"warnflag": 0}

        return call


for _name in ("fmin_bfgs", "fmin_cg", "fmin_l_bfgs_b"):
    _by_old_name(_name)


@replaces("scipy.optimize", "leastsq")
def _leastsq(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(
        func: Any, x0: Any, args: Any = (), Dfun: Any = None, *rest: Any, **options: Any
    ) -> Any:
        opened = Opened((func, _as_tuple(args), Dfun))
        if not opened.values and not holds_boxes(x0):
            return plain(func, x0, args, Dfun, *rest, **options)
        if rest or options.get("full_output"):
            _refuse("`scipy.optimize.leastsq` with all its results", "Use least_squares")

        def solve(bound: Any, start: Any) -> Any:
            return plain(bound[0], start, *bound[1:], **options)[0], True

        def half(bound: Any) -> Callable[[Any], Any]:
            return lambda y: 0.5 * anp.sum(operand(bound[0](y, *bound[1])) ** 2)

        start = anp.reshape(operand(x0), (-1,)) * 1.0
        limits = limits_of(None, np.size(start))
        return record_minimum(solve, half, start, opened, limits)[0], 1

    return call


for _name in ("fmin", "fmin_powell", "fmin_slsqp", "fmin_tnc", "linprog"):

    @replaces("scipy.optimize", _name)
    def _refusing(plain: Callable[..., Any], name: str = _name) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if Opened((args, options)).values:
                _refuse(
                    f"`scipy.optimize.{name}` of traced values",
                    "Use minimize or root, or sparsesolve.implicit(solve, residual)",
                )
            return plain(*args, **options)

        return call
