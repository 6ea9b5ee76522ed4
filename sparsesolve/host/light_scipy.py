"""`import_sparse`: SciPy's sparse matrices without what NumPy loads on demand.

Separate because it knows what SciPy does when it is imported: it takes over every public name of
NumPy, and so loads ``numpy.f2py`` and ``numpy.testing`` (with ``unittest``) and more, in a third of
the time of all imports; and it names modules of Python that only its tests and documentation use.
Meanwhile stand-ins are in their places, which find the module when something is asked of them;
NumPy, and what Python has loaded, is afterwards as it was.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import numpy as np

__all__ = ["import_sparse"]

_LATER = ("ctypeslib", "f2py", "ma", "polynomial", "testing")  # of NumPy
_OF_PYTHON = ("pydoc", "subprocess")


class _StandIn(ModuleType):
    """A module that is imported when something is asked of it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def import_sparse() -> None:
    """Import ``scipy.sparse``, quickly if nobody has imported it before.

    Examples
    --------
    >>> import_sparse()
    >>> "scipy.sparse" in sys.modules
    True
    """
    if "scipy.sparse" in sys.modules:
        return
    held = vars(np)
    stand_ins = {name: _StandIn(f"numpy.{name}") for name in _LATER if name not in held}
    held.update(stand_ins)
    unused = {name: _StandIn(name) for name in _OF_PYTHON if name not in sys.modules}
    sys.modules.update(unused)
    try:
        importlib.import_module("scipy.sparse")
    finally:
        for name, stand_in in stand_ins.items():
            if held.get(name) is stand_in:  # or else it was imported meanwhile
                del held[name]
        for name, module in unused.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
