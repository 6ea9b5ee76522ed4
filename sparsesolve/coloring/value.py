"""`Coloring`: which columns, rows or both share one evaluation, as a frozen value.

Separate because colors come from several algorithms (or from the user) and go to the recovery, the
derivatives and the pictures, none of which should know the others. Colors are one int32 array:
columns first, then rows where both are colored; -1 means "not evaluated".
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsesolve.coloring.bound import lower_bound
from sparsesolve.errors import ArchiveError, ColoringError, SparseSolveError
from sparsesolve.host.fork import forkable_property
from sparsesolve.options import choice
from sparsesolve.structure.archive import Target, read_archive, write_archive
from sparsesolve.structure.pattern import Pattern, frozen_index, whole_numbers

__all__ = [
    "RECOVERIES",
    "STRUCTURES",
    "Coloring",
    "Recovered",
    "Structure",
    "renumbered",
    "require_coloring",
]

Structure = Literal["columns", "rows", "symmetric", "bidirectional"]
Recovered = Literal["direct", "substitution"]

_ARRAYS = ("shape", "indptr", "indices", "colors", "counts", "words")

STRUCTURES: tuple[Structure, ...] = ("columns", "rows", "symmetric", "bidirectional")
RECOVERIES: tuple[Recovered, ...] = ("direct", "substitution")


@dataclass(frozen=True, eq=False)
class Coloring:
    """Colors of the columns, the rows, or both, of a pattern.

    Parameters
    ----------
    pattern : Pattern, shape (m, n)
        What is colored.
    structure : {"columns", "rows", "symmetric", "bidirectional"}
        ``"columns"`` needs one product ``J @ seed`` a color, ``"rows"`` one ``J.T @ seed``,
        ``"symmetric"`` one Hessian product, ``"bidirectional"`` some of both.
    colors : ndarray of int32
        Shape (n,) for columns and symmetric, (m,) for rows, (n + m,) for bidirectional, where the
        columns have the colors below `nforward` and the rows those above. -1 marks a column or
        row that needs no evaluation.
    nforward, nreverse : int
        Number of colors of columns, and of rows.
    recovery : {"direct", "substitution"}
        How nonzeros are read from the products: each from one entry, or by subtracting others.
    order : str
        The order that the greedy loop used, for the record; "given" for colors of the user.

    See Also
    --------
    sparsesolve.color : Compute one.
    sparsesolve.coloring.recover.Recovery : Read the nonzeros; refuses a coloring without a way.

    Examples
    --------
    >>> import sparsesolve as ss
    >>> coloring = ss.color(Pattern.from_offsets((4, 4), (-1, 0, 1)), order="natural")
    >>> coloring.ncolors, coloring.colors.tolist()
    (3, [0, 1, 2, 0])
    """

    pattern: Pattern
    structure: Structure
    colors: NDArray[np.int32]
    nforward: int
    nreverse: int = 0
    recovery: Recovered = "direct"
    order: str = "given"

    def __post_init__(self) -> None:
        choice("structure", self.structure, STRUCTURES)
        choice("recovery", self.recovery, RECOVERIES)
        m, n = self.pattern.shape
        if self.structure == "symmetric" and self.pattern != self.pattern.T:
            raise ColoringError(
                f"structure 'symmetric' needs a symmetric pattern, got one of shape ({m}, {n}) "
                "with entries whose mirror is missing. Pass pattern.union(pattern.T), or choose "
                "structure 'columns' or 'rows'."
            )
        size = {"columns": n, "rows": m, "symmetric": n, "bidirectional": n + m}[self.structure]
        if self.colors.shape != (size,):
            raise ColoringError(
                f"`colors` must have shape ({size},) for structure {self.structure!r} of a pattern "
                f"of shape {self.pattern.shape}, got {self.colors.shape}."
            )
        for side, part, first, last in (
            ("column", self.column_colors, 0, self.nforward),
            ("row", self.row_colors, self.nforward, self.ncolors),
        ):
            used = part[part >= 0]
            if used.size and not first <= int(used.min()) <= int(used.max()) < last:
                raise ColoringError(
                    f"{side} colors must be -1 or in [{first}, {last}), got values from "
                    f"{int(used.min())} to {int(used.max())}. Use Coloring.from_colors."
                )
        object.__setattr__(self, "colors", frozen_index(self.colors))

    @classmethod
    def from_colors(
        cls,
        pattern: Pattern,
        colors: ArrayLike,
        *,
        structure: Structure = "columns",
        recovery: Recovered = "direct",
    ) -> Coloring:
        """Take colors found elsewhere; they are renumbered without gaps.

        Whether they allow the recovery is checked when a `Recovery` is made from them.
        """
        choice("structure", structure, STRUCTURES)
        given = whole_numbers("colors", colors, ColoringError)
        n = pattern.shape[1]
        ahead = {"rows": 0, "bidirectional": n}.get(structure, given.size)
        forward, nforward = renumbered(given[:ahead])
        reverse, nreverse = renumbered(given[ahead:])
        reverse[reverse >= 0] += nforward
        return cls(
            pattern, structure, np.concatenate((forward, reverse)), nforward, nreverse, recovery
        )

    @classmethod
    def load(cls, source: Target) -> Coloring:
        """Read a coloring that `save` wrote, with its pattern.

        Raises
        ------
        ArchiveError
            If the file is something else, or damaged.
        """
        arrays = read_archive(source, "coloring", _ARRAYS)
        try:
            m, n = arrays["shape"].tolist()
            nforward, nreverse = arrays["counts"].tolist()
            structure, recovery, order = arrays["words"].tolist()
            pattern = Pattern((m, n), arrays["indptr"], arrays["indices"])
            return cls(pattern, structure, arrays["colors"], nforward, nreverse, recovery, order)
        except (SparseSolveError, ValueError, TypeError) as error:
            raise ArchiveError(
                f"expected a valid coloring, got one that is not: {error}"
            ) from error

    def save(self, target: Target) -> None:
        """Write the coloring and its pattern to one compressed npz file (path or binary file)."""
        arrays = (
            np.asarray(self.pattern.shape, dtype=np.int64),
            self.pattern.indptr,
            self.pattern.indices,
            self.colors,
            np.array([self.nforward, self.nreverse], dtype=np.int64),
            np.array([self.structure, self.recovery, self.order]),
        )
        write_archive(target, "coloring", dict(zip(_ARRAYS, arrays, strict=True)))

    @property
    def ncolors(self) -> int:
        """Number of evaluations: colors of columns and of rows together."""
        return self.nforward + self.nreverse

    @property
    def column_colors(self) -> NDArray[np.int32]:
        """Color of each column, shape (n,), or empty where only rows are colored."""
        return self.colors[: 0 if self.structure == "rows" else self.pattern.shape[1]]

    @property
    def row_colors(self) -> NDArray[np.int32]:
        """Color of each row, shape (m,), or empty where rows are not colored."""
        return self.colors[0 if self.structure == "rows" else self.pattern.shape[1] :]

    @forkable_property
    def groups(self) -> tuple[NDArray[np.int32], ...]:
        """For each color, the columns or rows that have it, increasing."""
        columns, rows = self.column_colors, self.row_colors
        index = np.concatenate((np.arange(columns.size), np.arange(rows.size))).astype(np.int32)
        by_color = np.argsort(self.colors, kind="stable")
        ends = np.searchsorted(self.colors[by_color], np.arange(self.ncolors + 1))
        return tuple(index[by_color[a:b]] for a, b in pairwise(ends))

    @forkable_property
    def lower_bound(self) -> int:
        """A number of colors that no coloring of this structure can go below."""
        return lower_bound(self.pattern, self.structure)

    @property
    def nbytes(self) -> int:
        """Bytes held by the colors and the pattern."""
        return self.colors.nbytes + self.pattern.nbytes

    def __repr__(self) -> str:
        m, n = self.pattern.shape
        parts = f", {self.nforward} of columns" if self.structure == "bidirectional" else ""
        return (
            f"Coloring({self.structure}, {self.recovery}, {self.order}: {self.ncolors} colors"
            f"{parts}, at least {self.lower_bound}, for {m} x {n}, nnz={self.pattern.nnz})"
        )


def require_coloring(given: Any) -> Coloring:
    """Return a coloring as it is; raise where it is something else."""
    if not isinstance(given, Coloring):
        kind = type(given).__name__
        raise TypeError(f"`coloring` must be a Coloring, got {kind}. Write color(pattern).")
    return given


def renumbered(colors: NDArray[Any]) -> tuple[NDArray[np.int32], int]:
    """Return colors with the numbers 0, 1, ... in increasing order of the old, and how many."""
    used = np.maximum(colors, -1)
    if used.max(initial=-1) > 2 * used.size:
        # Large names: their ranks first.
        names, position = np.unique(used, return_inverse=True)
        used = position.reshape(-1) - int(names[0] == -1)
    present = np.zeros(int(used.max(initial=-1)) + 2, dtype=bool)
    present[used] = True
    # Color -1 finds the last element.
    present[-1] = False
    number = np.cumsum(present, dtype=np.int32) - np.int32(1)
    ncolors = int(number[-1]) + 1
    number[-1] = -1
    return number[used], ncolors
