"""Names of autograd's primitives, as a tape writes them.

A primitive knows only its bare name (``fft.fft`` and a user's ``fft`` look
alike), so that names are read once from the modules that hold them.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from autograd.core import primitive_jvps, primitive_vjps
from autograd.numpy import linalg, numpy_wrapper
from autograd.numpy.numpy_boxes import ArrayBox

from sparsesolve.trace import primitives

__all__ = ["NAMES", "WITH_SCIPY", "WRAPPED", "load_scipy", "named", "op_name", "primitives_of"]

_MODULES = (
    ("", "autograd.numpy"),
    ("linalg.", "autograd.numpy.linalg"),
    ("fft.", "autograd.numpy.fft"),
    ("builtins.", "autograd.builtins"),
)
_SCIPY_MODULES = (
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
)


def primitives_of(module: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """List the primitives that a module of autograd holds, with their names there."""
    for name, value in vars(importlib.import_module(module)).items():
        if getattr(value, "_is_autograd_primitive", False):
            yield name, value


NAMES: dict[Callable[..., Any], str] = {
    numpy_wrapper._primitive_mean: "mean",
    numpy_wrapper._primitive_std: "std",
    numpy_wrapper._primitive_var: "var",
    linalg._primitive_norm: "linalg.norm",
    ArrayBox.__getitem__: "__getitem__",
    **{getattr(primitives, name): name for name in ("setitem", "sparse_matmul", "sparse_rmatmul")},
}
"""The name of every primitive that autograd or this package defines."""

WRAPPED: dict[Callable[..., Any], list[Callable[..., Any]]] = {}
"""autograd's primitives by the function of NumPy or SciPy that each one wraps."""


def _collect(modules: Iterable[tuple[str, str]]) -> None:
    for prefix, module in modules:
        for name, fun in primitives_of(module):
            NAMES.setdefault(fun, prefix + (name if prefix else fun.__name__))
    WRAPPED.clear()
    for primitive in NAMES:
        function = getattr(primitive, "fun", None)
        if function is not None:
            WRAPPED.setdefault(function, []).append(primitive)


_collect(_MODULES)


def named(primitive: Callable[..., Any], name: str) -> None:
    """Give a primitive the name that a tape writes."""
    NAMES[primitive] = name
    WRAPPED.setdefault(primitive.fun, []).append(primitive)  # type: ignore[attr-defined]


WITH_SCIPY: list[Callable[[], None]] = []
"""What else to do once the names in ``autograd.scipy`` are known."""
_loaded: list[str] = []


def load_scipy() -> bool:
    """Learn the names in ``autograd.scipy``, once; whether anything was new.

    Importing it takes longer than all the rest of this package, so it waits until a function of
    SciPy is met.
    """
    if _loaded:
        return False
    _loaded.append("autograd.scipy")
    _collect(_SCIPY_MODULES)
    for register in WITH_SCIPY:
        register()
    return True


def op_name(fun: Callable[..., Any]) -> str | None:
    """Name a primitive; None where neither a name nor a derivative rule of it is known."""
    name = NAMES.get(fun)
    if name is None and "autograd.scipy" in sys.modules and load_scipy():
        name = NAMES.get(fun)
    if name is None and (fun in primitive_vjps or fun in primitive_jvps):
        return f"user.{getattr(fun, '__name__', 'primitive')}"
    return name
