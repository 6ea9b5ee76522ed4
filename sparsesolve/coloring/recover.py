"""From compressed products back to the nonzeros.

It needs colors but not how they were found, and products but not who computed
them. A block of products is a dense array with one column a color: ``J @ seeds``, shape
(m, nforward), or ``J.T @ seeds``, shape (n, nreverse). Nonzeros come in the order of the pattern;
those of a symmetric pattern also as the lower triangle, in the order of ``pattern.lower()``.

Recovery is one gather. After an acyclic coloring some values are then subtracted from others, in
an order fixed beforehand (see `peel_kernels`).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.coloring import Coloring, require_coloring
from sparsesolve.coloring.seeds import compress, forward_seeds, reverse_seeds, seed_chunks
from sparsesolve.coloring.sums import Sums, sums_of
from sparsesolve.errors import ColoringError, StructureMismatch
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.fork import forkable_property
from sparsesolve.host.imports import importing
from sparsesolve.structure.pattern import Pattern

__all__ = [
    "Recovery",
    "compress",
    "decompress",
    "forward_seeds",
    "prepare_recovery",
    "reverse_seeds",
    "seed_chunks",
]

Index = NDArray[np.int32]
Block = NDArray[Any]


def decompress(
    coloring: Coloring | Recovery,
    forward: Block | None = None,
    reverse: Block | None = None,
    *,
    format: Literal["csr", "csc"] = "csr",
    lower: bool = False,
    out: Any = None,
) -> Any:
    """Return the matrix whose products with the seeds of a coloring are given.

    Parameters
    ----------
    coloring : Coloring or Recovery
        The coloring of the products. A `Recovery`, from `prepare_recovery`, saves the preparation
        where the same structure comes again.
    forward : ndarray, shape (m, nforward), optional
        ``J @ forward_seeds(coloring)``; needed where columns are colored.
    reverse : ndarray, shape (n, nreverse), optional
        ``J.T @ reverse_seeds(coloring)``; needed where rows are colored.
    format : {"csr", "csc"}, default "csr"
        Of the result.
    lower : bool, default False
        Whether to return the lower triangle only; for structure "symmetric".
    out : csr_array or csc_array, optional
        A matrix of the same pattern, whose data are overwritten, and which is returned; it says
        the format, and `lower` by its number of entries.

    Returns
    -------
    csr_array or csc_array, shape (m, n)

    Raises
    ------
    ColoringError
        If the colors do not allow the recovery.
    StructureMismatch
        If a block has another shape, or `out` another pattern.

    Notes
    -----
    Time O(nnz), which includes the preparation unless a `Recovery` is given.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsesolve.coloring import color
    >>> matrix = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 4.0]])
    >>> coloring = color(matrix)
    >>> decompress(coloring, *compress(coloring, matrix)).toarray().tolist()
    [[1.0, 0.0, 2.0], [0.0, 3.0, 4.0]]
    """
    if not isinstance(coloring, Recovery):
        require_coloring(coloring)
    recovery = coloring if isinstance(coloring, Recovery) else prepare_recovery(coloring)
    if out is not None:
        recovery.matrix_into(out, forward, reverse)
        return out
    if format not in ("csr", "csc"):
        raise ValueError(f"`format` must be 'csr' or 'csc', got {format!r}.")
    if lower:
        matrix = recovery.lower_pattern.to_scipy(recovery.lower_values(forward))
    else:
        matrix = recovery.matrix(forward, reverse)
    return matrix.tocsc() if format == "csc" else matrix


@dataclass(frozen=True, eq=False)
class Recovery:
    """The fixed index arrays that turn products into nonzeros; made by `prepare_recovery`.

    Parameters
    ----------
    coloring : Coloring
        The colors it belongs to.
    place, product : ndarray of int32, shape (unknowns,)
        Each unknown is read from entry `place` of the product vector of color `product`. The
        unknowns are the entries of the pattern or, if symmetric, of its lower triangle.
    steps, targets : ndarray of int32
        Then ``values[targets[k]] -= values[steps[k]]`` for k = 0, 1, ...; empty when direct.
    expand : ndarray of int32, shape (nnz,), or None
        The unknown behind each entry of a symmetric pattern.
    """

    coloring: Coloring
    place: Index
    product: Index
    steps: Index
    targets: Index
    expand: Index | None

    @property
    def pattern(self) -> Pattern:
        """The pattern whose nonzeros are recovered."""
        return self.coloring.pattern

    @property
    def nbytes(self) -> int:
        """Bytes held by the index arrays, those of the coloring and of the flat gather too."""
        arrays = (self.place, self.product, self.steps, self.targets, self.expand, self._flat)
        held = sum(array.nbytes for array in arrays if array is not None)
        return held + self.coloring.nbytes

    @forkable_property
    def lower_pattern(self) -> Pattern:
        """Pattern of the values of `lower_values`."""
        return self.pattern.lower()

    def values(
        self,
        forward: Block | None = None,
        reverse: Block | None = None,
        *,
        out: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        """Return the nonzeros in the order of the pattern.

        Parameters
        ----------
        forward : ndarray, shape (m, nforward), optional
            ``J @ forward_seeds(coloring)``; needed where columns are colored.
        reverse : ndarray, shape (n, nreverse), optional
            ``J.T @ reverse_seeds(coloring)``; needed where rows are colored.
        out : ndarray, shape (nnz,), optional
            Where to write the result.

        Returns
        -------
        ndarray, shape (nnz,)
            Of the type of the products.

        Raises
        ------
        StructureMismatch
            If a block has another shape, or `out` cannot hold the result.
        """
        if self.expand is None:
            return self._unknowns(forward, reverse, out)
        return _take(self._unknowns(forward, reverse, None), self.expand, out)

    def lower_values(
        self, forward: Block | None = None, *, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Return the nonzeros of the lower triangle of a symmetric pattern, in its order.

        Raises
        ------
        StructureMismatch
            If the coloring is not symmetric, or `forward` has another shape.
        """
        if self.expand is None:
            raise StructureMismatch(
                "the lower triangle is recovered only from a coloring with structure "
                f"'symmetric', got {self.coloring.structure!r}."
            )
        return self._unknowns(forward, None, out)

    def matrix(self, forward: Block | None = None, reverse: Block | None = None) -> sp.csr_array:
        """Return the recovered matrix as a csr_array."""
        return self.pattern.to_scipy(self.values(forward, reverse))

    def matrix_into(
        self, out: Any, forward: Block | None = None, reverse: Block | None = None
    ) -> None:
        """Overwrite the data of a matrix of this pattern, or of its lower triangle.

        Parameters
        ----------
        out : csr_array or csc_array
            With sorted indices.
        forward, reverse : ndarray, optional
            As for `values`.

        Raises
        ------
        StructureMismatch
            If `out` has another pattern or format.
        """
        is_lower = self.expand is not None and out.nnz < self.pattern.nnz
        pattern = self.lower_pattern if is_lower else self.pattern
        stored = pattern.T if out.format == "csc" else pattern
        if (
            out.format not in ("csr", "csc")
            or out.shape != pattern.shape
            or not np.array_equal(out.indptr, stored.indptr)
            or not np.array_equal(out.indices, stored.indices)
        ):
            raise StructureMismatch(
                f"`out` must be a csr or csc matrix with the {pattern.nnz} sorted entries of the "
                f"pattern, got {out.format} of shape {out.shape} with {out.nnz} entries. Take one "
                "from `decompress` without `out`."
            )
        in_place = out.data if out.format == "csr" else None
        if is_lower:
            values = self.lower_values(forward, out=in_place)
        else:
            values = self.values(forward, reverse, out=in_place)
        if in_place is None:
            _take(values, pattern.csc_order, out.data)

    def product_into(self, out: NDArray[Any], color: int, product: NDArray[Any]) -> None:
        """Write into `out`, shape (nnz,), what the product of one color tells.

        After one call for each color, in any order, and then `finish_into`, `out` holds what
        `values` returns. So no block of products has to be in memory.
        """
        entries, ends, places = self._by_product
        part = slice(ends[color], ends[color + 1])
        _refuse_narrow(out, product.dtype)
        out[entries[part]] = product[places[part]]

    def finish_into(self, out: NDArray[Any]) -> None:
        """Subtract what has to be subtracted, once all products were written into `out`."""
        if not self.steps.size:
            return
        from sparsesolve.coloring.peel_kernels import substitute  # noqa: PLC0415 - numba

        if self.expand is None:
            substitute(out, self.steps, self.targets)
            return
        unknowns = out[self.pattern.rows >= self.pattern.indices]
        substitute(unknowns, self.steps, self.targets)
        np.take(unknowns, self.expand, out=out, mode="clip")

    @forkable_property
    def _by_product(self) -> tuple[Index, NDArray[np.int64], Index]:
        """Entries grouped by product, the ends of the groups, and their places in it."""
        source = slice(None) if self.expand is None else self.expand
        product, place = self.product[source], self.place[source]
        entries = np.argsort(product, kind="stable").astype(np.int32)
        ends = np.searchsorted(product[entries], np.arange(self.coloring.ncolors + 1))
        return entries, ends, place[entries]

    def _unknowns(
        self, forward: Block | None, reverse: Block | None, out: NDArray[Any] | None
    ) -> NDArray[Any]:
        coloring = self.coloring
        m, n = self.pattern.shape
        ahead = _checked("forward", forward, (m, coloring.nforward))
        back = _checked("reverse", reverse, (n, coloring.nreverse))
        if coloring.nforward and coloring.nreverse:
            products = np.concatenate((ahead.reshape(-1), back.reshape(-1)))
        else:
            products = (ahead if coloring.nforward else back).reshape(-1)
        values = _take(products, self._flat, out)
        if self.steps.size:
            from sparsesolve.coloring.peel_kernels import substitute  # noqa: PLC0415 - numba

            substitute(values, self.steps, self.targets)
        return values

    @forkable_property
    def _flat(self) -> NDArray[np.int64]:
        """Place of each unknown in the products, both blocks flattened one after the other."""
        coloring = self.coloring
        split, total = coloring.nforward, coloring.ncolors
        place, product = self.place.astype(np.int64), self.product
        behind = self.pattern.shape[0] * split + place * (total - split) + (product - split)
        return np.where(product < split, place * split + product, behind)


