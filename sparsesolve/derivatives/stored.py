"""Structures on disk, so that another process which records the same tape only traces it.

Separate because `structures` must not know what is kept: each kind of thing says here how it is
written as nested lists (`ir.packing`), and made again of them. Programs, patterns and colors are
kept; machine code, which has files of its own, and everything that calls functions is not.

A file is named by a hash of the tapes and options, what is wanted of them, and all that could make
it other than it would be made now: versions, processor, and the files of this package. It is read
and written as `host.cache_folder` says, which refuses what this user did not write.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import sys
import threading
from collections.abc import Callable, Hashable, Iterator
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import scipy

from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.host.cache_folder import CacheFolder
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.imports import importing
from sparsesolve.ir.packing import Unpackable, pack, unpack
from sparsesolve.ir.tape import Ref

__all__ = ["Shelf", "StoredKind", "folder_of_structures", "named", "stored_as"]

Tree: TypeAlias = Any
_PLAIN = (int, bool, float, complex)
_SHORT = 1 << 20  # bytes that are written at once
_READ = ("sparsesolve", "autograd")  # whose files are looked at: one has no version, one changes


@dataclass(frozen=True, slots=True)
class StoredKind:
    """How things of one kind are kept.

    Parameters
    ----------
    name : str
        Of the kind.
    tree : callable
        Makes nested lists of a thing; raises `Unpackable` where that cannot be.
    thing : callable
        Makes a thing of nested lists, and writes to a log what that had to say.
    """

    name: str
    tree: Callable[[Any], Tree]
    thing: Callable[[Tree, PrepareLog], Any]


_BY_KIND: dict[type, StoredKind] = {}
_BY_NAME: dict[str, StoredKind] = {}


def stored_as(kind: type, form: StoredKind) -> None:
    """Let things of a kind be kept in a form."""
    _BY_KIND[kind] = _BY_NAME[form.name] = form


def named(key: Hashable) -> str | None:
    """Return the name of files for a key of a structure; None where it is not the same elsewhere.

    Parameters
    ----------
    key : hashable
        Nested tuples of text, numbers, bytes, types and references to values of a tape.

    Examples
    --------
    >>> named(("a", (1, float))) == named(("a", (1, float)))
    True
    >>> named(("a", (1, object()))) is None
    True
    """
    parts = [_surroundings()]
    try:
        _write(key, parts.append)
    except Unpackable:
        return None
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _write(key: Hashable, put: Callable[[bytes], None]) -> None:
    """Write a key, no two alike."""
    kind = type(key)
    if isinstance(key, tuple) and kind is tuple:
        put(b"(%d" % len(key))
        for part in key:
            _write(part, put)
    elif isinstance(key, str) and kind is str:
        text = key.encode("utf-8", "surrogatepass")
        put(b"s%d:%b" % (len(text), text))
    elif isinstance(key, Ref):
        put(b"r%d;" % key.index)
    elif key is None or kind in _PLAIN:
        put(f"{kind.__name__}{key!r};".encode())
    elif isinstance(key, bytes):
        put(b"b%d:%b" % (len(key), key))
    elif isinstance(key, type):
        _write(("type", key.__module__, key.__qualname__), put)
    else:
        raise Unpackable(kind.__name__)


@cache
def _surroundings() -> bytes:
    """Return a hash of all but the tape that what is made of it depends on."""
    parts = [sys.version, platform.machine(), np.__version__, scipy.__version__, _machine()]
    parts += [state for name in _READ for folder in _folders(name) for state in _states(folder)]
    return hashlib.sha256("\n".join(parts).encode()).digest()


def _machine() -> str:
    """Return the processor, and the compiler's version."""
    try:
        with importing():
            from sparsesolve.engine.llvm.run.jit import machine_name  # noqa: PLC0415  (is slow)
    except ImportError:
        return "without llvmlite"
    return machine_name()


def _folders(package: str) -> list[str]:
    return list(sys.modules[package].__path__)


def _states(folder: str) -> Iterator[str]:
    """Return what tells one state of the modules in a folder from another."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir() and entry.name != "__pycache__":
                yield from _states(entry.path)
            elif entry.name.endswith(".py"):
                found = entry.stat()
                yield f"{entry.path} {found.st_size} {found.st_mtime_ns}"


def folder_of_structures() -> CacheFolder:
    """Return where things are kept: where machine code is."""
    return CacheFolder.default()


stored_as(str, StoredKind("text", lambda text: text, lambda tree, _: tree))


class Shelf:
    """What is kept of one structure.

    Parameters
    ----------
    name : str
        Of its files.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def get(self, what: Hashable, log: PrepareLog) -> Any:
        """Return a thing that was kept, or None; what it had to say when it was made is noted."""
        with log.stage("read"):
            data = folder_of_structures().read(self._file(what))
            if data is None:
                return None
            kind, notes, compared, tree = unpack(data)
        before = tuple(log.compared)
        try:
            thing = _BY_NAME[kind].thing(tree, log)
        except Unpackable:
            return None
        for note in notes:
            log.note(note)
        if tuple(log.compared) == before:  # nothing was compared anew
            log.compared[:] = [now + then for now, then in zip(before, compared, strict=True)]
        return thing

    def put(
        self,
        what: Hashable,
        thing: Any,
        notes: tuple[str, ...] = (),
        compared: tuple[int, int] = (0, 0),
    ) -> None:
        """Keep a thing, if it is of a kind that is kept, and what making it had to say."""
        form, folder = _BY_KIND.get(type(thing)), folder_of_structures()
        if form is None or folder.folder is None:
            return
        try:
            parts = pack([form.name, notes, compared, form.tree(thing)])
        except Unpackable:
            return
        name = self._file(what)
        if sum(map(len, parts)) >= _SHORT:  # while this thread goes on; Python waits for it
            with contextlib.suppress(RuntimeError):  # no more threads, at the end of a process
                threading.Thread(target=folder.write, args=(name, *parts)).start()
                return
        folder.write(name, *parts)

    def _file(self, what: Hashable) -> str:
        parts = [self._name.encode()]
        _write(what, parts.append)
        return f"structure-{hashlib.sha256(b''.join(parts)).hexdigest()[:40]}"
