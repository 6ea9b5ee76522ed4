"""Put other functions in place of NumPy's and Python's while one function is traced.

Names are found in three places: as attributes of `numpy` and `math`, under the
names by which the user's modules have imported them, and among Python's built-in ones. Only the
modules and closures of functions that the traced one can reach are touched, and every name is put
back. Other threads that meet a substitute meanwhile get from it what the original gives.
"""

from __future__ import annotations

import cmath
import math
import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from autograd.tracer import isbox

from sparsesolve.trace.changes import Changes
from sparsesolve.trace.compiled import (
    elementwise_loops,
    is_cached,
    loop,
    python_source,
)
from sparsesolve.trace.dispatch import CREATORS
from sparsesolve.trace.python_numbers import BUILTINS, CMATH, MATH
from sparsesolve.trace.recorder import Recorder, root_of
from sparsesolve.trace.replaced import COMPILED_BY_NAME, replace_all
from sparsesolve.trace.sources import is_library
from sparsesolve.trace.writable import Writable, current, wrapped

__all__ = ["mentions", "substitute"]

_CREATORS = (
    "zeros empty ones full eye identity arange linspace logspace geomspace array asarray "
    "asanyarray ascontiguousarray asfortranarray copy zeros_like empty_like ones_like full_like "
    "diag tri tile repeat concatenate hstack vstack stack outer atleast_1d atleast_2d nditer"
)
_MOST = 500
_LIBRARIES = ("numpy", "scipy", "autograd", "sparsesolve", "builtins")
_ASKING_FOR_CLASSES = ("copy",)  # for the real ones, to do what each needs
_MISSING = object()


def substitute(
    function: Callable[..., Any],
    recorder: Recorder,
    changes: Changes,
    *,
    lists: bool = False,
    merged: bool = False,
    sparse: bool = False,
    buffers: bool = False,
) -> None:
    """Let creation functions make writable arrays, and Python's functions take traced numbers.

    Parameters
    ----------
    function : callable
        What will be traced.
    recorder : Recorder
        Of that trace.
    changes : Changes
        Where the names that are replaced are noted; who made it puts them back.
    lists : bool, default False
        Whether NumPy's functions take lists of traced numbers as well.
    merged : bool, default False
        Whether both sides of branches are evaluated, where they only compute.
    sparse : bool, default False
        Whether `scipy.sparse` takes traced entries even if the function is not seen to use it.
    buffers : bool, default False
        Whether arrays that were there before can hold traced values.
    """
    # what is rarely needed is imported before names of NumPy's are replaced
    if lists:
        from sparsesolve.trace.numpy_names import numpy_name  # noqa: PLC0415
    if merged:
        from sparsesolve.trace.if_conversion import converted  # noqa: PLC0415
    if buffers:
        from sparsesolve.trace.buffers import adopt  # noqa: PLC0415
    own: dict[str, Any] = {}
    table: dict[int, Any] = {}
    for name in _CREATORS.split():
        plain = getattr(np, name)
        own[name] = _creating(plain, recorder, threading.get_ident())
        real = getattr(plain, "__wrapped__", plain) if name in _REPLACED else plain
        table[id(real)] = own[name]
    table.update(COMPILED_BY_NAME)
    table.update((id(getattr(math, name)), new) for name, new in MATH.items())
    changes.update(vars(np), own)
    changes.update(vars(math), MATH)
    elementwise_loops(changes)
    users, compiled, met = _reached(function)
    if sparse or any(map(_is_sparse, met)) or any(map(_imports_scipy, users)):
        replace_all(changes, second=True)
    if buffers:
        adopt(users, met, recorder, changes)
    if any(map(_is_of_cmath, met)) or any("cmath" in _names(user.__code__) for user in users):
        table.update((id(getattr(cmath, name)), new) for name, new in CMATH.items())
        changes.update(vars(cmath), CMATH)
    table.update((id(thing), _elementwise(thing)) for thing in compiled)
    for kind in [thing for thing in met if isinstance(thing, type)]:
        _replace_cached_methods(kind, table, changes)
    for user in users:
        _rename(user, lambda thing: table.get(id(thing)), changes)
        if lists:
            _rename(user, numpy_name, changes)
        code = converted(user) if merged else None
        if code is not None:
            changes.swap(user, "__code__", user.__code__, code)


