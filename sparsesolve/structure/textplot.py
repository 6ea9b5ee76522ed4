"""Pictures of a sparse matrix as text.

The pattern prints itself, and so do colorings; only index arrays are needed. A
small matrix shows one mark for each element, a larger one braille characters of 2 x 4 dots, where
a dot stands for a block of elements.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["draw", "draw_marks", "fits_marks"]

Integers = NDArray[np.integer]

# Bit of each dot of a braille character, by row (4) and column (2).
BRAILLE_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], dtype=np.uint8)
BRAILLE_BLANK = 0x2800


def fits_marks(shape: tuple[int, int], width: int = 60, height: int = 30) -> bool:
    """Whether each element can have its own character, with a space between columns."""
    return shape[0] <= height and 2 * shape[1] <= width


def draw(
    shape: tuple[int, int], rows: Integers, columns: Integers, width: int = 60, height: int = 30
) -> str:
    """Draw the entries of a matrix of that shape in at most `width` x `height` characters.

    >>> print(draw((2, 3), np.array([0, 1]), np.array([0, 2])))
    ● · ·
    · · ●
    """
    if fits_marks(shape, width, height):
        return draw_marks(shape, rows, columns, np.full(np.size(rows), "●"))
    m, n = shape
    # One scale for both directions, so that a diagonal keeps its slope.
    scale = max(1.0, n / (2 * width), m / (4 * height))
    across = max(1, min(2 * width, int(np.ceil(n / scale))))
    down = max(1, min(4 * height, int(np.ceil(m / scale))))
    dots = np.zeros((-(-down // 4) * 4, -(-across // 2) * 2), dtype=bool)
    i = np.asarray(rows, dtype=np.int64) * down // max(1, m)
    j = np.asarray(columns, dtype=np.int64) * across // max(1, n)
    dots[i, j] = True
    cells = dots.reshape(dots.shape[0] // 4, 4, dots.shape[1] // 2, 2)
    codes = (cells * BRAILLE_BITS[:, None, :]).sum(axis=(1, 3)) + BRAILLE_BLANK
    return _join(codes.astype("<u4").view("<U1"))


def draw_marks(
    shape: tuple[int, int], rows: Integers, columns: Integers, marks: NDArray[np.str_]
) -> str:
    """Draw one given character for each entry, and a dot for all other elements."""
    characters = np.full((shape[0], max(1, 2 * shape[1] - 1)), " ", dtype="<U1")
    characters[:, : 2 * shape[1] : 2] = "·" if shape[1] else " "
    characters[rows, 2 * np.asarray(columns)] = marks
    return _join(characters)


def _join(characters: NDArray[np.str_]) -> str:
    """Join a two-dimensional array of single characters into lines."""
    lines = np.ascontiguousarray(characters).view(f"<U{characters.shape[1]}")
    return "\n".join(lines[:, 0].tolist())
