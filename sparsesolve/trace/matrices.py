"""`np.matrix` beside traced values: a matrix of traced elements, with NumPy's own arithmetic.

NumPy's class makes of `*` a product and of every result two dimensions. A
traced array that meets one becomes an array of objects, its elements, and NumPy does what it does
with those; only `np.linalg` is given one traced array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from autograd.tracer import isbox

from sparsesolve.trace.operands import holds_boxes, stacked
from sparsesolve.trace.primitives import sparse_matmul, sparse_rmatmul
from sparsesolve.trace.replaced import replaces

__all__ = ["as_elements", "is_matrix_of_boxes", "matrix_function", "matrix_product", "ufunc_call"]


def is_matrix_of_boxes(value: Any) -> bool:
    """Whether a value is an `np.matrix` with traced elements."""
    return type(value) is np.matrix and holds_boxes(value)


def as_elements(value: Any) -> Any:
    """Return an array of objects for a traced array or number; others as they are."""
    if not isbox(value):
        return value
    if not np.ndim(value._value):
        return value.as_object()
    elements = np.empty(np.shape(value._value), dtype=object)
    for place in np.ndindex(elements.shape):
        elements[place] = value[place]
    return elements


def matrix_product(box: Any, other: Any, *, swap: bool) -> Any:
    """Return ``box * other`` for a matrix of NumPy or SciPy, or with `swap` the other way round."""
    if isinstance(other, np.matrix):
        return other * as_elements(box) if swap else as_elements(box) * other
    return sparse_matmul(other, box) if swap else sparse_rmatmul(box, other)


def ufunc_call(ufunc: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Call a ufunc on matrices, traced arrays and traced numbers, element by element."""
    return ufunc(*map(as_elements, inputs), **options)


def matrix_function(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call a function of NumPy: those of `np.linalg` on traced arrays, others on elements."""
    if not str(function.__module__).startswith("numpy.linalg"):
        return function(*map(as_elements, args), **kwargs)
    plain = [stacked(np.asarray(a)) if isinstance(a, np.matrix) else a for a in args]
    result = function(*plain, **kwargs)
    return _as_matrix(result) if isbox(result) and np.ndim(result._value) == 2 else result


def _as_matrix(box: Any) -> Any:
    return as_elements(box).view(np.matrix)


@replaces("numpy.matrixlib.defmatrix", "matrix.I")
def _inverse(plain: Any) -> Any:
    """Return the inverse of a matrix, also of traced elements."""

    def read(self: Any) -> Any:
        if not holds_boxes(self):
            return plain.__get__(self)
        whole = stacked(np.asarray(self))
        return _as_matrix((np.linalg.inv if len(set(whole.shape)) == 1 else np.linalg.pinv)(whole))

    return property(read)