def _take(values: NDArray[Any], places: NDArray[Any], out: NDArray[Any] | None) -> NDArray[Any]:
    """Gather into `out`, if it is given and does not round what it is given."""
    if out is None or out.dtype == values.dtype:
        return np.take(values, places, out=out, mode="clip")
    _refuse_narrow(out, values.dtype)
    out[...] = values.take(places)
    return out


def _refuse_narrow(out: NDArray[Any], kind: np.dtype[Any]) -> None:
    if not np.can_cast(kind, out.dtype, "same_kind"):
        raise StructureMismatch(
            f"`out` must hold numbers of type {kind}, got an array of {out.dtype}. Pass one of "
            f"{kind}."
        )


def _checked(name: str, block: Block | None, shape: tuple[int, int]) -> Block:
    if block is None and shape[1] == 0:
        return np.empty(shape)
    if block is None or block.shape != shape:
        raise StructureMismatch(
            f"`{name}` must have shape {shape}, one column for each color, got "
            f"{None if block is None else block.shape}."
        )
    return block


def prepare_recovery(coloring: Coloring) -> Recovery:
    """Fix, once, where each nonzero is read and what is subtracted from it.

    Parameters
    ----------
    coloring : Coloring
        Of any structure, from `color` or from `Coloring.from_colors`.

    Returns
    -------
    Recovery

    Raises
    ------
    ColoringError
        If the colors do not allow the recovery that the coloring names, so that a wrong coloring
        cannot give wrong numbers.

    Notes
    -----
    Time and memory O(nnz).

    Examples
    --------
    >>> import numpy as np
    >>> from sparsesolve.coloring import color
    >>> matrix = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 4.0]])
    >>> coloring = color(matrix)
    >>> prepare_recovery(coloring).values(matrix @ forward_seeds(coloring)).tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    if _one_line_each(coloring):
        return _read_directly(coloring)
    with importing():
        from sparsesolve.coloring.peel_kernels import peel  # noqa: PLC0415 - numba loads only here

    sums = sums_of(coloring)
    unknowns = sums.first.size
    order = np.empty(unknowns, dtype=np.int32)
    chosen = np.zeros(unknowns, dtype=np.int32)
    target = np.full(unknowns, -1, dtype=np.int32)
    solved = peel(order, chosen, target, sums.first, sums.second, sums.count)
    if solved < unknowns:
        raise ColoringError(
            f"{unknowns - solved} of {unknowns} nonzeros cannot be told apart by this coloring of "
            f"structure {coloring.structure!r}. Take one from `sparsesolve.color`."
        )
    steps = order[target[order] >= 0]
    if steps.size and coloring.recovery == "direct":
        raise ColoringError(
            f"{steps.size} of {unknowns} nonzeros need a substitution, but this coloring says "
            "recovery 'direct'. Pass recovery='substitution', or take a coloring from "
            "`sparsesolve.color`."
        )
    place, product = _chosen_side(sums, chosen == 0)
    expand = _expand(coloring.pattern) if coloring.structure == "symmetric" else None
    return Recovery(coloring, place, product, steps, target[steps], expand)


def _one_line_each(coloring: Coloring) -> bool:
    """Whether each color has one column (or row), and none with entries is without."""
    pattern, colors = coloring.pattern, coloring.colors
    if coloring.structure == "bidirectional":
        return False
    by_row = coloring.structure == "rows"
    has_entries = np.diff(pattern.indptr) > 0
    if not by_row:
        has_entries = np.bincount(pattern.indices, minlength=pattern.shape[1]) > 0
    colored = int(np.count_nonzero(colors >= 0))
    return coloring.ncolors == colored and bool((colors[has_entries] >= 0).all())


def _read_directly(coloring: Coloring) -> Recovery:
    """Read each nonzero from the product of its own column (or row): no sum holds two."""
    pattern, colors = coloring.pattern, coloring.colors
    rows, columns = pattern.rows, pattern.indices
    expand = None
    if coloring.structure == "symmetric":
        lower = rows >= columns
        rows, columns, expand = rows[lower], columns[lower], _expand(pattern)
    place, line = (columns, rows) if coloring.structure == "rows" else (rows, columns)
    nothing = np.empty(0, dtype=np.int32)
    return Recovery(coloring, place, colors[line], nothing, nothing, expand)


def _chosen_side(sums: Sums, first: NDArray[np.bool_]) -> tuple[Index, Index]:
    return (
        np.where(first, sums.first_place, sums.second_place),
        np.where(first, sums.first_color, sums.second_color),
    )


def _expand(pattern: Pattern) -> Index:
    """Return, for each entry of a symmetric pattern, its number within the lower triangle."""
    is_lower = pattern.rows >= pattern.indices
    number = np.cumsum(is_lower, dtype=np.int32) - np.int32(1)
    return np.where(is_lower, number, number[pattern.transposed_places])
