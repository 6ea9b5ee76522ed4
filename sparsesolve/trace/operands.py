"""Turn what a user's function mixes with traced arrays into something that can be recorded.

Lists, object arrays and sparse matrices with traced elements come in through
every door: arithmetic, ufuncs, assignment, and the value that the function returns.
"""

from __future__ import annotations

from typing import Any, NoReturn

import autograd.numpy as anp
import numpy as np
import scipy.sparse
from autograd.tracer import isbox

from sparsesolve.errors import DataDependentBranch, UnsupportedOperation
from sparsesolve.trace.branches import answer, innermost, takes_answers
from sparsesolve.trace.recorder import TapeNode
from sparsesolve.trace.sources import user_line
from sparsesolve.trace.tables import is_table, objects_of
from sparsesolve.trace.writable import Writable, current

__all__ = [
    "constant_of",
    "frozen_index",
    "holds_boxes",
    "is_traced",
    "operand",
    "plain_index",
    "stacked",
]

_QUICK = frozenset({float, int, np.float64, bool})


def operand(value: Any) -> Any:
    """Make one array or scalar, traced or not, of one operand."""
    kind = type(value)
    if kind in _QUICK or isbox(value):
        return value
    if kind is np.ndarray:
        return stacked(value) if value.dtype == object else value
    if kind is Writable:
        return current(value)
    if kind in (list, tuple):
        return stacked(value) if holds_boxes(value) else np.asarray(value)
    if scipy.sparse.issparse(value):
        raise UnsupportedOperation(
            "expected sparse matrices in products such as `A @ x` and in SciPy's own operations, "
            f"got another one at {user_line()}. Take A.toarray()."
        )
    return stacked(objects_of(value)) if is_table(value) else value


def holds_boxes(value: Any) -> bool:
    """Look for traced values in nested lists, tuples and object arrays."""
    if isinstance(value, (list, tuple)):
        return any(map(holds_boxes, value))
    if isinstance(value, np.ndarray):
        if type(value) is Writable:
            return value.live
        return value.dtype == object and any(map(isbox, value.flat))
    if type(value) in _QUICK:
        return False
    if isbox(value):
        return True
    return is_table(value) and holds_boxes(objects_of(value))


def stacked(value: Any) -> Any:
    """Do what ``np.array(value)`` does to nested lists or object arrays of traced values."""
    if type(value) is Writable:
        return current(value)
    if isinstance(value, np.ndarray):
        if value.dtype != object:
            return value
        if not holds_boxes(value):
            return value.astype(np.float64)
        return anp.reshape(anp.array_from_args((), {}, *np.asarray(value).ravel()), value.shape)
    if isinstance(value, (list, tuple)):
        if not holds_boxes(value):
            return np.asarray(value)
        parts = [stacked(item) for item in value]
        shapes = {np.shape(part) for part in parts}
        if len(shapes) != 1:
            raise UnsupportedOperation(
                f"expected parts of one shape in a list, got {sorted(shapes)} at {user_line()}. "
                "Join arrays of different lengths with np.concatenate."
            )
        return anp.array_from_args((), {}, *parts)
    return stacked(objects_of(value)) if is_table(value) else value


def is_traced(value: Any) -> bool:
    """Tell whether a value depends on the arguments of the traced function."""
    if not isbox(value):
        return False
    node = value._node
    return type(node) is not TapeNode or node.ref is not None


def plain_index(index: Any) -> Any:
    """Check an index: whatever is in it must not depend on the traced arguments."""
    kind = type(index)
    if kind in (int, slice, type(None), type(Ellipsis)) and kind is not slice:
        return index
    if kind is tuple:
        return tuple(plain_index(item) for item in index)
    if kind is list:
        return [plain_index(item) for item in index]
    if kind is slice:
        return slice(*(plain_index(part) for part in (index.start, index.stop, index.step)))
    if isbox(index):
        return constant_of(index)
    if kind is Writable:
        return plain_index(current(index))
    if isinstance(index, np.ndarray) and index.dtype == object:
        return plain_index(index.tolist())
    return index


def frozen_index(index: Any) -> Any:
    """Check an index, and protect it from later changes by the user's function."""
    index = plain_index(index)
    if isinstance(index, (list, tuple)):
        return type(index)(map(frozen_index, index))
    return index.copy() if isinstance(index, np.ndarray) else index


def constant_of(box: Any) -> Any:
    """Return the plain integers or mask of a box; of a traced one only where answers are taken."""
    if not is_traced(box):
        return box._value
    if takes_answers(box) and _is_whole(box):
        found = answer(box)
        return found if box.dtype == bool else np.asarray(found, dtype=np.int64)[()]
    _refuse_index(box)


def _is_whole(box: Any) -> bool:
    """Whether a box has a truth or integers; those of `math.floor` and `round` are float64."""
    value = innermost(box)._value
    return bool(np.all(np.floor(value) == value)) if box.dtype.kind == "f" else True


def _refuse_index(box: Any) -> NoReturn:
    """Raise the error for a traced value where a constant integer or mask is needed."""
    if box.dtype == bool:
        raise DataDependentBranch(
            f"expected an index or mask that is constant, got a traced mask at {user_line()}. "
            "Choose elements with np.where(mask, a, b) over the whole array."
        )
    raise DataDependentBranch(
        f"expected an integer that is constant, got a traced value at {user_line()}. Make it a "
        "static constant: close over it, or bind it with functools.partial."
    )
