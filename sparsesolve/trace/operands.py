"""Turn what a user's function mixes with traced arrays into something that can be recorded.

Separate because lists, object arrays and sparse matrices with traced elements come in through
every door: arithmetic, ufuncs, assignment, and the value that the function returns.
"""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np
import scipy.sparse
from autograd.tracer import isbox

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.trace.sources import user_line

__all__ = ["holds_boxes", "operand", "stacked"]

_QUICK = frozenset({float, int, np.float64, bool})


def operand(value: Any) -> Any:
    """Make one array or scalar, traced or not, of one operand."""
    kind = type(value)
    if kind in _QUICK or isbox(value):
        return value
    if kind is np.ndarray:
        return stacked(value) if value.dtype == object else value
    if kind in (list, tuple):
        return stacked(value) if holds_boxes(value) else np.asarray(value)
    if scipy.sparse.issparse(value):
        raise UnsupportedOperation(
            "expected sparse matrices in products `A @ x` and `x @ A` only, got another operation "
            f"with one at {user_line()}. Take A.toarray(), or scale rows with A @ and a product."
        )
    return value


def holds_boxes(value: Any) -> bool:
    """Look for traced values in nested lists, tuples and object arrays."""
    if isinstance(value, (list, tuple)):
        return any(map(holds_boxes, value))
    if isinstance(value, np.ndarray):
        return value.dtype == object and any(map(isbox, value.flat))
    return isbox(value)


def stacked(value: Any) -> Any:
    """Do what ``np.array(value)`` does to nested lists or object arrays of traced values."""
    if isinstance(value, np.ndarray):
        if value.dtype != object:
            return value
        if not holds_boxes(value):
            return value.astype(np.float64)
        return anp.reshape(anp.array_from_args((), {}, *value.ravel()), value.shape)
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
    return value
