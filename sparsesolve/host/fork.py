"""Locks and settings that a forked child finds in order, whatever other threads were doing.

A child has only the thread that forked: a lock that another thread held is held
for ever, and what that thread had changed for a moment stays changed.
"""

from __future__ import annotations

# Both register locks for forks, and what is registered last is taken first. They come before ours,
# so that nothing of theirs is held while a fork waits here for an import that may need it.
import concurrent.futures.thread  # noqa: F401
import logging  # noqa: F401
import os
import threading
import weakref
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

__all__ = ["after_fork", "forkable_lock", "forkable_property"]

_T = TypeVar("_T")
_locks: weakref.WeakSet[Any] = weakref.WeakSet()
_awaited: list[Any] = []
_actions: list[Callable[[], object]] = []


def forkable_lock(*, awaited: bool = False) -> Any:
    """Make a reentrant lock that is free in every child process.

    Parameters
    ----------
    awaited : bool, default False
        Whether a fork waits until the lock is free: for work inside a library whose own state no
        child could put in order. Under such a lock none may be waited for but others of its kind.
    """
    lock = threading.RLock()
    if awaited:
        _awaited.append(lock)
    else:
        _locks.add(lock)
    return lock


class forkable_property(cached_property[_T]):  # noqa: N801 - as the library's own
    """A cached property whose lock, which Python has before 3.12, is free in every child."""

    def __init__(self, function: Callable[[Any], _T]) -> None:
        super().__init__(function)
        if hasattr(self, "lock"):
            self.lock = forkable_lock()


def after_fork(action: Callable[[], object]) -> None:
    """Let something be done in every child process, once its locks are free."""
    _actions.append(action)


_waited_for: list[Any] = []
_PATIENCE = 0.05  # seconds, before a fork lets go of the locks that it has


def _wait() -> None:
    """Take all locks; whoever holds one may want another, so none is held while one is missing."""
    while len(_waited_for) < len(_awaited):
        lock = _awaited[len(_waited_for)]
        if lock.acquire(timeout=_PATIENCE):
            _waited_for.append(lock)
        else:
            _release()


def _release() -> None:
    while _waited_for:
        _waited_for.pop().release()


def _put_in_order() -> None:
    _release()
    for lock in list(_locks):
        lock._at_fork_reinit()  # what threading does with its own locks
    for action in _actions:
        action()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_wait, after_in_parent=_release, after_in_child=_put_in_order)
