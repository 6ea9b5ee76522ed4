"""`Distributed`: a function of distributed unknowns, of which each rank evaluates its own rows.

Separate because all solvers of PETSc ask for the same two things: a vector of values, and a matrix.
What is communicated are the unknowns that the rows of a rank need and others own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.petsc.low_rank import SumsOperator
from sparsesolve.adapters.petsc.matrix import Assembly
from sparsesolve.adapters.petsc.needed import Needed, SharedSums
from sparsesolve.adapters.petsc.numbering import Numbering
from sparsesolve.adapters.petsc.outcome import OwnedResult, Stop, version_of
from sparsesolve.adapters.petsc.ranks import Ranks
from sparsesolve.adapters.petsc.reorder import better_numbering
from sparsesolve.derivatives.row_part import Divided, RowPart
from sparsesolve.host.memory import give_back
from sparsesolve.methods.monitor import Monitor
from sparsesolve.options import SolverDerivatives
from sparsesolve.problem.result import Result

__all__ = ["Distributed", "Told", "distributed", "traced_together"]

Array = NDArray[np.float64]
Ids = NDArray[Any]


class Distributed:
    """The rows of a square system that this rank owns.

    Parameters
    ----------
    ranks : Ranks
        Who takes part.
    divided : Divided
        The whole function.
    """

    def __init__(self, ranks: Ranks, divided: Divided) -> None:
        self.ranks = ranks
        self.parameters = divided.parameters
        usual = Numbering(ranks, divided.shape[1])
        block = ranks.together(lambda: divided.rows(usual.owned))
        self.numbering, self.block, self.notes = better_numbering(ranks, usual, block, divided.rows)
        self.notes += _called(ranks, self.block)
        self.counts = {"value": 0, "jacobian": 0}
        self.seconds = 0.0
        like = self.vector()
        self.needed = Needed(ranks, self.numbering, like, self.block.inputs)
        self.sums = SharedSums(ranks, self.numbering, like, divided)
        # of any rank: those that wait for it must know
        may_raise = self.block.may_raise or self.sums.may_raise
        self._may_raise = bool(ranks.largest(float(may_raise)))
        self.assembly: Assembly | None = None
        self._thin: SumsOperator | None = None

    def vector(self, start: Array | None = None) -> Any:
        """Return a new distributed vector; with the owned part of a whole one, if given."""
        made = self.ranks.petsc.Vec().create(comm=self.ranks.comm)
        made.setSizes(self.numbering.sizes)
        made.setFromOptions()
        if start is not None:
            made.setArray(start[self.numbering.owned])
        return made

    def matrices(self, mass: tuple[Ids, Ids, Array] | None = None) -> tuple[Any, Any]:
        """Prepare what PETSc multiplies by, and the matrix that it preconditions with.

        Both are one, but where global sums are read; see `Assembly` and `SumsOperator`.
        """
        give_back()
        self.assembly = Assembly(self.ranks, self.numbering, self.block, self.needed, mass)
        made = operator = self.assembly.matrix
        if self.sums.count:
            self._thin = SumsOperator(self.ranks, self.numbering, self.sums, self.assembly)
            operator = self._thin.matrix
        self.ranks.together(self.block.prepare)
        give_back()
        return operator, made

    def value(self, x: Any, out: Any, parameters: Sequence[Array] | None = None) -> None:
        """Write the function at a distributed vector into another."""
        start = time.perf_counter()
        given = self.parameters if parameters is None else parameters
        at = self.needed.of(x, self.sums.at(x, given, self._safely))
        values = out.getArray()
        self._safely(lambda: self.block.value(at, given, values))
        out.stateIncrease()
        self.counts["value"] += 1
        self.seconds += time.perf_counter() - start

    def jacobian(
        self,
        x: Any,
        operator: Any,
        parameters: Sequence[Array] | None = None,
        shift: float | None = None,
    ) -> None:
        """Write the matrix at a distributed vector; see `Assembly.fill`.

        Parameters
        ----------
        x : Vec
            Where.
        operator : Mat
            What PETSc multiplies by: the matrix itself, or one of its own (``snes_mf_operator``).
        parameters : sequence of ndarray, optional
            Other arguments, where they have changed.
        shift : float, optional
            Factor of the mass matrix.
        """
        start = time.perf_counter()
        assert self.assembly is not None
        given = self.parameters if parameters is None else parameters
        sums = self.sums.at(x, given, self._safely)
        at = self.needed.of(x, sums)
        values = self.assembly.buffer()
        self._safely(lambda: self.block.refill(values, at, given))
        self.assembly.fill(shift)
        if self._thin is not None:
            sign = 1.0 if shift is None else -1.0
            self._thin.fill(values, x, sums, given, sign)
        if operator != self.assembly.matrix:
            operator.assemble()
        self.counts["jacobian"] += 1
        self.seconds += time.perf_counter() - start

    def _safely(self, work: Callable[[], Array]) -> Array:
        with np.errstate(all="ignore"):
            return self.ranks.together(work) if self._may_raise else work()

    def whole(self, x: Any) -> Array:
        """Return a distributed vector on every rank, in the user's order."""
        scatter, everything = self.ranks.petsc.Scatter.toAll(x)
        scatter.scatter(x, everything, mode="forward")
        return self.numbering.as_users(np.array(everything.getArray(readonly=True)))

    def result(self, answer: str, vectors: dict[str, Any], **known: Any) -> Result:
        """Return the result of a solve: whole vectors, the same on all ranks, or owned parts.

        Parameters
        ----------
        answer : {"gathered", "owned"}
            Which.
        vectors : dict of Vec
            Fields of the result that are distributed; multipliers of bounds as "lower", "upper".
        **known
            All others.
        """
        gathered = answer == "gathered"
        fields: dict[str, Any] = {
            name: self.whole(v) if gathered else np.array(v.getArray(readonly=True))
            for name, v in vectors.items()
        }
        if "lower" in fields:
            fields["bound_multipliers"] = fields.pop("lower"), fields.pop("upper")
        fields |= known | {"backend": version_of(self.ranks.petsc, self.ranks.size)}
        return Result(**fields) if gathered else OwnedResult(**fields, owned=self.numbering.owned)


