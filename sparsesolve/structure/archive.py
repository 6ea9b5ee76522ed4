"""Arrays in one npz file that says what it is, and is checked when it is read.

Separate because patterns and colorings are both kept in files, and neither should know how. A file
holds the arrays, a kind ("pattern", "coloring"), a version of the format, and a hash over all
arrays: whatever was cut off, mixed up or edited is refused instead of giving wrong numbers.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import ArchiveError

__all__ = ["VERSION", "Target", "read_archive", "write_archive"]

VERSION = 1
_OWN = ("kind", "version", "digest")

Target = str | os.PathLike[str] | BinaryIO


def write_archive(target: Target, kind: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays of numbers or text to a compressed npz file.

    Parameters
    ----------
    target : path or binary file
        As for `numpy.savez_compressed`, which adds ``.npz`` to a path without it.
    kind : str
        What the arrays are; `read_archive` asks for it.
    arrays : mapping
        Arrays by name.
    """
    np.savez_compressed(
        target,
        allow_pickle=False,
        kind=np.array(kind),
        version=np.array(VERSION),
        digest=np.array(_digest(kind, arrays)),
        **arrays,
    )


def read_archive(source: Target, kind: str, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Read arrays back.

    Parameters
    ----------
    source : path or binary file
        What `write_archive` wrote.
    kind : str
        What the file must hold.
    names : tuple of str
        The arrays it must have.

    Raises
    ------
    ArchiveError
        If it is another kind of file, was written by a newer version, or is damaged.
    FileNotFoundError
        If there is no such file.
    """
    try:
        with np.load(source, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged zip file makes zipfile raise almost anything
        raise ArchiveError(
            f"expected an npz file with a {kind}, got one that cannot be read ({error}). It may be "
            "cut off; write it again with `save`."
        ) from error
    if any(name not in found for name in _OWN):
        raise ArchiveError(
            f"expected a {kind} written by `save`, got an npz file with the arrays "
            f"{sorted(found)}. Build the {kind} from these and save it."
        )
    own = [found[name] for name in _OWN]
    if any(a.shape for a in own) or [a.dtype.kind for a in own] != ["U", "i", "U"]:
        raise ArchiveError(
            f"expected a {kind} written by `save`, got an npz file whose "
            f"{', '.join(_OWN)} are something else. Write it again."
        )
    if found["kind"] != kind:
        raise ArchiveError(
            f"expected a {kind}, got a {found['kind']}. Load it with the class of that name."
        )
    if found["version"] > VERSION:
        raise ArchiveError(
            f"expected format version {VERSION} or older, got {found['version']}. Install a newer "
            "sparsesolve, or write the file again with this one."
        )
    arrays = {name: array for name, array in found.items() if name not in _OWN}
    missing = [name for name in names if name not in arrays]
    if missing or found["digest"] != _digest(kind, arrays):
        raise ArchiveError(
            f"expected a {kind} as it was saved, got other contents"
            f"{f' without {missing}' if missing else ''}: the hash differs. Write it again."
        )
    return arrays


def _digest(kind: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    """Hash names, types, shapes and contents."""
    digest = hashlib.blake2b(kind.encode(), digest_size=16)
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        array = array.astype(array.dtype.newbyteorder("<"))
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
