"""`Classes`: which sums depend on the same inputs, found without listing what each depends on.

Separate from the blocks that are made of them: this is structure alone. Sums are of one class where
they read the same inputs and sums of the same classes, as the neurons of a layer do for all rows of
the data; what a class depends on is found once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["Classes", "Unstructured", "connected", "distinct", "levels_of", "split_by_key"]

Ids = NDArray[np.intp]
Marks = NDArray[np.uint64]
_MOST_LEVELS = 32
_MOST_GROUPS = 512
_MOST_CLASSES = 2048
_MOST_NUMBERS = 2**26  # of U
_MANY = 64  # classes of a level, from which on those that are alike are made one
_HOLES = 8.0  # by which rows may grow for that
_FILL = 2.0  # by which rows of one level may grow to become one group
_FEW = 4  # groups of a level that are never merged


class Unstructured(Exception):
    """Rows of the sums have too many different structures for products of blocks."""


class Classes:
    """Sums by what they depend on.

    Parameters
    ----------
    rows : ndarray of int
        Of the entries of ``[S_x, S_u]``, increasing.
    columns : ndarray of int
        Theirs; sums come behind the inputs.
    n, k : int
        Number of inputs and of sums.

    Attributes
    ----------
    level : ndarray of int, shape (k,)
        How many sums lie behind each other on the way to each, at most.
    kind : ndarray of int, shape (k,)
        The class of each; those of a lower level have smaller ones.

    Raises
    ------
    Unstructured
        If there are too many classes, or levels.
    """

    def __init__(self, rows: Ids, columns: Ids, n: int, k: int) -> None:
        self._n = n
        direct = columns < n
        starts = np.concatenate([[0], np.cumsum(np.bincount(rows[direct], minlength=k))])
        self._own_rows = starts, columns[direct]
        self._between = rows[~direct], columns[~direct] - n
        self.level = levels_of(*self._between, k)
        self.kind = np.full(k, -1, dtype=np.intp)
        self._members: list[Ids] = []
        self._supports: list[Ids] = []
        self._reads: list[list[int]] = []
        self._size = 0
        self._find()

    def _find(self) -> None:
        """Find classes level by level; marks may collide, so all members count."""
        random = np.random.default_rng(0)
        (starts, columns), k = self._own_rows, self.kind.size
        own = [
            _summed(marks[columns], starts)
            for marks in random.integers(1, 2**63, (2, self._n), dtype=np.uint64)
        ]
        for number in range(int(self.level.max(initial=-1)) + 1):
            mine = np.flatnonzero(self.level == number)
            cuts, read = self._read_classes(number)
            marks = random.integers(1, 2**63, _MOST_CLASSES, dtype=np.uint64)
            ends = np.concatenate([[0], np.cumsum(np.bincount(cuts, minlength=k))])
            keys = [marks[mine] for marks in (*own, _summed(marks[read], ends))]
            parts = _equal(np.stack(keys, axis=1), mine)
            if len(parts) > _MANY:
                parts = self._alike(mine, (ends, read)) or parts
            for part in parts:
                self._add(part, read[_ranges(ends, part)])

    def _alike(self, mine: Ids, reads: tuple[Ids, Ids]) -> list[Ids]:
        """Split sums by what they share, where rows have holes; empty where that is too little.

        What most of them read joins none: so neurons stay apart, whatever zeros the data have.
        """
        joined, everything = [], []
        for (starts, read), first in ((self._own_rows, 0), (reads, self._n)):
            row = np.repeat(np.arange(mine.size), starts[mine + 1] - starts[mine])
            column = read[_ranges(starts, mine)]
            often = 2 * np.bincount(column) > mine.size
            rare = ~often[column]
            joined.append((row[rare], first + column[rare]))
            everything.append((row, first + column))
        row, column = (np.concatenate(ends) for ends in zip(*joined, strict=True))
        parts = mine.size + self._n + _MOST_CLASSES
        label = connected(row, mine.size + column, parts)[: mine.size]
        alone = np.ones(mine.size, dtype=bool)
        alone[row] = False
        label[alone] = -1
        label = np.unique(label, return_inverse=True)[1].reshape(-1)
        row, column = everything[0]
        filled = distinct(label[row] * self._n + column) // max(1, self._n)
        area = (np.bincount(label)[filled]).sum()
        return split_by_key(label, mine, int(label.max()) + 1) if area <= _HOLES * row.size else []

    def _read_classes(self, number: int) -> tuple[Ids, Ids]:
        """Which classes each sum of a level reads, each once, by sum."""
        reader, read = self._between
        here = self.level[reader] == number
        keys = distinct(reader[here] * _MOST_CLASSES + self.kind[read[here]])
        return np.divmod(keys, _MOST_CLASSES)

    def _add(self, cuts: Ids, read: Ids) -> None:
        """Make a class of sums that read some classes."""
        support = np.zeros(self._n, dtype=bool)
        starts, columns = self._own_rows
        support[columns[_ranges(starts, cuts)]] = True
        self._reads.append(distinct(read).tolist())
        for number in self._reads[-1]:
            support[self._supports[number]] = True
        self.kind[cuts] = len(self._members)
        self._members.append(cuts)
        self._supports.append(np.flatnonzero(support))
        self._size += self._supports[-1].size
        if self._size > _MOST_NUMBERS or len(self._members) > _MOST_CLASSES:
            raise Unstructured

    def parts(self) -> list[tuple[Ids, Ids]]:
        """Return sums of one level and structure, and what they depend on.

        Classes that depend on the same are one part, and so are those of a level that grow little.
        """
        parts: list[tuple[Ids, Ids]] = []
        grown: dict[int, Ids] = {}
        for number in range(int(self.level.max(initial=-1)) + 1):
            known: dict[bytes, list[Ids]] = {}
            for cuts, support in self._grown(number, grown):
                known.setdefault(support.tobytes(), []).append(cuts)
            found = [
                (np.sort(np.concatenate(cuts)), np.frombuffer(key, dtype=np.intp))
                for key, cuts in known.items()
            ]
            merged = _merged(found)
            if len(merged) < len(found):
                grown.update(
                    (int(kind), merged[0][1]) for kind in distinct(self.kind[merged[0][0]])
                )
            parts += merged
        if len(parts) > _MOST_GROUPS or sum(a.size * b.size for a, b in parts) > _MOST_NUMBERS:
            raise Unstructured
        return parts

    def _grown(self, number: int, grown: dict[int, Ids]) -> Iterator[tuple[Ids, Ids]]:
        """Yield classes of a level and what they depend on, grown like what they read."""
        for kind, (cuts, support) in enumerate(zip(self._members, self._supports, strict=True)):
            if self.level[cuts[0]] != number:
                continue
            more = [grown[read] for read in self._reads[kind] if read in grown]
            if more:
                support = grown[kind] = np.unique(np.concatenate([support, *more]))
            yield cuts, support


def _merged(found: list[tuple[Ids, Ids]]) -> list[tuple[Ids, Ids]]:
    """Make one part of those of a level, where it grows little."""
    if len(found) <= _FEW:
        return found
    every = np.unique(np.concatenate([columns for _, columns in found]))
    cuts = np.sort(np.concatenate([cuts for cuts, _ in found]))
    area = sum(a.size * b.size for a, b in found)
    return [(cuts, every)] if cuts.size * every.size <= _FILL * area else found


def distinct(keys: Ids) -> Ids:
    """Return each key once, increasing; by sorting, which for many keys beats a hash table."""
    ordered = np.sort(keys)
    return np.asarray(ordered[np.append(True, ordered[1:] != ordered[:-1])[: ordered.size]])


def split_by_key(keys: Ids, things: Ids, count: int) -> list[Ids]:
    """Split things by key, each part in its order."""
    if count == 1:
        return [things]
    order = np.argsort(keys, kind="stable")
    ends = np.cumsum(np.bincount(keys, minlength=count))[:-1]
    return np.split(things[order], ends) if count else []


def _equal(keys: Marks, things: Ids) -> list[Ids]:
    """Split things by rows of marks, each part in its order."""
    order = np.lexsort(keys.T)
    new = np.any(keys[order[1:]] != keys[order[:-1]], axis=1)
    return np.split(things[order], np.flatnonzero(new) + 1) if things.size else []


def _summed(numbers: Marks, starts: Ids) -> Marks:
    """Sum numbers between starts; modulo 2**64, and so in any order."""
    total = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(numbers, dtype=np.uint64)])
    return np.asarray(total[starts[1:]] - total[starts[:-1]])


def _ranges(starts: Ids, chosen: Ids) -> Ids:
    """Concatenate the ranges that begin at chosen starts."""
    counts = starts[chosen + 1] - starts[chosen]
    shift = starts[chosen] - np.cumsum(counts) + counts
    return np.asarray(np.arange(counts.sum()) + np.repeat(shift, counts))


def connected(one: Ids, other: Ids, count: int) -> Ids:
    """Return the number of the connected part that each of some things is in.

    Parts are in the order of their first things; each takes the smallest number that is next to it,
    again and again. SciPy's graphs take longer to import than most are to walk.
    """
    label = np.arange(count)
    while True:
        left, right = label[one], label[other]
        least, lower = np.minimum(left, right), label.copy()
        np.minimum.at(lower, left, least)
        np.minimum.at(lower, right, least)
        lower = _followed(lower)
        if np.array_equal(lower, label):
            break
        label = lower
    return np.asarray(np.unique(label, return_inverse=True)[1]).reshape(-1)


def _followed(label: Ids) -> Ids:
    """Follow labels to those that are their own."""
    while True:
        further = label[label]
        if np.array_equal(further, label):
            return label
        label = further


def levels_of(reader: Ids, read: Ids, k: int) -> Ids:
    """Return how many sums lie behind each other on the way to each, at most."""
    level = np.zeros(k, dtype=np.intp)
    for _ in range(_MOST_LEVELS):
        raised = level.copy()
        np.maximum.at(raised, reader, level[read] + 1)
        if np.array_equal(raised, level):
            return level
        level = raised
    raise Unstructured
