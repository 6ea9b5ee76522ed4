"""Functions that numba has compiled, or NumPy vectorized, by their Python source.

Separate because neither takes traced values, and both keep the function they were made of.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.tracer import isbox

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.trace.changes import Changes
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.sources import user_line

__all__ = [
    "elementwise_loops",
    "function_inside",
    "is_cached",
    "python_source",
]


def python_source(function: Any) -> Any:
    """Return what numba compiled, also in a wrapper of ours; or a method of an array or factors."""
    if isinstance(function, types.BuiltinMethodType):
        owner = function.__self__
        known = type(owner).__name__ in ("ndarray", "SuperLU")
        return partial(_method, owner, function.__name__) if known else function
    if is_cached(function):
        return function.__wrapped__
    given = function_inside(function)
    if given is not None:
        inner = python_source(given)
        return function if inner is given else _wrapping(function, inner)
    if not str(type(function).__module__).startswith("numba."):  # of Cython, no text
        return function
    inner = getattr(function, "_dispatcher", function)  # of a ufunc made by `vectorize`
    return getattr(inner, "py_func", function)


def is_cached(thing: Any) -> bool:
    """Whether results of a function are kept by `functools.lru_cache`, whose keys are numbers."""
    return type(thing).__name__ == "_lru_cache_wrapper"


def function_inside(thing: Any) -> Any:
    """Return the user's function in a wrapper of ours that calls it otherwise; or None."""
    ours = str(type(thing).__module__).startswith("sparsesolve.problem.")
    return thing.__dict__.get("__wrapped__") if ours and hasattr(thing, "__dict__") else None


def _wrapping(function: Any, inner: Any) -> Any:
    """Return what calls `inner` as `function` calls what it was made of."""
    made = copy(function)
    made.__wrapped__ = inner
    return made


def _method(owner: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """Call a method by its name, which may mean another one while a function is traced."""
    if name == "dot":
        return np.dot(owner, *args, **kwargs)
    return getattr(owner, name)(*args, **kwargs)


def elementwise_loops(changes: Changes) -> None:
    """Let `np.vectorize` call its function for each traced element."""
    plain = np.vectorize.__call__

    def call(self: np.vectorize, *args: Any, **kwargs: Any) -> Any:
        given = [*args, *kwargs.values()]
        if self.signature is not None or not any(map(holds_boxes, given)):
            return plain(self, *args, **kwargs)
        return _vectorized(self, args, kwargs)

    changes.swap(np.vectorize, "__call__", plain, call)


def _vectorized(made: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Do what NumPy does: what is excluded goes whole, and the first result says what comes."""
    kinds = [str(np.dtype(kind)) for kind in made.otypes or ()]
    if set(kinds) - {"float64"}:
        raise _other_kind(f"np.vectorize with otypes={kinds}")
    named: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
    varied = [name for name in named if name not in made.excluded]

    def function(*values: Any) -> Any:
        everything = named | dict(zip(varied, values, strict=True))
        positional = [everything[k] for k in range(len(args))]
        return made.pyfunc(*positional, **{name: everything[name] for name in kwargs})

    return loop(function, tuple(operand(named[name]) for name in varied), whole=not made.otypes)


def _other_kind(got: str) -> UnsupportedOperation:
    return UnsupportedOperation(
        f"expected results of kind float64, got {got} at {user_line()}, which makes whole numbers "
        "or others of all results. Write otypes=[float], and let the function return floats."
    )


def loop(function: Callable[..., Any], args: tuple[Any, ...], *, whole: bool = False) -> Any:
    """Call a function of numbers for every element of arrays, broadcast against each other.

    With `whole`, a first result that is a whole number makes NumPy cut all others.
    """
    shape = np.broadcast_shapes(*(np.shape(a) for a in args))
    flat = [anp.ravel(anp.broadcast_to(a, shape)) for a in args]
    size = int(np.prod(shape, dtype=int))
    results = [function(*(a[k] for a in flat)) for k in range(size)]
    if not results:
        return np.zeros(shape)
    if not isinstance(results[0], tuple):
        return _joined(results, shape, whole)
    return tuple(_joined(list(part), shape, whole) for part in zip(*results, strict=True))


def _joined(results: list[Any], shape: tuple[int, ...], whole: bool) -> Any:
    kinds = {np.result_type(r) if isbox(r) else np.asarray(r).dtype for r in results}
    first = results[0]._value if isbox(results[0]) else results[0]
    if whole and np.asarray(first).dtype.kind != "f" and len(kinds) > 1:
        raise _other_kind("np.vectorize of a function whose first result is a whole number")
    return anp.reshape(anp.array(results), shape)
