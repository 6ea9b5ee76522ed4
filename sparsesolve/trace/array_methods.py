"""Methods of types written in C that take traced arrays while a function is traced.

They can be replaced in the type's own table only. One is `A.dot(u)` of a plain
array `A`, which has no protocol: NumPy makes an object array of `u` and multiplies element by
element. That one is replaced only where the traced function uses the name.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Any

import numpy as np

from sparsesolve.trace.changes import Changes
from sparsesolve.trace.operands import holds_boxes

__all__ = ["replace_dot", "replace_method"]

_plain = np.ndarray.dot


def _dot(self: Any, b: Any, out: Any = None) -> Any:
    """Return the matrix product."""
    if not holds_boxes(b):
        return _plain(self, b, out)
    return self @ b if hasattr(b, "tocsr") else np.dot(self, b, out=out)


class _Table(dict[str, Any]):
    """The names of a type written in C; the interpreter is told of every change."""

    def __init__(self, kind: type) -> None:
        super().__init__()
        self.kind = kind
        self.names: dict[str, Any] = gc.get_referents(kind.__dict__)[0]

    def __setitem__(self, name: str, value: Any) -> None:
        self.names[name] = value
        ctypes.pythonapi.PyType_Modified(ctypes.py_object(self.kind))

    def __getitem__(self, name: str) -> Any:
        return self.names[name]

    def __contains__(self, name: object) -> bool:
        return name in self.names


def replace_method(changes: Changes, kind: type, name: str, method: Any) -> None:
    """Set a method of a type that is written in C."""
    if sys.implementation.name == "cpython":
        changes.update(_Table(kind), {name: method})


def replace_dot(changes: Changes) -> None:
    """Let `A.dot` take traced arrays, as one product."""
    replace_method(changes, np.ndarray, "dot", _dot)
