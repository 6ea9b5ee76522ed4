"""Pieces on which index arrays are affine.

It is plain array work, used while a task is made. The index arrays of a grid are
affine but for the ends of its rows: cut there, a kernel needs no index array at all, reads
consecutive numbers, and saves the memory traffic of the indices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.engine.llvm.plan.spaces import Positions
from sparsesolve.ir.program import Slots

__all__ = ["Numbers", "affine_pieces", "piece_words"]

_LEAST_MEAN = 16  # elements a piece, on average; with less, cutting does not pay
_SAMPLE = 4096

Numbers: TypeAlias = Slots | Positions


def affine_pieces(accesses: Sequence[Numbers], n: int, trips: int = 1) -> NDArray[np.int64] | None:
    """Cut a domain so that every index array is affine on each piece.

    Parameters
    ----------
    accesses : sequence of Slots or Positions, each of the length of the domain
        What is read or written at each point.
    n : int
        Number of slots of x; no piece of slots crosses from below n to above.
    trips : int, default 1
        In how many equal parts the domain is run; each begins with a piece.

    Returns
    -------
    ndarray of int64, shape (pieces,), or None
        Where each piece begins; None if there is no array, or the pieces would be too short.
    """
    if not accesses or accesses[0].size < 2 * _LEAST_MEAN * trips:
        return None
    edges = [0 if isinstance(access, Positions) else n for access in accesses]
    arrays = [_array(access) for access in accesses]
    middle = arrays[0].size // 2
    for part in (slice(0, _SAMPLE), slice(middle, middle + _SAMPLE)):
        if _too_many(_breaks([array[part] for array in arrays], edges)):
            return None
    breaks = _breaks(arrays, edges)
    each = arrays[0].size // trips
    breaks[each - 1 :: each] = True
    if _too_many(breaks):
        return None
    return np.concatenate([[0], np.flatnonzero(breaks) + 1]).astype(np.int64)


def piece_words(
    access: Numbers, starts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Describe an index array by one affine rule a piece.

    Returns
    -------
    first, stride : ndarray of int64, shape (pieces,)
        Slot or position ``first + stride * i`` at the point i of the whole domain; 0 and 0 where
        there is no position.
    """
    array = _array(access)
    sizes = np.diff(np.append(starts, array.size))
    begin = array[starts].astype(np.int64)
    following = array[np.minimum(starts + 1, array.size - 1)].astype(np.int64)
    stride: NDArray[np.int64] = np.where(sizes > 1, following - begin, np.int64(1))
    first: NDArray[np.int64] = begin - stride * starts
    if isinstance(access, Positions):
        nothing = begin < 0
        stride[nothing] = 0
        first[nothing] = 0
    return first, stride


def _too_many(breaks: NDArray[np.bool_]) -> bool:
    return int(np.count_nonzero(breaks)) * _LEAST_MEAN > breaks.size + 1


def _array(access: Numbers) -> NDArray[np.int32]:
    return access.numbers if isinstance(access, Positions) else access


def _breaks(arrays: Sequence[NDArray[np.int32]], limits: Sequence[int]) -> NDArray[np.bool_]:
    """Mark the edges between neighbours that belong to different pieces.

    No piece of an array crosses its limit.
    """
    broken = np.zeros(arrays[0].size - 1, dtype=bool)
    for array, limit in zip(arrays, limits, strict=True):
        step = np.diff(array)
        same = step[1:] == step[:-1]  # edge e + 1 continues edge e
        inside = np.zeros(step.size, dtype=bool)
        inside[1:] |= same
        inside[:-1] |= same
        broken |= ~inside
        broken[1:] |= ~same & inside[:-1]  # where two strides meet, the second piece is new
        low, high = array[:-1], array[1:]
        broken |= (low < limit) != (high < limit)
    return broken
