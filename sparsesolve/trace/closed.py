"""Whether a function's value can depend on its arguments alone: told by what its code names.

Such a function need not be called to see whether it still says what it said. Where one name is not
known here, it may read anything: a file, a clock, a random number.
"""

from __future__ import annotations

import builtins
import dis
import math
import types
from functools import cache
from typing import Any

import numpy as np

__all__ = ["is_closed"]

_DEEPEST = 3
_GLOBAL = "LOAD_GLOBAL"
_WRITES = ("STORE_DEREF", "DELETE_DEREF")
_NUMBERS = (bool, int, float, complex, str, bytes, type(None), np.float64)
_PURE_BUILTINS = (
    "abs all any bool complex dict divmod enumerate filter float int len list map max min pow "
    "range reversed round set slice sorted sum tuple zip"
)
_OF_NUMPY = (
    "all amax amin any append arange argmax argmin argsort array asarray atleast_1d atleast_2d "
    "block broadcast_to clip column_stack concatenate convolve cov cross cumprod cumsum det "
    "diag diagonal diff dot eigh eigvalsh einsum expand_dims eye fft flip full full_like "
    "gradient hstack identity ifft imag inner insert interp inv ix_ kron linalg linspace "
    "logspace max mean meshgrid min moveaxis nan_to_num newaxis norm ones ones_like outer pad "
    "piecewise polyval prod ravel real repeat reshape roll select shape sinc size slogdet "
    "solve sort split squeeze stack std sum swapaxes take tensordot tile trace transpose "
    "trapezoid tril triu vander var vdot vsplit vstack where zeros zeros_like"
)
_KNOWN = frozenset(_OF_NUMPY.split())
_BUILTINS = frozenset(_PURE_BUILTINS.split())


def is_closed(function: Any) -> bool:
    """Whether a function uses its arguments, constants and pure functions, and nothing else.

    Parameters
    ----------
    function : callable
        Only what is written in Python, with constants in its closure, may be.

    Examples
    --------
    >>> is_closed(lambda x: np.sum(x**2)), is_closed(lambda x: x * np.random.rand())
    (True, False)
    """
    return _is_closed(function, 0)


def _is_closed(function: Any, depth: int) -> bool:
    if type(function) is not types.FunctionType or depth > _DEEPEST or vars(function):
        return False
    if function.__kwdefaults__:
        return False
    code = function.__code__
    named = _named(code, code.co_freevars)
    if named is None:
        return False
    used = list(function.__defaults__ or ())
    for name in named:
        if name in function.__globals__:
            thing = function.__globals__[name]
            if getattr(thing, "__globals__", function.__globals__) is not function.__globals__:
                return False  # of another module, whose globals nobody compares
            used.append(thing)
        elif name not in _BUILTINS or not hasattr(builtins, name):
            return False
    try:
        used += [cell.cell_contents for cell in function.__closure__ or ()]
    except ValueError:  # an empty one
        return False
    return all(_is_fixed(thing) or _is_closed(thing, depth + 1) for thing in used)


def _is_fixed(thing: Any) -> bool:
    if isinstance(thing, np.ufunc):  # others may hold any function
        return getattr(np, thing.__name__, None) is thing
    return type(thing) in _NUMBERS or thing is np or thing is math


@cache
def _is_pure(attribute: str) -> bool:
    """Whether what may have an attribute of this name gives the same whenever it is asked."""
    if attribute.startswith("_"):
        return False
    of_numpy = isinstance(getattr(np, attribute, None), (np.ufunc, float))
    return (
        attribute in _KNOWN
        or of_numpy
        or hasattr(np.ndarray, attribute)
        or hasattr(math, attribute)
    )


def _named(code: types.CodeType, outside: tuple[str, ...]) -> list[str] | None:
    """List the globals that are read; None where another name says that more may be.

    So it is where a variable `outside`, of the closure, is written to: a call changes the next one.
    """
    found = []
    for step in dis.get_instructions(code):
        if step.opname == _GLOBAL:
            found.append(step.argval)
        elif _may_read_more(step, outside):
            return None
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            inner = _named(part, outside)
            if inner is None:
                return None
            found += inner
    return found


def _may_read_more(step: dis.Instruction, outside: tuple[str, ...]) -> bool:
    if step.opname in _WRITES:
        return step.argval in outside
    reads = step.opname in ("LOAD_ATTR", "LOAD_METHOD")
    return step.opcode in dis.hasname and not (reads and _is_pure(step.argval))
