"""Equations for matrices of `scipy.linalg`: Sylvester, Lyapunov, Riccati; square roots, logarithms.

Linear ones are systems for the rows of the unknown, one after the other. The others are solved by
SciPy, and are differentiated as the roots that they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.numpy_ops.factorizations import expm
from sparsesolve.numpy_ops.roots import record_root
from sparsesolve.trace.closures import Opened
from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__: list[str] = []


def _adjoint(a: Any) -> Any:
    turned = anp.transpose(a)
    return anp.conj(turned) if np.iscomplexobj(a) else turned


# --- linear equations ---

_MOST = 64  # unknowns of a system that is written out


def _product_map(left: Any, right: Any) -> Any:
    """Return the matrix of ``X -> left @ X @ right``, rows of X one after the other."""
    n, m = len(left), len(right)
    whole = left[:, None, :, None] * anp.transpose(right)[None, :, None, :]
    return anp.reshape(whole, (n * m, n * m))


def _sylvester(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(a: Any, b: Any, q: Any) -> Any:
        if not holds_boxes([a, b, q]):
            return plain(a, b, q)
        a, b, q = map(operand, (a, b, q))
        if np.size(q) > _MOST and not any(map(np.iscomplexobj, (a, b, q))):
            from autograd.scipy.linalg import solve_sylvester  # noqa: PLC0415  (slow to import)

            return solve_sylvester(a, b, q)
        system = _product_map(a, np.eye(len(b))) + _product_map(np.eye(len(a)), b)
        return anp.reshape(anp.linalg.solve(system, anp.reshape(q, (-1,))), q.shape)

    return call


def _lyapunov(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(a: Any, q: Any) -> Any:
        if not holds_boxes([a, q]):
            return plain(a, q)
        a = operand(a)
        return _sylvester(plain)(a, _adjoint(a), q)

    return call


def _discrete_lyapunov(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(a: Any, q: Any, method: Any = None) -> Any:
        if not holds_boxes([a, q]):
            return plain(a, q, method)
        a, q = operand(a), operand(q)
        system = np.eye(np.size(q)) - _product_map(a, _adjoint(a))
        return anp.reshape(anp.linalg.solve(system, anp.reshape(q, (-1,))), q.shape)

    return call


replaces("scipy.linalg", "solve_sylvester", second=True)(_sylvester)
replaces("scipy.linalg", "solve_continuous_lyapunov", second=True)(_lyapunov)
replaces("scipy.linalg", "solve_discrete_lyapunov", second=True)(_discrete_lyapunov)


# --- the others, as roots ---


def _root(plain: Callable[..., Any], equation: Callable[..., Any], *given: Any) -> Any:
    """Record what `plain` makes of some matrices, which solves the equation."""
    matrices = tuple(map(operand, given))
    if any(map(np.iscomplexobj, matrices)):
        what = f"`{plain.__name__}` of complex matrices at {user_line()}"
        raise refuse(what, "Give it real ones")
    n = len(matrices[0])

    def solve(bound: Any) -> Any:
        try:
            found = np.asarray(plain(*bound))
        except np.linalg.LinAlgError:
            return np.full(n * n, np.nan), False
        scale = np.max(np.abs(found), initial=0.0)
        if np.iscomplexobj(found) and np.max(np.abs(found.imag), initial=0.0) > 1e-10 * scale:
            return np.full(n * n, np.nan), False
        return np.ravel(found.real), True

    def bind(bound: Any) -> Callable[[Any], Any]:
        return lambda y: anp.reshape(equation(anp.reshape(y, (n, n)), *bound), (-1,))

    found, _ = record_root(solve, bind, (), Opened(matrices))
    return anp.reshape(found, (n, n))


def _function(equation: Callable[..., Any]) -> Callable[..., Any]:
    def make(plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(A: Any, *options: Any, **named: Any) -> Any:
            if not holds_boxes(A):
                return plain(A, *options, **named)
            if options or named:
                what = f"options of `{plain.__name__}` of a traced matrix at {user_line()}"
                raise refuse(what, "Leave them out")
            return _root(plain, equation, A)

        return call

    return make


def _riccati(equation: Callable[..., Any]) -> Callable[..., Any]:
    def make(plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(
            a: Any, b: Any, q: Any, r: Any, e: Any = None, s: Any = None, balanced: bool = True
        ) -> Any:
            if not holds_boxes([a, b, q, r, e, s]):
                return plain(a, b, q, r, e, s, balanced)
            if e is not None or s is not None:
                what = f"`{plain.__name__}` with `e` or `s` at {user_line()}"
                raise refuse(what, "Leave them out")
            return _root(plain, equation, *(anp.atleast_2d(operand(m)) for m in (a, b, q, r)))

        return call

    return make


def _continuous(X: Any, a: Any, b: Any, q: Any, r: Any) -> Any:
    gain = anp.linalg.solve(r, anp.dot(b.T, X))
    return anp.dot(a.T, X) + anp.dot(X, a) - anp.dot(anp.dot(X, b), gain) + q


def _discrete(X: Any, a: Any, b: Any, q: Any, r: Any) -> Any:
    seen = anp.dot(b.T, anp.dot(X, a))
    gain = anp.linalg.solve(r + anp.dot(b.T, anp.dot(X, b)), seen)
    return anp.dot(a.T, anp.dot(X, a)) - X - anp.dot(seen.T, gain) + q


replaces("scipy.linalg", "sqrtm", second=True)(_function(lambda Y, a: anp.dot(Y, Y) - a))
replaces("scipy.linalg", "logm", second=True)(_function(lambda Y, a: expm(Y) - a))
replaces("scipy.linalg", "solve_continuous_are", second=True)(_riccati(_continuous))
replaces("scipy.linalg", "solve_discrete_are", second=True)(_riccati(_discrete))
