"""Traced values as keys: of a dictionary in which a function keeps what it has computed.

Separate because a key is found by its hash alone, and nobody is told. A traced value is a key like
no other, so that what is kept from earlier calls is not found and is computed, and traced, again.
That is right for a memory, into which the function puts what it has not found; a dictionary that is
only read would always miss, and is refused when the function returns.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from autograd.tracer import isbox

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.ir.tape import Ref
from sparsesolve.trace.box_errors import NotANumberError, UnsupportedAttributeError
from sparsesolve.trace.operands import is_traced
from sparsesolve.trace.recorder import Recorder, TapeNode
from sparsesolve.trace.sources import user_line

__all__ = ["bytes_of", "hash_of", "settle_keys"]

_DEPTH = 4  # of tuples in tuples


def hash_of(box: Any) -> int:
    """Return the hash of a number, which is found under no number."""
    if isinstance(box._value, np.ndarray):
        raise NotANumberError(_message(user_line()))
    if not is_traced(box):
        return hash(box._value)
    if type(box._node) is not TapeNode:
        raise UnsupportedOperation(_message(user_line()))
    recorder = box._node.recorder
    recorder.keys.append((box, user_line()))
    if recorder.origins is None:
        recorder.origins = _Origins(recorder)
    ref = box._node.ref
    assert ref is not None
    return hash((id(recorder), recorder.origins.number(ref.index)))


class _Origins:
    """How values came about: an element that is taken twice is one key."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._done = 0  # how many instructions were read
        self._numbers: dict[int, int] = {}  # of the first value that came about in the same way
        self._first: dict[Any, int] = {}

    def number(self, index: int) -> int:
        """Return the number of the first value that is the same as one."""
        steps = self._recorder.steps
        for step in steps[min(self._done, len(steps)) :]:
            way = str(step[1]), tuple(map(self._described, step[2])), repr(step[3])
            self._numbers[step[4].index] = self._first.setdefault(way, step[4].index)
        self._done = len(steps)
        return self._numbers.get(index, index)

    def _described(self, value: Any) -> Any:
        if isinstance(value, Ref):
            return self._numbers.get(value.index, value.index)
        return value.tobytes() if isinstance(value, np.ndarray) else repr(value)


class _Bytes(bytes):
    """Bytes of a traced array, which are good for a comparison, and for nothing else."""

    used = False

    def __eq__(self, other: object) -> bool:
        self.used = True
        return bytes.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        self.used = True
        return bytes.__hash__(self)


def bytes_of(self: Any, order: Any = "C") -> bytes:
    """Return as many bytes as the array has, which are those of this traced value alone."""
    if not is_traced(self):
        return np.asarray(self._value).tobytes(order)
    node = self._node
    if type(node) is not TapeNode or node.ref is None:
        raise UnsupportedAttributeError(_no_bytes(user_line()))
    number = repr((id(node.recorder), node.ref.index)).encode()
    made = _Bytes(hashlib.shake_128(number).digest(self.nbytes))
    node.recorder.keys.append((made, user_line()))
    return made


def settle_keys(recorder: Recorder, *, digests: bool) -> None:
    """Let keys that were put somewhere be numbers from now on; refuse those that were not.

    Parameters
    ----------
    recorder : Recorder
        Of the trace that has ended.
    digests : bool
        Whether bytes may have been used for digests.

    Raises
    ------
    UnsupportedOperation
        If a traced value was looked for and not kept, or bytes were not compared.
    """
    asked = {id(box): (box, line) for box, line in recorder.keys if isbox(box)}
    others = [line for made, line in recorder.keys if not (isbox(made) or made.used or digests)]
    where: list[tuple[dict[Any, Any], Any]] = []
    kept: set[int] = set()
    for box, _ in asked.values():
        found = list(_dictionaries(box, _DEPTH))
        where += found
        kept |= {hash(box)} if found else set()
    lost = [line for box, line in asked.values() if hash(box) not in kept]
    for held, key in where:
        if key in held:
            held[_plain(key)] = held.pop(key)
    recorder.keys = []
    if others:
        raise UnsupportedAttributeError(_no_bytes(others[0]))
    if lost:
        raise UnsupportedOperation(_message(lost[0]))


def _dictionaries(key: Any, depth: int) -> Iterator[tuple[dict[Any, Any], Any]]:
    """List dictionaries in which something is a key, or a part of one, with that key."""
    for holder in gc.get_referrers(key):
        if isinstance(holder, dict):
            if any(each is key for each in holder):
                yield holder, key
        elif isinstance(holder, tuple) and depth:
            yield from _dictionaries(holder, depth - 1)


def _plain(key: Any) -> Any:
    if isinstance(key, tuple):
        return type(key)(map(_plain, key)) if type(key) is tuple else type(key)(*map(_plain, key))
    return key._value if isbox(key) else key


def _no_bytes(line: str) -> str:
    return (
        f"expected attributes of an array that can be recorded, got `.tobytes` at {line}. Use "
        "NumPy's functions of the array."
    )


def _message(line: str) -> str:
    return (
        f"expected constants as keys, got a traced value in a dict, a set or a cache at {line}. "
        "Choose with np.where(t == key, a, b), or pass the key as an argument that is not a "
        "number, such as a string."
    )
