"""`importing`: modules that are slow to import, imported on first use and not cut off.

Separate because a package that is imported by half, numba for one, cannot be imported again: it
finds some of its parts there and misses the others. What is imported stays, so the collector, which
would walk over all of it again and again, waits as well.
"""

from __future__ import annotations

import gc
import sys
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
    with _LOCK, interrupts_held(), _collector_waiting():
        yield


@contextmanager
def _collector_waiting() -> Iterator[None]:
    """Pause the collector, and let it take for old what was made meanwhile.

    Nothing is done where all is imported already, which is so nearly always: what is frozen is
    counted one by one.
    """
    was_enabled, before = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        imported = was_enabled and len(sys.modules) != before
        if imported and not gc.get_freeze_count():  # or else the user's would be thawed
            gc.freeze()
            gc.unfreeze()
        if was_enabled:
            gc.enable()
