"""NumPy's and SciPy's own Python code, for functions that are not recorded and not composed by us.

Most of them are a few lines of other functions of NumPy, which dispatch; but they make arrays of
what they get, and fill arrays that they make. Here they are run with names of their own: twins of
the functions of their module, whose `asarray` leaves traced arrays as they are and whose `empty`
can hold them. The modules are left alone.
"""

from __future__ import annotations

import importlib
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from sparsesolve.trace.recorder import active_recorder

__all__ = ["composed", "own_code", "twin_of"]

_numeric = importlib.import_module("numpy._core.numeric")
_CREATORS = ("empty", "zeros", "ones", "full")
_CONSTRUCTORS = ("array", "asarray", "asanyarray", "ascontiguousarray")
_MODULES = ("numpy", "numpy._core.numeric")
_OF_FILES = "numpy.lib._npyio_impl"  # they would write the numbers of the trace
_NAMES: dict[str, dict[str, Any]] = {}


def own_code(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """Return the Python code of a function of NumPy, for traced arrays; None if it has none.

    Examples
    --------
    >>> own_code(np.nancumsum).__name__, own_code(np.dot)
    ('nancumsum', None)
    """
    plain = getattr(function, "_implementation", None)
    if not isinstance(plain, types.FunctionType) or plain.__module__ == _OF_FILES:
        return None
    return twin_of(plain)


def twin_of(plain: types.FunctionType) -> types.FunctionType:
    """Return a function of NumPy's or SciPy's that makes arrays which can hold traced values."""
    return _twin(plain, _names(plain.__globals__))


def composed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `own_code` of a function that has some."""
    code = own_code(function)
    assert code is not None, f"{function} is written in C"
    return code


def _names(home: dict[str, Any]) -> dict[str, Any]:
    """Return the names of a module, as its functions shall see them; made once."""
    made = _NAMES.get(home["__name__"])
    if made is None:
        made = _NAMES[home["__name__"]] = dict(home)
        made.update((name, _seen(name, held, home, made)) for name, held in home.items())
    return made


def _seen(name: str, held: Any, home: dict[str, Any], made: dict[str, Any]) -> Any:
    if isinstance(held, types.FunctionType) and held.__globals__ is home:
        return _twin(held, made)
    if isinstance(held, types.ModuleType) and held.__name__ in _MODULES:
        return _Names(held)
    if name in (*_CREATORS, *_CONSTRUCTORS) and held is getattr(_numeric, name, None):
        return getattr(_Names(np), name)
    return held


def _twin(plain: types.FunctionType, names: dict[str, Any]) -> types.FunctionType:
    made = types.FunctionType(
        plain.__code__, names, plain.__name__, plain.__defaults__, plain.__closure__
    )
    made.__kwdefaults__ = plain.__kwdefaults__
    return made


class _Names:
    """A module of NumPy that makes arrays which can hold traced values."""

    def __init__(self, plain: types.ModuleType) -> None:
        self._plain = plain

    def __getattr__(self, name: str) -> Any:
        if name in _CREATORS:
            return _creating(name)
        # while one traces, numpy's constructors are those that take traced arrays
        return getattr(np if name in _CONSTRUCTORS else self._plain, name)


def _creating(name: str) -> Callable[..., Any]:
    def create(*args: Any, **options: Any) -> Any:
        made = getattr(_numeric, name)(*args, **options)
        recorder = active_recorder()
        if recorder is None or made.dtype.kind not in "fc":
            return made
        if name == "empty":
            made[...] = 0.0
        return recorder.constant(made)

    return create
