"""Why entries of the derivatives of a problem are there, or are not finite: function by function.

The one program of a problem has no names any more; those of its functions do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.explain import explain
from sparsesolve.derivatives.fused import fused
from sparsesolve.derivatives.nonfinite import explain_nonfinite
from sparsesolve.derivatives.nonzeros import jacobian_nonzeros, symmetric_nonzeros
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.traced_function import TracedFunction
from sparsesolve.differentiate import adjoint_program
from sparsesolve.differentiate.detect import jacobian_structure
from sparsesolve.ir.program import Program
from sparsesolve.lower import lower
from sparsesolve.options import Options

__all__ = ["explain_curvature", "nonfinite_curvature", "nonfinite_slope"]

Array = NDArray[np.float64]
Functions = Sequence[TracedFunction | None]
"""The objective first; None stands for zero."""


def nonfinite_slope(functions: Functions, x: Any, parameters: Sequence[Array] = ()) -> str:
    """Say which operation makes a first derivative not finite; empty where all are finite."""
    for name, program in _programs(functions):
        what = f"gradient of {name}" if name == _OBJECTIVE else f"Jacobian of {name}"
        with np.errstate(all="ignore"):
            found = jacobian_nonzeros(fused(program), PrepareLog(Options("interpreted")))
            values, point = found.run(x, parameters), (x, [*parameters])
            text = explain_nonfinite(program, found.pattern, values, point, what)
        if text:
            return text
    return ""


def explain_curvature(functions: Functions, i: int, j: int) -> str:
    """Say which source lines and primitives join gradient element i and variable j.

    Of the first function that has the entry; else why there is none.
    """
    text = ""
    for name, program in _programs(functions):
        gradient = adjoint_program(program)
        pattern = jacobian_structure(gradient)
        if not text or pattern.holds(i, j):
            text = explain(gradient, pattern, i, j, f"gradient element of {name},")
        if pattern.holds(i, j):
            return text
    return text


def nonfinite_curvature(
    functions: Functions, x: Any, weights: Array, parameters: Sequence[Array] = ()
) -> str:
    """Say which operation makes a second derivative not finite; empty where all are finite."""
    start = 1 if functions[0] is None else 0
    for name, program in _programs(functions):
        own, start = weights[start : start + program.m], start + program.m
        gradient = adjoint_program(program)
        with np.errstate(all="ignore"):
            found = symmetric_nonzeros(fused(gradient), PrepareLog(Options("interpreted")))
            point = x, [*parameters, own]
            values = found.run(*point)
            text = explain_nonfinite(gradient, found.pattern, values, point, f"Hessian of {name}")
        if text:
            return text
    return ""


_OBJECTIVE = "the objective"


def _programs(functions: Functions) -> Iterator[tuple[str, Program]]:
    """Yield a name and the program before fusing, whose kernels are one primitive each."""
    for k, function in enumerate(functions):
        if function is not None:
            name = f"constraint {function.name!r}" if k else _OBJECTIVE
            yield name, lower(function.traced.tape)
