"""Iterative solvers of linear systems: called as they are, differentiated as solutions."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.numpy_ops.roots import record_root
from sparsesolve.trace.closures import Opened
from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import operand
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line
from sparsesolve.trace.sparse_entries import is_sparse_tracer
from sparsesolve.trace.sparse_tracers import holds_traced

__all__: list[str] = []


def _solver(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def make(plain: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(plain)
        def call(A: Any, b: Any, *args: Any, **options: Any) -> Any:
            opened = Opened((A, b))
            if not opened.values and not any(map(holds_traced, (A, *options.values()))):
                return plain(A, b, *args, **options)
            if args or any(map(holds_traced, options.values())) or is_sparse_tracer(A):
                what = f"`scipy.sparse.linalg.{name}` of such traced values at {user_line()}"
                raise refuse(what, "Use spsolve, or splu(A).solve, which have a derivative")

            def solve(bound: Any) -> Any:
                found, info = plain(bound[0], bound[1], **options)
                return found, info == 0

            shape = np.shape(operand(b))
            found, converged = record_root(solve, lambda bound: _residual(*bound), (), opened)
            return anp.reshape(found, shape), anp.where(converged, 0.0, 1.0)

        return call

    return make


def _residual(A: Any, b: Any) -> Callable[[Any], Any]:
    multiply = A.matvec if hasattr(A, "matvec") else lambda y: A @ y
    return lambda y: multiply(y) - anp.reshape(operand(b), (-1,))


for _name in ("cg", "cgs", "gmres", "bicg", "bicgstab", "minres", "lgmres", "qmr", "tfqmr"):
    replaces("scipy.sparse.linalg", _name, second=True)(_solver(_name))
