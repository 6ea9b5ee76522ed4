"""Both sides of a branch at once: what stands for ``if``, ``and`` and ``not`` in converted code.

Separate from `if_conversion`, which puts these functions into the code of the user's functions:
here is what they do when they run. On traced conditions both sides are evaluated and what they
give is chosen by ``where``; on others, and where that does not go, they do what Python does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where
from autograd.tracer import isbox

from sparsesolve.errors import refusals
from sparsesolve.trace.boxes import ArrayTracer
from sparsesolve.trace.branches import CannotMerge, innermost, takes_answers
from sparsesolve.trace.operands import is_traced
from sparsesolve.trace.writable import Writable, current

__all__ = ["MISSING", "both", "branch", "choose", "either", "known", "negated"]

MISSING: Any = object()
"""Stands for a variable that has no value yet."""

_Side = Callable[..., Any]


def known(read: Callable[[], Any]) -> Any:
    """Return the value of a variable or an element, if it has one."""
    try:
        return read()
    except (NameError, IndexError, KeyError):
        return MISSING


def choose(condition: Any, yes: _Side, no: _Side) -> Any:
    """Do ``yes() if condition else no()``."""
    return branch(condition, lambda: (yes(),), lambda: (no(),), ())[0]


def branch(condition: Any, yes: _Side, no: _Side, values: Sequence[Any]) -> Any:
    """Return the tuple that one side makes of the values of variables, or a choice between both."""
    if _can_be_chosen(condition) and not any(map(_changes_in_place, values)):
        recorder = innermost(condition)._node.recorder
        recorder.merging += 1
        try:
            with refusals(), np.errstate(all="ignore"):
                pairs = zip(yes(*values), no(*values), strict=True)
                return tuple(_merged(condition, a, b) for a, b in pairs)
        except (CannotMerge, Exception):  # the side that is not taken may do anything
            pass
        finally:
            recorder.merging -= 1
    return yes(*values) if condition else no(*values)


def both(left: _Side, right: _Side) -> Any:
    """Do ``left() and right()``, where only its truth counts."""
    first = left()
    if not _can_be_chosen(first):
        return first and right()
    second = right()
    if _can_be_chosen(second):
        return anp.logical_and(first, second)
    return second and first


def either(left: _Side, right: _Side) -> Any:
    """Do ``left() or right()``, where only its truth counts."""
    first = left()
    if not _can_be_chosen(first):
        return first or right()
    second = right()
    if _can_be_chosen(second):
        return anp.logical_or(first, second)
    return second or first


def negated(value: Any) -> Any:
    """Do ``not value``."""
    return anp.logical_not(value) if _can_be_chosen(value) else not value


def _can_be_chosen(condition: Any) -> bool:
    return bool(
        isbox(condition)
        and condition.shape == ()
        and condition.dtype == bool
        and innermost(condition) is condition
        and is_traced(condition)
        and takes_answers(condition)
    )


def _changes_in_place(value: Any) -> bool:
    """Whether ``value += 1`` would change what the other side reads too."""
    return isinstance(value, list | dict | set | np.ndarray) or type(value) is ArrayTracer


def _merged(condition: Any, a: Any, b: Any) -> Any:
    if type(a) is Writable or type(b) is Writable:
        if a is b:
            return a
        a, b = current(a), current(b)
    if a is b:
        return a
    if is_traced(a) or is_traced(b):
        if _is_number(a) and _is_number(b) and np.shape(a) == np.shape(b):
            return where(condition, a, b)[()]  # of numbers a number, which nothing changes
        raise CannotMerge
    if type(a) is type(b) and np.shape(a) == np.shape(b) and _same(a, b):
        return a
    kinds = {type(a), type(b)}
    if float in kinds and kinds <= {int, float, np.float64}:
        return where(condition, float(a), float(b))[()]
    raise CannotMerge


def _same(a: Any, b: Any) -> bool:
    return bool(np.all(a == b))


def _is_number(value: Any) -> bool:
    if isinstance(value, bool | np.bool_):
        return False
    if isbox(value):
        return bool(value.dtype == np.float64)
    return isinstance(value, int | float | np.ndarray) and np.asarray(value).dtype.kind in "if"
