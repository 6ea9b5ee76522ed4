"""Functions that numba has compiled, or NumPy vectorized, by their Python source.

Separate because neither takes traced values, and both keep the function they were made of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.tracer import isbox

from sparsesolve.trace.changes import Changes

__all__ = ["elementwise_loops", "python_source"]


def python_source(function: Any) -> Any:
    """Return what numba compiled; anything else as it is."""
    if not type(function).__module__.startswith("numba."):
        return function
    inner = getattr(function, "_dispatcher", function)  # of a ufunc made by `vectorize`
    return getattr(inner, "py_func", function)


def elementwise_loops(changes: Changes) -> None:
    """Let `np.vectorize` call its function for each traced element."""
    plain = np.vectorize.__call__

    def call(self: np.vectorize, *args: Any, **kwargs: Any) -> Any:
        if kwargs or self.signature is not None or not any(isbox(a) for a in args):
            return plain(self, *args, **kwargs)
        return loop(self.pyfunc, args)

    changes.replace(np.vectorize, "__call__", call)


def loop(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Call a function of numbers for every element of arrays, broadcast against each other."""
    shape = np.broadcast_shapes(*(np.shape(a) for a in args))
    flat = [anp.ravel(anp.broadcast_to(a, shape)) for a in args]
    size = int(np.prod(shape, dtype=int))
    results = [function(*(a[k] for a in flat)) for k in range(size)]
    return anp.reshape(anp.array(results), shape) if results else np.zeros(shape)
