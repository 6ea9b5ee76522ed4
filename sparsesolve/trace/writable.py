"""Plain arrays that a traced function makes itself, and may write traced values into.

These are real NumPy arrays, good as an index, a shape or data of a C function,
until something traced is written into them. From then on an `Owner` follows the content of their
memory, and whatever reads the array, or any view of it, gets a traced array instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from autograd.tracer import isbox
from numpy.typing import NDArray

from sparsesolve.trace.recorder import Owner, Recorder, TapeNode, root_of

__all__ = ["Writable", "current", "destination", "wrapped"]

_WRITERS = frozenset({np.copyto, np.fill_diagonal, np.put, np.putmask, np.place, np.put_along_axis})


class Writable(np.ndarray):
    """An array of constants that becomes a traced one when a traced value is written into it."""

    recorder: Recorder | None
    _box: Any

    def __array_finalize__(self, made_from: Any) -> None:
        self.recorder = getattr(made_from, "recorder", None)
        self._box = None

    @property
    def live(self) -> bool:
        """Whether its memory holds, or has held, a traced value."""
        recorder = self.recorder
        return (
            recorder is not None
            and not recorder.finished
            and bool(recorder.memories)
            and id(root_of(self)) in recorder.memories
        )

    @property
    def plain(self) -> NDArray[Any]:
        """The same memory as an array of NumPy's own class."""
        return np.ndarray.view(self, np.ndarray)

    def tracer(self) -> Any:
        """Return the traced array that stands for the present content."""
        if self._box is None or self._box._value.shape != self.shape:
            recorder = self.recorder
            assert recorder is not None, "an array that is written to belongs to a trace"
            root = root_of(self)
            owner = recorder.memories.get(id(root))
            if owner is None:
                whole = np.ndarray.view(root, np.ndarray)
                owner = recorder.memories[id(root)] = Owner(whole)
            node = TapeNode.new_root(recorder, self.plain, None)
            node.owner, node.version = owner, -1  # derived from the owner when first used
            self._box = recorder.box(self.plain, node)
        return self._box

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        call = getattr(ufunc, method)
        out = kwargs.pop("out", ())
        given = tuple(map(current, inputs))
        if any(map(_is_traced, (*given, *out, *kwargs.values()))):
            if method == "at":
                given = (destination(inputs[0]), *given[1:])
            if out:
                kwargs["out"] = tuple(map(destination, out))
            result = call(*given, **kwargs)
            return out[0] if len(out) == 1 else result
        if out:
            kwargs["out"] = tuple(map(current, out))
        result = call(*given, **kwargs)
        if out:
            return out[0] if len(out) == 1 else out
        return wrapped(result, self.recorder)

    def __array_function__(
        self, func: Callable[..., Any], types: Any, args: Any, kwargs: Any
    ) -> Any:
        given = _deep(args)
        options = {name: _deep(value) for name, value in kwargs.items()}
        if func in _WRITERS and any(map(_is_traced, (*given, *options.values()))):
            given = (destination(args[0]), *given[1:])
        if options.get("out") is not None and any(map(_is_traced, given)):
            options["out"] = destination(kwargs["out"])
        return wrapped(func(*given, **options), self.recorder)

    def __getitem__(self, index: Any) -> Any:
        if self.live or _is_traced(index):
            return self.tracer()[index]
        return np.ndarray.__getitem__(self, _index(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        tracing = self.recorder is not None and not self.recorder.finished
        if tracing and (self.live or _is_traced(value) or _is_traced(index)):
            self.tracer()[index] = value
            return
        np.ndarray.__setitem__(self, _index(index), value)

    def __repr__(self) -> str:
        return repr(self.tracer()) if self.live else repr(self.plain)

    def __str__(self) -> str:
        return str(self.plain)

    def __format__(self, specification: str) -> str:
        return format(self.plain, specification)

    def __reduce__(self) -> Any:
        return self.plain.__reduce__()

    def fill(self, value: Any) -> None:
        """Assign one value to all elements."""
        self[...] = value

    def dot(self, other: Any, out: Any = None) -> Any:
        """Return the matrix product."""
        return np.dot(self, other, out=out)

    def put(self, indices: Any, values: Any, mode: Any = "raise") -> None:
        """Assign to places of the flattened array."""
        np.put(self, indices, values, mode)

    @property
    def flat(self) -> Any:
        """The flattened array: a view where the memory is in one piece."""
        if self.flags.c_contiguous:
            return self.reshape(-1)
        return np.ndarray.flat.__get__(self.plain)

    @flat.setter
    def flat(self, value: Any) -> None:
        self[...] = np.resize(value, self.shape) if np.ndim(value) else value


def wrapped(result: Any, recorder: Recorder | None) -> Any:
    """Make results of NumPy writable: arrays, also in a list or a tuple of them."""
    if type(result) is np.ndarray and result.dtype.kind in "biufc":
        array = result.view(Writable)
        array.recorder = recorder
        return array
    if type(result) in (list, tuple):
        return type(result)(wrapped(part, recorder) for part in result)
    return result


def current(value: Any) -> Any:
    """Return what stands for a value: a traced array, or one of NumPy's own class."""
    if type(value) is not Writable:
        return value
    return value.tracer() if value.live else value.plain


def destination(value: Any) -> Any:
    """Return the traced array to assign into, whether or not anything traced is in it yet."""
    if type(value) is Writable and value.recorder is not None and not value.recorder.finished:
        return value.tracer()
    return value


def _deep(value: Any) -> Any:
    kind = type(value)
    if kind in (list, tuple):
        return kind(map(_deep, value))
    return current(value)


def _is_traced(value: Any) -> bool:
    """Look for a traced value, also in nested lists."""
    kind = type(value)
    if kind is Writable:
        return bool(value.live)
    if kind in (list, tuple):
        return any(map(_is_traced, value))
    if kind is np.ndarray and value.dtype == object:
        return any(map(isbox, value.flat))
    return bool(isbox(value))


def _index(index: Any) -> Any:
    """Let the parts of an index be arrays of NumPy's own class."""
    if type(index) is tuple:
        return tuple(map(_index, index))
    return current(index)


def _forward(name: str) -> Callable[..., Any]:
    plain = getattr(np.ndarray, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.live:
            return getattr(self.tracer(), name)(*args, **kwargs)
        return plain(self, *args, **kwargs)

    method.__name__ = name
    return method


def _forward_attribute(name: str) -> property:
    plain = getattr(np.ndarray, name)

    def read(self: Any) -> Any:
        return getattr(self.tracer(), name) if self.live else plain.__get__(self)

    return property(read)


_METHODS = (
    "__float__ __int__ __bool__ __index__ __complex__ __contains__ __copy__ __deepcopy__ all any "
    "argmax argmin argpartition argsort astype clip compress conj conjugate copy cumprod cumsum "
    "diagonal flatten item max mean min nonzero prod ravel repeat reshape round searchsorted sort "
    "squeeze std sum swapaxes take tolist trace transpose var"
)
for _name in _METHODS.split():
    setattr(Writable, _name, _forward(_name))
for _name in ("T", "mT", "real", "imag", "data"):
    setattr(Writable, _name, _forward_attribute(_name))
for _name in ("view", "tobytes", "dump", "dumps", "tofile", "byteswap", "partition", "resize"):
    # a live array has no such attribute, so that its tracer refuses with the line
    setattr(Writable, _name, _forward(_name))
