"""The modules of the collection of problems, under the name that it has here.

In a clone the collection and this package are `problems` and `benchmarks`, at the top. A wheel
installs them as `sparsesolve_problems` and `sparsesolve_benchmarks`, which are nobody else's names.
So both import their own modules relatively, and this one is the bridge between them::

    from .collection import bratu  # the module problems/bratu.py
"""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["PROBLEMS"]

PROBLEMS = __name__.split(".")[0].removesuffix("benchmarks") + "problems"
"""Name of the package that holds them."""


def __getattr__(name: str) -> ModuleType:
    """Import a module of the collection at its first use."""
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{PROBLEMS}.{name}")
