"""`kernel`: a loop over arrays, compiled by numba on first use.

Separate because three things must hold for all of them: nothing is compiled in a process that does
not color; a Ctrl-C, and a fork, wait while numba compiles, since LLVM's memory changes hands
meanwhile; and numba's files are a help, never a condition. An installation that cannot be written
to has none; files that are damaged, or that others may have written, are left alone.
"""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

from sparsesolve.host.fork import forkable_lock
from sparsesolve.host.interrupts import interrupts_held

__all__ = ["kernel"]

_F = TypeVar("_F", bound=Callable[..., Any])
_COMPILING = forkable_lock(awaited=True)
_TOLD: list[str] = []


def kernel(function: _F) -> _F:
    """Compile a function when it is first called, and keep the code on disk where that works."""
    try:
        made: Any = njit(cache=True)(function)
    except (RuntimeError, OSError):  # no folder to write to, neither beside the source nor at home
        made = njit(function)
    compile_now = getattr(made, "_compile_for_args", None)
    if compile_now is not None:  # with NUMBA_DISABLE_JIT it is the plain function

        def held(*args: Any, **kwargs: Any) -> Any:
            with _COMPILING, interrupts_held():
                return compile_now(*args, **kwargs)

        made._compile_for_args = held
        if hasattr(made, "_cache"):
            _guard(made._cache)
    compiled: _F = made
    return compiled


def _guard(files: Any) -> None:
    """Let nothing that is wrong with numba's files be more than a warning."""

    def guarded(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            try:
                if files.cache_path is not None:
                    _refuse_foreign(files.cache_path)
                return method(*args)
            except Exception as error:  # reading what is no pickle raises almost anything
                files.disable()
                _warn(f"{type(error).__name__}: {error}")
                return None

        return call

    files.load_overload = guarded(files.load_overload)
    files.save_overload = guarded(files.save_overload)


def _refuse_foreign(folder: str) -> None:
    """Raise where others may write, or where a pipe would be waited for."""
    if not os.path.isdir(folder):
        return
    if hasattr(os, "geteuid"):  # Windows has neither owners by number nor bits that tell
        found, owners = os.stat(folder), {os.geteuid(), 0, os.stat(__file__).st_uid}
        if found.st_mode & stat.S_IWOTH or found.st_uid not in owners:
            raise PermissionError(f"others may write to {folder}")
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith((".nbi", ".nbc")) and not entry.is_file(follow_symlinks=False):
                raise OSError(f"{entry.path} is not a file")


def _warn(reason: str) -> None:
    """Say once why code is compiled again."""
    if _TOLD:
        return
    _TOLD.append(reason)
    warnings.warn(
        f"Coloring is compiled anew in each process, numba's files cannot be used ({reason}). "
        "Remove them, or set NUMBA_CACHE_DIR to a folder of your own.",
        RuntimeWarning,
        stacklevel=2,
    )
