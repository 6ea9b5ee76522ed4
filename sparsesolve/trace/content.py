"""What an object holds, as a digest: to see that it was changed in place.

Identity says nothing about arrays, matrices and objects that their owner goes on
using. Two digests are equal where everything that an object holds is equal: bytes of arrays,
entries of sparse matrices, items of containers, attributes, what a function has enclosed. What
holds nothing that could be read (a lock, a file) is known by its identity.

A function holds what it encloses and the globals that it names. The functions to be traced are
read with less zeal (`surroundings_of`), because it is done for all of them: large arrays are left
out, and so is everything where it is much.
"""

from __future__ import annotations

import dis
import enum
import hashlib
import types
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass, replace
from functools import cached_property, lru_cache, partial
from operator import is_
from typing import Any

import numpy as np
import scipy.sparse

from sparsesolve.host.dataclass import dataclass
from sparsesolve.trace.masked import is_masked_array

__all__ = ["Content", "content_of", "globals_named", "is_immutable", "still_uses",
           "surroundings_of", "unwrapped"]  # fmt: skip

_ATOMS = (
    bool, int, float, complex, str, bytes, type(None), type(Ellipsis), np.bool_, np.number,
    type, types.ModuleType, np.ufunc, enum.Enum,
)  # fmt: skip
_FIXED = (type, types.ModuleType, np.ufunc, types.BuiltinFunctionType)
_PLAIN = frozenset(
    (
        bool,
        int,
        float,
        complex,
        str,
        bytes,
        type(None),
        type,
        types.ModuleType,
        np.ufunc,
        np.float64,
    )
)
_DEEPEST = 3
_GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL")
_BY_VALUE = (bool, int, float, complex, str, bytes, type(None), np.bool_, np.number)
_FEW_PARTS = 1_000
_FEW_BYTES = 1 << 20
_LONG = 64
_MOST_PARTS = 20_000
_OF_MASKS = ("_mask", "_hardmask", "_sharedmask", "_basedict", "_optinfo", "_fill_value")


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """A digest, and the objects that it knows by identity, kept so that no other takes it.

    `plain`: of a function, all that it uses, where identity says all of that.
    """

    digest: bytes
    kept: tuple[Any, ...]
    plain: tuple[Any, ...] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Content) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


def is_immutable(thing: Any) -> bool:
    """Whether identity or equality says all: numbers, text, types, functions without data."""
    if isinstance(thing, _ATOMS):
        return True
    if isinstance(thing, types.BuiltinFunctionType):
        return is_immutable(thing.__self__)
    if type(thing) is tuple:
        return all(map(is_immutable, thing))
    return (
        isinstance(thing, types.FunctionType)
        and not (thing.__closure__ or thing.__kwdefaults__ or vars(thing))
        and all(map(is_immutable, thing.__defaults__ or ()))
        and all(isinstance(value, _FIXED) for value in _named(thing))
    )


def content_of(thing: Any) -> Content | None:
    """Return what an object holds, or None where that is too much to go through.

    Parameters
    ----------
    thing : object
        Anything.
    """
    return _Reader().content(thing)


def surroundings_of(function: Callable[..., Any]) -> Content | None:
    """Return what a function uses besides its arguments, or None where that is much.

    Parameters
    ----------
    function : callable
        A function, a method, or an object that can be called.
    """
    function = unwrapped(function)
    found = _SurroundingsReader().content(function)
    return None if found is None else replace(found, plain=_plain_parts(function))


def still_uses(function: Callable[..., Any], known: Content) -> bool:
    """Whether a function uses what it used when `surroundings_of` told `known`."""
    parts = _plain_parts(unwrapped(function)) if known.plain else None
    if parts is not None and _same_objects(parts, known.plain):
        return True
    return known == surroundings_of(function)


def _same_objects(some: tuple[Any, ...], others: tuple[Any, ...] | None) -> bool:
    return others is not None and len(some) == len(others) and all(map(is_, some, others))


def unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function without wrappers of ours that only make nests of its arguments."""
    while getattr(function, "only_unpacks", False):  # a wrapper of ours, without data of its own
        function = function.__wrapped__  # type: ignore[attr-defined]
    return function


def _plain_parts(function: Any, depth: int = 0) -> tuple[Any, ...] | None:
    """List what a function uses, where none of it can be changed in place; else None."""
    if type(function) is not types.FunctionType or depth > _DEEPEST or vars(function):
        return None
    parts: list[Any] = [function.__code__, function.__globals__, function.__defaults__]
    try:
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
    except ValueError:  # an empty one
        return None
    for used in (*cells, *(function.__defaults__ or ()), *_named(function)):
        inner = (used,) if type(used) in _PLAIN else _plain_parts(used, depth + 1)
        if inner is None:
            return None
        parts += inner
    return None if function.__kwdefaults__ else tuple(parts)


class _TooMuch(Exception):
    """More parts than can be compared at each call."""


class _Reader:
    """Goes through an object and all that it holds."""

    most_parts = _MOST_PARTS

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.kept: list[Any] = []
        self._inside: dict[int, Any] = {}
        self._left = self.most_parts

    def content(self, thing: Any) -> Content | None:
        try:
            self.read(thing)
        except Exception:  # too much, or an object that refuses to be read
            return None
        return Content(self.hash.digest(), tuple(self.kept))

    def read(self, thing: Any) -> None:
        self._left -= 1
        if self._left < 0:
            raise _TooMuch
        kind = type(thing)
        if kind in _BY_VALUE or isinstance(thing, np.generic):
            self._write(kind.__name__, repr(thing))
            return
        if isinstance(thing, _ATOMS):
            self._identity(thing)
            return
        if id(thing) in self._inside:  # it holds itself
            self._write("again", str(list(self._inside).index(id(thing))))
            return
        self._inside[id(thing)] = thing
        self._open(thing, kind)
        del self._inside[id(thing)]

    def _open(self, thing: Any, kind: type) -> None:
        base, reading = _way_to_read(kind, thing.__class__)
        if base is not None:
            self._write(kind.__qualname__)
        getattr(self, reading)(thing)
        if base not in (None, kind) and hasattr(thing, "__dict__"):
            self._dict({k: v for k, v in vars(thing).items() if k not in _OF_MASKS})

    def _array(self, array: np.ndarray[Any, Any]) -> None:
        plain = np.asarray(array)
        self._write(plain.dtype.str, str(plain.shape))
        if plain.dtype.hasobject:
            self._list(plain.ravel().tolist())
        elif plain.nbytes:
            self.hash.update(np.ascontiguousarray(plain).reshape(-1).view(np.uint8).data)
        if is_masked_array(array):
            self._array(np.ma.getmaskarray(array))

    def _sparse(self, matrix: Any) -> None:
        """Read the entries, whatever order they are kept in."""
        self._write(type(matrix).__qualname__, str(matrix.shape), matrix.dtype.str)
        entries = matrix.tocoo(copy=True)
        entries.sum_duplicates()
        coords = getattr(entries, "coords", None) or (entries.row, entries.col)
        for part in (*coords, entries.data):
            self._array(np.asarray(part))

    def _sequence(self, items: Iterable[Any]) -> None:
        count = 0
        for item in items:
            self.read(item)
            count += 1
        self._write("items", str(count))

    def _list(self, items: list[Any] | tuple[Any, ...]) -> None:
        if len(items) > _LONG and all(type(item) in (int, float) for item in items):
            self._write("numbers", repr(items))
        else:
            self._sequence(items)

    def _dict(self, mapping: dict[Any, Any]) -> None:
        self._sequence(part for item in mapping.items() for part in item)

    def _set(self, members: Iterable[Any]) -> None:
        parts = [self._apart(member) for member in members]
        self.kept += [thing for part in parts for thing in part.kept]
        self._write("set", *sorted(part.digest.hex() for part in parts))

    def _apart(self, member: Any) -> Content:
        """Read a member by itself, as its place says nothing; what is left to read is shared."""
        reader = _Reader()
        reader._inside, reader._left = self._inside, self._left
        found = reader.content(member)
        if found is None:
            raise _TooMuch
        self._left = reader._left
        return found

    def _function(self, function: types.FunctionType) -> None:
        self._identity(function.__code__)
        self._identity(function.__globals__)
        cells = function.__closure__ or ()
        for cell in cells:
            try:
                self.read(cell.cell_contents)
            except ValueError:
                self._write("empty cell")
        self._sequence((function.__defaults__, function.__kwdefaults__, vars(function)))
        self._sequence(_named(function))

    def _method(self, method: types.MethodType) -> None:
        self.read(method.__func__)
        self.read(method.__self__)

    def _builtin(self, function: types.BuiltinFunctionType) -> None:
        self._write(function.__name__)
        self.read(function.__self__)

    def _partial(self, made: partial[Any]) -> None:
        self._sequence((made.func, made.args, made.keywords))

    def _attributes(self, thing: Any) -> None:
        kind: Any = type(thing)
        found = dict(getattr(thing, "__dict__", {}))
        for name in _slots_of(kind):
            found[name] = getattr(thing, name, None)
        if not found and not hasattr(thing, "__dict__"):
            self._reduced(thing)
            return
        self._identity(kind)
        for name in sorted(found):
            if not _is_computed(kind, name):
                self._write(name)
                self.read(found[name])

    def _reduced(self, thing: Any) -> None:
        """Read what pickle would write."""
        try:
            parts = thing.__reduce_ex__(4)
        except Exception:  # any object may refuse
            self._identity(thing)
            return
        if isinstance(parts, str):
            self._identity(thing)
            return
        for part in parts:
            self._sequence(part) if hasattr(part, "__next__") else self.read(part)

    def _identity(self, thing: Any) -> None:
        self.kept.append(thing)
        self._write("the", str(id(thing)))

    def _write(self, *words: str) -> None:
        text = "\0".join(words)
        self.hash.update(f"{text}\0".encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=512)
def _way_to_read(kind: type, claimed: type) -> tuple[type | None, str]:
    """Return the kind that things of a type are read as, if that is a known one, and the method.

    What stands for something else claims to be of its type.
    """
    for base, reading in _READERS:
        if issubclass(kind, base) or issubclass(claimed, base):
            return base, reading
    if issubclass(kind, (scipy.sparse.sparray, scipy.sparse.spmatrix)):
        return None, "_sparse"
    return None, "_reduced" if _has_own_state(kind) else "_attributes"


@lru_cache(maxsize=4096)
def _is_computed(kind: type, name: str) -> bool:
    """Whether an attribute is no data of its own, but what a property has computed and kept."""
    return isinstance(getattr(kind, name, None), cached_property)


@lru_cache(maxsize=512)
def _has_fields(kind: type) -> bool:
    return is_dataclass(kind) and bool(fields(kind))


@lru_cache(maxsize=512)
def _slots_of(kind: type) -> tuple[str, ...]:
    """List what things of a type have places for."""
    found: list[str] = []
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        found += [slots] if isinstance(slots, str) else list(slots)
    return tuple(name for name in found if name not in ("__dict__", "__weakref__"))


def _has_own_state(kind: type) -> bool:
    names = ("__getstate__", "__reduce__", "__reduce_ex__")
    return any(getattr(kind, name, None) is not getattr(object, name, None) for name in names)


_READERS: tuple[tuple[type, str], ...] = (
    (np.ndarray, "_array"),
    (list, "_list"),
    (tuple, "_list"),
    (dict, "_dict"),
    (set, "_set"),
    (frozenset, "_set"),
    (types.FunctionType, "_function"),
    (types.MethodType, "_method"),
    (types.BuiltinFunctionType, "_builtin"),
    (types.SimpleNamespace, "_attributes"),
    (partial, "_partial"),
)


class _SurroundingsReader(_Reader):
    """Goes through what a function uses: few parts, and no more than can be read in no time."""

    most_parts = _FEW_PARTS

    def __init__(self) -> None:
        super().__init__()
        self._bytes = _FEW_BYTES

    def _array(self, array: np.ndarray[Any, Any]) -> None:
        if array.nbytes > self._bytes:
            self._write("large", str(id(array)))  # not kept: it may be all of the memory
        else:
            self._bytes -= array.nbytes
            super()._array(array)

    def _sparse(self, matrix: Any) -> None:
        self._write("matrix", str(id(matrix)))  # watched by itself, if it is used

    def _set(self, members: Iterable[Any]) -> None:
        self._identity(members)

    def _reduced(self, thing: Any) -> None:
        kind: Any = type(thing)
        if _has_fields(kind):
            self._attributes(thing)
        else:
            self._identity(thing)


def _named(function: types.FunctionType) -> list[Any]:
    """List the globals that a function names, without functions of other modules."""
    namespace = function.__globals__
    values = [namespace[name] for name in _names(function.__code__) if name in namespace]
    return [
        value
        for value in values
        if not isinstance(value, types.FunctionType) or value.__globals__ is namespace
    ]


def globals_named(function: types.FunctionType) -> list[str]:
    """List the names of globals that a function uses or sets, if there are such."""
    return [name for name in _names(function.__code__) if name in function.__globals__]


@lru_cache(maxsize=4096)
def _names(code: types.CodeType) -> tuple[str, ...]:
    """Names of globals in a function and those that it defines."""
    inner = [_names(part) for part in code.co_consts if isinstance(part, types.CodeType)]
    own = [step.argval for step in dis.get_instructions(code) if step.opname in _GLOBAL]
    return tuple(dict.fromkeys([*own, *(name for names in inner for name in names)]))
