"""The scalar operations of a kernel: one row an operation, read by every stage.

Separate because the interpreter, the code generator, the derivative rules and the lowering must
agree on one vocabulary. A row says how NumPy evaluates the operation, under which name autograd
keeps its derivative rules, and what it costs; it holds no derivative itself.

All values are float64; truth is 1.0 and 0.0, and anything nonzero counts as true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["OPS", "ScalarOp"]

_CHEAP, _DIVIDE, _TRANSCENDENTAL, _SPECIAL = 1, 4, 20, 60


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
    """

    name: str
    arity: int
    path: str
    cost: int
    flat: bool = False

    @property
    def evaluate(self) -> Callable[..., Any]:
        """The NumPy or SciPy function; scipy.special is imported on first use."""
        return _function(self.path)


def _function(path: str) -> Callable[..., Any]:
    found = _FUNCTIONS.get(path)
    if found is None:
        module, name = path.rsplit(".", 1)
        if module == "numpy":
            found = getattr(np, name)
        else:
            import scipy.special  # noqa: PLC0415  (slow to import, and rarely needed)

            found = getattr(scipy.special, name)
        _FUNCTIONS[path] = found
    return found


_FUNCTIONS: dict[str, Callable[..., Any]] = {}


def _rows(names: str, arity: int, cost: int, *, flat: bool = False, module: str = "numpy") -> None:
    for name in names.split():
        OPS[name] = ScalarOp(name, arity, f"{module}.{name}", cost, flat)


OPS: dict[str, ScalarOp] = {}
_rows("negative abs", 1, _CHEAP)
_rows("sqrt", 1, _DIVIDE)
_rows("exp exp2 expm1 log log2 log10 log1p cbrt sinc", 1, _TRANSCENDENTAL)
_rows("sin cos tan arcsin arccos arctan", 1, _TRANSCENDENTAL)
_rows("sinh cosh tanh arcsinh arccosh arctanh", 1, _TRANSCENDENTAL)
_rows("sign floor ceil trunc rint isnan isinf isfinite logical_not", 1, _CHEAP, flat=True)
_rows("add subtract multiply maximum minimum fmax fmin", 2, _CHEAP)
_rows("divide", 2, _DIVIDE)
_rows("remainder fmod", 2, _TRANSCENDENTAL)
_rows("power arctan2 hypot logaddexp logaddexp2", 2, _TRANSCENDENTAL)
_rows("copysign", 2, _CHEAP)
_rows("floor_divide", 2, _DIVIDE, flat=True)
_rows("less less_equal greater greater_equal equal not_equal", 2, _CHEAP, flat=True)
_rows("logical_and logical_or logical_xor heaviside", 2, _CHEAP, flat=True)
_rows("where", 3, _CHEAP)
_rows(
    "erf erfc erfinv erfcinv gamma rgamma gammaln psi digamma", 1, _SPECIAL, module="scipy.special"
)
_rows("j0 j1 y0 y1 i0 i1 logit expit", 1, _SPECIAL, module="scipy.special")
_rows("polygamma jn yn iv ive beta betaln gammainc gammaincc", 2, _SPECIAL, module="scipy.special")
_rows("betainc", 3, _SPECIAL, module="scipy.special")
