"""`give_back`: memory that was freed, given back to the operating system.

Separate because it is about the C library, and no other module should know: glibc keeps freed
arrays of some megabytes for later ones, so that what preparing took for a while would count against
each of many processes on one machine from then on.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable

__all__ = ["give_back"]


def give_back() -> None:
    """Return freed memory to the operating system, where the C library can.

    Examples
    --------
    >>> give_back()
    """
    _trim()(0)


@functools.cache
def _trim() -> Callable[[int], object]:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # another C library, or Windows
        return lambda _: 0
