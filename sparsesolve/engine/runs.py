"""Pieces on which index arrays are affine.

Separate because it is plain array work, used while a task is made. The index arrays of a grid are
affine but for the ends of its rows: cut there, a kernel needs no index array at all, reads
consecutive numbers, and saves the memory traffic of the indices.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sparsesolve.program import Slots

__all__ = ["affine_pieces", "piece_words"]

_LEAST_MEAN = 16  # elements a piece, on average; with less, cutting does not pay
_SAMPLE = 4096


def affine_pieces(arrays: Sequence[Slots], n: int) -> NDArray[np.int64] | None:
    """Cut a domain so that every index array is affine on each piece.

    Parameters
    ----------
    arrays : sequence of ndarray of int32, each of shape (length,)
        The index arrays; a negative number means nothing is there.
    n : int
        Number of slots of x; no piece crosses from below n to above.

    Returns
    -------
    ndarray of int64, shape (pieces,), or None
        Where each piece begins; None if there is no array, or the pieces would be too short.
    """
    if not arrays or arrays[0].size < 2 * _LEAST_MEAN:
        return None
    length = arrays[0].size
    middle = length // 2
    for part in (slice(0, _SAMPLE), slice(middle, middle + _SAMPLE)):
        sample = [array[part] for array in arrays]
        if sample[0].size > 1 and _too_many(_breaks(sample, n)):
            return None
    breaks = _breaks(arrays, n)
    if _too_many(breaks):
        return None
    return np.concatenate([[0], np.flatnonzero(breaks) + 1]).astype(np.int64)


def piece_words(
    array: Slots, starts: NDArray[np.int64], partial: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Describe an index array by one affine rule a piece.

    Returns
    -------
    first, stride : ndarray of int64, shape (pieces,)
        Slot ``first + stride * i`` at the point i of the whole domain; 0 and 0 where nothing is.
    """
    sizes = np.diff(np.append(starts, array.size))
    begin = array[starts].astype(np.int64)
    following = array[np.minimum(starts + 1, array.size - 1)].astype(np.int64)
    stride: NDArray[np.int64] = np.where(sizes > 1, following - begin, np.int64(1))
    first: NDArray[np.int64] = begin - stride * starts
    if partial:
        nothing = begin < 0
        stride[nothing] = 0
        first[nothing] = 0
    return first, stride


def _too_many(breaks: NDArray[np.bool_]) -> bool:
    return int(np.count_nonzero(breaks)) * _LEAST_MEAN > breaks.size + 1


def _breaks(arrays: Sequence[Slots], n: int) -> NDArray[np.bool_]:
    """Mark the edges between neighbours that belong to different pieces."""
    broken = np.zeros(arrays[0].size - 1, dtype=bool)
    for array in arrays:
        step = np.diff(array)
        same = step[1:] == step[:-1]  # edge e + 1 continues edge e
        inside = np.zeros(step.size, dtype=bool)
        inside[1:] |= same
        inside[:-1] |= same
        broken |= ~inside
        broken[1:] |= ~same & inside[:-1]  # where two strides meet, the second piece is new
        low, high = array[:-1], array[1:]
        broken |= ((low < n) != (high < n)) | ((low < 0) != (high < 0))
    return broken
