"""`x.view(complex)` and `z.view(float)` of traced arrays: pairs of elements, and parts one by one.

Separate because a traced array has no memory that could be read as something else. What comes is an
array of its own, into which nothing may be assigned.
"""

from __future__ import annotations

from inspect import isclass
from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.trace.box_errors import UnsupportedAttributeError
from sparsesolve.trace.matrices import as_elements
from sparsesolve.trace.sources import user_line

__all__ = ["viewed"]

_FUNCTIONS = "Use NumPy's functions of the array."
_COLUMNS = "Name its columns: `x, v = y.reshape(-1, 2).T`, and np.stack for the way back."
_PAIRS = (np.dtype(np.float64), np.dtype(np.complex128))


def viewed(self: Any, dtype: Any = None, type: Any = None) -> Any:
    """Return the same numbers as another kind: complex ones as pairs of real ones, or back."""
    if type is None and isclass(dtype) and issubclass(dtype, np.ndarray):
        dtype, type = None, dtype
    if type is np.matrix:
        return as_elements(self).view(np.matrix)
    kind = self.dtype if dtype is None else np.dtype(dtype)
    if type not in (None, np.ndarray) or (kind != self.dtype and not _is_pair(self, kind)):
        columns = kind.names is not None
        raise UnsupportedAttributeError(
            f"expected attributes of an array that can be recorded, got `.view` of {self.dtype} as "
            f"{dtype or type} at {user_line()}. {_COLUMNS if columns else _FUNCTIONS}"
        )
    if kind == self.dtype:
        return self
    result = _complex(self) if kind == np.complex128 else _real(self)
    owner = getattr(result._node, "owner", None)
    if owner is not None:
        owner.locked = "a view as numbers of another kind"
    return result


def _is_pair(box: Any, kind: np.dtype[Any]) -> bool:
    return box.ndim > 0 and {box.dtype, kind} == set(_PAIRS)


def _complex(box: Any) -> Any:
    return box[..., ::2] + 1j * box[..., 1::2]


def _real(box: Any) -> Any:
    pairs = anp.stack([anp.real(box), anp.imag(box)], axis=-1)
    return anp.reshape(pairs, (*box.shape[:-1], 2 * box.shape[-1]))
