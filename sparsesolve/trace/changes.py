"""Global state that is changed while a function is traced, and put back whatever happens.

A child of a fork has to put back what a thread of its parent has changed.
"""

from __future__ import annotations

import gc
import threading
import types
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from autograd.tracer import trace_stack

__all__ = ["Changes"]


class Changes:
    """Global state that a trace changes, with what it was before."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self._before: list[Callable[[], object]] = []

    def update(self, table: dict[Any, Any], new: Mapping[Any, Any]) -> None:
        """Set entries of a table."""
        for key, value in new.items():
            put_back = partial(table.pop, key, None)
            if key in table:
                put_back = partial(table.__setitem__, key, table[key])
            self._before.append(put_back)
            table[key] = value

    def swap(self, thing: Any, name: str, old: Any, new: Any) -> None:
        """Set an attribute that is known to be `old`."""
        self._before.append(partial(setattr, thing, name, old))
        setattr(thing, name, new)

    def fill(self, cell: types.CellType, value: Any) -> None:
        """Set what a function finds in a variable of a function around it."""
        self._before.append(partial(setattr, cell, "cell_contents", cell.cell_contents))
        cell.cell_contents = value

    def put(self, items: list[Any], place: int, value: Any) -> None:
        """Set an item of a list."""
        self._before.append(partial(items.__setitem__, place, items[place]))
        items[place] = value

    def reset_stack(self) -> None:
        """Let autograd's stack be as it is now, also where the function raises."""
        self._before.append(partial(setattr, trace_stack, "top", trace_stack.top))

    def stop_collector(self) -> None:
        """Turn the garbage collector off."""
        if gc.isenabled():
            self._before.append(gc.enable)
            gc.disable()

    def put_back(self) -> None:
        """Undo everything, the last change first."""
        while self._before:
            self._before.pop()()
