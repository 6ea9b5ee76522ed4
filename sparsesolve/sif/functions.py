"""Intrinsic functions of Fortran on NumPy arrays, with Fortran 77's distinction of integers.

Parser and evaluator share the table. A value is paired with its type: an integer
stays one through ``ABS``, ``MOD``, ``MAX`` and the like, and ``INT``, ``NINT`` make one. Generic
and specific names (``DABS``, ``IABS``, ``AMAX1``) mean the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

__all__ = ["FUNCTIONS", "Intrinsic", "integer_part"]

Result = Literal["real", "integer", "same"]
_ANY = 1_000_000


@dataclass(frozen=True, slots=True)
class Intrinsic:
    """An intrinsic function.

    Parameters
    ----------
    evaluate : callable
        Takes and returns NumPy arrays.
    arity : tuple of int
        Smallest and largest number of arguments.
    result : {"real", "integer", "same"}
        Type of the result; "same": integer where all arguments are.
    """

    evaluate: Callable[..., Any]
    arity: tuple[int, int]
    result: Result


def integer_part(value: Any) -> Any:
    """Value truncated toward zero."""
    return np.trunc(value)


def _nearest(value: Any) -> Any:
    """Nearest whole number, halves away from zero."""
    return np.trunc(value + np.where(value >= 0.0, 0.5, -0.5))


def _sign(a: Any, b: Any) -> Any:
    """Magnitude of a with the sign of b, zero counting as positive."""
    return np.where(b >= 0.0, np.abs(a), -np.abs(a))


def _positive_difference(a: Any, b: Any) -> Any:
    return np.maximum(a - b, 0.0)


def _largest(*values: Any) -> Any:
    found = values[0]
    for value in values[1:]:
        found = np.maximum(found, value)
    return found


def _smallest(*values: Any) -> Any:
    found = values[0]
    for value in values[1:]:
        found = np.minimum(found, value)
    return found


def _special(name: str) -> Callable[[Any], Any]:
    def evaluate(value: Any) -> Any:
        import scipy.special  # noqa: PLC0415  (slow to import, and rarely needed)

        return getattr(scipy.special, name)(value)

    return evaluate


FUNCTIONS: dict[str, Intrinsic] = {}


def _rows(
    names: str, evaluate: Callable[..., Any], low: int = 1, high: int = 0, result: Result = "real"
) -> None:
    for name in names.split():
        FUNCTIONS[name] = Intrinsic(evaluate, (low, high or low), result)


_rows("SQRT DSQRT", np.sqrt)
_rows("EXP DEXP", np.exp)
_rows("LOG DLOG ALOG", np.log)
_rows("LOG10 DLOG10 ALOG10", np.log10)
_rows("SIN DSIN", np.sin)
_rows("COS DCOS", np.cos)
_rows("TAN DTAN", np.tan)
_rows("COTAN DCOTAN", lambda x: 1.0 / np.tan(x))
_rows("ASIN DASIN ARCSIN", np.arcsin)
_rows("ACOS DACOS ARCCOS", np.arccos)
_rows("ATAN DATAN ARCTAN", np.arctan)
_rows("ATAN2 DATAN2", np.arctan2, 2)
_rows("SINH DSINH HYPSIN", np.sinh)
_rows("COSH DCOSH HYPCOS", np.cosh)
_rows("TANH DTANH HYPTAN", np.tanh)
_rows("ASINH DASINH", np.arcsinh)
_rows("ACOSH DACOSH", np.arccosh)
_rows("ATANH DATANH", np.arctanh)
_rows("ERF DERF", _special("erf"))
_rows("ERFC DERFC", _special("erfc"))
_rows("GAMMA DGAMMA", _special("gamma"))
_rows("LOG_GAMMA ALGAMA DLGAMA", _special("gammaln"))
_rows("ABS DABS IABS", np.abs, result="same")
_rows("MAX", _largest, 2, _ANY, "same")
_rows("MIN", _smallest, 2, _ANY, "same")
_rows("AMAX1 DMAX1 AMAX0 DMAX", _largest, 2, _ANY)
_rows("AMIN1 DMIN1 AMIN0 DMIN", _smallest, 2, _ANY)
_rows("MAX0", _largest, 2, _ANY, "integer")
_rows("MIN0", _smallest, 2, _ANY, "integer")
_rows("MAX1", lambda *v: np.trunc(_largest(*v)), 2, _ANY, "integer")
_rows("MIN1", lambda *v: np.trunc(_smallest(*v)), 2, _ANY, "integer")
_rows("MOD AMOD DMOD", np.fmod, 2, result="same")
_rows("SIGN DSIGN ISIGN", _sign, 2, result="same")
_rows("DIM DDIM IDIM", _positive_difference, 2, result="same")
_rows("INT IFIX IDINT", integer_part, result="integer")
_rows("NINT IDNINT", _nearest, result="integer")
_rows("AINT DINT", integer_part)
_rows("ANINT DNINT", _nearest)
_rows("DBLE REAL FLOAT DFLOAT SNGL", lambda x: x)
