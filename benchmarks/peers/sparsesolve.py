"""sparsesolve itself: the functions of `problems`, unchanged."""

from __future__ import annotations

from typing import Any

import numpy as np

import sparsesolve as ss
import sparsesolve.engine.llvm.compile  # what `ss` loads on first use is no part of set-up
from sparsesolve.derivatives import ProblemDerivatives
from sparsesolve.structure.pattern import Pattern

from ..collection import cases
from ..suite import SOURCE, TIME, Task
from . import Prepared

__all__ = ["prepare"]

COLORED = 1_000_000
"""Patterns with more nonzeros are not colored just to report it."""


def prepare(task: Task, threads: int) -> Prepared:
    """Trace, and compile the nonzeros."""
    if task.kind == "lagrangian":
        return _lagrangian(task, threads)
    if task.kind == "hessian":
        return _hessian(task, threads)
    if len(task.constraints) > 1:
        return _stacked(task, threads)
    return _jacobian(task, threads)


def _jacobian(task: Task, threads: int) -> Prepared:
    if isinstance(task.case, cases.OdeCase):
        J = ss.jacobian(task.case.rhs, TIME, task.points[0], SOURCE, argnum=1, threads=threads)
        arguments = [(TIME, y, SOURCE) for y in task.points]
    else:
        J = ss.jacobian(task.constraints[0], task.points[0], threads=threads)
        arguments = [(x,) for x in task.points]
    out = np.empty(J.nnz)
    return Prepared(
        evaluate=lambda k: J.values(*arguments[k & 1], out=out),
        matrix=lambda: J(*arguments[0]),
        rows=J.shape[0],
        nnz=J.nnz,
        colors=lambda: _colors(J.pattern, "columns"),
    )


def _stacked(task: Task, threads: int) -> Prepared:
    made = ProblemDerivatives(None, task.constraints, task.points[0], threads=threads)
    out = np.empty(made.jacobian_pattern.nnz)
    return Prepared(
        evaluate=lambda k: made.jacobian_values(task.points[k & 1], out=out),
        matrix=lambda: made.jacobian(task.points[0]),
        rows=made.m,
        nnz=out.size,
        colors=lambda: _colors(made.jacobian_pattern, "columns"),
    )


def _hessian(task: Task, threads: int) -> Prepared:
    assert isinstance(task.case, cases.MinimizeCase)
    H = ss.hessian(task.case.objective, task.points[0], threads=threads)
    out = np.empty(H.lower_pattern.nnz)
    return Prepared(
        evaluate=lambda k: H.lower_values(task.points[k & 1], out=out),
        matrix=lambda: H(task.points[0]),
        rows=H.shape[0],
        nnz=out.size,
        colors=lambda: _colors(H.lower_pattern, "symmetric"),
    )


def _lagrangian(task: Task, threads: int) -> Prepared:
    assert isinstance(task.case, cases.MinimizeCase)
    made = ProblemDerivatives(
        task.case.objective, task.constraints, task.points[0], threads=threads
    )
    out = np.empty(made.hessian_pattern.nnz)

    def evaluate(k: int) -> Any:
        return made.hessian_values(task.points[k & 1], task.multipliers, 1.0, out)

    return Prepared(
        evaluate=evaluate,
        matrix=lambda: made.hessian_full(evaluate(0)),
        rows=made.n,
        nnz=out.size,
        colors=lambda: _colors(made.hessian_pattern, "symmetric"),
    )


def _colors(pattern: Pattern, structure: str) -> int:
    """How many colors compression would need; the compiled way needs none."""
    if pattern.nnz > COLORED:
        return -1
    whole = pattern.union(pattern.T) if structure == "symmetric" else pattern
    return ss.color(whole, structure=structure).ncolors
