"""Functions and methods of libraries, written in Python, that are replaced while one traces.

Separate because NumPy's protocols do not reach them: they look at numbers, call compiled code or
hide a smooth function behind comparisons. They are replaced where they are defined, so that they
are met however the user's code named them; families of `sparsesolve.numpy_ops` say by what. A
function that may have been imported by its name gets other code, so that every name means it.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

from sparsesolve.trace.array_methods import replace_method
from sparsesolve.trace.changes import Changes

__all__ = ["replace_all", "replaces"]

_Make = Callable[[Callable[..., Any]], Callable[..., Any]]
_MADE_BY_CLASS = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a type that is not written in C, and can be changed
_TABLE: list[tuple[str, tuple[str, ...], _Make]] = []


def replaces(module: str, path: str) -> Callable[[_Make], _Make]:
    """Register what makes a function in place of ``module.path`` from the plain one."""

    def register(make: _Make) -> _Make:
        _TABLE.append((module, tuple(path.split(".")), make))
        return make

    return register


def replace_all(changes: Changes) -> None:
    """Replace what is loaded, if it is where it was."""
    for module, path, make in _TABLE:
        thing: Any = sys.modules.get(module)
        for name in path[:-1]:
            thing = getattr(thing, name, None)
        plain = getattr(thing, path[-1], None)
        if thing is None or plain is None:
            continue
        if isinstance(thing, types.ModuleType) and isinstance(plain, types.FunctionType):
            changes.replace(plain, "__code__", _code_in_place(plain, make))
        elif isinstance(thing, type) and not thing.__flags__ & _MADE_BY_CLASS:
            replace_method(changes, thing, path[-1], make(plain))
        else:
            changes.replace(thing, path[-1], make(plain))


_CODES: dict[types.FunctionType, tuple[types.CodeType, types.CodeType]] = {}


def _code_in_place(plain: types.FunctionType, make: _Make) -> types.CodeType:
    """Return code of a function that calls another one; made once."""
    known = _CODES.get(plain)
    if known is None or known[0] is not plain.__code__:
        code = plain.__code__
        known = _CODES[plain] = code, _calling(make(_twin(plain)), code)
    return known[1]


def _twin(function: types.FunctionType) -> types.FunctionType:
    """Return a function of the same code, which it keeps."""
    made = types.FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


_HOLE = "what is called"


def _trampoline(*args: Any, **kwargs: Any) -> Any:
    target: Any = "what is called"  # a constant, which `_calling` changes
    return target(*args, **kwargs)


def _calling(target: Callable[..., Any], code: types.CodeType) -> types.CodeType:
    """Return code that calls a function, for a function that has some other code."""
    mine = _trampoline.__code__
    constants = tuple(target if held == _HOLE else held for held in mine.co_consts)
    return mine.replace(co_consts=constants, co_freevars=code.co_freevars)
