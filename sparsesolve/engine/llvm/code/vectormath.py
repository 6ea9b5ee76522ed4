"""Native functions for the operations that are not machine instructions.

Separate because this is the one place that knows the platform: which functions glibc's vector
library offers for this processor, which scalar functions libm has, and where SciPy keeps its own.
The code generator sees a `Native` only: an address, and how it is to be called.

A vector function is used only if it stays within 4 ulp and treats infinities, NaN, zeros and huge
arguments as NumPy does; the rows of the operations say so, as was found by comparing them, and the
tests repeat that for the library at hand.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from functools import cache, lru_cache

from sparsesolve.engine.llvm.code.processor import processor_flags
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.fork import forkable_lock
from sparsesolve.host.imports import importing
from sparsesolve.ir.scalar_ops import OPS

__all__ = ["LLVM_LOCK", "Native", "native", "vector_width"]

LLVM_LOCK = forkable_lock(awaited=True)
"""Held while LLVM works: it has locks of its own, which a child could not put in order."""


@dataclass(frozen=True, slots=True)
class Native:
    """How to call a native function.

    Parameters
    ----------
    address : int
        Where it is.
    arity : int
        Number of operands.
    width : int
        Lanes of its operands: 1, or the vector width.
    flag : bool
        Whether it takes a trailing ``int``, always 0 (Cython's exported functions do).
    """

    address: int
    arity: int
    width: int
    flag: bool = False


@cache
def vector_width() -> int:
    """Lanes of a vector on this processor.

    Eight where there is AVX-512 of a kind that does not lower the clock (Ice Lake, Zen 4 and newer;
    VBMI2 came with them), four where there is AVX2.
    """
    flags = processor_flags()
    if {"avx512f", "avx512dq", "avx512vbmi2"} <= flags:
        return 8
    return 4 if "avx2" in flags else 2


@lru_cache(maxsize=256)
def native(op: str, width: int) -> Native | None:
    """Return the native function of an operation, or None if there is none.

    Parameters
    ----------
    op : str
        Name of the operation in ``OPS``.
    width : int
        Lanes that are wanted; the function found may have 1 instead.
    """
    row = OPS[op]
    arity = row.arity
    if row.libm:
        address = _vector_address(row.libm, arity, width) if row.vector else 0
        if address:
            return Native(address, arity, width)
        address = _scalar_address(row.libm)
        return Native(address, arity, 1) if address else None
    if row.of_scipy and row.cython is not None:
        address = _scipy_address(row.cython or op, arity)
        return Native(address, arity, 1, flag=True) if address else None
    return None


def _scalar_address(symbol: str) -> int:
    """Find a function of the C library: glibc's libm, the process itself, or Windows' runtime.

    On macOS and with musl it is part of what every process has; Windows' universal C runtime has a
    few functions under a name with a line in front.
    """
    if sys.platform == "win32":
        library = _library("ucrtbase", "ucrtbase.dll")
        return _address(library, symbol) or _address(library, f"_{symbol}")
    return _address(_library("m", "libm.so.6"), symbol) or _address(ctypes.CDLL(None), symbol)


@cache
def _library(name: str, file: str) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(file)
    except OSError:
        from ctypes.util import find_library  # noqa: PLC0415 - loads what starts programs

        found = find_library(name)  # may start other programs, so it comes second
    return None if found is None else ctypes.CDLL(found)


def _address(library: ctypes.CDLL | None, symbol: str) -> int:
    if library is None or not hasattr(library, symbol):
        return 0
    return ctypes.cast(getattr(library, symbol), ctypes.c_void_p).value or 0


def _vector_address(symbol: str, arity: int, width: int) -> int:
    """Find a function by its name in the vector function ABI of x86."""
    isa = {2: "b", 4: "d", 8: "e"}.get(width)
    if isa is None or platform.system() != "Linux" or platform.machine() != "x86_64":
        return 0
    return _address(_library("mvec", "libmvec.so.1"), f"_ZGV{isa}N{width}{'v' * arity}_{symbol}")


def _scipy_address(name: str, arity: int) -> int:
    """Find a double precision function that SciPy exports to Cython."""
    with importing():
        from scipy.special import cython_special  # noqa: PLC0415  (slow to import, rarely needed)

    capsules = cython_special.__pyx_capi__
    signature = f"double ({'double, ' * arity}int __pyx_skip_dispatch)".encode()
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    for candidate in (name, f"__pyx_fuse_0{name}", f"__pyx_fuse_1{name}"):
        capsule = capsules.get(candidate)
        if capsule is not None and get_name(capsule) == signature:
            return get_pointer(capsule, signature) or 0
    return 0