def mentions(function: Callable[..., Any], names: frozenset[str]) -> bool:
    """Whether a function, or one of the user that it may call, uses some names."""
    return any(not names.isdisjoint(_names(user.__code__)) for user in _reached(function)[0])


def _elementwise(compiled: Any) -> Callable[..., Any]:
    """Return the source of what numba compiled; of a ufunc, for arrays."""
    source: Callable[..., Any] = python_source(compiled)
    if is_cached(compiled):
        return _cached(compiled, source)
    if not hasattr(compiled, "_dispatcher"):
        return source
    return lambda *args: loop(source, args) if any(map(np.ndim, args)) else source(*args)


def _cached(cache: Callable[..., Any], source: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        traced = any(map(isbox, (*args, *kwargs.values())))
        return (source if traced else cache)(*args, **kwargs)

    return call


def _replace_cached_methods(kind: type, table: dict[int, Any], changes: Changes) -> None:
    for name, held in list(vars(kind).items()):
        method = getattr(held, "__func__", held)  # of a static method
        new = table.get(id(method)) if is_cached(method) else None
        if new is not None:
            changes.swap(kind, name, held, new if method is held else staticmethod(new))


_REPLACED = frozenset(["array", "asarray", "asanyarray", "ascontiguousarray", "full_like"])


def _creating(plain: Callable[..., Any], recorder: Recorder, thread: int) -> Callable[..., Any]:
    """Make a creation function whose fresh arrays can hold traced values."""
    keeps = plain.__name__ in ("asarray", "asanyarray", "ascontiguousarray", "asfortranarray")
    handler = CREATORS.get(plain.__name__)

    def creator(*args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() != thread:
            return plain(*args, **kwargs)
        if handler is not None and any(map(isbox, map(current, args))):
            return handler(*map(current, args), **kwargs)
        result = plain(*map(_shallow, args), **kwargs)
        if is_library(sys._getframe(1).f_code):
            return result
        if type(result) is not np.ndarray:
            return result
        if keeps and args and type(args[0]) is Writable and root_of(result) is root_of(args[0]):
            return args[0] if result.shape == args[0].shape else wrapped(result, recorder)
        root = root_of(result)
        if any(root is root_of(a) for a in args if isinstance(a, np.ndarray)):
            return result
        if plain.__name__.startswith("empty"):
            result[...] = 0  # never what happens to be in memory
        return wrapped(result, recorder)

    creator.__name__ = plain.__name__
    return creator


def _shallow(value: Any) -> Any:
    if type(value) in (list, tuple):
        return type(value)(_shallow(item) for item in value)
    return current(value)


def _rename(
    user: types.FunctionType, substitute_of: Callable[[Any], Any], changes: Changes
) -> None:
    """Replace what one function knows by a name of its own module, or of a function around it."""
    held = user.__globals__
    names = _names(user.__code__)
    if "eval" in names:  # it may use any
        names = names | held.keys() | BUILTINS.keys()
    known = {
        name: substitute_of(held[name]) if name in held else BUILTINS.get(name) for name in names
    }
    changes.update(held, {name: new for name, new in known.items() if new is not None})
    for cell in user.__closure__ or ():
        new = substitute_of(_content(cell))
        if new is not None:
            changes.fill(cell, new)


def _names(code: types.CodeType) -> set[str]:
    """Names that some code uses, with the code inside of it."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _names(constant)
    return found


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _MISSING


def _is_of_cmath(thing: Any) -> bool:
    return isinstance(thing, types.BuiltinFunctionType) and thing.__module__ == "cmath"


def _is_sparse(thing: Any) -> bool:
    """Whether something met is, or comes from, `scipy.sparse`."""
    if isinstance(thing, types.ModuleType):
        return thing.__name__.startswith("scipy")
    home = getattr(thing, "__module__", None)
    return isinstance(home, str) and home.startswith("scipy.sparse")


def _imports_scipy(user: types.FunctionType) -> bool:
    return any(name.startswith("scipy") for name in user.__code__.co_names)


def _reached(function: Any) -> tuple[list[types.FunctionType], list[Any], Iterable[Any]]:
    """Functions of the user that a function may call, as far as names tell: Python's, compiled.

    And all that was met on the way.
    """
    found: list[types.FunctionType] = []
    compiled: list[Any] = []
    waiting: list[Any] = [function]
    seen: dict[int, Any] = {}
    while waiting and len(seen) < _MOST:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen[id(thing)] = thing
        if python_source(thing) is not thing:
            compiled.append(thing)
            waiting.append(python_source(thing))
        elif isinstance(thing, types.FunctionType):
            waiting.append(getattr(thing, "calls", None))  # of ours, what it was given
            if not is_library(thing.__code__) and thing.__module__ not in _ASKING_FOR_CLASSES:
                found.append(thing)
                waiting.extend(_mentioned(thing))
        else:
            waiting.extend(_parts(thing))
    return found, compiled, seen.values()


def _mentioned(function: types.FunctionType) -> Iterator[Any]:
    names = _names(function.__code__)
    for name in names:
        held = function.__globals__.get(name)
        if isinstance(held, types.ModuleType):
            if not _is_library_module(held.__name__):
                yield from (vars(held)[n] for n in names if n in vars(held))
            elif held.__name__.startswith("scipy"):
                yield held
        elif held is not None:
            yield held
    yield from map(_content, function.__closure__ or ())
    yield from function.__defaults__ or ()
    yield getattr(function, "__wrapped__", None)


def _parts(thing: Any) -> Iterator[Any]:
    """List what else may be called: methods, and what partial functions and objects hold."""
    if isinstance(thing, types.MethodType):
        yield from (thing.__func__, thing.__self__)
    elif isinstance(thing, partial):
        yield from (thing.func, *thing.args, *thing.keywords.values())
    elif isinstance(thing, (staticmethod, classmethod)):
        yield thing.__func__
    elif isinstance(thing, property):
        yield from (thing.fget,)
    elif isinstance(thing, type):
        if not _is_library_module(thing.__module__):
            yield from (*vars(thing).values(), *thing.__bases__)
    elif isinstance(thing, (list, tuple)):
        yield from filter(_has_code, islice(thing, _MOST))
    elif isinstance(thing, dict):
        yield from filter(_has_code, islice(thing.values(), _MOST))
    elif not _is_library_module(type(thing).__module__):
        yield type(thing)
        yield from _attributes(thing)
    else:  # what a library made of functions of the user, as np.vectorize does
        yield from filter(_has_code, _attributes(thing))


def _has_code(thing: Any) -> bool:
    """Whether something may be called, or holds what may be: no number, no text, no array."""
    if isinstance(thing, (list, tuple, dict)):
        held = thing.values() if isinstance(thing, dict) else thing
        return not _DATA.issuperset(map(type, islice(held, _MOST)))
    return callable(thing) or not _is_library_module(type(thing).__module__)


_DATA = frozenset({int, float, complex, str, bytes, bool, type(None), np.ndarray, np.float64})


def _attributes(thing: Any) -> Iterable[Any]:
    """List what an object holds; nothing where it does not let us look."""
    try:
        return list(vars(thing).values())
    except Exception:  # a property of the user's may raise anything
        return ()


def _is_library_module(name: str) -> bool:
    return str(name).partition(".")[0] in _LIBRARIES
