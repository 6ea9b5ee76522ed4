"""What a scalar operation of a kernel is: one row, read by every stage.

Separate because the interpreter, the code generator, the derivative rules and the lowering must
agree on one vocabulary. The rows stand in `sparsesolve.numpy_ops.scalar_rows`, which fills `OPS`.

All values are float64; truth is 1.0 and 0.0, and anything nonzero counts as true.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, TypeAlias

import numpy as np

from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.imports import importing

__all__ = ["OPS", "ScalarOp", "Slope"]

Slope: TypeAlias = "Callable[..., Any] | str"
"""``(g, ans, *operands)`` -> what is pulled back to one operand, or a word: see `ScalarOp`."""


@dataclass(frozen=True, slots=True)
class ScalarOp:
    """One scalar operation.

    Parameters
    ----------
    name : str
        Its name in a kernel.
    arity : int
        Number of operands.
    path : str
        Where NumPy or SciPy has it, ``"numpy.sin"`` or ``"scipy.special.erf"``; autograd keeps its
        derivative rules under the same path inside ``autograd``.
    cost : int
        Rough cost, an addition being 1; used to choose between recomputing and storing.
    flat : bool
        Whether its derivative is zero wherever it exists (comparisons, ``floor``, ``sign``).
    slopes : mapping of int to callable or str
        What is pulled back to an operand, where autograd's rule is not used:
        ``(g, ans, *operands)`` in NumPy's functions, or ``"zero"``, or ``"unknown"``.
    llvm : str
        How machine code does it: words that `sparsesolve.engine.llvm.code.llvm_ops` reads, such as
        ``"intrinsic fabs"``; without them a native function is called.
    calls : tuple of str
        Operations whose native functions these words call.
    libm : str
        Symbol of the native function in the C library.
    vector : bool
        Whether the vector variant of that function may be used.
    cython : str or None
        Name among SciPy's functions for Cython, if it differs; None where it may not be called.
    function : callable or None
        The function itself, where no path leads to it.
    """

    name: str
    arity: int
    path: str
    cost: int
    flat: bool = False
    slopes: Mapping[int, Slope] = field(default_factory=dict)
    llvm: str = ""
    calls: tuple[str, ...] = ()
    libm: str = ""
    vector: bool = True
    cython: str | None = ""
    function: Callable[..., Any] | None = None

    @property
    def evaluate(self) -> Callable[..., Any]:
        """The NumPy or SciPy function; scipy.special is imported on first use."""
        return self.function or _function(self.path)

    @property
    def of_scipy(self) -> bool:
        """Whether it is a function of scipy.special."""
        return self.path.startswith("scipy.special.")


def _function(path: str) -> Callable[..., Any]:
    found = _FUNCTIONS.get(path)
    if found is None:
        module, name = path.rsplit(".", 1)
        if module == "numpy":
            found = getattr(np, name)
        else:
            with importing():
                import scipy.special  # noqa: PLC0415  (slow to import, and rarely needed)

            found = getattr(scipy.special, name)
        _FUNCTIONS[path] = found
    return found


_FUNCTIONS: dict[str, Callable[..., Any]] = {}

OPS: dict[str, ScalarOp] = {}
"""The operations by name, in the order of their registration."""
