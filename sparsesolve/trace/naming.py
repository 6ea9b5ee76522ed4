"""Names of autograd's primitives, as a tape writes them.

Separate because a primitive knows only its bare name (``fft.fft`` and a user's ``fft`` look
alike), so that names are read once from the modules that hold them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

from autograd.core import primitive_jvps, primitive_vjps
from autograd.numpy import linalg, numpy_wrapper
from autograd.numpy.numpy_boxes import ArrayBox

from sparsesolve.trace import primitives

__all__ = ["NAMES", "op_name", "primitives_of", "wrapped_functions"]

_MODULES = (
    ("", "autograd.numpy"),
    ("linalg.", "autograd.numpy.linalg"),
    ("fft.", "autograd.numpy.fft"),
    ("special.", "autograd.scipy.special"),
    ("signal.", "autograd.scipy.signal"),
    ("integrate.", "autograd.scipy.integrate"),
    ("scipy.linalg.", "autograd.scipy.linalg"),
    *(
        (f"stats.{name}.", f"autograd.scipy.stats.{name}")
        for name in (
            "beta",
            "chi2",
            "dirichlet",
            "gamma",
            "multivariate_normal",
            "norm",
            "poisson",
            "t",
        )
    ),
    ("builtins.", "autograd.builtins"),
)


def primitives_of(module: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """List the primitives that a module of autograd holds, with their names there."""
    for name, value in vars(importlib.import_module(module)).items():
        if getattr(value, "_is_autograd_primitive", False):
            yield name, value


def _collect() -> dict[Callable[..., Any], str]:
    names: dict[Callable[..., Any], str] = {
        numpy_wrapper._primitive_mean: "mean",
        numpy_wrapper._primitive_std: "std",
        numpy_wrapper._primitive_var: "var",
        linalg._primitive_norm: "linalg.norm",
        ArrayBox.__getitem__: "__getitem__",
        **{getattr(primitives, name): name for name in primitives.__all__},
    }
    for prefix, module in _MODULES:
        for name, fun in primitives_of(module):
            known = name if prefix else fun.__name__
            names.setdefault(fun, prefix + known)
    return names


NAMES = _collect()
"""The name of every primitive that autograd or this package defines."""


def op_name(fun: Callable[..., Any]) -> str | None:
    """Name a primitive; None where neither a name nor a derivative rule of it is known."""
    name = NAMES.get(fun)
    if name is None and (fun in primitive_vjps or fun in primitive_jvps):
        return f"user.{getattr(fun, '__name__', 'primitive')}"
    return name


def wrapped_functions() -> dict[Callable[..., Any], list[Callable[..., Any]]]:
    """List autograd's primitives by the function of NumPy or SciPy that each one wraps."""
    found: dict[Callable[..., Any], list[Callable[..., Any]]] = {}
    for primitive in NAMES:
        function = getattr(primitive, "fun", None)
        if function is not None:
            found.setdefault(function, []).append(primitive)
    return found
