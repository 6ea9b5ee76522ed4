"""Pictures of a sparse matrix for notebooks: a small PNG, by the standard library alone.

Separate because the pattern shows itself, as it prints itself, where matplotlib may not be
installed. One pixel is one element, or a block of them where there are many, darker where more of
its elements are entries; so the picture does not grow with the matrix.
"""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["html_picture", "png_of_gray", "shades"]

MOST_PIXELS = 200
_SHOWN = 240  # pixels of the screen, about

Integers = NDArray[np.integer]


def shades(
    shape: tuple[int, int], rows: Integers, columns: Integers, most: int = MOST_PIXELS
) -> NDArray[np.uint8]:
    """Return the picture of a matrix: 255 where there is nothing, darker where more is.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the matrix.
    rows, columns : ndarray of int
        Of the entries.
    most : int, optional
        Most pixels in either direction. Default is 200.

    Examples
    --------
    >>> shades((2, 2), np.array([0, 1]), np.array([0, 1])).tolist()
    [[27, 255], [255, 27]]
    """
    m, n = shape
    scale = max(1.0, m / most, n / most)  # one for both directions: a diagonal keeps its slope
    down, across = max(1, int(np.ceil(m / scale))), max(1, int(np.ceil(n / scale)))
    i = np.asarray(rows, dtype=np.int64) * down // max(1, m)
    j = np.asarray(columns, dtype=np.int64) * across // max(1, n)
    counts = np.bincount(i * across + j, minlength=down * across).reshape(down, across)
    # a single entry of a block must be seen: shades begin well away from the background
    share = np.where(counts > 0, 0.4 + 0.6 * counts / max(1, int(counts.max())), 0.0)
    return np.asarray(np.rint(255.0 - 228.0 * share), dtype=np.uint8)


def png_of_gray(image: NDArray[np.uint8]) -> bytes:
    """Return a grayscale image as a PNG file.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width)
        0 is black.
    """
    height, width = image.shape
    lines = np.zeros((height, width + 1), dtype=np.uint8)  # each begins with its filter, none
    lines[:, 1:] = image
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(lines.tobytes(), 9)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def html_picture(shape: tuple[int, int], rows: Integers, columns: Integers) -> str:
    """Return a picture of a matrix as an HTML image that holds its data.

    Parameters
    ----------
    shape, rows, columns
        As for `shades`.
    """
    image = shades(shape, rows, columns)
    height, width = image.shape
    zoom = max(1, _SHOWN // max(height, width))
    data = base64.b64encode(png_of_gray(image)).decode()
    return (
        f'<img src="data:image/png;base64,{data}" width="{width * zoom}" height="{height * zoom}" '
        'style="image-rendering: pixelated; border: 1px solid #8d99ae" '
        f'alt="{shape[0]} x {shape[1]}"/>'
    )
