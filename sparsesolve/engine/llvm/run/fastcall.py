"""Entries: a program as a builtin of CPython, so that a call costs a fraction of a microsecond.

Separate from `machine`, which also runs what needs Python between its loops. An entry takes the
arguments of a program and last an array for the result. It checks them, points the program to
them, runs it, and returns the result. What it does not take as it is (a list, another dtype or
shape, memory that overlaps the result) it leaves alone and returns None: the caller then goes the
long way, which converts or complains.

Float64 arrays in C order and Python's or NumPy's floats are read by their layout in memory, which
is part of the binary interfaces of CPython and NumPy. Where a look at some objects does not confirm
it, or where there is no global lock, there are no entries.

While an entry holds the lock nobody else can use the memory of its program. A program that runs for
long lets other threads have the lock and marks its frame as busy; they go the long way.
"""

from __future__ import annotations

import ctypes
import math
import sys
import sysconfig
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.engine.evaluator import FastCall, Fixed
from sparsesolve.engine.llvm.code.fastcall_ir import ENTRY, FIELDS, FRAME, HEAD
from sparsesolve.engine.llvm.run.jit import NativeFunction, compile_functions
from sparsesolve.host.dataclass import dataclass

__all__ = ["Argument", "FirstAsked", "fastcalls_work", "make_fastcall", "make_frame"]

Words: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Argument:
    """What an entry expects at one place.

    Parameters
    ----------
    shape : tuple of int
        Of the array.
    numeric : bool
        Whether a float will do.
    copy : int, address
        Where its values are copied to; 0 for nowhere.
    point : int, address
        Where its address, less `shift` bytes, is written; 0 for nowhere.
    shift : int, bytes
        See there.
    """

    shape: tuple[int, ...]
    numeric: bool
    copy: int
    point: int
    shift: int


@dataclass(frozen=True, slots=True, eq=False)
class FirstAsked:
    """A builtin that is called before another one, in machine code.

    Parameters
    ----------
    call : FastCall
        From `make_fastcall`, of a program with one value. Its arguments are the first ones of the
        other.
    verdict : ndarray of float64, shape (1,)
        Its result; nobody else may use it.
    """

    call: FastCall
    verdict: NDArray[np.float64]


class _Record(np.ndarray[Any, Any]):
    """Words that keep alive what they point to."""

    kept: tuple[Any, ...]


def make_frame(bases: int, drive: int, left: Words, *, long: bool) -> Words:
    """Write what all entries of a program share.

    Parameters
    ----------
    bases, drive : int, address
        Of the bases and of the driver.
    left : ndarray of int64, shape (1,)
        Runs after which an entry refuses, until more are allowed.
    long : bool
        Whether other Python threads may run meanwhile.
    """
    given = {"bases": bases, "busy": 0, "long": long, "drive": drive}
    words = {**given, "left": _address(left), **_surroundings()}
    return np.array([words[name] for name in FRAME], dtype=np.int64)


def make_fastcall(
    frame: Words,
    arguments: Sequence[Argument | Fixed],
    size: int,
    table: int,
    kept: tuple[Any, ...],
    first: FirstAsked | None = None,
) -> FastCall:
    """Make the builtin that runs a program; only where `fastcalls_work`.

    Parameters
    ----------
    frame : ndarray of int64
        From `make_frame`.
    arguments : sequence of Argument or Fixed
        What comes before the result.
    size : int
        Elements of the result.
    table : int, address
        What the driver gets.
    kept : tuple
        What must live as long as the builtin.
    first : FirstAsked, optional
        What must answer 1.0 before the program is run; the builtin refuses otherwise.
    """
    words = [_address(frame), len(arguments) + 1, size, table, *_asked_first(first)]
    shapes = []
    for argument in arguments:
        if isinstance(argument, Fixed):
            words += [id(argument.thing), 0, 0, 0, 0, 0, 0, 0]
            continue
        shapes.append(np.array(argument.shape, dtype=np.int64))
        words += [0, argument.numeric, len(argument.shape), math.prod(argument.shape)]
        words += [_address(shapes[-1]), argument.copy, argument.point, argument.shift]
    record = np.array(words, dtype=np.int64).view(_Record)
    record.kept = (frame, shapes, tuple(arguments), kept, first)
    create = ctypes.pythonapi.PyCFunction_NewEx
    create.restype = ctypes.py_object
    create.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    made: FastCall = create(ctypes.addressof(_definition()), record, None)
    return made


def _asked_first(first: FirstAsked | None) -> list[int]:
    """Return the last words of a record."""
    if first is None:
        return [0] * 5
    record: Any = first.call.__self__  # type: ignore[attr-defined]
    entry = int(_definition().function)
    return [id(record), int(record[1]), id(first.verdict), _address(first.verdict), entry]


@cache
def fastcalls_work() -> bool:
    """Whether objects are laid out in memory as entries read them, here and now."""
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return False
    array = np.zeros((2, 3))
    array.flags.writeable = False
    expected = {
        "data": _address(array),
        "ndim": 2,
        "dtype": id(np.dtype(np.float64)),
        "flags": array.flags.num,
    }
    for name, value in expected.items():
        kind = ctypes.c_int if name in ("ndim", "flags") else ctypes.c_int64
        if kind.from_address(id(array) + HEAD + FIELDS[name]).value != value:
            return False
    shape = ctypes.c_int64.from_address(id(array) + HEAD + FIELDS["shape"]).value
    numbers = (-2.5, np.float64(-2.5))
    return (
        list((ctypes.c_int64 * 2).from_address(shape)) == [2, 3]
        and all(ctypes.c_double.from_address(id(a) + HEAD).value == -2.5 for a in numbers)
        and all(
            ctypes.c_int64.from_address(id(a) + HEAD - 8).value == id(type(a))
            for a in (*numbers, array)
        )
    )


class _Definition(ctypes.Structure):
    """``PyMethodDef``."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )
    kept: dict[str, NativeFunction]


_FASTCALL = 0x0080


@cache
def _definition() -> _Definition:
    found, _ = compile_functions({ENTRY: 0}, frozenset())
    definition = _Definition(b"entry", found[ENTRY].address, _FASTCALL, b"Run a program.")
    definition.kept = found
    return definition


@cache
def _surroundings() -> dict[str, int]:
    """Objects, types and functions that an entry needs."""
    api = ctypes.pythonapi
    functions = {
        "incref": api.Py_IncRef,
        "decref": api.Py_DecRef,
        "save": api.PyEval_SaveThread,
        "restore": api.PyEval_RestoreThread,
        "copy": ctypes.memmove,
    }
    things = {
        "none": None, "array": np.ndarray, "float64": np.dtype(np.float64),
        "float": float, "scalar": np.float64,
    }  # fmt: skip
    found = {name: ctypes.cast(f, ctypes.c_void_p).value or 0 for name, f in functions.items()}
    return found | {name: id(thing) for name, thing in things.items()}


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])
