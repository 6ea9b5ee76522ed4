"""Functions and methods of libraries, written in Python, that are replaced while one traces.

Separate because NumPy's protocols do not reach them: they look at numbers, call compiled code or
hide a smooth function behind comparisons. They are replaced where they are defined, so that they
are met however the user's code named them; families of `sparsesolve.numpy_ops` say by what.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from sparsesolve.trace.changes import Changes

__all__ = ["replace_all", "replaces"]

_Make = Callable[[Callable[..., Any]], Callable[..., Any]]
_TABLE: list[tuple[str, tuple[str, ...], _Make]] = []


def replaces(module: str, path: str) -> Callable[[_Make], _Make]:
    """Register what makes a function in place of ``module.path`` from the plain one."""

    def register(make: _Make) -> _Make:
        _TABLE.append((module, tuple(path.split(".")), make))
        return make

    return register


def replace_all(changes: Changes) -> None:
    """Replace what is loaded, if it is where it was."""
    for module, path, make in _TABLE:
        thing: Any = sys.modules.get(module)
        for name in path[:-1]:
            thing = getattr(thing, name, None)
        plain = getattr(thing, path[-1], None)
        if plain is not None:
            changes.replace(thing, path[-1], make(plain))
