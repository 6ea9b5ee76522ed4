"""`Structure`: what was made of a tape, or of several, shared by all that record the same.

Separate because programs, patterns, colorings and machine code depend on the tape and the options
alone: who prepares a function again, or another one that does the same on the same lines, only
traces and checks the trace. What is made is made of tapes whose constants are equal, bit by bit.

A structure lives as long as somebody uses it; small ones that were used last are held besides. What
takes long to make is kept on disk as well (`derivatives.stored`).
"""

from __future__ import annotations

import math
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.stored import Shelf, folder_of_structures, named
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.fork import forkable_lock, forkable_property
from sparsesolve.ir.tape import Tape
from sparsesolve.lower.tape_key import tape_key

__all__ = ["Structure", "forget_structures", "structure_of", "takes_long"]

_MOST = 128  # structures held besides
_SMALL = 2048  # elements of all values of their tapes
_MANY_VALUES, _MANY_STEPS = 1 << 14, 200  # from which on files are worth their time
_DENSE = 1 << 16  # entries of their matrices, if these were full: about a megabyte


@dataclass(frozen=True, slots=True)
class _Made:
    """A thing, and what making it had to say."""

    thing: Any
    notes: tuple[str, ...]
    compared: tuple[int, int]


class _Key:
    """Nested tuples, whose hash is found once."""

    __slots__ = ("_hash", "parts")

    def __init__(self, parts: tuple[Hashable, ...]) -> None:
        self.parts = parts
        self._hash = hash(parts)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.parts == other.parts


class Structure:
    """Things made of the same tapes, by name.

    No lock is held while one is made, as making asks for others, under locks of their owners: two
    threads that ask at once may both make it, and one is kept.

    Parameters
    ----------
    key : _Key, optional
        Of the tapes and options, if others may find it.
    kept : bool, default False
        Whether things are kept on disk under the key.
    """

    def __init__(self, key: _Key | None = None, *, kept: bool = False) -> None:
        self._made: dict[Hashable, _Made] = {}
        self.key = key
        self._kept = kept

    @forkable_property
    def shelf(self) -> Shelf | None:
        """What is kept of it on disk; None where nothing is."""
        if self.key is None or not self._kept or folder_of_structures().folder is None:
            return None
        name = named(self.key.parts)
        return None if name is None else Shelf(name)

    def get(self, name: Hashable, log: PrepareLog, make: Callable[[], Any]) -> Any:
        """Return what `make` returned the first time; a log hears what was said then.

        Parameters
        ----------
        name : hashable
            What is wanted.
        log : PrepareLog
            Of who asks; `make` writes to it.
        make : callable
            Makes it. It must not depend on anything but the tapes and the options of the log.
        """
        found = self._made.get(name)
        if found is None:
            return self._new(name, log, make)
        for note in found.notes:
            log.note(note)
        log.compared[0] += found.compared[0]
        log.compared[1] += found.compared[1]
        return found.thing

    def _new(self, name: Hashable, log: PrepareLog, make: Callable[[], Any]) -> Any:
        notes, (compared, of) = len(log.notes), log.compared
        shelf = self.shelf
        thing = known = None if shelf is None else shelf.get(name, log)
        if known is None:
            thing = make()
        said = tuple(log.notes[notes:])
        counts = log.compared[0] - compared, log.compared[1] - of
        if shelf is not None and known is None:
            shelf.put(name, thing, said, counts)
        return self._made.setdefault(name, _Made(thing, said, counts)).thing


_ALIVE: weakref.WeakValueDictionary[Hashable, Structure] = weakref.WeakValueDictionary()
_RECENT: OrderedDict[Hashable, Structure] = OrderedDict()
_LOCK = forkable_lock()


def structure_of(kind: str, tapes: Sequence[Tape | None], log: PrepareLog) -> Structure:
    """Return the structure of tapes under the options of a log; a new one where none is known.

    Parameters
    ----------
    kind : str
        Of their owner: owners of one kind mean the same by a name.
    tapes : sequence of Tape or None
        None stands for zero.
    log : PrepareLog
        Holds the options.
    """
    known = [tape and tape_key(tape) for tape in tapes]
    if any(one is None for one, tape in zip(known, tapes, strict=True) if tape is not None):
        return Structure()
    options = log.options
    key = _Key((kind, options.method, options.threads, options.check, *known))
    present = [tape for tape in tapes if tape is not None]
    small = _is_small(present)
    with _LOCK:
        found = _ALIVE.get(key)
        if found is None:
            found = _ALIVE[key] = Structure(key, kept=takes_long(present))
        if small:
            same = found.key  # one that is equal would be compared part by part
            _RECENT[same] = found
            _RECENT.move_to_end(same)
            while len(_RECENT) > _MOST:
                _RECENT.popitem(last=False)
    return found


def _is_small(tapes: Sequence[Tape]) -> bool:
    """Whether what is made takes little memory, the densest Jacobian and Hessian included."""
    n = max((tape.input.size for tape in tapes), default=0)
    m = sum(math.prod(tape.output_shape) for tape in tapes)
    if n * (n + m) > _DENSE:
        return False
    return sum(info.size for tape in tapes for info in tape.values) <= _SMALL


def takes_long(tapes: Sequence[Tape]) -> bool:
    """Whether making things takes much longer than reading and writing files."""
    if sum(len(tape.instructions) for tape in tapes) >= _MANY_STEPS:
        return True
    return sum(tape.bulk for tape in tapes) >= _MANY_VALUES


def forget_structures() -> None:
    """Forget what was made: what is prepared from now on is made anew."""
    with _LOCK:
        _ALIVE.clear()
        _RECENT.clear()