class Told:
    """Tells a monitor of iterations: with whole vectors, on every rank, where any rank watches.

    A rank may watch alone, as for ``progress=rank == 0``: the others bring their parts.
    """

    def __init__(self, system: Distributed, monitor: Monitor) -> None:
        self._system, self._monitor = system, monitor
        self._anywhere = bool(system.ranks.largest(float(monitor.watched)))

    def __call__(
        self, iteration: int, solution: Callable[[], Any], fun: float, measure: float
    ) -> None:
        """Tell of one iteration; raise `Stop` on all ranks where a callback of one stops it."""
        x = self._system.whole(solution()) if self._anywhere else np.empty(0)

        def told() -> bool:
            if self._monitor.watched:
                return self._monitor.update(iteration, x, fun, optimality=measure)
            self._monitor.note(iteration, fun, 0.0, measure, float("nan"))
            return True

        go_on = self._system.ranks.together(told) if self._anywhere else told()
        if self._anywhere and self._system.ranks.largest(float(not go_on)):
            raise Stop


def distributed(
    ranks: Ranks,
    function: Callable[..., Any],
    example: Sequence[Any],
    argnum: int,
    derivatives: SolverDerivatives,
) -> tuple[Distributed, tuple[str, ...]]:
    """Trace a square system on every rank, and prepare the rows that each owns.

    Parameters
    ----------
    ranks : Ranks
        Who takes part.
    function, example, argnum
        The user's function, its arguments, and which of these are the unknowns.
    derivatives : str
        How they are made, as for `sparsesolve.root`.

    Returns
    -------
    system : Distributed
        Ready to be evaluated.
    notes : tuple of str
        For the result.
    """
    divided = traced_together(ranks, function, example, argnum, derivatives)
    m, n = divided.shape
    if m != n:
        raise ValueError(f"expected as many equations as unknowns, got {m} and {n}.")
    system = Distributed(ranks, divided)
    return system, tuple(divided.log.notes) + system.notes


def _called(ranks: Ranks, block: RowPart) -> tuple[str, ...]:
    """Return a note where several ranks make the same calls of functions, each as a whole."""
    names = " ".join(block.calls) if block.may_raise else ""
    callers = int(ranks.total(float(block.may_raise)))
    if callers < 2:
        return ()
    named = sorted(set(ranks.texts(f"{names} ").split()))
    most = int(ranks.largest(float(block.inputs.size)))
    return (
        f"{', '.join(named)}: {callers} of {ranks.size} ranks call this as a whole, with all that "
        f"it reads (up to {most} unknowns), and not a share of it",
    )


def traced_together(
    ranks: Ranks,
    function: Callable[..., Any],
    example: Sequence[Any],
    argnum: int,
    derivatives: SolverDerivatives,
) -> Divided:
    """Trace a function on every rank, and compare what was traced; arguments as `distributed`."""
    if derivatives == "differences":
        raise ValueError(
            "method='petsc' divides the traced function among ranks, so derivatives='differences' "
            "is not possible. Use derivatives='auto', or a method that is not 'petsc'."
        )
    divided = ranks.together(lambda: Divided(function, example, argnum, derivatives))
    ranks.require_same(divided.digest())
    ranks.require_near(*divided.summary())
    return divided
