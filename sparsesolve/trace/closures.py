"""Functions that hold traced values, as functions of these.

Separate because a library that calls back, such as an integrator, must be given a function of plain
numbers, and derivatives by what the function has closed over need it as an argument.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from autograd.tracer import isbox

from sparsesolve.trace.content import globals_named
from sparsesolve.trace.operands import is_traced
from sparsesolve.trace.sources import is_library
from sparsesolve.trace.watched import note_used
from sparsesolve.trace.writable import current

__all__ = ["Opened"]

_MOST = 5_000  # objects that are looked through


class _Place:
    """Stands where a traced value was; a tape would be kept alive by the value."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


class Opened:
    """Something with traced values in it, and these by themselves.

    Parameters
    ----------
    thing : function, partial function, nested lists, tuples and dicts, or array
        What holds traced values: in variables of functions around it, defaults, global variables
        that it names, arguments, items, attributes of objects.
    """

    def __init__(self, thing: Any) -> None:
        self.values: list[Any] = []
        self._places: dict[int, _Place] = {}
        # a copy, as later calls may put other things where the traced ones are
        copy = _Copy(self._place)
        self.thing = copy.of(thing)
        self._holding = copy.made
        self._places.clear()

    def __call__(self, values: Sequence[Any]) -> Any:
        """Return the same thing with other values in place of those that are traced."""
        return _Copy(lambda place: values[place.number], self._holding).of(self.thing)

    def used(self) -> Any:
        """Return the thing, which evaluations will call: what it uses is noted."""
        note_used(self.thing)
        return self.thing

    def _place(self, box: Any) -> Any:
        if not is_traced(box):
            return box._value
        if id(box) not in self._places:
            self._places[id(box)] = _Place(len(self.values))
            self.values.append(box)
        return self._places[id(box)]


class _Copy:
    """Copies what holds traced values, or places of such, and gives back the rest as it is."""

    def __init__(self, put: Callable[[Any], Any], holding: dict[int, Any] | None = None) -> None:
        self._put, self._holding = put, holding
        self.made: dict[int, Any] = {}
        self._done: dict[int, Any] = {}
        self._without: set[int] = set()  # what was looked through and holds none
        self._kept: list[Any] = []  # so that nothing else takes its place

    def of(self, thing: Any) -> Any:
        thing = current(thing)
        if isbox(thing) or type(thing) is _Place:
            return self._put(thing)
        if id(thing) in self._done:
            return self._done[id(thing)]
        if not self._reaches(thing):
            return thing
        made = self._copied(thing, type(thing))
        self.made[id(made)] = made
        return made

    def _copied(self, thing: Any, kind: Any) -> Any:
        if kind in (list, tuple):
            return kind(map(self.of, thing))
        if kind is dict:
            return {name: self.of(item) for name, item in thing.items()}
        if kind is np.ndarray:
            self._kept.append(thing.tolist())
            return self.of(self._kept[-1])
        if kind is partial:
            options = {name: self.of(item) for name, item in thing.keywords.items()}
            return partial(self.of(thing.func), *map(self.of, thing.args), **options)
        if kind is types.MethodType:
            return self.of(thing.__func__).__get__(self.of(thing.__self__))
        return self._function(thing) if kind is types.FunctionType else self._object(thing)

    def _object(self, thing: Any) -> Any:
        made = self._done[id(thing)] = object.__new__(type(thing))
        for name, value in vars(thing).items():
            vars(made)[name] = self.of(value)
        return made

    def _function(self, function: Any) -> Any:
        fresh = tuple(types.CellType() for _ in function.__closure__ or ())
        code, held = function.__code__, function.__globals__
        named = {name: held[name] for name in globals_named(function)}
        if any(map(self._reaches, named.values())):
            held = held.copy()
        made = types.FunctionType(code, held, function.__name__, None, fresh)
        self._done[id(function)] = made  # it may be held by itself
        if held is not function.__globals__:
            held.update((name, self.of(value)) for name, value in named.items())
        for cell, new in zip(function.__closure__ or (), fresh, strict=True):
            if cell != types.CellType():
                new.cell_contents = self.of(cell.cell_contents)
        made.__defaults__ = self.of(function.__defaults__)
        made.__kwdefaults__ = self.of(function.__kwdefaults__)
        return made

    def _reaches(self, thing: Any) -> bool:
        """Whether a traced value is found in something, however deep."""
        if self._holding is not None:
            return id(thing) in self._holding
        waiting, seen = [thing], set[int]()
        while waiting and len(seen) < _MOST:
            thing = current(waiting.pop())
            if isbox(thing) or type(thing) is _Place:
                return True
            if id(thing) not in seen and id(thing) not in self._without:
                seen.add(id(thing))
                waiting.extend(_held(thing))
        self._without |= seen
        return False


def _held(thing: Any) -> Iterable[Any]:
    """List what something holds, where it could be traced."""
    kind = type(thing)
    if kind in (list, tuple):
        return thing  # type: ignore[no-any-return]
    if kind is dict:
        return thing.values()  # type: ignore[no-any-return]
    if kind is np.ndarray:
        return thing.flat if thing.dtype == object else ()
    if kind is partial:
        return thing.func, *thing.args, *thing.keywords.values()
    if kind is types.MethodType:
        return thing.__func__, thing.__self__
    if kind is types.FunctionType:
        return _enclosed(thing) if not is_library(thing.__code__) else ()
    if isinstance(thing, (type, types.ModuleType)):
        return ()
    held = getattr(thing, "__dict__", None)
    return held.values() if type(held) is dict else ()


def _enclosed(function: Any) -> list[Any]:
    cells = [cell.cell_contents for cell in function.__closure__ or () if cell != types.CellType()]
    named = [function.__globals__[name] for name in globals_named(function)]
    return [*cells, *named, function.__defaults__, function.__kwdefaults__]
