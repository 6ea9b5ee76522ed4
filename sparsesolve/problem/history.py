"""`History`: the iterations of a solve as arrays.

Separate because the monitor writes it, results hold it, and pictures read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLUMNS", "History"]

Array = NDArray[np.float64]

COLUMNS = ("iteration", "objective", "constraint_violation", "optimality", "step", "seconds")


class History:
    """What a solver told of each iteration; ``history.objective`` and so on are arrays.

    `iteration`, `objective`, `constraint_violation`, `optimality`, `step`, `seconds`: as in
    `IterationState`, NaN where a solver does not tell. Where nobody watches, and the problem has no
    scales, IPOPT's violations and measures of optimality are its own, in its scaling.

    Parameters
    ----------
    rows : sequence of tuple
        One an iteration, in the order of `COLUMNS`.

    Examples
    --------
    >>> history = History([(0, 5.0, 0.0, 1.0, 0.0, 0.0), (1, 4.0, 0.0, 0.1, 0.5, 0.1)])
    >>> history.objective, len(history)
    (array([5., 4.]), 2)
    """

    __slots__ = ("rows",)

    def __init__(self, rows: Sequence[tuple[float, ...]] = ()) -> None:
        self.rows = tuple(rows)

    @property
    def iteration(self) -> NDArray[np.intp]:
        """Numbers of the iterations."""
        return self._column("iteration").astype(np.intp)

    @property
    def objective(self) -> Array:
        """Objective, or cost."""
        return self._column("objective")

    @property
    def constraint_violation(self) -> Array:
        """Largest violation."""
        return self._column("constraint_violation")

    @property
    def optimality(self) -> Array:
        """Measure of optimality of the solver."""
        return self._column("optimality")

    @property
    def step(self) -> Array:
        """Length of the step, or radius of the trust region."""
        return self._column("step")

    @property
    def seconds(self) -> Array:
        """Seconds since the start of the solve."""
        return self._column("seconds")

    def _column(self, name: str) -> Array:
        k = COLUMNS.index(name)
        return np.array([row[k] for row in self.rows], dtype=np.float64)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield each iteration as a dictionary: a table for pandas."""
        return (dict(zip(COLUMNS, row, strict=True)) for row in self.rows)

    def __repr__(self) -> str:
        return f"<History of {len(self.rows)} iterations>"
