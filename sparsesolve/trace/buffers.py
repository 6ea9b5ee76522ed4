"""Arrays of the user's that a function writes into and reads again: buffers, kept between calls.

Separate because they are no arrays that the function makes, and hold numbers before and after.
While it is traced, names, attributes and items mean views of the same memory that can hold traced
values. What such a memory held before may only be read where the function leaves it alone, which
plain calls at two points show.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from sparsesolve.trace.changes import Changes
from sparsesolve.trace.recorder import Recorder
from sparsesolve.trace.writable import Writable, wrapped

__all__ = ["adopt"]


def adopt(
    users: Iterable[types.FunctionType], met: Iterable[Any], recorder: Recorder, changes: Changes
) -> None:
    """Let arrays that are reached by name hold traced values.

    Parameters
    ----------
    users : iterable of functions
        Whose global variables, and those of functions around them, are looked at.
    met : iterable
        Objects, classes, dicts and lists whose parts are.
    recorder : Recorder
        Of the trace.
    changes : Changes
        Where what is replaced is noted.
    """
    for user in users:
        names = {name: user.__globals__.get(name) for name in user.__code__.co_names}
        changes.update(user.__globals__, _views(names, recorder))
        for cell in user.__closure__ or ():
            for view in _views({"": _content(cell)}, recorder).values():
                changes.fill(cell, view)
    for thing in list(met):
        _adopt_parts(thing, recorder, changes)


def _adopt_parts(thing: Any, recorder: Recorder, changes: Changes) -> None:
    if isinstance(thing, dict):
        changes.update(thing, _views(thing, recorder))
    elif isinstance(thing, list):
        for place, view in _views(dict(enumerate(thing)), recorder).items():
            changes.put(thing, place, view)
    elif isinstance(thing, type):
        for name, view in _views(vars(thing), recorder).items():
            changes.swap(thing, name, vars(thing)[name], view)
    elif hasattr(thing, "__dict__") and not isinstance(thing, types.ModuleType):
        changes.update(vars(thing), _views(vars(thing), recorder))


def _views(held: Mapping[Any, Any], recorder: Recorder) -> dict[Any, Writable]:
    return {key: wrapped(thing, recorder) for key, thing in _buffers(held)}


def _buffers(held: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    for key, thing in held.items():
        if type(thing) is np.ndarray and thing.dtype == np.float64 and thing.flags.writeable:
            yield key, thing


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # empty
        return None
