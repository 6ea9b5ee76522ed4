"""Constant entries: written a chunk at a time, just before the loops write what varies there.

It is a matter of memory, not of numbers. A result that does not fit the caches
would be streamed through them twice, once for its constants and once for what varies. And where
chunks have the same constants, as the rows of a grid do, one of them is read again and again.
"""

from __future__ import annotations

import ctypes
import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.engine.llvm.plan.chunks import Chunk
from sparsesolve.engine.llvm.plan.kernel_signature import BASES
from sparsesolve.engine.llvm.plan.spaces import Position

__all__ = ["FILL", "Row", "fill_in_parts", "fill_parts", "fill_table"]

FILL = f"""(ptr %words, ptr %bases, i64 %low, i64 %high) nounwind {{
entry:
  %prefilled = load ptr, ptr %words
  %copy.p = getelementptr i64, ptr %words, i64 1
  %copy = load ptr, ptr %copy.p
  %out.p = getelementptr i64, ptr %bases, i64 {BASES["out"]}
  %out = load ptr, ptr %out.p
  %from = getelementptr double, ptr %prefilled, i64 %low
  %to = getelementptr double, ptr %out, i64 %low
  %size = sub i64 %high, %low
  %bytes = mul i64 %size, 8
  call ptr %copy(ptr %to, ptr %from, i64 %bytes)
  ret void
}}
"""
"""The body of a function in the calling form of kernels; words: address of the constant that goes
to position 0 if the source began there, and of the C function ``memmove``."""


_MOVE = ctypes.cast(ctypes.memmove, ctypes.c_void_p).value or 0

Row = tuple[int, int, int, int]
"""A row of a table: addresses of code and words, low, high."""


def fill_table(
    work: Sequence[tuple[Row, Chunk]],
    prefilled: NDArray[np.float64],
    is_constant: NDArray[np.bool_],
    code: int,
) -> tuple[list[Row], NDArray[np.int64]]:
    """Put filling between the rows of a table.

    Parameters
    ----------
    work : sequence of (Row, Chunk)
        Rows in order, and the chunks that they run.
    prefilled : ndarray of float64, shape (m,)
        What to fill with.
    is_constant : ndarray of bool, shape (m,)
        Where it must be.
    code : int, address
        The function `FILL`.

    Returns
    -------
    rows : list of Row
        Every constant is written once, before any task writes there or behind.
    words : ndarray of int64
        What they refer to; it and the prefilled must be kept.
    """
    filler = _Filler(prefilled, is_constant)
    for row, chunk in work:
        filler.fill(chunk.reach)
        filler.rows.append(row)
    filler.fill(Position(prefilled.size))
    return filler.finish(code)


def fill_in_parts(
    work: Sequence[tuple[Row, Chunk]],
    prefilled: NDArray[np.float64],
    is_constant: NDArray[np.bool_],
    code: int,
    count: int,
) -> tuple[list[list[Row]], NDArray[np.int64]]:
    """Put filling between the rows of tasks that wait for nothing, cut for several threads.

    Parameters
    ----------
    work, prefilled, is_constant, code
        As for `fill_table`.
    count : int
        How many parts there should be.

    Returns
    -------
    parts : list of list of Row
        To be run in any order: none fills where another one writes. Empty where that cannot be had.
    words : ndarray of int64
        What they refer to; it and the prefilled must be kept.
    """
    filler = _Filler(prefilled, is_constant)
    begins: list[int] = []  # row where a chunk begins
    before = [Position(0)]  # below which chunks so far may write
    for row, chunk in work:
        begins.append(len(filler.rows))
        before.append(max(before[-1], chunk.reach))
        filler.fill(chunk.reach)
        filler.rows.append(row)
    filler.fill(Position(prefilled.size))
    rows, words = filler.finish(code)
    first = [chunk.first for _, chunk in work]
    if not first:
        return [], words
    later = np.minimum.accumulate(first[::-1])[::-1]
    possible = np.flatnonzero(later >= before[:-1])
    wanted = len(first) * np.arange(1, count) // count
    cuts = np.unique(possible[np.searchsorted(possible, wanted).clip(max=possible.size - 1)])
    if 2 * cuts.size < count:
        return [], words
    edges = [0, *(begins[cut] for cut in cuts.tolist()), len(rows)]
    return [rows[low:high] for low, high in pairwise(edges) if low < high], words


def fill_parts(
    prefilled: NDArray[np.float64], is_constant: NDArray[np.bool_], code: int, parts: int
) -> tuple[list[Row], NDArray[np.int64]]:
    """Fill a result in parts of about the same size.

    Parameters
    ----------
    prefilled, is_constant, code
        As for `fill_table`.
    parts : int
        How many rows there are.

    Returns
    -------
    rows : list of Row
        One a part.
    words : ndarray of int64
        What they refer to; it and the prefilled must be kept.
    """
    words = np.array([_address(prefilled), _MOVE], dtype=np.int64)
    low, high = _hull(is_constant)
    edges = [low + (high - low) * k // parts for k in range(parts + 1)]
    rows = [(code, _address(words), *edge) for edge in pairwise(edges)]
    return rows, words


class _Filler:
    """Rows being written; those that fill have -1 and the number of their words in front."""

    def __init__(self, prefilled: NDArray[np.float64], is_constant: NDArray[np.bool_]) -> None:
        self.rows: list[Row] = []
        self.words: list[int] = []
        self._prefilled = prefilled
        self._is_constant = is_constant
        self._done = Position(0)  # what is below is filled
        self._address = _address(prefilled)
        self._known: dict[tuple[int, int], int] = {}

    def finish(self, code: int) -> tuple[list[Row], NDArray[np.int64]]:
        """Return the rows, and the words that they refer to."""
        words = np.array(self.words, dtype=np.int64)
        base = _address(words)
        rows = [
            (code, base + 8 * where, low, high) if address < 0 else (address, where, low, high)
            for address, where, low, high in self.rows
        ]
        return rows, words

    def fill(self, reach: Position) -> None:
        """Fill what is not filled below `reach`, from the first constant to the last one."""
        if reach <= self._done:
            return
        low, high = _hull(self._is_constant[self._done : reach])
        low, high = self._done + low, self._done + high
        self._done = reach
        if low == high:
            return
        part = self._prefilled[low:high]
        key = (part.size, zlib.crc32(part.data))
        twin = self._known.setdefault(key, low)
        same = self._prefilled[twin : twin + part.size].tobytes() == part.tobytes()
        self.rows.append((-1, len(self.words), low, high))
        self.words += [self._address - 8 * (low - twin if same else 0), _MOVE]


def _hull(marked: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the first marked place and the one after the last; 0 and 0 if there is none."""
    if not marked.any():
        return 0, 0
    return int(marked.argmax()), marked.size - int(marked[::-1].argmax())


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])
