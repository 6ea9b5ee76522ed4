"""Traced values as keys: of a dictionary in which a function keeps what it has computed.

Separate because a key is found by its hash alone, and nobody is told. A traced value is a key like
no other, so that what is kept from earlier calls is not found and is computed, and traced, again.
That is right for a memory, into which the function puts what it has not found; a dictionary that is
only read would always miss, and is refused when the function returns.
"""

from __future__ import annotations

import gc
import hashlib
from typing import Any

import numpy as np
from autograd.tracer import isbox

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.ir.tape import Ref
from sparsesolve.trace.box_errors import NotANumberError, UnsupportedAttributeError
from sparsesolve.trace.operands import is_traced
from sparsesolve.trace.recorder import Recorder, TapeNode
from sparsesolve.trace.sources import user_line

__all__ = ["Memory", "bytes_of", "hash_of", "settle_keys"]

_DEPTH = 4  # of tuples in tuples
_NOTHING = object()
_LINK = "_lru_list_elem"  # of functools.lru_cache, which does not let go of what it has kept


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


class Memory:
    """What stands for the memory of a traced array (`x.data`): its bytes may be taken."""

    def __init__(self, box: Any) -> None:
        self._box = box
        self.nbytes, self.shape, self.ndim = box.nbytes, box.shape, box.ndim

    def tobytes(self, order: Any = "C") -> bytes:
        """Return the bytes."""
        return bytes_of(self._box, order)

    __bytes__ = tobytes

    def __hash__(self) -> int:
        return hash(self.tobytes())

    def __eq__(self, other: object) -> bool:
        return self.tobytes() == other


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
    others = [line for made, line in recorder.keys if not (isbox(made) or made.used or digests)]
    lines = {id(box): line for box, line in recorder.keys if isbox(box)}
    boxes = list({id(box): box for box, _ in recorder.keys if isbox(box)}.values())
    recorder.keys = []  # no tuple of ours is to be found
    where, inside = _dictionaries(boxes)
    kept = {hash(box) for box in boxes if id(box) in inside}
    lost = [lines[id(box)] for box in boxes if hash(box) not in kept]
    for held, key in where:
        if key in held:
            held[_plain(key)] = held.pop(key)
    recorder.keys = []
    if others:
        raise UnsupportedAttributeError(_no_bytes(others[0]))
    if lost:
        raise UnsupportedOperation(_message(lost[0]))


def _dictionaries(boxes: list[Any]) -> tuple[list[tuple[dict[Any, Any], Any]], set[int]]:
    """List dictionaries with their keys of which traced values are parts, and name these values.

    All objects there are have to be looked at, so it is done for all values at once.
    """
    found: list[tuple[dict[Any, Any], Any]] = []
    inside: set[int] = set()
    parts = {id(box): box for box in boxes}  # of keys
    values = {id(box): {id(box)} for box in boxes}  # those in a part
    alive: list[Any] = []  # whose numbers must not be those of others meanwhile
    for _ in range(_DEPTH):
        if not parts or len(inside) == len(boxes):
            break
        asked = tuple(parts.values())
        tuples: dict[int, Any] = {}
        for holder in gc.get_referrers(*asked):
            if isinstance(holder, dict):
                keys = [key for key in holder if parts.get(id(key), _NOTHING) is key]
                keys = [key for key in keys if type(holder[key]).__name__ != _LINK]
                found += [(holder, key) for key in keys]
                inside.update(*(values[id(key)] for key in keys))
            elif isinstance(holder, tuple) and holder is not asked:
                members = [values[id(item)] for item in holder if id(item) in parts]
                values[id(holder)] = values.get(id(holder), set()).union(*members)
                tuples[id(holder)] = holder
        alive += tuples.values()
        parts = tuples
    return found, inside


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
