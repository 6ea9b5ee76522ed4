"""`collector_paused`: no search for cycles while many objects are made that have none.

Separate because lowering and planning both make hundreds of thousands of small objects, over which
the collector would walk again and again.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

__all__ = ["collector_paused"]


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the garbage collector, where it runs."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
