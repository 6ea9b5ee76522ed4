"""The arrays that a tape has copied: a weak reference to each, and a checksum of what it held.

Separate because a tape must not keep the user's arrays alive, nor look at them while it is used.
What the function computes and forgets has gone when the trace ends, and needs no watching; what it
takes from a closure, a global or an object stays, and may be changed in place. A view is watched
as its own part of the memory it belongs to. (NumPy resizes no array in place that is referred to,
so parts stay where they are.)
"""

from __future__ import annotations

import weakref
from collections.abc import Container, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.trace.content import Content, content_of
from sparsesolve.trace.recorder import active_recorders, root_of

__all__ = ["Used", "Watched", "first_change", "note_used", "watch"]


@dataclass(frozen=True, slots=True)
class View:
    """Which part of an array in one piece a view is."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    strides: tuple[int, ...]

    def of(self, root: NDArray[Any]) -> NDArray[Any]:
        """Return the view."""
        memory = root.ravel(order="K").view(np.uint8)
        return np.ndarray(self.shape, self.dtype, memory.data, self.offset, self.strides)


@dataclass(frozen=True, slots=True)
class Watched:
    """One array or sparse matrix, or the part of an array that was used."""

    name: str
    owner: weakref.ref[Any]
    view: View | None
    content: Content | None

    def holds(self) -> bool:
        """Whether it still holds what it held; also where it is gone."""
        owner = self.owner()
        return owner is None or content_of(_part(owner, self.view)) == self.content


@dataclass(frozen=True, slots=True)
class Used:
    """A function that is called at evaluations, as it is then, by values but not by derivatives.

    So values say nothing about its data: an integrand, a right side, an equation.
    """

    thing: Any
    content: Content

    def holds(self) -> bool:
        """Whether what it uses is what it was."""
        return content_of(self.thing) == self.content


def note_used(thing: Any) -> bool:
    """Let traces that go on note a function that evaluations will call; whether there are any."""
    recorders = active_recorders()
    content = content_of(thing) if recorders else None
    for recorder in recorders:
        recorder.used.append((thing, content))
    return bool(recorders)


def watch(
    captured: list[Any], written: Container[int] = (), used: Sequence[tuple[Any, Any]] = ()
) -> tuple[Watched | Used, ...]:
    """Watch those of some arrays and matrices that outlive their trace, and functions.

    Parameters
    ----------
    captured : list of ndarray or sparse matrix
        Emptied, so that what nobody else holds is gone.
    written : container of int
        Memory that the function itself writes into, which is another one after each call.
    used : sequence
        Functions that evaluations call, and what they used; those that change it are left out.
    """
    found: dict[Any, tuple[str, weakref.ref[Any], View | None]] = {}
    while captured:
        thing = captured.pop()
        if not isinstance(thing, np.ndarray) or id(root_of(thing)) not in written:
            _note(thing, found)
        del thing
    arrays = [
        Watched(name, reference, view, content_of(_part(owner, view)))
        for name, reference, view in found.values()
        if (owner := reference()) is not None
    ]
    functions = [Used(thing, content) for thing, content in used if content is not None]
    return (*arrays, *(one for one in functions if one.holds()))


def first_change(watched: Sequence[Watched | Used]) -> tuple[str, bool]:
    """Say which of them holds something else now, and whether values may hide it.

    Empty if none does.
    """
    changed = [one for one in watched if not one.holds()]
    if any(isinstance(one, Used) for one in changed):
        return "uses a function inside of a solver or an integral whose data changed", True
    arrays = [one for one in changed if isinstance(one, Watched)]
    return (f"uses {arrays[0].name} that was changed in place" if arrays else ""), False


def _note(thing: Any, found: dict[Any, tuple[str, weakref.ref[Any], View | None]]) -> None:
    owner, view = _place(thing)
    if thing.size or not isinstance(thing, np.ndarray):
        found[id(owner), view] = (_name(thing), weakref.ref(owner), view)


def _place(thing: Any) -> tuple[Any, View | None]:
    if not isinstance(thing, np.ndarray):
        return thing, None
    root = root_of(thing)
    if root is thing or root.dtype.hasobject:
        return root, None
    flat = root.ravel(order="K")
    if not np.may_share_memory(flat, root):  # not in one piece
        return root, None
    start = root.__array_interface__["data"][0]
    offset = thing.__array_interface__["data"][0] - start
    return root, View(thing.shape, thing.dtype, offset, thing.strides)


def _part(owner: Any, view: View | None) -> Any:
    if view is None:
        return owner
    return view.of(owner)


def _name(thing: Any) -> str:
    kind = "an array" if isinstance(thing, np.ndarray) else "a sparse matrix"
    return f"{kind} of shape {thing.shape}"
