"""Nested lists of numbers, text and arrays as bytes, and back.

Separate because what is kept between runs must not be able to do anything when it is read: text in
JSON and arrays of numbers have no code in them, as pickles do.

Data layout. The length of the text in 8 bytes; the text, in which the k-th array stands as
``{"array": k}``, with kind, shape and place of each; then the arrays, at multiples of 16 bytes. An
array that occurs twice is written once, and is one array when it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Unpackable", "pack", "unpack"]

_KINDS = "biuf"
_GRID = 16


class Unpackable(Exception):
    """What is to be kept holds something else than numbers, text and arrays."""


def pack(tree: Any) -> list[bytes | memoryview]:
    """Return the parts of a file.

    Parameters
    ----------
    tree : nested lists and tuples
        Of None, numbers, text and arrays of numbers.

    Raises
    ------
    Unpackable
        If there is something else in it.

    Examples
    --------
    >>> unpack(memoryview(b"".join(pack(["a", (1, 2.5), np.arange(3)]))))
    ['a', [1, 2.5], array([0, 1, 2])]
    """
    import json  # noqa: PLC0415 - only where something is kept

    numbers: dict[int, int] = {}
    arrays: list[NDArray[Any]] = []

    def number_of(thing: Any) -> Any:
        if isinstance(thing, np.integer | np.floating | np.bool_):
            return thing.item()
        if type(thing) is not np.ndarray or thing.dtype.kind not in _KINDS:
            raise Unpackable(f"a {type(thing).__name__}")
        number = numbers.setdefault(id(thing), len(arrays))
        if number == len(arrays):
            arrays.append(thing)
        return {"array": number}

    text = json.dumps(tree, default=number_of, separators=(",", ":"))
    flat = [np.ascontiguousarray(array).reshape(-1).view(np.uint8) for array in arrays]
    about = [[a.dtype.str, list(a.shape)] for a in arrays]
    header = json.dumps([about, text], separators=(",", ":")).encode()
    parts: list[bytes | memoryview] = [len(header).to_bytes(8, "little"), header]
    parts.append(bytes(-(8 + len(header)) % _GRID))
    for array in flat:
        parts += [array.data, bytes(-array.size % _GRID)]
    return parts


def unpack(data: memoryview) -> Any:
    """Return what was packed; arrays are read-only parts of `data`.

    Parameters
    ----------
    data : memoryview
        As `pack` made it.
    """
    import json  # noqa: PLC0415 - only where something is kept

    size = int.from_bytes(data[:8], "little")
    about, text = json.loads(bytes(data[8 : 8 + size]))
    arrays = list(_arrays(data, 8 + size + -(8 + size) % _GRID, about))
    return json.loads(text, object_hook=lambda found: arrays[found["array"]])


def _arrays(data: memoryview, start: int, about: Sequence[tuple[str, list[int]]]) -> Any:
    for kind, shape in about:
        count = int(np.prod(shape, dtype=np.int64))
        yield (
            np.frombuffer(data, kind, count, start).reshape(shape)
            if count
            else np.empty(shape, kind)
        )
        size = count * np.dtype(kind).itemsize
        start += size + -size % _GRID
