"""Functions that hold traced values, as functions of these.

Separate because a library that calls back, such as an integrator, must be given a function of plain
numbers, and derivatives by what the function has closed over need it as an argument.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from autograd.tracer import isbox

from sparsesolve.trace.operands import holds_boxes, is_traced
from sparsesolve.trace.writable import current

__all__ = ["Opened"]


class Opened:
    """Something with traced values in it, and these by themselves.

    Parameters
    ----------
    thing : function, partial function, nested lists, tuples and dicts, or array
        What holds traced values: in variables of functions around it, defaults, arguments, items,
        attributes of objects. Not looked at are global variables.
    """

    def __init__(self, thing: Any) -> None:
        self.values: list[Any] = []
        self._numbers: dict[int, int] = {}
        # a copy, as later calls may put other things where the traced ones are
        self.thing = self._mapped(thing, self._number, {})

    def __call__(self, values: Sequence[Any]) -> Any:
        """Return the same thing with other values in place of those that are traced."""
        return self._mapped(self.thing, lambda box: values[self._numbers[id(box)]], {})

    def _number(self, box: Any) -> Any:
        if id(box) not in self._numbers:
            self._numbers[id(box)] = len(self.values)
            self.values.append(box)
        return box

    def _mapped(self, thing: Any, put: Callable[[Any], Any], done: dict[int, Any]) -> Any:
        """Copy what holds traced values, and return the rest as it is."""
        thing = current(thing)
        if isbox(thing):
            return put(thing) if is_traced(thing) else thing._value
        if id(thing) in done:
            return done[id(thing)]
        kind = type(thing)
        if kind in (list, tuple):
            items = [self._mapped(item, put, done) for item in thing]
            return thing if _same(items, thing) else kind(items)
        if kind is dict:
            items = [self._mapped(item, put, done) for item in thing.values()]
            return thing if _same(items, thing.values()) else dict(zip(thing, items, strict=True))
        if kind is np.ndarray and thing.dtype == object:
            return self._mapped(thing.tolist(), put, done)
        if kind is partial:
            parts = (thing.func, thing.args, thing.keywords)
            function, args, options = (self._mapped(part, put, done) for part in parts)
            return partial(function, *args, **options)
        if kind is types.MethodType:
            owner = self._mapped(thing.__self__, put, done)
            return self._mapped(thing.__func__, put, done).__get__(owner)
        if kind is types.FunctionType:
            return self._function(thing, put, done)
        held = getattr(thing, "__dict__", None)
        if type(held) is dict and any(map(holds_boxes, held.values())):
            return self._object(thing, put, done)
        return thing

    def _object(self, thing: Any, put: Callable[[Any], Any], done: dict[int, Any]) -> Any:
        made = done[id(thing)] = object.__new__(type(thing))
        for name, value in vars(thing).items():
            vars(made)[name] = self._mapped(value, put, done) if holds_boxes(value) else value
        return made

    def _function(self, function: Any, put: Callable[[Any], Any], done: dict[int, Any]) -> Any:
        cells = function.__closure__ or ()
        defaults = function.__defaults__, function.__kwdefaults__
        if not cells and not any(defaults):
            return function
        fresh = [types.CellType() for _ in cells]
        made = types.FunctionType(
            function.__code__, function.__globals__, function.__name__, None, tuple(fresh)
        )
        done[id(function)] = made  # it may be held by itself
        for cell, new in zip(cells, fresh, strict=True):
            if cell != types.CellType():
                new.cell_contents = self._mapped(cell.cell_contents, put, done)
        made.__defaults__, made.__kwdefaults__ = (self._mapped(d, put, done) for d in defaults)
        return made


def _same(new: Any, old: Any) -> bool:
    """Whether items are the same, none of them traced."""
    return all(a is b and not isbox(b) for a, b in zip(new, old, strict=True))
