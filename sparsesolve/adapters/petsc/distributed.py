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

from sparsesolve.adapters.petsc.matrix import Assembly
from sparsesolve.adapters.petsc.numbering import Numbering
from sparsesolve.adapters.petsc.outcome import OwnedResult, version_of
from sparsesolve.adapters.petsc.ranks import Ranks
from sparsesolve.derivatives.row_part import Divided, RowPart
from sparsesolve.options import SolverDerivatives
from sparsesolve.problem.result import Result

__all__ = ["Distributed"]

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
        self.numbering = Numbering(ranks, divided.shape[1])
        self.block: RowPart = ranks.together(lambda: divided.rows(self.numbering.owned))
        # of any rank: those that wait for it must know
        self._may_raise = bool(ranks.largest(float(self.block.may_raise)))
        self.counts = {"value": 0, "jacobian": 0}
        self.seconds = 0.0
        self._inputs = self.numbering.of(self.block.inputs)
        self._local = ranks.petsc.Vec().createSeq(self._inputs.size)
        self._scatter = self._made_scatter()
        self.assembly: Assembly | None = None
        self._buffer = np.empty(0)

    def _made_scatter(self) -> Any:
        petsc = self.ranks.petsc
        needed = petsc.IS().createGeneral(self._inputs.astype(petsc.IntType), comm=petsc.COMM_SELF)
        return petsc.Scatter().create(self.vector(), needed, self._local, None)

    def vector(self, start: Array | None = None) -> Any:
        """Return a new distributed vector; with the owned part of a whole one, if given."""
        made = self.ranks.petsc.Vec().create(comm=self.ranks.comm)
        made.setSizes(self.numbering.sizes)
        made.setFromOptions()
        if start is not None:
            made.setArray(start[self.numbering.owned])
        return made

    def matrix(self, mass: tuple[Ids, Ids, Array] | None = None) -> Any:
        """Prepare the matrix; see `Assembly`."""
        self.ranks.together(lambda: self.block.pattern)
        self.assembly = Assembly(self.ranks, self.numbering, self.block, self._inputs, mass)
        self._buffer = self.block.buffer()
        return self.assembly.matrix

    def value(self, x: Any, out: Any, parameters: Sequence[Array] | None = None) -> None:
        """Write the function at a distributed vector into another."""
        start = time.perf_counter()
        at = self._needed(x)
        given = self.parameters if parameters is None else parameters
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
        at = self._needed(x)
        given = self.parameters if parameters is None else parameters
        self._safely(lambda: self.block.refill(self._buffer, at, given))
        self.assembly.fill(self._buffer, shift)
        if operator != self.assembly.matrix:
            operator.assemble()
        self.counts["jacobian"] += 1
        self.seconds += time.perf_counter() - start

    def _needed(self, x: Any) -> Array:
        """Return the unknowns that the rows of this rank need."""
        self._scatter.scatter(x, self._local, mode="forward")
        needed: Array = self._local.getArray(readonly=True)
        return needed

    def _safely(self, work: Callable[[], Any]) -> None:
        with np.errstate(all="ignore"):
            if self._may_raise:
                self.ranks.together(work)
            else:
                work()

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
            Fields of the result that are distributed.
        **known
            All others.
        """
        known["backend"] = version_of(self.ranks.petsc, self.ranks.size)
        if answer == "gathered":
            whole: dict[str, Any] = {name: self.whole(v) for name, v in vectors.items()}
            return Result(**whole, **known)
        parts: dict[str, Any] = {k: np.array(v.getArray(readonly=True)) for k, v in vectors.items()}
        return OwnedResult(**parts, **known, owned=self.numbering.owned)


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
    if derivatives == "differences":
        raise ValueError(
            "method='petsc' divides the traced function among ranks, so derivatives='differences' "
            "is not possible. Use derivatives='auto', or method='newton'."
        )
    divided = ranks.together(lambda: Divided(function, example, argnum, derivatives))
    m, n = divided.shape
    if m != n:
        raise ValueError(f"expected as many equations as unknowns, got {m} and {n}.")
    ranks.require_same(divided.digest())
    return Distributed(ranks, divided), tuple(divided.log.notes)
