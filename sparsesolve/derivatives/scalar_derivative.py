"""`ScalarDerivative`: what `Gradient` and `Hessian` share: the function gives one number.

Separate because both have its value, the program of its gradient, and products with its Hessian.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.branches import Guarded
from sparsesolve.derivatives.fused import Fused, fused_gradient
from sparsesolve.derivatives.jacobian import direction
from sparsesolve.derivatives.other_constants import also_for_others
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.sparse_derivative import SparseDerivative
from sparsesolve.derivatives.traced_function import TracedFunction
from sparsesolve.differentiate import tangent_program
from sparsesolve.errors import StructureMismatch
from sparsesolve.host.fork import forkable_property
from sparsesolve.ir.program import Program
from sparsesolve.trace import OtherConstant

__all__ = ["ScalarDerivative", "scalar_function", "slopes_of"]

Array = NDArray[np.float64]


class ScalarDerivative(SparseDerivative):
    """A derivative of a function that returns a number."""

    @forkable_property
    def _gradient_program(self) -> Fused:
        return slopes_of(self._traced("gradient"))

    def _tangent_of_gradient(self, program: Fused) -> Program:
        traced = self._traced("gradient")
        mine = program is traced.program
        return tangent_program(slopes_of(traced) if mine else fused_gradient(program, traced.log))

    def value(self, *args: Any) -> float:
        """Return the function's value."""
        self.calls["value"] += 1
        try:
            return float(self._value(args)[0])
        except OtherConstant:
            return float(self.for_others(args).value(*args))

    @also_for_others
    def hvp(self, *args: Any) -> Array:
        """Return ``H(x) @ v``, shape (n,); `v` of shape (n,) or of x comes last."""
        x, parameters = self._arguments("hvp", args[:-1])
        variables = (np.arange(self.shape[1]),)
        run = self._derivative("hvp", self._tangent_of_gradient, variables=variables)
        return run(x, [*parameters, direction("v", args[-1], self.shape[1])])


def scalar_function(
    function: Callable[..., Any],
    example: Sequence[Any],
    argnum: int,
    check: bool,
    log: PrepareLog | None = None,
    guarded: Guarded = "never",
) -> TracedFunction:
    """Trace a function, which must return a number."""
    traced = TracedFunction(
        function, example, argnum=argnum, checked=check, log=log, guarded=guarded
    )
    if math.prod(traced.output_shape) != 1:
        raise StructureMismatch(
            f"`{traced.name}` must return a scalar, got shape {traced.output_shape}. Sum it, or "
            "use `jacobian` for functions with several outputs."
        )
    return traced


def slopes_of(traced: TracedFunction) -> Fused:
    """Return the program of the gradient of a function."""
    return traced.made("slopes", lambda: fused_gradient(traced.program, traced.log))
