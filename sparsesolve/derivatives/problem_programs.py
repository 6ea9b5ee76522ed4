"""`ProblemPrograms`: the programs of a problem, each made ready to run when it is first asked for.

Separate because it makes things and never calls them: values at a point are the business of
`ProblemDerivatives`. What is made serves every value of the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.again import Derive, hessian_again, jacobian_again, program_again
from sparsesolve.derivatives.blocks.blocked import Blocked
from sparsesolve.derivatives.fused import Fused, fused, fused_adjoint, fused_gradient
from sparsesolve.derivatives.hessian import SymmetricTemplate
from sparsesolve.derivatives.limits import Limits
from sparsesolve.derivatives.nonzeros import Nonzeros, hessian_nonzeros, jacobian_nonzeros
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.proofs import Proofs
from sparsesolve.derivatives.structures import Structure
from sparsesolve.derivatives.traced_function import (
    Executable,
    Lazy,
    executable,
    limits_of,
    select,
    shared_property,
)
from sparsesolve.differentiate import tangent_program
from sparsesolve.engine.evaluator import Evaluator, FastCall, Place
from sparsesolve.ir.program import Program
from sparsesolve.structure.pattern import Pattern

__all__ = ["ProblemPrograms"]

Array = NDArray[np.float64]
_T = TypeVar("_T")


class ProblemPrograms(Proofs):
    """Mixed into what has the program of a problem: its outputs are the objective, then the rows.

    Whatever is made is kept in `_lazy`, which objects of other parameters share; what depends on
    the tapes alone comes from `_structure`.
    """

    n: int
    log: PrepareLog
    _program: Fused
    _lazy: Lazy
    _structure: Structure
    _parameters: Sequence[Array]
    _layered: Callable[[], Fused | None] | None = None  # the program with sums of layers kept

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
        return self._selected("objective", slice(0, 1))

    @shared_property
    def _constraint_program(self) -> Fused:
        return self._selected("constraints", slice(1, None))

    def _selected(self, name: str, outputs: slice) -> Fused:
        return self._made(
            f"program of {name}", lambda: fused(select(self._program, outputs), self.log)
        )

    @shared_property
    def _objective_run(self) -> Executable:
        return self._run("objective", self._objective_program)

    @shared_property
    def _constraint_run(self) -> Executable:
        return self._run("constraints", self._constraint_program)

    @shared_property
    def slopes(self) -> Fused:
        """The gradient of the objective."""
        program = self._objective_program
        return self._made("program of slopes", lambda: fused_gradient(program, self.log))

    @shared_property
    def _gradient(self) -> Evaluator:
        """The gradient; like the next two with limits at singular points."""
        run = self._run("gradient", self.slopes)
        return self._limits("objective", self._objective_program).guard(
            run,
            variables=(np.arange(self.n),),
            again=program_again(fused_gradient, self.log.options),
        )

    @shared_property
    def _lagrangian_gradient(self) -> Evaluator:
        run = self._run("Lagrangian gradient", self._adjoint)
        return self._for_all(run, fused_adjoint)

    @shared_property
    def _lagrangian_product(self) -> Evaluator:
        run = self._run("Lagrangian product", lambda: tangent_program(self._adjoint))
        return self._for_all(run, _fused_product)

    def _for_all(self, run: Evaluator, derive: Derive) -> Evaluator:
        limits, again = self._limits("all", self._program), program_again(derive, self.log.options)
        return limits.guard(run, variables=(np.arange(self.n),), again=again)

    @shared_property
    def _adjoint(self) -> Fused:
        """The gradient of the Lagrangian, with the weights as its parameter."""
        return self._made("program of adjoint", lambda: fused_adjoint(self._program, self.log))

    def _limits(self, name: str, program: Program) -> Limits:
        return self._made(f"limits of {name}", lambda: limits_of(program, self.log))

    @shared_property
    def _jacobian_run(self) -> Evaluator:
        pattern = self.jacobian_pattern
        limits = self._limits("constraints", self._constraint_program)
        return limits.guard(
            self.jacobian_nonzeros.run,
            rows=pattern.rows,
            variables=(pattern.indices,),
            again=jacobian_again(pattern, self.log.options),
        )

    @shared_property
    def _hessian_run(self) -> Evaluator:
        limits = self._limits("all", self._program)
        if isinstance(self.hessian_nonzeros, Blocked):
            return limits.guard(self.hessian_nonzeros)
        pattern = self.hessian_pattern
        return limits.guard(
            self.hessian_nonzeros.run,
            variables=(pattern.rows, pattern.indices),
            again=hessian_again(pattern, fused_adjoint, self.log.options),
        )

    @property
    def jacobian_nonzeros(self) -> Nonzeros:
        """Those of the constraints."""

        def make() -> Nonzeros:
            return jacobian_nonzeros(self._constraint_program, self.log)

        return self._made("jacobian", make)

    @property
    def hessian_nonzeros(self) -> Nonzeros:
        """The lower triangle of the Hessian of the Lagrangian."""

        def make() -> Nonzeros:
            program, adjoint, layered = self._program, lambda: self._adjoint, self._layered
            return hessian_nonzeros(program, adjoint, self.log, weighted=True, layered=layered)

        return self._made("hessian", make)

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
        return self._made("symmetric", lambda: SymmetricTemplate(self.hessian_pattern))

    def _run(self, name: str, program: Fused | Callable[[], Program]) -> Executable:
        """Return a program made ready to run on first use; `program` is fused, or makes one."""

        def make() -> Executable:
            made = fused(program(), self.log) if callable(program) else program
            return executable(made, self.log, lambda k: f"{name}[{k}]")

        return self._made(name, make)

    def _made(self, name: str, make: Callable[[], _T]) -> _T:
        """Return what `make` makes of the tapes, once for all that record the same ones."""
        made: _T = self._lazy.get(name, lambda: self._structure.get(name, self.log, make))
        return made


def _fused_product(program: Fused, log: PrepareLog) -> Fused:
    """Return products with the Hessian of the Lagrangian."""
    return fused(tangent_program(fused_adjoint(program, log)), log)
