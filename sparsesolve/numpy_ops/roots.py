"""Solvers of `scipy.optimize` inside of a function whose equations hold traced values.

They are called, never traced: what the equations have closed over becomes an argument of the call,
and the derivative is that of the root by the implicit function theorem, which
`sparsesolve.derivatives` provides. Beside the root the call returns whether it was found.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.trace.closures import Opened
from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__ = ["OPERATION", "Found", "record_root"]

OPERATION: dict[str, Callable[..., Any]] = {}
"""What makes the operation ``root`` of a solver and a residual; a later stage fills it."""

_BRACKETING = ("bisect", "brenth", "brentq", "ridder", "toms748")


class Found:
    """What stands for a result of a solver."""

    def __init__(self, found: Any, **others: Any) -> None:
        self.success = self.converged = found
        self.message = self.flag = "as at the example"
        vars(self).update(others)

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return an item, as of a dictionary."""
        return getattr(self, name, default)


def record_root(solve: Any, bind: Any, starts: tuple[Any, ...], opened: Opened) -> tuple[Any, Any]:
    """Record a root; return it and whether it was found.

    Parameters
    ----------
    solve : callable
        ``solve(bound, *starts)`` returns an array and a flag.
    bind : callable
        ``bind(bound)`` is the residual of what `opened` holds.
    starts : tuple
        Where to look: of no influence on the root.
    opened : Opened
        The equations, and all that was given with them.
    """
    make = OPERATION.get("root")
    if make is None:
        where = f"a root that is traced by itself at {user_line()}"
        raise refuse(where, "Use sparsesolve.jacobian")
    count = len(starts)

    def solved(*args: Any) -> Any:
        root, found = solve(opened(args[count:]), *args[:count])
        return np.append(np.ravel(root), float(found))

    def residual(y: Any, *args: Any) -> Any:
        values = np.ravel(operand(bind(opened(args[count:]))(y[:-1])))
        if np.size(values) != np.size(y) - 1:
            raise refuse(
                f"{np.size(values)} equations for {np.size(y) - 1} unknowns in a solver at "
                f"{user_line()}",
                "Give as many equations as unknowns, or write the solver in NumPy",
            )
        return np.append(values, y[-1] - 1.0)  # the flag follows from nothing

    residual.calls = opened.used()  # type: ignore[attr-defined]
    found = make(solved, residual)(*map(operand, starts), *opened.values)
    return found[:-1], found[-1] != 0


