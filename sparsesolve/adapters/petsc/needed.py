"""What a rank needs of distributed unknowns: some that it owns, some that others do.

Separate because rows and sums need different ones, and communication is the same: one scatter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.petsc.numbering import Numbering
from sparsesolve.adapters.petsc.ranks import Ranks
from sparsesolve.derivatives.row_part import Divided, RowPart

__all__ = ["Needed", "SharedSums"]

Array = NDArray[np.float64]
Safely: TypeAlias = Callable[[Callable[[], Array]], Array]


class Needed:
    """Some unknowns, brought here.

    Parameters
    ----------
    ranks, numbering : Ranks, Numbering
        Who owns what.
    x : Vec
        Like those that will be asked.
    users : ndarray of int
        Which unknowns, by the user's numbers; those from n on are sums, which come behind.
    """

    def __init__(self, ranks: Ranks, numbering: Numbering, x: Any, users: NDArray[Any]) -> None:
        petsc = self._petsc = ranks.petsc
        owned_by_some = users < numbering.n
        self.unknowns = numbering.of(users[owned_by_some])
        self.sums = users[~owned_by_some] - numbering.n
        self._local = petsc.Vec().createSeq(self.unknowns.size)
        wanted = self.unknowns.astype(petsc.IntType)
        source = petsc.IS().createGeneral(wanted, comm=petsc.COMM_SELF)
        self._scatter = petsc.Scatter().create(x, source, self._local, None)

    def of(self, x: Any, sums: Array) -> Array:
        """Return them at a distributed vector, the sums behind; valid until the next call."""
        self._scatter.scatter(x, self._local, mode="forward")
        here: Array = self._local.getArray(readonly=True)
        return np.concatenate([here, sums[self.sums]]) if self.sums.size else here

    def give(self, values: Array, x: Any) -> None:
        """Add values, one for each of these unknowns, to a distributed vector."""
        self._local.setArray(values)
        add = self._petsc.InsertMode.ADD_VALUES
        self._scatter.scatter(self._local, x, addv=add, mode="reverse")


def _prepared(divided: Divided, ranks: Ranks) -> list[RowPart]:
    shares = divided.shares(ranks.rank, ranks.size)
    for share in shares:
        share.prepare()
    return shares


class SharedSums:
    """Sums over all unknowns, of which each rank adds its share.

    Parameters
    ----------
    ranks, numbering, x
        As for `Needed`.
    divided : Divided
        Whose sums these are.
    """

    def __init__(self, ranks: Ranks, numbering: Numbering, x: Any, divided: Divided) -> None:
        self.ranks = ranks
        self.count = divided.sums.count
        self.shares: list[RowPart] = []
        if self.count:
            self.shares = ranks.together(lambda: _prepared(divided, ranks))
        self.needed = [Needed(ranks, numbering, x, share.inputs) for share in self.shares]
        self._one = np.empty(1)

    @property
    def may_raise(self) -> bool:
        """Whether a share calls a function, which may raise."""
        return any(share.may_raise for share in self.shares)

    def at(self, x: Any, parameters: Sequence[Array], safely: Safely) -> Array:
        """Return the sums at a distributed vector, on every rank.

        Parameters
        ----------
        x : Vec
            Where.
        parameters : sequence of ndarray
            All other arguments.
        safely : callable
            Runs what may raise on one rank.
        """
        sums = np.zeros(self.count)
        for k, (share, needed) in enumerate(zip(self.shares, self.needed, strict=True)):
            at = needed.of(x, sums)
            own = safely(partial(share.value, at, parameters, self._one))
            sums[k] = self.ranks.total(float(own[0]))
        return sums
