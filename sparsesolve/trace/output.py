"""What a function returns, traced or called plainly, as one array of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from autograd.tracer import isbox
from numpy.typing import NDArray

from sparsesolve.errors import TraceError, UnsupportedOperation
from sparsesolve.ir.tape import Ref
from sparsesolve.trace.operands import holds_boxes, stacked

__all__ = ["plain_output", "traced_output"]


def traced_output(result: Any) -> Any:
    """Make one array of what the function returned: a value of the tape, or a constant."""
    if result is None:
        raise TraceError(
            "expected the function to return a number or an array, got None. Return its value."
        )
    if scipy.sparse.issparse(result):
        raise TraceError("expected a dense array, got a sparse one. Return A.toarray() or A.data.")
    if holds_boxes(result) or (isinstance(result, np.ndarray) and result.dtype == object):
        try:
            result = stacked(result)
        except (TypeError, ValueError) as error:
            if isinstance(error, UnsupportedOperation):
                raise
            raise TraceError(
                f"expected an array of numbers, got an array of other objects ({error}). Return "
                "numbers only."
            ) from error
    if isbox(result):
        if result.dtype == np.complex128:
            raise TraceError("expected real values, got complex ones. Return .real or .imag.")
        if result.dtype != np.float64:
            result = result.astype(np.float64)
        given = result._node.argument()
        return given if isinstance(given, Ref) else np.array(given, dtype=np.float64)
    return plain_output(result)


def plain_output(result: Any) -> NDArray[np.float64]:
    """Make a float64 array of a plain value."""
    try:
        array = np.asarray(result)
    except ValueError as error:
        raise TraceError(
            f"expected a number or an array, got a ragged list ({error}). Join arrays of "
            "different lengths with np.concatenate."
        ) from error
    if array.dtype.kind == "c":
        raise TraceError("expected real values, got complex ones. Return .real or .imag.")
    if array.dtype.kind not in "iufb":
        try:
            return array.astype(np.float64)
        except (TypeError, ValueError):
            raise TraceError(
                f"expected a number or an array of numbers, got {type(result).__name__}. Return "
                "the value to differentiate."
            ) from None
    return np.array(array, dtype=np.float64)
