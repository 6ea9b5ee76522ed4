"""The exceptions of `math`, and of Cholesky factorizations, where the user's code catches them.

Separate because it reads the exception tables of the user's code. ``math.sqrt`` of a negative
number raises, and ``except ValueError`` is a branch: so is the question here, a guard. Where
nobody would catch it no question is asked; there the value is not a number, as NumPy's is.
"""

from __future__ import annotations

import dis
import sys
import weakref
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.tracer import isbox

from sparsesolve.trace.operands import is_traced
from sparsesolve.trace.sources import is_library

__all__ = ["RAISING", "raise_as_math", "raise_unless_positive"]

_Test = Callable[[Any], Any]

_OUTSIDE: dict[str, _Test] = {
    "sqrt": lambda x: x < 0.0,
    "log": lambda x: x <= 0.0,
    "log2": lambda x: x <= 0.0,
    "log10": lambda x: x <= 0.0,
    "log1p": lambda x: x <= -1.0,
    "asin": lambda x: anp.absolute(x) > 1.0,
    "acos": lambda x: anp.absolute(x) > 1.0,
    "acosh": lambda x: x < 1.0,
    "atanh": lambda x: anp.absolute(x) >= 1.0,
}
_TOO_LARGE: dict[str, _Test] = {
    "exp": lambda x: x > 709.782712893384,
    "expm1": lambda x: x > 709.782712893384,
    "exp2": lambda x: x >= 1024.0,
    "cosh": lambda x: anp.absolute(x) > 710.4758600739439,
    "sinh": lambda x: anp.absolute(x) > 710.4758600739439,
}
RAISING = frozenset(_OUTSIDE) | frozenset(_TOO_LARGE)
"""Functions whose exceptions are known here."""

_TRIED: weakref.WeakKeyDictionary[CodeType, list[tuple[int, int]]]
_TRIED = weakref.WeakKeyDictionary()


def raise_as_math(name: str, x: Any) -> None:
    """Raise what a function of `math` would, if that is caught; which way it goes is a guard.

    Parameters
    ----------
    name : str
        The function.
    x : box or float
        Its first argument.
    """
    for tests, error in ((_OUTSIDE, ValueError), (_TOO_LARGE, OverflowError)):
        test = tests.get(name)
        if test is None or not (isbox(x) and is_traced(x)):
            continue
        if x.dtype.kind == "f" and _is_caught() and test(x):
            what = "domain" if error is ValueError else "range"
            raise error(f"math {what} error")


def raise_unless_positive(a: Any) -> None:
    """Raise what a Cholesky factorization of a traced matrix would, in the same way."""
    if a.ndim == 2 and is_traced(a) and _is_caught() and not np.linalg.eigvalsh(a)[0] > 0.0:
        raise np.linalg.LinAlgError("Matrix is not positive definite")


def _is_caught() -> bool:
    """Whether the user's code that is under way stands in a ``try`` with an ``except``."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_library(frame.f_code):
        frame = frame.f_back
    while frame is not None and not is_library(frame.f_code):
        at = frame.f_lasti
        if any(start <= at < end for start, end in _tried(frame.f_code)):
            return True
        frame = frame.f_back
    return False


def _tried(code: CodeType) -> list[tuple[int, int]]:
    """Return the ranges of instructions from which an ``except`` is reached."""
    if code not in _TRIED:
        instructions = list(dis.get_instructions(code))
        catching = {
            first.offset
            for k, first in enumerate(instructions)
            if first.opname == "PUSH_EXC_INFO" and _catches(instructions[k + 1 :])
        }
        entries = dis.Bytecode(code).exception_entries  # type: ignore[attr-defined]
        _TRIED[code] = [(e.start, e.end) for e in entries if e.target in catching]
    return _TRIED[code]


def _catches(rest: list[dis.Instruction]) -> bool:
    """Whether a handler is an ``except``, no end of a ``with`` and no ``finally``."""
    for instruction in rest:
        if instruction.opname in ("CHECK_EXC_MATCH", "POP_EXCEPT"):
            return True
        if instruction.opname in ("RERAISE", "WITH_EXCEPT_START", "PUSH_EXC_INFO"):
            return False
    return False
