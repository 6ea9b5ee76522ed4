"""`interrupts_held`: a Ctrl-C waits until a piece of work that must not be cut is done.

Separate because Python raises KeyboardInterrupt between any two of its instructions. Where memory
passes from one owner to another there (llvmlite takes over an object file, or gives back an
engine), it would be freed twice or never, and the process dies of that later; where settings of
NumPy are changed for a moment, they would stay changed.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from sparsesolve.host.fork import after_fork

__all__ = ["Hold", "interrupts_held"]


class Hold:
    """Signals that wait.

    Parameters
    ----------
    before : callable
        The handler that gets them in the end.
    """

    def __init__(self, before: Callable[[int, FrameType | None], Any] | None = None) -> None:
        self.before = before
        self.thread = threading.get_ident()
        self.open = False
        self.came: list[tuple[int, FrameType | None]] = []

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Take a signal; while `open` is set, as in the user's own code, it does not wait."""
        if self.open and self.before is not None:
            self.before(number, frame)
        else:
            self.came.append((number, frame))


@contextmanager
def interrupts_held() -> Iterator[Hold]:
    """Keep SIGINT until the block has ended, and hand it to the handler that was set before.

    Nothing happens in other threads than the main one, which alone is interrupted, and where the
    handler is not Python's. Blocks may be nested; each holds its signals until it ends.

    Examples
    --------
    >>> import signal
    >>> try:
    ...     with interrupts_held():
    ...         signal.raise_signal(signal.SIGINT)
    ...         print("finished first")
    ... except KeyboardInterrupt:
    ...     print("then interrupted")
    finished first
    then interrupted
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield Hold()
        return
    hold = Hold(before)
    signal.signal(signal.SIGINT, hold)
    try:
        yield hold
    finally:
        signal.signal(signal.SIGINT, before)
        if hold.came:
            before(*hold.came[-1])


def _put_back() -> None:
    """In a child: holds of threads that it does not have are over."""
    handler = signal.getsignal(signal.SIGINT)
    while isinstance(handler, Hold) and handler.thread != threading.get_ident():
        handler = handler.before
    if handler is not signal.getsignal(signal.SIGINT):
        signal.signal(signal.SIGINT, handler)


after_fork(_put_back)
