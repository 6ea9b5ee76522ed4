"""`ObjectCode`: object code of ours in memory, without LLVM.

Separate because here the format of a file is known. Code of ours refers to its own constants, by
their whole addresses, and to hardly any function by name: there is nothing to link, and a process
that finds all its code on the disk need not load LLVM, which takes longer than all else of a first
Jacobian. What is met besides (another format, another kind of reference) is left to LLVM.

The format is ELF for x86-64, by the System V ABI and its supplement for AMD64.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import struct
import sys
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple, TypeAlias

__all__ = ["ObjectCode", "UnknownObject", "reads_objects"]

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_REFERENCE = struct.Struct("<QQq")
_WORD = struct.Struct("<Q")
_ELF64 = b"\x7fELF\x02\x01\x01"
_RELOCATABLE, _X86_64 = 1, 62
_CONTENTS, _SYMBOLS, _REFERENCES = 1, 2, 4  # types of sections
_UNWINDING = 0x70000001  # tables for exceptions, which nothing here raises
_WRITABLE, _IN_MEMORY = 1, 2  # flags of sections
_NOWHERE = 0  # section of symbols that are found elsewhere
_WHOLE_ADDRESS = 1  # R_X86_64_64


_Symbol: TypeAlias = tuple[str, int, int]  # name, section, place there


class UnknownObject(Exception):
    """Object code that only LLVM can bring into memory."""


class _Section(NamedTuple):
    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry: int


def reads_objects() -> bool:
    """Whether this system's object code is of the kind that is known here."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


class ObjectCode:
    """Functions in memory that nobody can write to; addresses by name.

    Parameters
    ----------
    code : bytes
        A relocatable file.
    names : iterable of str
        Functions in it.

    Raises
    ------
    UnknownObject
        If the file holds anything that is not known here.
    """

    def __init__(self, code: bytes, names: Iterable[str]) -> None:
        sections = _sections(code)
        places, size = _places(sections)
        self._base, self._size = _taken(size), size
        try:
            symbols = _symbols(code, sections)
            _fill(self._base, _linked(code, sections, symbols, places, self._base))
            known = {symbol[0]: symbol for symbol in symbols}
            self._addresses = {name: _address(known[name], places, self._base) for name in names}
        except UnknownObject:
            self.close()
            raise

    def __getitem__(self, name: str) -> int:
        return self._addresses[name]

    def close(self) -> None:
        """Free the code. Nobody else does: threads may be inside of it when the process ends."""
        _process().munmap(self._base, self._size)


def _contents(code: bytes, section: _Section) -> memoryview:
    return memoryview(code)[section.offset : section.offset + section.size]


def _sections(code: bytes) -> list[_Section]:
    if len(code) < _HEADER.size:
        raise UnknownObject("short file")
    magic, kind, machine, _, _, _, start, *_, size, count, _ = _HEADER.unpack_from(code)
    if magic[:7] != _ELF64 or (kind, machine, size) != (_RELOCATABLE, _X86_64, _SECTION.size):
        raise UnknownObject("another format")
    return [_Section(*_SECTION.unpack_from(code, start + k * size)) for k in range(count)]


def _places(sections: list[_Section]) -> tuple[dict[int, int], int]:
    """Lay sections out one after the other; return where each begins, and the size of all."""
    places, size = {}, 0
    for number, section in enumerate(sections):
        if section.type != _CONTENTS or not section.flags & _IN_MEMORY:
            unknown = section.flags & _IN_MEMORY and section.type != _UNWINDING
            if unknown and section.size:
                raise UnknownObject(f"section of type {section.type:#x}")
            continue
        if section.flags & _WRITABLE and section.size:
            raise UnknownObject("data")
        size = -(-size // max(section.alignment, 1)) * max(section.alignment, 1)
        places[number] = size
        size += section.size
    if not size:
        raise UnknownObject("no code")
    return places, size


def _linked(
    code: bytes,
    sections: list[_Section],
    symbols: list[_Symbol],
    places: dict[int, int],
    base: int,
) -> bytearray:
    """Return what stands in memory, with the addresses that it has there."""
    memory = bytearray(max(place + sections[k].size for k, place in places.items()))
    for number, place in places.items():
        memory[place : place + sections[number].size] = _contents(code, sections[number])
    for section in sections:
        if section.type == _REFERENCES and section.info in places:
            for at, kind, more in _REFERENCE.iter_unpack(_contents(code, section)):
                if kind & 0xFFFFFFFF != _WHOLE_ADDRESS:
                    raise UnknownObject(f"reference of type {kind & 0xFFFFFFFF}")
                value = _address(symbols[kind >> 32], places, base) + more
                _WORD.pack_into(memory, places[section.info] + at, value & (1 << 64) - 1)
    return memory


def _symbols(code: bytes, sections: list[_Section]) -> list[_Symbol]:
    """List symbols: the name, the section, and the place there."""
    found = []
    for section in sections:
        if section.type == _SYMBOLS:
            names = bytes(_contents(code, sections[section.link]))
            for name, _, _, home, value, _ in _SYMBOL.iter_unpack(_contents(code, section)):
                found.append((names[name : names.index(b"\0", name)].decode(), home, value))
    return found


def _address(symbol: _Symbol, places: dict[int, int], base: int) -> int:
    name, home, value = symbol
    if home in places:
        return base + places[home] + value
    if home != _NOWHERE:
        raise UnknownObject(f"symbol `{name}` in section {home}")
    try:
        function = getattr(_process(), name)
    except AttributeError:
        raise UnknownObject(f"function `{name}`") from None
    return ctypes.cast(function, ctypes.c_void_p).value or 0


@cache
def _process() -> Any:
    found = ctypes.CDLL(None)
    place, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    found.mmap.restype = place
    found.mmap.argtypes = [place, size, number, number, number, ctypes.c_long]
    found.munmap.argtypes, found.mprotect.argtypes = [place, size], [place, size, number]
    return found


def _taken(size: int) -> int:
    kind = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    address = _process().mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, kind, -1, 0)
    if address in (None, ctypes.c_void_p(-1).value):
        raise UnknownObject("no memory")
    return int(address)


def _fill(base: int, memory: bytearray) -> None:
    """Put code into its place, where it can be executed and no longer changed."""
    held = (ctypes.c_char * len(memory)).from_buffer(memory)
    ctypes.memmove(base, held, len(memory))
    if _process().mprotect(base, len(memory), mmap.PROT_READ | mmap.PROT_EXEC):
        raise UnknownObject("memory that must not be executed")
