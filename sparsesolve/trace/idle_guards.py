"""Guards whose outcome changes nothing, and need not be asked.

Separate because only functions that keep something have them: whether this value is the best so
far decides what is kept, and not what is returned. Each is answered both ways; those that leave the
tape as it is are then answered in all ways together, and left out where all else stays the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, Protocol, TypeVar

import numpy as np

from sparsesolve.ir.tape import Ref, Tape
from sparsesolve.trace.branches import Path

__all__ = ["same_tapes", "without_idle_guards"]

_MOST, _MOST_TOGETHER = 8, 4


class _Recording(Protocol):
    @property
    def tape(self) -> Tape: ...

    @property
    def path(self) -> Path | None: ...


_T = TypeVar("_T", bound=_Recording)


def without_idle_guards(traced: _T, again: Callable[[Mapping[int, bool]], _T | None]) -> _T:
    """Leave out what is asked in vain.

    Parameters
    ----------
    traced : Traced
        A trace with guards.
    again : callable
        Traces with some questions, by their number, answered in a given way and not recorded;
        None where that cannot be.

    Returns
    -------
    Traced
        One with as few guards, or the same.
    """
    guards = traced.path.guards if traced.path is not None else ()
    if len(guards) > _MOST or any(np.ndim(guard.outcome) for guard in guards):
        return traced
    idle = [k for k in range(len(guards)) if _agree([again({k: way}) for way in (True, False)])]
    if not 0 < len(idle) <= _MOST_TOGETHER:
        return traced
    ways = product((True, False), repeat=len(idle))
    found = [again(dict(zip(idle, way, strict=True))) for way in ways]
    first = found[0]
    together = _agree(found) and all(_same_paths(first, other) for other in found)
    return first if together and first is not None else traced


def _agree(found: Sequence[_Recording | None]) -> bool:
    """Whether all are the same tape."""
    first = found[0]
    if first is None:
        return False
    return all(other is not None and same_tapes(first.tape, other.tape) for other in found)


def _same_paths(first: _Recording | None, other: _Recording | None) -> bool:
    one, two = (found.path if found is not None else None for found in (first, other))
    if one is None or two is None:
        return one is two
    return same_tapes(one.tape, two.tape)


def same_tapes(one: Tape, other: Tape) -> bool:
    """Whether two tapes are the same instructions with the same constants."""
    a, b = one.instructions, other.instructions
    if len(a) != len(b) or not _same(one.output, other.output):
        return False
    return all(
        s.op == t.op
        and s.function is t.function
        and s.out == t.out
        and _same(s.args, t.args)
        and _same(tuple(s.kwargs.items()), tuple(t.kwargs.items()))
        for s, t in zip(a, b, strict=True)
    )


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, (tuple, list)):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, slice):
        return _same((one.start, one.stop, one.step), (other.start, other.stop, other.step))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(
            one, other, equal_nan=one.dtype.kind in "fc"
        )
    return isinstance(one, (Ref, int, float, complex, str, bool, np.generic)) and bool(one == other)
