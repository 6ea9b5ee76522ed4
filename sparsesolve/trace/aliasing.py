"""Assignment in place: how NumPy's mutable arrays become functional updates.

It is the one part of tracing that has to reason about memory. Plain arrays
behind the traced ones are really written to, so that all views see the change as in NumPy; the
tape gets a `setitem` for the array assigned to and, through the positions of a view in the memory
it shares, one for its owner. Other views are derived anew from the owner when next used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.tracer import isbox
from numpy.typing import NDArray

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.trace.primitives import setitem
from sparsesolve.trace.recorder import TapeNode
from sparsesolve.trace.sources import user_line

__all__ = ["assign", "refreshed"]

_WHOLE = (slice(None), ())


def assign(box: Any, index: Any, value: Any) -> None:
    """Carry out ``box[index] = value`` and record it."""
    node = box._node
    if type(node) is not TapeNode:
        raise UnsupportedOperation(
            f"expected no assignment in place inside a function that autograd differentiates, "
            f"got one at {user_line()}. Build the array with np.concatenate or np.where instead."
        )
    owner = node.owner
    assert owner is not None, "an array has an owner"
    if owner.locked:
        raise UnsupportedOperation(
            f"expected assignment into arrays that the function made itself, got one into "
            f"{owner.locked} at {user_line()}. Assign into a copy: `x = x.copy()`."
        )
    if node.recorder.apart is not None:
        node.recorder.apart.append(owner)
    array = box._value
    plain = value._value if isbox(value) else np.asarray(value)
    if isbox(value) and _is_already_there(array, index, value, node):
        return
    _check_kind(array, plain, node.ref is not None or isbox(value))
    before = owner.ref
    new = _update(node, array, index, value, plain)
    try:
        array[index] = plain
    except (TypeError, ValueError, IndexError):
        owner.ref = before
        raise
    if new.ref is None:
        return
    if _same_memory(array, owner.array):
        owner.ref = new.ref
    else:
        where = positions_in(array, owner.array) if node.index is None else node.index
        parents = (owner.node(node.recorder), new)
        whole = TapeNode(owner.array, setitem, (owner.array, where, array), {}, (0, 2), parents)
        owner.ref = whole.ref
        new.index = node.index
    owner.version += 1
    new.version = owner.version
    box._node = new


def _update(node: TapeNode, array: NDArray[Any], index: Any, value: Any, plain: Any) -> TapeNode:
    """Record the new content of one array."""
    if not isbox(value):
        return TapeNode(array, setitem, (array, index, plain), {}, (0,), (node,))
    source = value._node
    if _is_whole(index) and np.shape(plain) == array.shape and plain.dtype == array.dtype:
        new: TapeNode = TapeNode.new_root(node.recorder, array, source.ref)
        new.owner = node.owner
        return new
    return TapeNode(array, setitem, (array, index, plain), {}, (0, 2), (node, source))


def _is_whole(index: Any) -> bool:
    if isinstance(index, tuple) and len(index) == 1:
        index = index[0]
    return index is Ellipsis or (isinstance(index, (slice, tuple)) and index in _WHOLE)


def _is_already_there(array: NDArray[Any], index: Any, value: Any, node: TapeNode) -> bool:
    """Tell the second half of ``r[1:] += y``, which assigns a changed view to its own place."""
    if not isinstance(value._value, np.ndarray) or value._node.owner is not node.owner:
        return False
    target = array[index]
    return isinstance(target, np.ndarray) and _same_memory(target, value._value)


def _check_kind(array: NDArray[Any], plain: Any, traced: bool) -> None:
    if traced and not np.can_cast(plain.dtype, array.dtype, "same_kind"):
        raise UnsupportedOperation(
            f"expected a value of kind {array.dtype} for an array of that kind, got "
            f"{plain.dtype} at {user_line()}. Make the array with dtype=float."
        )


def refreshed(value: NDArray[Any], node: TapeNode) -> TapeNode:
    """Derive a stale view anew from the memory it shares."""
    owner = node.owner
    assert owner is not None, "an array has an owner"
    whole = owner.node(node.recorder)
    if _same_memory(value, owner.array):
        return whole
    where = positions_in(value, owner.array) if node.index is None else node.index
    getitem = ArrayBox.__getitem__
    new = TapeNode(value, getitem, (owner.array, where), {}, (0,), (whole,))
    new.owner, new.version, new.index = owner, owner.version, node.index
    return new


def _same_memory(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a is b or (
        a.shape == b.shape
        and a.strides == b.strides
        and a.dtype == b.dtype
        and _address(a) == _address(b)
    )


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])


def positions_in(view: NDArray[Any], whole: NDArray[Any]) -> tuple[NDArray[np.int64], ...]:
    """Index arrays with ``whole[positions]`` equal to the view, for two arrays in one memory."""
    if view.dtype != whole.dtype:
        raise UnsupportedOperation(
            f"expected views of the kind of their array ({whole.dtype}), got {view.dtype} at "
            f"{user_line()}. Copy the view before assigning."
        )
    places_view, places_whole = _places(view), _places(whole)
    if not view.size:
        return tuple(np.zeros(view.shape, dtype=np.int64) for _ in whole.shape)
    first = int(places_whole.min())
    labels = np.full(int(places_whole.max()) - first + 1, -1)
    labels[places_whole - first] = np.arange(whole.size).reshape(whole.shape)
    flat = labels[places_view - first]
    return np.unravel_index(flat, whole.shape)


def _places(array: NDArray[Any]) -> NDArray[np.int64]:
    """Address of every element, in items."""
    places = np.full(array.shape, _address(array), dtype=np.int64)
    for axis, (length, stride) in enumerate(zip(array.shape, array.strides, strict=True)):
        steps = stride * np.arange(length)
        places += steps.reshape((-1,) + (1,) * (array.ndim - axis - 1))
    result: NDArray[np.int64] = places // array.itemsize
    return result
