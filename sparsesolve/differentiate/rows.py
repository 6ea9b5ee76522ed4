"""Sparse Jacobian rows of slots, and how terms of the chain rule become entries.

Separate from `jacobian`, which walks the program: here are the two data structures it fills.
A row is a list of (column, slot of the value); the value of an entry that is a known number lives
in a constant slot. A *term* ``a * d`` is one path of the chain rule: `a` a local partial, `d` an
entry of the row of what was loaded. Terms of one entry are summed by instructions appended to the
program; terms that are numbers are summed here, and an entry that is exactly zero vanishes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sparsesolve.differentiate.sums import sum_runs
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.dataclass import dataclass
from sparsesolve.ir.program import Constant, Index, Slots

__all__ = ["ConstantTable", "Entries", "Gates", "Rows", "Terms", "combine"]

_FEW_CONSTANTS = 4  # up to so many are looked for one by one
_UNROLL = 6  # sums of up to this many terms become `add` maps, which fuse


class ConstantTable:
    """Values of constant slots, NaN for all others; follows a growing builder."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._values = np.empty(0)
        self._seen = 0

    def __call__(self, ids: Slots) -> NDArray[np.float64]:
        """Values at `ids`."""
        within = self._between(ids)
        if len(within) > _FEW_CONSTANTS:
            return np.asarray(self._table()[ids])
        values = np.full(ids.shape, np.nan)
        for constant in within:
            if constant.values.size == 1:
                values[ids == constant.start] = constant.values[0]
            else:
                stop = constant.start + constant.values.size
                here = (ids >= constant.start) & (ids < stop)
                values[here] = constant.values[ids[here] - constant.start]
        return values

    def any_at(self, ids: Slots) -> bool:
        """Whether any constant lies between the smallest and the largest of `ids`."""
        return bool(self._between(ids))

    def _between(self, ids: Slots) -> Sequence[Constant]:
        if not ids.size:
            return ()
        low, high = int(ids.min()), int(ids.max())
        constants = self._builder.constants  # in the order of their slots, as they were allocated
        first = bisect_left(constants, low, key=lambda c: c.start + c.values.size - 1)
        return constants[first : bisect_right(constants, high, key=lambda c: c.start)]

    def _table(self) -> NDArray[np.float64]:
        """Values of all slots, NaN where they are no constants."""
        if self._values.size < self._builder.n_slots:
            grown = np.full(self._builder.n_slots * 3 // 2, np.nan)
            grown[: self._values.size] = self._values
            self._values = grown
        for constant in self._builder.constants[self._seen :]:
            self._values[constant.start : constant.start + constant.values.size] = constant.values
        self._seen = len(self._builder.constants)
        return self._values


class Gates:
    """Truth slots of local partials that are a choice between something and zero.

    Where the choice fell on zero, a product with the partial is zero whatever the other factor is,
    infinities and NaN included.
    """

    def __init__(self) -> None:
        self._truths = np.empty(0, dtype=np.int32)

    def mark(self, slots: Slots, truths: Slots) -> None:
        """Say which slots are true where partials are not the zero of a choice."""
        size = int(slots.max(initial=-1)) + 1
        if size > self._truths.size:
            grown = np.full(size * 3 // 2, -1, dtype=np.int32)
            grown[: self._truths.size] = self._truths
            self._truths = grown
        self._truths[slots] = truths

    def product(self, b: Builder, a: Slots, d: Slots) -> Slots:
        """Append the products of partials with entries."""
        product = b.map("multiply", a, d)
        known = a < self._truths.size
        if not known.any():
            return product
        truths = np.where(known, self._truths[np.where(known, a, 0)], np.int32(-1))
        gated = truths >= 0
        if gated.all():
            return b.map("where", truths, product, 0.0)
        if gated.any():
            product = product.copy()
            product[gated] = b.map("where", truths[gated], product[gated], 0.0)
        return product


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries of consecutive rows in CSR form: columns, and the slots that hold the values."""

    indptr: NDArray[np.int64]
    columns: NDArray[np.int32]
    slots: Slots


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms ``a * d`` at (row, column); all arrays of one length."""

    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    a: Slots
    d: Slots

    @classmethod
    def joined(cls, parts: Sequence[Terms]) -> Terms:
        """Put terms one behind the other."""
        names = ("rows", "columns", "a", "d")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


class Rows:
    """The Jacobian row of every slot seen so far.

    Parameters
    ----------
    n : int
        Number of columns; slot ``j < n`` is the input and has the row ``{j: 1}``.
    n_slots : int
        Number of slots.
    one : int
        Slot of the constant 1.
    """

    def __init__(self, n: int, n_slots: int, one: int) -> None:
        self.one = one
        self.count = np.zeros(n_slots, dtype=np.int32)
        self.first = np.zeros(n_slots, dtype=np.int64)
        self.count[:n] = 1
        self.first[:n] = np.arange(n)
        self._columns = np.arange(n, dtype=np.int32)
        self._slots = np.full(n, one, dtype=np.int32)
        self._size = n
        self._blocks: list[tuple[int, int]] = [(0, n)]
        self.largest = 0  # entries of the largest block stored

    def store(self, start: int, entries: Entries) -> None:
        """Keep the rows of slots ``start, start + 1, ...``."""
        size = self._size + entries.columns.size
        if size > self._columns.size:
            grown = max(size, self._columns.size * 3 // 2)
            self._columns = _grown(self._columns, grown)
            self._slots = _grown(self._slots, grown)
        self._columns[self._size : size] = entries.columns
        self._slots[self._size : size] = entries.slots
        stop = start + entries.indptr.size - 1
        self._blocks.append((start, stop))
        self.largest = max(self.largest, entries.columns.size)
        self.count[start:stop] = np.diff(entries.indptr)
        self.first[start:stop] = self._size + entries.indptr[:-1]
        self._size = size

    def expand(self, rows: NDArray[np.int32], ids: Slots, a: Slots) -> Terms:
        """Terms of rows that read `ids` with local partials `a`; all of one length."""
        count = self.count[ids]
        if count.size and int(count.max()) <= 1:
            keep = count > 0
            if not keep.all():
                rows, ids, a = rows[keep], ids[keep], a[keep]
            at = self.first[ids]
        else:
            total = int(count.sum())
            begin = np.cumsum(count) - count
            at = np.arange(total) + np.repeat(self.first[ids] - begin, count)
            rows, a = np.repeat(rows, count), np.repeat(a, count)
        return Terms(rows, self._columns[at], a, self._slots[at])

    def at(self, places: NDArray[np.int64]) -> tuple[NDArray[np.int32], Slots]:
        """Columns and slots of entries by their places; see `first` and `count`."""
        return self._columns[places], self._slots[places]

    def size_of(self, ids: Slots) -> int:
        """How many terms `expand` would make."""
        return int(self.count[ids].sum(dtype=np.int64))

    def gather(self, ids: Slots) -> Entries:
        """Rows of some slots, in their order."""
        block = self._block(ids)
        if block is not None:
            indptr = np.zeros(ids.size + 1, dtype=np.int64)
            np.cumsum(self.count[block[0] : block[1]], out=indptr[1:])
            part = slice(int(self.first[block[0]]), int(self.first[block[0]] + indptr[-1]))
            return Entries(indptr, self._columns[part], self._slots[part])
        count = self.count[ids].astype(np.int64)
        indptr = np.concatenate([[0], np.cumsum(count)])
        at = np.arange(int(indptr[-1])) + np.repeat(self.first[ids] - indptr[:-1], count)
        return Entries(indptr, self._columns[at], self._slots[at])

    def _block(self, ids: Slots) -> tuple[int, int] | None:
        """Bounds of `ids` where they are consecutive slots whose rows lie back to back."""
        index = Index.of(ids)
        if index.array is not None or index.stride != 1 or not index.length:
            return None
        start, stop = index.start, index.start + index.length
        return (start, stop) if any(a <= start and stop <= b for a, b in self._blocks) else None


def _grown(values: NDArray[np.int32], size: int) -> NDArray[np.int32]:
    """Return a larger array that begins with `values`; the rest is not touched."""
    larger = np.empty(size, dtype=np.int32)
    larger[: values.size] = values
    return larger


def combine(
    b: Builder, constants: ConstantTable, gates: Gates, terms: Terms, shape: tuple[int, int]
) -> Entries:
    """Sum terms entry by entry, sort entries by column, and append the instructions needed.

    Parameters
    ----------
    b : Builder
        Gets the instructions.
    constants : ConstantTable
        Values of constant slots.
    gates : Gates
        Which partials are choices.
    terms : Terms
        In any order.
    shape : tuple of int
        Rows and columns.

    Notes
    -----
    One stable sort of the terms, which arrive as few sorted runs; linear otherwise.
    """
    n_rows, n = shape
    known_a, known_d = constants(terms.a), constants(terms.d)
    alive = (known_a != 0.0) & (known_d != 0.0)
    key = terms.rows.astype(np.int64) * n + terms.columns
    if not alive.all():
        key, known_a, known_d = key[alive], known_a[alive], known_d[alive]
        terms = Terms(*(t[alive] for t in (terms.rows, terms.columns, terms.a, terms.d)))
    if key.size and not bool((key[1:] >= key[:-1]).all()):
        order = np.argsort(key, kind="stable")
        key, known_a, known_d = key[order], known_a[order], known_d[order]
        terms = Terms(*(t[order] for t in (terms.rows, terms.columns, terms.a, terms.d)))
    number = known_a * known_d
    ids = _term_slots(b, gates, terms, (known_a, known_d), number)
    fresh = np.ones(key.size, dtype=bool)
    fresh[1:] = key[1:] != key[:-1]
    slots, head = ids, np.flatnonzero(fresh)
    if head.size < key.size:
        slots, nonzero = _sum_groups(b, ids, number, head)
        slots, head = slots[nonzero], head[nonzero]
    counts = np.bincount(terms.rows[head], minlength=n_rows)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    return Entries(indptr, terms.columns[head], slots)


def _term_slots(
    b: Builder,
    gates: Gates,
    terms: Terms,
    known: tuple[NDArray[np.float64], NDArray[np.float64]],
    number: NDArray[np.float64],
) -> Slots:
    """One slot for each term: a constant, one of the factors, or a product to be computed."""
    known_a, known_d = known
    ids = np.where(known_a == 1.0, terms.d, terms.a)
    product = (known_a != 1.0) & (known_d != 1.0)
    numbers = product & ~np.isnan(number)
    if numbers.any():
        ids[numbers] = _constant_slots(b, number[numbers])
        product &= ~numbers
    if product.any():
        ids[product] = gates.product(b, terms.a[product], terms.d[product])
    return ids


def _constant_slots(b: Builder, values: NDArray[np.float64]) -> Slots:
    """Slots of numbers, few distinct ones sharing theirs."""
    slots = np.empty(values.size, dtype=np.int32)
    left = np.arange(values.size)
    for _ in range(8):
        value = values[left[0]]
        same = values[left] == value
        slots[left[same]] = b.scalar(float(value))
        left = left[~same]
        if not left.size:
            return slots
    return b.constant(values)


def _sum_groups(
    b: Builder, ids: Slots, number: NDArray[np.float64], head: NDArray[np.int64]
) -> tuple[Slots, NDArray[np.bool_]]:
    """Slot of the sum of each group of terms, and which sums are not known to be zero."""
    unknown = np.isnan(number)
    constant = np.add.reduceat(np.where(unknown, 0.0, number), head)
    unknowns = np.add.reduceat(unknown, head, dtype=np.int64)
    nonzero = (unknowns > 0) | (constant != 0.0)
    sums = np.zeros(head.size, dtype=np.int32)
    numbers = (unknowns == 0) & nonzero
    if numbers.any():
        sums[numbers] = _constant_slots(b, constant[numbers])
    group = np.repeat(np.arange(head.size), np.diff(np.append(head, ids.size)))
    shift = np.flatnonzero((unknowns > 0) & (constant != 0.0))
    # the numeric part of a mixed group is one more term, placed behind the others
    extra = _constant_slots(b, constant[shift]) if shift.size else ids[:0]
    members = np.concatenate([ids[unknown], extra])
    owner = np.concatenate([group[unknown], shift])
    if shift.size:
        order = np.argsort(owner, kind="stable")
        members, owner = members[order], owner[order]
    sizes = np.bincount(owner, minlength=head.size)
    some = sizes > 0
    sums[some] = sum_runs(b, members, sizes[some], unroll=_UNROLL)
    return sums, nonzero
