"""What a function keeps between calls: its last point, the best value, a history.

Separate because a trace is a call like any other to the user's objects. Traced values that it has
left in them become the numbers that they stood for, as if the function had been called at the
example; whether results depend on them is found by the check, as for all that is kept.
"""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
from autograd.tracer import Box, isbox

from sparsesolve.trace.content import globals_named
from sparsesolve.trace.recorder import TapeNode

__all__ = ["leave_numbers"]

_MOST = 20_000
_LIBRARIES = ("numpy", "scipy", "autograd", "sparsesolve", "builtins", "pandas")
_ATOMS = frozenset({int, float, str, bool, complex, bytes, type(None), np.float64})


def leave_numbers(function: Callable[..., Any]) -> None:
    """Replace traced values in all that a function reaches by the numbers of the trace.

    Parameters
    ----------
    function : callable
        A function, a method, a partial function with its arguments.
    """
    _Cleaner().enter(function)


class _Cleaner:
    """Goes through objects once, each in its own place."""

    def __init__(self) -> None:
        self._seen: dict[int, Any] = {}
        self._waiting: list[Any] = []

    def enter(self, thing: Any) -> None:
        self._waiting.append(thing)
        while self._waiting and len(self._seen) < _MOST:
            thing = self._waiting.pop()
            if id(thing) not in self._seen:
                self._seen[id(thing)] = thing
                self._open(thing)

    def clean(self, value: Any) -> Any:
        """Return what shall stand in the place of a value: itself, if nothing in it was traced."""
        kind = type(value)
        if kind in _ATOMS:
            return value
        if isbox(value):
            return _number(value) if _is_over(value) else value
        if isinstance(value, tuple):
            items = [self.clean(item) for item in value]
            same = all(new is old for new, old in zip(items, value, strict=True))
            return value if same else kind._make(items) if hasattr(kind, "_make") else kind(items)
        self._waiting.append(value)
        return value

    def _open(self, thing: Any) -> None:
        try:
            for old, put in self._places(thing):
                new = self.clean(old)
                if new is not old:
                    put(new)
        except Exception:  # an object that does not let itself be read, or changed
            return

    def _places(self, thing: Any) -> Iterable[tuple[Any, Callable[[Any], Any]]]:
        if isinstance(thing, (list, deque)):
            return _items(thing, range(len(thing)))
        if isinstance(thing, dict):
            return _items(thing, list(thing))
        if isinstance(thing, np.ndarray):
            return _items(thing.reshape(-1), range(thing.size)) if thing.dtype == object else ()
        if isinstance(thing, types.FunctionType):
            return self._of_function(thing)
        if isinstance(thing, types.MethodType):
            return _only_inside((thing.__func__, thing.__self__))
        if isinstance(thing, partial):
            return _only_inside((thing.func, *thing.args, *thing.keywords.values()))
        if isinstance(thing, type):
            own = thing if not _is_library(thing) else None
            return _attributes(thing, dict(vars(own))) if own else ()
        if isinstance(thing, types.ModuleType) or (_is_library(type(thing)) and callable(thing)):
            return ()
        return _of_object(thing)

    def _of_function(self, function: types.FunctionType) -> Iterator[tuple[Any, Any]]:
        if _is_library_name(function.__module__):
            return
        yield from _items(function.__globals__, globals_named(function))
        for cell in function.__closure__ or ():
            try:
                yield cell.cell_contents, partial(setattr, cell, "cell_contents")
            except ValueError:  # not filled yet
                continue
        yield from _items(vars(function), list(vars(function)))
        yield from _only_inside(function.__defaults__ or ())
        yield from _only_inside((function.__kwdefaults__ or {}).values())


def _is_over(box: Any) -> bool:
    """Whether a value belongs to a trace that has ended, and not to one around it."""
    while isbox(box):
        node = Box._node.__get__(box)
        if type(node) is TapeNode:
            return node.recorder.finished
        box = box._value
    return True


def _number(box: Any) -> Any:
    """Return what a traced value stood for; a copy, as the memory may be that of an argument."""
    while isbox(box):
        box = box._value
    return np.array(box)[()]


def _items(container: Any, keys: Iterable[Any]) -> Iterator[tuple[Any, Callable[[Any], Any]]]:
    for key in keys:
        yield container[key], partial(container.__setitem__, key)


def _only_inside(things: Iterable[Any]) -> Iterator[tuple[Any, Callable[[Any], Any]]]:
    for thing in things:
        yield thing, _ignore


def _ignore(_: Any) -> None:
    """Leave what cannot be changed."""


def _attributes(thing: Any, found: dict[str, Any]) -> Iterator[tuple[Any, Callable[[Any], Any]]]:
    for name, value in found.items():
        yield value, partial(setattr, thing, name)


def _of_object(thing: Any) -> Iterator[tuple[Any, Callable[[Any], Any]]]:
    held = getattr(thing, "__dict__", None)
    if isinstance(held, dict):
        yield from _items(held, list(held))
    for base in type(thing).__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(thing, name) and name not in ("__dict__", "__weakref__"):
                yield getattr(thing, name), partial(setattr, thing, name)
    yield type(thing), _ignore


def _is_library(kind: type) -> bool:
    return _is_library_name(kind.__module__)


def _is_library_name(name: Any) -> bool:
    return str(name).partition(".")[0] in _LIBRARIES
