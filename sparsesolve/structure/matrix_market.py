"""Reading the structure of a Matrix Market file, whatever is in it.

Nothing that stands in a file may end the process. scipy's reader (1.17.1) takes a
file as well formed: a blank behind the last entry, or a few other bytes, and it reads past the end.
Here every line is looked at first. Boisvert, Pozo, Remington (1996), "The Matrix Market Exchange
Formats", NISTIR 5935.
"""

from __future__ import annotations

import bz2
import gzip
import os
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import PatternError

__all__ = ["Places", "read_matrix_market"]

_HEADER = b"%%matrixmarket"
_FIELDS = {b"real": 1, b"integer": 1, b"unsigned-integer": 1, b"double": 1, b"complex": 2}
_SYMMETRIES = (b"general", b"symmetric", b"skew-symmetric", b"hermitian")
_MOST = 2**31 - 1
_MOST_ROWS = 10**8  # where nearly all are empty

Places = tuple[tuple[int, int], NDArray[np.int64], NDArray[np.int64]]
"""Shape, rows and columns; explicit zeros of a sparse file count, those of a dense one do not."""


def read_matrix_market(source: Any) -> Places:
    """Read where a matrix has entries.

    Parameters
    ----------
    source : path or stream
        Paths may end in ``.gz`` or ``.bz2``.

    Returns
    -------
    Places
        Both triangles of a symmetric matrix.

    Raises
    ------
    PatternError
        If it is no such file, or its lines are not what its header says.
    """
    lines = [line.strip() for line in _bytes_of(source).replace(b"\r", b"\n").split(b"\n")]
    header = lines[0].lower().split()
    if len(header) != 5 or header[0] != _HEADER or header[1] != b"matrix":
        raise _damaged("it does not begin with '%%MatrixMarket matrix ...'")
    _, _, layout, field, symmetry = header
    dense = layout == b"array"
    numbers = _FIELDS.get(field, 0 if field == b"pattern" and not dense else None)
    if layout not in (b"array", b"coordinate") or numbers is None or symmetry not in _SYMMETRIES:
        raise _damaged(f"'{_shown(lines[0])}' is no header")
    body = [line for line in lines[1:] if line and not line.startswith(b"%")]
    sizes = _sizes(body[0] if body else b"", 2 if dense else 3)
    if sizes[0] > max(_MOST_ROWS, 100 * len(body)):
        raise _damaged(f"of {sizes[0]} rows nearly all would be empty")
    if symmetry != b"general" and sizes[0] != sizes[1]:
        raise _damaged(f"a {symmetry.decode()} matrix must be square")
    if dense:
        return _dense(sizes, body[1:], numbers, symmetry)
    return _sparse(sizes, body[1:], numbers, symmetry)


def _bytes_of(source: Any) -> bytes:
    if hasattr(source, "read"):
        read = source.read()
        return read.encode(errors="replace") if isinstance(read, str) else bytes(read)
    path = str(os.fspath(source))
    opener: Any = {".gz": gzip.open, ".bz2": bz2.open}.get(os.path.splitext(path)[1], open)
    try:
        with opener(path, "rb") as file:
            return bytes(file.read())
    except (EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # no such file, for example; damaged contents carry no number
        raise _damaged(str(error)) from error


def _sparse(sizes: list[int], lines: list[bytes], numbers: int, symmetry: bytes) -> Places:
    m, n, count = sizes
    words = _table(lines, count, 2 + numbers)
    _numbers(words[:, 2:])
    rows, columns = _indices(words[:, 0], m), _indices(words[:, 1], n)
    if symmetry == b"general":
        return (m, n), rows, columns
    off = rows != columns
    mirrored = np.concatenate([rows, columns[off]]), np.concatenate([columns, rows[off]])
    return (m, n), *mirrored


def _dense(sizes: list[int], lines: list[bytes], numbers: int, symmetry: bytes) -> Places:
    """Read values column by column; of a symmetric matrix the lower triangle alone."""
    m, n = sizes
    lower = symmetry != b"general"
    first = 1 if symmetry == b"skew-symmetric" else 0
    count = n * (n + 1) // 2 - first * n if lower else m * n
    values = _numbers(_table(lines, count, numbers))
    given = np.tril(np.ones((m, n), dtype=bool), -first).T if lower else np.ones((n, m), dtype=bool)
    columns, rows = (place[(values != 0.0).any(axis=1)] for place in np.nonzero(given))
    if not lower:
        return (m, n), rows, columns
    return (m, n), np.concatenate([rows, columns]), np.concatenate([columns, rows])


def _table(lines: list[bytes], count: int, width: int) -> NDArray[np.bytes_]:
    words = [line.split() for line in lines]
    if len(words) != count or any(len(line) != width for line in words):
        raise _damaged(f"{count} lines of {width} numbers must follow the sizes")
    return np.array(words, dtype=np.bytes_).reshape(count, width)


def _indices(words: NDArray[np.bytes_], size: int) -> NDArray[np.int64]:
    if not np.char.isdigit(words).all() or np.char.str_len(words).max(initial=0) > 18:
        raise _damaged("an index is no positive integer")
    indices = words.astype(np.int64)
    if indices.size and not (indices.min() >= 1 and indices.max() <= size):
        raise _damaged(f"an index lies outside 1 to {size}")
    return indices - 1


def _numbers(words: NDArray[np.bytes_]) -> NDArray[np.float64]:
    try:
        return words.astype(np.float64)
    except ValueError as error:
        raise _damaged(str(error)) from error


def _sizes(line: bytes, count: int) -> list[int]:
    words = line.split()
    if len(words) != count or not all(word.isdigit() and len(word) < 19 for word in words):
        raise _damaged(f"the sizes '{_shown(line)}' are not {count} integers")
    sizes = [int(word) for word in words]
    if max(sizes[:2]) > _MOST:
        raise _damaged(f"it has more than {_MOST} rows or columns")
    return sizes


def _shown(line: bytes) -> str:
    return line[:60].decode(errors="replace")


def _damaged(reason: str) -> PatternError:
    return PatternError(
        f"expected a file in Matrix Market format, got one that cannot be read: {reason}. It may "
        "be cut off; write it again."
    )
