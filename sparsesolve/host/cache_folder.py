"""`CacheFolder`: files that one run leaves for the next, unless somebody may have changed them.

What stands in these files is run as machine code, or believed to be the structure of a function. So
they are read and written only in a folder that belongs to this user and that nobody else can write
to; and each file carries a keyed checksum (HMAC-SHA256, RFC 2104) over its name and its contents.
The key of that checksum is kept elsewhere, in ``$XDG_STATE_HOME/sparsesolve/secret`` (default
``~/.local/state``), readable by the user alone: a file from another machine, another folder or
under another name is not taken.
Whatever is wrong with folder, files or disk, work goes on without them, after one warning.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
import stat
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

__all__ = ["CacheFolder"]

_MOST_FILES = 2000
_MOST_BYTES = 1 << 29
_CHECKSUM = 32  # bytes


class CacheFolder:
    """Files by key, each with a keyed checksum in front.

    Parameters
    ----------
    folder : Path or None
        Where they are; None keeps nothing.
    secret : Path or None, optional
        File of the key of the checksums; by default the user's.
    most_bytes : int, optional
        How large all files together may become, about.
    """

    def __init__(
        self, folder: Path | None, secret: Path | None = None, *, most_bytes: int = _MOST_BYTES
    ) -> None:
        self.folder = folder
        self._secret = secret
        self._most_bytes = most_bytes
        self._key: bytes | None = None
        self._writes = 0
        self._left = 0  # bytes to write before all are counted again

    @classmethod
    def default(cls) -> CacheFolder:
        """Return the folder that the environment asks for."""
        if os.environ.get("SPARSESOLVE_CACHE", "1") in ("0", ""):
            return cls(None)
        root, state = _home("XDG_CACHE_HOME", ".cache"), _home("XDG_STATE_HOME", ".local/state")
        if root is None or state is None:
            _warn("no home folder with an absolute path is known")
            return cls(None)
        return _shared(root / "sparsesolve", state / "sparsesolve" / "secret")

    def read(self, key: str) -> memoryview | None:
        """Return what is kept under `key`, or None if nothing sound is."""
        if self.folder is None:
            return None
        try:
            if not self.folder.is_dir() or not self._is_safe():
                return None
            data = memoryview(_read_file(self.folder / f"{key}.o"))
            checksum, payload = data[:_CHECKSUM], data[_CHECKSUM:]
            return payload if hmac.compare_digest(checksum, self._sum(key, [payload])) else None
        except FileNotFoundError:
            return None
        except OSError as error:
            self._give_up(error)
            return None

    def write(self, key: str, *parts: bytes | memoryview) -> None:
        """Keep `parts`, joined, under `key`; a folder that cannot be written is no error."""
        size = sum(len(part) for part in parts)
        if self.folder is None or size > self._most_bytes // 4:
            return
        name = None
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._is_safe():
                return
            self._prune(size)
            checksum = self._sum(key, parts)
            handle, name = tempfile.mkstemp(dir=self.folder)
            with os.fdopen(handle, "wb") as file:
                file.writelines((checksum, *parts))
            _put(name, self.folder / f"{key}.o")
        except FileNotFoundError:  # another process made room meanwhile
            return
        except OSError as error:
            if name is not None:
                with contextlib.suppress(OSError):
                    os.unlink(name)
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        _warn(f"{self.folder} cannot be used ({error})")
        self.folder = None

    def _is_safe(self) -> bool:
        """Whether the folder is this user's alone; it is not used otherwise."""
        assert self.folder is not None
        found = os.lstat(self.folder)
        if stat.S_ISDIR(found.st_mode) and _is_own(found, 0o022):
            return True
        _warn(f"{self.folder} is a link, belongs to another user, or others may write to it")
        self.folder = None
        return False

    def _sum(self, key: str, parts: Iterable[bytes | memoryview]) -> bytes:
        if self._key is None:
            self._key = _secret_of(self._secret or Path(f"{self.folder}.secret"))
        made = hmac.new(self._key, key.encode() + b"\0", "sha256")
        for part in parts:
            made.update(part)
        return made.digest()

    def _prune(self, size: int) -> None:
        """Keep number and size of the files bounded: beyond, the older half of either goes.

        They are counted at the first write and then every so often: other processes write as well.
        """
        assert self.folder is not None
        due = self._writes % max(1, _MOST_FILES // 20) == 0 or size > self._left
        self._writes += 1
        self._left -= size
        if not due:
            return
        self._left = self._most_bytes // 8
        files = [(found.st_mtime, found.st_size, name) for name, found in self._found()]
        count, held = len(files), sum(size for _, size, _ in files)
        if count <= _MOST_FILES and held <= self._most_bytes:
            return
        for _, size, name in sorted(files):
            if count <= _MOST_FILES // 2 and held <= self._most_bytes // 2:
                return
            _remove(self.folder / name)
            count, held = count - 1, held - size

    def _found(self) -> Iterator[tuple[str, os.stat_result]]:
        """Return all files, but those that another process took away meanwhile.

        A folder in here is somebody else's: it is neither counted nor removed.
        """
        assert self.folder is not None
        for name in os.listdir(self.folder):
            with contextlib.suppress(FileNotFoundError):
                found = os.lstat(self.folder / name)
                if not stat.S_ISDIR(found.st_mode):
                    yield name, found


@cache
def _shared(folder: Path, secret: Path) -> CacheFolder:
    """One object a folder, so that its key is read once and a folder given up stays so."""
    return CacheFolder(folder, secret)


def _home(variable: str, below: str) -> Path | None:
    """Folder of one kind; None where it is not an absolute path."""
    given = os.environ.get(variable)
    if not given:
        home = os.path.expanduser("~")
        given = os.path.join(home, below) if os.path.isabs(home) else ""
    return Path(given) if os.path.isabs(given) else None


def _is_own(found: os.stat_result, others: int) -> bool:
    """Whether this user owns it, and `others` (bits of its mode) may do nothing to it.

    Windows has no numbers of users, and bits that say nothing; there a home is its user's alone.
    """
    if not hasattr(os, "geteuid"):
        return True
    return found.st_uid == os.geteuid() and not found.st_mode & others


def _put(name: str, target: Path) -> None:
    """Move a complete file into its place: readers see all of it or nothing."""
    try:
        os.replace(name, target)
    except PermissionError:
        if hasattr(os, "geteuid"):
            raise
        os.unlink(name)  # Windows keeps what somebody reads just now, and it is the same


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except PermissionError:
        if hasattr(os, "geteuid"):
            raise  # on Windows: somebody reads it


def _read_file(path: Path) -> bytes:
    """Read a plain file of this user; a pipe or a link in its place is an error, not a wait."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(path, flags | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{path} is not a file")
        if not _is_own(found, 0):
            raise OSError(f"{path} belongs to another user")
        return file.read()


def _secret_of(path: Path) -> bytes:
    """Read the key of the checksums, or make one."""
    with contextlib.suppress(FileNotFoundError):
        found = _read_file(path)
        if len(found) == _CHECKSUM and _is_own(path.stat(), 0o077):
            return found
        path.unlink()  # cut off, or others may have read it
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)  # for the user alone
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_CHECKSUM))
        with contextlib.suppress(FileExistsError):
            os.link(name, path)  # of two processes that come at once, one makes it
    finally:
        os.unlink(name)
    return _read_file(path)


@cache
def _warn(reason: str) -> None:
    """Say once why nothing is kept."""
    warnings.warn(
        f"Machine code and structures are not kept between runs: {reason}. SPARSESOLVE_CACHE=0 "
        "turns this off.",
        RuntimeWarning,
        stacklevel=2,
    )
