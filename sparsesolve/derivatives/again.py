"""How a derivative is made again, of another program of the same function.

Separate because all kinds of derivatives say it, and nobody asks before a value is not finite.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from sparsesolve.derivatives.fused import Fused
from sparsesolve.derivatives.nonzeros import jacobian_nonzeros, symmetric_nonzeros
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.traced_function import executable
from sparsesolve.derivatives.trip_by_trip import Again, InPattern
from sparsesolve.engine.evaluator import Evaluator
from sparsesolve.options import Options
from sparsesolve.structure.pattern import Pattern

__all__ = ["Derive", "hessian_again", "jacobian_again", "program_again"]

Derive: TypeAlias = Callable[[Fused, PrepareLog], Fused]
"""Makes the program of a derivative, such as `fused_gradient`."""


def program_again(derive: Derive, options: Options) -> Again:
    """Say how values come from the program of a derivative.

    Parameters
    ----------
    derive : callable
        Makes it.
    options : Options
        As the first was prepared.
    """

    def make(program: Fused) -> Evaluator:
        log = PrepareLog(options)
        return executable(derive(program, log), log)

    return make


def jacobian_again(pattern: Pattern, options: Options, order: Any = None) -> Again:
    """Say how the nonzeros of a Jacobian come in the places of a pattern, or in another order."""

    def make(program: Fused) -> Evaluator:
        found = jacobian_nonzeros(program, PrepareLog(options))
        return InPattern(found.run, found.pattern, pattern, order)

    return make


def hessian_again(pattern: Pattern, derive: Derive, options: Options) -> Again:
    """Say how lower triangles of Hessians come in the places of a pattern, by the gradient."""

    def make(program: Fused) -> Evaluator:
        log = PrepareLog(options)
        found = symmetric_nonzeros(derive(program, log), log)
        return InPattern(found.run, found.pattern, pattern)

    return make