def _scalar(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """Return the same function of an array of one element, as one value."""
    return lambda y: function(y[0])


def _as_tuple(args: Any) -> tuple[Any, ...]:
    return args if isinstance(args, tuple) else (args,)


def _is_plain(opened: Opened, *starts: Any) -> bool:
    return not opened.values and not any(map(holds_boxes, starts))


# --- one unknown ---


def _bracketing(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(f: Any, a: Any, b: Any, args: Any = (), *rest: Any, **options: Any) -> Any:
        opened = Opened((f, _as_tuple(args)))
        if rest or _is_plain(opened, a, b):
            return plain(f, a, b, args, *rest, **options)
        full_output = options.pop("full_output", False)

        def solve(bound: Any, a: Any, b: Any) -> Any:
            root, result = plain(bound[0], a, b, bound[1], full_output=True, **options)
            return root, result.converged

        root, found = record_root(solve, _of_one, (a, b), opened)
        return (root[0], Found(found, root=root[0])) if full_output else root[0]

    return call


def _of_one(bound: Any) -> Callable[[Any], Any]:
    return _scalar(lambda y: bound[0](y, *bound[1]))


for _name in _BRACKETING:
    replaces("scipy.optimize", _name)(_bracketing)


@replaces("scipy.optimize", "newton")
def _newton(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(
        func: Any,
        x0: Any,
        fprime: Any = None,
        args: Any = (),
        tol: float = 1.48e-8,
        maxiter: int = 50,
        fprime2: Any = None,
        x1: Any = None,
        rtol: float = 0.0,
        full_output: bool = False,
        disp: bool = True,
    ) -> Any:
        opened = Opened((func, _as_tuple(args), fprime, fprime2))
        if _is_plain(opened, x0, x1):
            given = (fprime, args, tol, maxiter, fprime2, x1, rtol, full_output, disp)
            return plain(func, x0, *given)
        shape = np.shape(operand(x0))
        if shape and full_output:
            raise refuse(f"newton with full_output for an array at {user_line()}", "Leave it out")

        def solve(bound: Any, x0: Any, *x1: Any) -> Any:
            f, more, slope, bend = bound
            given = (slope, more, tol, maxiter, bend, *(x1 or (None,)), rtol)
            if shape:
                return plain(f, x0, *given, disp=disp), True
            root, result = plain(f, x0, *given, full_output=True, disp=disp)
            return root, result.converged

        starts = (x0,) if x1 is None else (x0, x1)
        bind = _of_many(shape) if shape else _of_one
        root, found = record_root(solve, bind, starts, opened)
        root = anp.reshape(root, shape) if shape else root[0]
        return (root, Found(found, root=root)) if full_output else root

    return call


@replaces("scipy.optimize", "fixed_point", second=True)
def _fixed_point(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(func: Any, x0: Any, args: Any = (), *rest: Any, **options: Any) -> Any:
        opened = Opened((func, _as_tuple(args)))
        if _is_plain(opened, x0):
            return plain(func, x0, args, *rest, **options)
        shape = np.shape(operand(x0))

        def solve(bound: Any, start: Any) -> Any:
            return plain(bound[0], start, bound[1], *rest, **options), True

        def bind(bound: Any) -> Callable[[Any], Any]:
            def residual(y: Any) -> Any:
                y = anp.reshape(y, shape)
                return bound[0](y, *bound[1]) - y

            return residual

        return anp.reshape(record_root(solve, bind, (x0,), opened)[0], shape)

    return call


def _of_many(shape: tuple[int, ...]) -> Callable[[Any], Callable[[Any], Any]]:
    return lambda bound: lambda y: bound[0](anp.reshape(y, shape), *bound[1])


@replaces("scipy.optimize", "root_scalar")
def _root_scalar(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(
        f: Any, args: Any = (), method: Any = None, bracket: Any = None, **options: Any
    ) -> Any:
        slopes = {k: options.pop(k) for k in ("fprime", "fprime2") if callable(options.get(k))}
        opened = Opened((f, _as_tuple(args), slopes))
        starts = tuple(bracket or ()) + tuple(options.get(k) for k in ("x0", "x1"))
        if _is_plain(opened, *starts) or options.get("fprime"):
            return plain(f, args, method, bracket, **slopes, **options)
        names = [k for k in ("x0", "x1") if options.pop(k, None) is not None]
        given = tuple(start for start in starts if start is not None)

        def solve(bound: Any, *starts: Any) -> Any:
            ends = starts[:2] if bracket else None
            more = dict(zip(names, starts[2 if bracket else 0 :], strict=True))
            result = plain(bound[0], bound[1], method, ends, **bound[2], **more, **options)
            return result.root, result.converged

        root, found = record_root(solve, _of_one, given, opened)
        return Found(found, root=root[0])

    return call


# --- several unknowns ---


@replaces("scipy.optimize", "fsolve")
def _fsolve(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(
        func: Any, x0: Any, args: Any = (), fprime: Any = None, full_output: Any = 0, **options: Any
    ) -> Any:
        opened = Opened((func, _as_tuple(args), fprime))
        if _is_plain(opened, x0):
            return plain(func, x0, args, fprime, full_output, **options)

        def solve(bound: Any, x0: Any) -> Any:
            f, more, slope = bound
            root, _, code, _ = plain(f, x0, more, slope, 1, **options)
            return root, code == 1

        root, found = record_root(solve, _flat, (_start(x0),), opened)
        if not full_output:
            return root
        residual = np.ravel(operand(func(root, *_as_tuple(args))))
        code = np.where(found, 1, 5)
        return root, MappingProxyType({"fvec": residual}), code, "as at the example"

    return call


def _flat(bound: Any) -> Callable[[Any], Any]:
    return lambda y: bound[0](y, *bound[1])


def _start(x0: Any) -> Any:
    return anp.reshape(operand(x0), (-1,)) * 1.0


@replaces("scipy.optimize", "root")
def _several(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(
        fun: Any, x0: Any, args: Any = (), method: str = "hybr", jac: Any = None, **options: Any
    ) -> Any:
        opened = Opened((fun, _as_tuple(args), jac))
        if _is_plain(opened, x0):
            return plain(fun, x0, args, method, jac, **options)
        options.pop("callback", None)

        def solve(bound: Any, x0: Any) -> Any:
            f, more, slope = bound
            result = plain(f, x0, more, method, slope, **options)
            return result.x, result.success

        both = jac is True
        bind = (lambda bound: lambda y: bound[0](y, *bound[1])[0]) if both else _flat
        shape = np.shape(operand(x0))
        root, found = record_root(solve, bind, (_start(x0),), opened)
        root = anp.reshape(root, shape) if shape else root
        value = fun(root, *_as_tuple(args))
        return Found(found, x=root, fun=value[0] if both else value)

    return call
