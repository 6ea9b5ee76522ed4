"""`ProblemPrograms`: the programs of a problem, each made ready to run when it is first asked for.

Separate because it makes things and never calls them: values at a point are the business of
`ProblemDerivatives`. What is made serves every value of the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.blocks.blocked import Blocked
from sparsesolve.derivatives.fused import Fused, fused
from sparsesolve.derivatives.hessian import SymmetricTemplate
from sparsesolve.derivatives.limits import Limits
from sparsesolve.derivatives.nonzeros import Nonzeros, hessian_nonzeros, jacobian_nonzeros
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.proofs import Proofs
from sparsesolve.derivatives.traced_function import (
    Executable,
    Lazy,
    executable,
    select,
    shared_property,
)
from sparsesolve.differentiate import adjoint_program, gradient_program, tangent_program
from sparsesolve.engine.evaluator import Evaluator, FastCall, Place
from sparsesolve.ir.program import Program
from sparsesolve.structure.pattern import Pattern

__all__ = ["ProblemPrograms"]

Array = NDArray[np.float64]


class ProblemPrograms(Proofs):
    """Mixed into what has the program of a problem: its outputs are the objective, then the rows.

    Whatever is made is kept in `_lazy`, which objects of other parameters share.
    """

    n: int
    log: PrepareLog
    _program: Fused
    _lazy: Lazy
    _parameters: Sequence[Array]

    @property
    def jacobian_pattern(self) -> Pattern:
        """Structure of the constraint Jacobian, shape (m, n)."""
        return self.jacobian_nonzeros.pattern

    @property
    def hessian_pattern(self) -> Pattern:
        """Structure of the lower triangle of the Hessian of the Lagrangian, shape (n, n)."""
        return self.hessian_nonzeros.pattern

    @shared_property
    def _objective_program(self) -> Fused:
        return fused(select(self._program, slice(0, 1)), self.log)

    @shared_property
    def _constraint_program(self) -> Fused:
        return fused(select(self._program, slice(1, None)), self.log)

    @shared_property
    def slopes(self) -> Fused:
        """The gradient of the objective."""
        program = self._objective_program
        with self.log.stage("differentiate"):
            slopes = gradient_program(program)
        return fused(slopes, self.log)

    @shared_property
    def _gradient(self) -> Evaluator:
        """The gradient; like the next two with limits at singular points."""
        run = self._run("gradient", self.slopes)
        return self._limits(self._objective_program).guard(run, variables=(np.arange(self.n),))

    @shared_property
    def _lagrangian_gradient(self) -> Evaluator:
        run = self._run("Lagrangian gradient", self._adjoint)
        return self._limits(self._program).guard(run, variables=(np.arange(self.n),))

    @shared_property
    def _lagrangian_product(self) -> Evaluator:
        run = self._run("Lagrangian product", lambda: tangent_program(self._adjoint))
        return self._limits(self._program).guard(run, variables=(np.arange(self.n),))

    @shared_property
    def _adjoint(self) -> Fused:
        """The gradient of the Lagrangian, with the weights as its parameter."""
        with self.log.stage("differentiate"):
            adjoint = adjoint_program(self._program)
        return fused(adjoint, self.log)

    def _limits(self, program: Program) -> Limits:
        return Limits(program, lambda guards: executable(fused(guards, self.log), self.log))

    @shared_property
    def _jacobian_run(self) -> Evaluator:
        pattern = self.jacobian_pattern
        limits = self._limits(self._constraint_program)
        return limits.guard(
            self.jacobian_nonzeros.run, rows=pattern.rows, variables=(pattern.indices,)
        )

    @shared_property
    def _hessian_run(self) -> Evaluator:
        limits = self._limits(self._program)
        if isinstance(self.hessian_nonzeros, Blocked):
            return limits.guard(self.hessian_nonzeros)
        pattern = self.hessian_pattern
        return limits.guard(self.hessian_nonzeros.run, variables=(pattern.rows, pattern.indices))

    @property
    def jacobian_nonzeros(self) -> Nonzeros:
        """Those of the constraints."""

        def make() -> Nonzeros:
            return jacobian_nonzeros(self._constraint_program, self.log)

        made: Nonzeros = self._lazy.get("jacobian", make)
        return made

    @property
    def hessian_nonzeros(self) -> Nonzeros:
        """The lower triangle of the Hessian of the Lagrangian."""

        def make() -> Nonzeros:
            return hessian_nonzeros(self._program, self._adjoint, self.log, weighted=True)

        made: Nonzeros = self._lazy.get("hessian", make)
        return made

    @shared_property
    def _hessian_entries(self) -> tuple[Callable[[], Array], FastCall, FastCall]:
        """The quick ways to a Hessian: an empty result, all values, and those that vary."""
        own = [Place(k, (p.size,), numeric=False) for k, p in enumerate(self._parameters)]
        x, last = Place(-1, (self.n,), numeric=False), len(own)
        weights = [Place(last, (self.m,), numeric=False, offset=1), Place(last, (), numeric=True)]
        places = [x, *weights, *own]
        run = self._hessian_run
        return run.prefilled, run.fastcall(places, fill=True), run.fastcall(places, fill=False)

    @property
    def symmetric(self) -> SymmetricTemplate:
        """What makes full matrices of lower triangles."""
        made: SymmetricTemplate = self._lazy.get(
            "symmetric", lambda: SymmetricTemplate(self.hessian_pattern)
        )
        return made

    def _run(self, name: str, program: Fused | Callable[[], Program]) -> Executable:
        """Return a program made ready to run on first use; `program` is fused, or makes one."""

        def make() -> Executable:
            made = fused(program(), self.log) if callable(program) else program
            return executable(made, self.log, lambda k: f"{name}[{k}]")

        made: Executable = self._lazy.get(name, make)
        return made
