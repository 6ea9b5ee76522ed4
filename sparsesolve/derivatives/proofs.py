"""`Proofs`: what of a problem is proven linear, quadratic or constant.

Separate because it asks programs alone: what does not depend on x in any slot is a number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.fused import Fused
from sparsesolve.derivatives.nonzeros import Accumulated, Nonzeros, symmetric_nonzeros
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.traced_function import shared_property
from sparsesolve.differentiate import TooManyTerms, active_slots, stepped_slots
from sparsesolve.options import Options
from sparsesolve.structure.pattern import Pattern

__all__ = ["Proofs"]


class Proofs:
    """Mixed into what has the programs of a problem; constant means at given parameters."""

    m: int

    @property
    def jacobian_pattern(self) -> Pattern:
        """Structure of the constraint Jacobian."""
        raise NotImplementedError

    @property
    def jacobian_nonzeros(self) -> Nonzeros:
        """Those of the constraints."""
        raise NotImplementedError

    @property
    def hessian_nonzeros(self) -> Nonzeros:
        """Those of the Lagrangian."""
        raise NotImplementedError

    @property
    def _objective_program(self) -> Fused:
        raise NotImplementedError

    @property
    def _constraint_program(self) -> Fused:
        raise NotImplementedError

    @property
    def slopes(self) -> Fused:
        """The gradient of the objective."""
        raise NotImplementedError

    @shared_property
    def linear_rows(self) -> NDArray[np.bool_]:
        """Constraints proven affine in x, shape (m,): constant derivatives, and no steps."""
        varying = _varying(self.jacobian_nonzeros)
        if self.m == 0:
            return np.empty(0, dtype=bool)
        program = self._constraint_program
        rows = stepped_slots(program)[program.outputs].reshape(self.m)
        rows[self.jacobian_pattern.rows[varying]] = True
        return ~rows

    @shared_property
    def objective_is_linear(self) -> bool:
        """Whether the objective is proven affine: a constant gradient, and no steps."""
        slopes, program = self.slopes, self._objective_program
        varying = active_slots(slopes, differentiable=False)[slopes.outputs].any()
        return not bool(varying or stepped_slots(program)[program.outputs].any())

    @shared_property
    def objective_is_quadratic(self) -> bool:
        """Whether the objective is proven quadratic; not tried where its Hessian is dense."""
        slopes, program = self.slopes, self._objective_program
        if stepped_slots(slopes)[slopes.outputs].any():
            return False
        if stepped_slots(program)[program.outputs].any():
            return False
        try:
            nonzeros = symmetric_nonzeros(self.slopes, PrepareLog(Options("interpreted")))
        except TooManyTerms:
            return False
        return not bool(_varying(nonzeros).any())

    @shared_property
    def hessian_is_constant(self) -> bool:
        """Whether the Hessian of the Lagrangian is proven independent of x.

        It may still depend on the multipliers, where constraints are quadratic.
        """
        return not bool(_varying(self.hessian_nonzeros).any())


def _varying(nonzeros: Nonzeros) -> NDArray[np.bool_]:
    """Which nonzeros may depend on x; all of them where they are not a program."""
    if not isinstance(nonzeros, Accumulated):
        return np.ones(nonzeros.pattern.nnz, dtype=bool)
    program = nonzeros.run.program
    return active_slots(program, differentiable=False)[program.outputs]
