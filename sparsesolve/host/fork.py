"""Locks and settings that a forked child finds in order, whatever other threads were doing.

Separate because a child has only the thread that forked: a lock that another thread held is held
for ever, and what that thread had changed for a moment stays changed.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

__all__ = ["IMPORTING", "after_fork", "forkable_lock", "forkable_property"]

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
        child could put in order. Under such a lock no other lock may be waited for.
    """
    lock = threading.RLock()
    if awaited:
        _awaited.append(lock)
    else:
        _locks.add(lock)
    return lock


IMPORTING = forkable_lock(awaited=True)
"""Held while modules are imported on first use: a child could never finish what it finds begun."""


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


def _wait() -> None:
    for lock in _awaited:
        lock.acquire()
        _waited_for.append(lock)


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
