"""`A.dot(u)` of a plain array `A` and a traced `u`, while a function is traced.

Separate because this method of NumPy's array has no protocol: it makes an object array of `u` and
multiplies element by element. A method of a type written in C can be replaced in the type's own
table only, so that is done where the traced function uses the name, and put back.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Any

import numpy as np

from sparsesolve.trace.changes import Changes
from sparsesolve.trace.operands import holds_boxes

__all__ = ["replace_dot"]

_plain = np.ndarray.dot


def _dot(self: Any, b: Any, out: Any = None) -> Any:
    """Return the matrix product."""
    if not holds_boxes(b):
        return _plain(self, b, out)
    return self @ b if hasattr(b, "tocsr") else np.dot(self, b, out=out)


class _Table(dict[str, Any]):
    """The names of NumPy's array; the interpreter is told of every change."""

    def __init__(self, names: dict[str, Any]) -> None:
        super().__init__()
        self.names = names

    def __setitem__(self, name: str, value: Any) -> None:
        self.names[name] = value
        ctypes.pythonapi.PyType_Modified(ctypes.py_object(np.ndarray))

    def __getitem__(self, name: str) -> Any:
        return self.names[name]

    def __contains__(self, name: object) -> bool:
        return name in self.names


def replace_dot(changes: Changes) -> None:
    """Let `A.dot` take traced arrays, as one product."""
    if sys.implementation.name == "cpython":
        changes.update(_Table(gc.get_referents(np.ndarray.__dict__)[0]), {"dot": _dot})
