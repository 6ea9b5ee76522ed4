"""A problem with its wide sums as unknowns: sparse where a sum over everything makes it dense.

Separate from `blocks`, which cut the same sums and multiply what is left: a solver that factorizes
wants one sparse matrix. The function of x with sums u = S(x) becomes one of (x, u), and u = S(x, u)
its last rows. No sum reads itself, so these rows determine u: both problems have the same points,
values and multipliers, and the Lagrangian of one is that of the other with u put in.

Albersmeyer, Diehl (2010), "The lifted Newton method and its application in optimization", SIAM J.
Optim. 20(3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.derivatives.comparison import CheckPoint
from sparsesolve.derivatives.fused import Fused, fused
from sparsesolve.derivatives.lagrangian import ProblemDerivatives
from sparsesolve.derivatives.structures import Structure
from sparsesolve.derivatives.traced_function import Lazy, executable
from sparsesolve.differentiate.cuts import curved_sums, extended_program
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Slots

__all__ = ["LiftedDerivatives", "lifted_derivatives"]

Array = NDArray[np.float64]


def lifted_derivatives(derivatives: Any) -> LiftedDerivatives | None:
    """Return derivatives of the problem with its wide sums as unknowns.

    Parameters
    ----------
    derivatives : ProblemDerivatives
        Of the problem as it was posed. Where functions have branches, nothing is lifted.

    Returns
    -------
    LiftedDerivatives or None
        None where no wide sum enters anything but linearly.
    """
    if type(derivatives) is not ProblemDerivatives or derivatives.paths():
        return None
    with derivatives.log.stage("detect"):
        sums, widths = curved_sums(derivatives.whole)
    if not sums.size:
        return None
    return LiftedDerivatives(derivatives, sums, float(widths.max()))


class LiftedDerivatives(ProblemDerivatives):
    """Derivatives of an objective and rows of (x, u), followed by the rows u - S(x, u).

    Parameters
    ----------
    plain : ProblemDerivatives
        Of x alone.
    sums : ndarray of int32, shape (k,)
        Slots of its program.
    widest : float
        How many unknowns the widest sum reads.
    """

    def __init__(self, plain: ProblemDerivatives, sums: Slots, widest: float) -> None:
        self.recipe = None  # it is made again with the problem
        self._functions, self._parameters, self.growths = plain.functions, plain.parameters, 0
        self.log = plain.log
        self.plain, self.k, self.widest = plain, int(sums.size), widest
        self.n, self.m = plain.n + self.k, plain.m + self.k
        self.constraint_sizes = (*plain.constraint_sizes, self.k)
        self.constraint_shapes = (*plain.constraint_shapes, (self.k,))
        self.calls = dict.fromkeys(plain.calls, 0)
        self._lazy, self._structure = Lazy(), Structure()
        program = Builder.resume(plain.whole).build(sums)
        self._sums = executable(fused(program, self.log), self.log)
        self._start = self.extended(plain.first)
        if plain.log.point is not None:
            given = plain.log.point
            self.log = replace(
                plain.log, point=CheckPoint(self.extended(given.x), given.parameters)
            )
        self._program = self._lifted(sums)

    def _lifted(self, sums: Slots) -> Fused:
        program = extended_program(self.plain.whole, sums)
        b = Builder.resume(program)
        own = np.arange(self.plain.n, self.n, dtype=np.int32)
        gaps = b.map("subtract", own, program.outputs[: self.k])
        return fused(b.build(np.concatenate([program.outputs[self.k :], gaps])), self.log)

    def extended(self, x: Array) -> Array:
        """Return x and its sums, shape (n + k,)."""
        return np.concatenate([x, self._sums(x, self.parameters)])

    def sum_multipliers(self, z: Array, multipliers: Array) -> Array:
        """Return multipliers of the sums that go with those of the other rows, shape (k,)."""
        n, m = self.plain.n, self.plain.m
        pattern = self.jacobian_pattern
        J = pattern.to_scipy(self.jacobian_values(z))
        left = self.gradient(z)[n:] + J[:m, n:].T @ multipliers
        matrix = sp.csc_array(J[m:, n:].T)
        # triangular, with ones on its diagonal: sums read those before them
        from scipy.sparse.linalg import spsolve_triangular  # noqa: PLC0415 - slow to import

        return np.asarray(spsolve_triangular(matrix, -left, lower=False))

    @property
    def nonzeros(self) -> int:
        """Nonzeros of the Jacobian, and of a triangle of the Hessian."""
        return int(self.jacobian_pattern.nnz + self.hessian_pattern.nnz)

    def staleness(self, x: Array, *args: Any, **options: Any) -> tuple[str, str]:
        """Say how functions differ from what was traced; see `ProblemDerivatives`."""
        return self.plain.staleness(x[: self.plain.n], *args, **options)

    def is_settled(self, functions: Sequence[Any]) -> bool:
        """Whether no call is needed to know functions; see `ProblemDerivatives`."""
        return self.plain.is_settled(functions)

    def takes_same_path(self, args: Sequence[Any]) -> bool:
        """Whether branches are as they were: there are none."""
        return True

    def explain_nonfinite(self, x: Any) -> str:
        """Say which operation makes a first derivative not finite; empty where all are finite."""
        return self.plain.explain_nonfinite(x[: self.plain.n])
