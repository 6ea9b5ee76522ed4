"""`Numbering`: which unknowns a rank owns, and their numbers in PETSc's vectors.

PETSc owns consecutive unknowns, and the user numbers them as the function has them: where these are
far from each other though the equations join them, unknowns are numbered afresh.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.petsc.ranks import Ranks

__all__ = ["Numbering", "owned_range"]

Ids = NDArray[Any]


def owned_range(n: int, size: int, rank: int) -> tuple[int, int]:
    """Return the first unknown of a rank, and one past its last; as PETSc divides them.

    Examples
    --------
    >>> [owned_range(10, 4, rank) for rank in range(4)]
    [(0, 3), (3, 6), (6, 8), (8, 10)]
    """
    share, more = divmod(n, size)
    begin = rank * share + min(rank, more)
    return begin, begin + share + (rank < more)


class Numbering:
    """Numbers of unknowns.

    Parameters
    ----------
    ranks : Ranks
        Who owns them.
    n : int
        How many there are.
    order : ndarray of int, shape (n,), optional
        The user's number of each of PETSc's; without, both are the same.
    counts : ndarray of int, optional
        How many each rank owns. Default is what PETSc gives them.
    """

    def __init__(
        self, ranks: Ranks, n: int, order: Ids | None = None, counts: Ids | None = None
    ) -> None:
        self.n = n
        self.begin, self.end = owned_range(n, ranks.size, ranks.rank)
        if counts is not None:
            self.begin = int(counts[: ranks.rank].sum())
            self.end = self.begin + int(counts[ranks.rank])
        self._order = order
        self._place: Ids | None = None
        if order is not None:
            self._place = np.empty_like(order)
            self._place[order] = np.arange(n, dtype=order.dtype)

    @property
    def owned(self) -> Ids:
        """The unknowns of this rank, by the user's numbers."""
        if self._order is None:
            return np.arange(self.begin, self.end)
        return self._order[self.begin : self.end]

    def of(self, users: Ids) -> Ids:
        """Return PETSc's numbers of the user's."""
        return users if self._place is None else self._place[users]

    def as_users(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a whole vector in the user's order."""
        return values if self._place is None else values[self._place]

    @property
    def sizes(self) -> tuple[int, int]:
        """Local and global size of a vector."""
        return self.end - self.begin, self.n
