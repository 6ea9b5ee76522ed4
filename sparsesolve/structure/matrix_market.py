"""Reading Matrix Market files with scipy, whatever is in them.

Separate because scipy's reader takes a file as well formed: a blank behind the last entry makes it
read past the end and kills the process. Lines are put in order, and counted, before it sees them.
"""

from __future__ import annotations

import io
import os
from typing import Any

from sparsesolve.errors import PatternError

__all__ = ["read_matrix_market"]

_HEADER = b"%%matrixmarket"
_FIELDS = {b"real": 1, b"integer": 1, b"unsigned-integer": 1, b"double": 1, b"complex": 2}
_SYMMETRIES = (b"general", b"symmetric", b"skew-symmetric", b"hermitian")
_MOST = 2**31 - 1


def read_matrix_market(source: Any) -> Any:
    """Read a matrix.

    Parameters
    ----------
    source : path or stream
        As for `scipy.io.mmread`; paths may end in ``.gz`` or ``.bz2``.

    Returns
    -------
    coo_matrix or ndarray
        Sparse for files in coordinate format.

    Raises
    ------
    PatternError
        If it is no such file, or its lines are not what its header says.
    """
    import scipy.io  # noqa: PLC0415 - slow to import, and rarely needed

    text = _ordered(_bytes_of(source))
    try:
        return scipy.io.mmread(io.BytesIO(text))
    except (ValueError, TypeError, OverflowError, MemoryError) as error:
        raise _damaged(str(error)) from error


def _bytes_of(source: Any) -> bytes:
    if hasattr(source, "read"):
        read = source.read()
        return read.encode() if isinstance(read, str) else bytes(read)
    path = os.fspath(source)
    if str(path).endswith(".gz"):
        import gzip as opener  # noqa: PLC0415 - rarely needed
    elif str(path).endswith(".bz2"):
        import bz2 as opener  # type: ignore[no-redef] # noqa: PLC0415 - rarely needed
    else:
        with open(path, "rb") as file:
            return file.read()
    try:
        with opener.open(path, "rb") as file:
            return bytes(file.read())
    except (OSError, EOFError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise _damaged(str(error)) from error


def _ordered(data: bytes) -> bytes:
    """Lines without blanks around them or empty ones between, as many as the header says."""
    lines = [line.strip() for line in data.replace(b"\r", b"\n").split(b"\n")]
    header = lines[0].lower().split() if lines else []
    if len(header) != 5 or header[0] != _HEADER or header[1] != b"matrix":
        raise _damaged("it does not begin with '%%MatrixMarket matrix ...'")
    _, _, layout, field, symmetry = header
    body = [line for line in lines[1:] if line and not line.startswith(b"%")]
    dense = layout == b"array"
    numbers = _FIELDS.get(field, 0 if field == b"pattern" and not dense else None)
    if layout not in (b"array", b"coordinate") or numbers is None or symmetry not in _SYMMETRIES:
        raise _damaged(f"'{lines[0][:60].decode(errors='replace')}' is no header")
    sizes = _integers(body[0] if body else b"", 2 if dense else 3)
    count = _count(sizes, symmetry) if dense else sizes[2]
    width = numbers + (0 if dense else 2)
    entries = body[1:]
    if len(entries) != count or any(len(line.split()) != width for line in entries):
        raise _damaged(f"{count} lines of {width} numbers must follow the sizes")
    return b"\n".join([lines[0], *body, b""])


def _integers(line: bytes, count: int) -> list[int]:
    words = line.split()
    if len(words) != count or not all(word.isdigit() and len(word) < 20 for word in words):
        raise _damaged(f"the sizes '{line[:60].decode(errors='replace')}' are not {count} integers")
    sizes = [int(word) for word in words]
    if max(sizes[:2]) > _MOST:
        raise _damaged(f"it has more than {_MOST} rows or columns")
    return sizes


def _count(sizes: list[int], symmetry: bytes) -> int:
    """Lines of a dense matrix: one triangle where it is symmetric."""
    m, n = sizes
    if symmetry == b"general":
        return m * n
    if m != n:
        raise _damaged(f"a {symmetry.decode()} matrix must be square")
    return n * (n - 1) // 2 if symmetry == b"skew-symmetric" else n * (n + 1) // 2


def _damaged(reason: str) -> PatternError:
    return PatternError(
        f"expected a file in Matrix Market format, got one that cannot be read: {reason}. It may "
        "be cut off; write it again."
    )
