"""`importing`: modules that are slow to import, imported on first use and not cut off.

Separate because a package that is imported by half, numba for one, cannot be imported again: it
finds some of its parts there and misses the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sparsesolve.host.fork import forkable_lock
from sparsesolve.host.interrupts import interrupts_held

__all__ = ["importing"]

_LOCK = forkable_lock(awaited=True)


@contextmanager
def importing() -> Iterator[None]:
    """Let a Ctrl-C wait for an import, and a fork, whose child could never finish it.

    Examples
    --------
    >>> with importing():
    ...     import json
    >>> json.loads("1")
    1
    """
    with _LOCK, interrupts_held():
        yield
