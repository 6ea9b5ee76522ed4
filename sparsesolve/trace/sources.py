"""Where in the user's code an operation stands.

Separate because it is asked for at every recorded operation, and must cost a microsecond.
"""

from __future__ import annotations

import opcode
import sys
from functools import cache
from pathlib import Path
from types import CodeType, FrameType

import autograd
import numpy as np
import scipy

__all__ = [
    "IMPLICIT",
    "error_line",
    "formats_text",
    "is_in_a_solver",
    "is_library",
    "is_sparse_call",
    "passed_a_solver",
    "user_line",
]

_LIBRARIES = tuple(
    f"{Path(str(file)).resolve().parent}/"
    for file in (autograd.__file__, np.__file__, scipy.__file__, Path(__file__).parent)
)
_PANDAS = "-packages/pandas/core/"  # which may be imported later, or never
_STANDARD = ("<frozen ", f"{Path(opcode.__file__).parent}/")
_INSTALLED = ("site-packages", "dist-packages")
_inside: dict[CodeType, bool] = {}  # of this package and its libraries
_hidden: dict[CodeType, bool] = {}  # of Python's own as well
_BINARY = opcode.opmap["BINARY_OP"]
_REMAINDERS = {k for k, (name, _) in enumerate(opcode._nb_ops) if "REMAINDER" in name}  # type: ignore[attr-defined]


def user_line() -> str:
    """Return ``file:line`` of the innermost frame outside of this package and all libraries."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        hidden = _hidden.get(code)
        if hidden is None:
            hidden = _hidden[code] = _is_hidden(code.co_filename)
        if not hidden:
            return f"{code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


IMPLICIT = (
    " For a root that is found inside of the function take sparsesolve.implicit(solve, residual), "
    "which differentiates the root and not the solver."
)


def is_in_a_solver() -> bool:
    """Whether a solver of scipy is under way."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith("scipy.optimize"):
            return True
        frame = frame.f_back
    return False


def passed_a_solver(error: BaseException) -> bool:
    """Whether an exception has come through a solver of scipy."""
    step = error.__traceback__
    while step is not None:
        if str(step.tb_frame.f_globals.get("__name__", "")).startswith("scipy.optimize"):
            return True
        step = step.tb_next
    return False


def is_library(code: CodeType) -> bool:
    """Whether some code belongs to this package or to the libraries it works on."""
    inside = _inside.get(code)
    if inside is None:
        inside = _inside[code] = _is_library(code.co_filename)
    return inside


def formats_text(frame: FrameType) -> bool:
    """Whether a frame is at an operator `%`, which takes Python numbers for text only."""
    code, at = frame.f_code.co_code, frame.f_lasti
    return code[at] == _BINARY and code[at + 1] in _REMAINDERS


def error_line(error: BaseException) -> str:
    """Return ``file:line`` of the innermost user's frame that an exception passed."""
    line = ""
    step = error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if not _is_hidden(file) and not file.endswith((".pyx", "<stringsource>")):
            line = f"{file}:{step.tb_lineno}"
        step = step.tb_next
    return line


@cache
def _is_library(filename: str) -> bool:
    return filename.startswith(("<__array_function__", *_LIBRARIES)) or _PANDAS in filename


@cache
def _is_hidden(filename: str) -> bool:
    """Whether a file is no place to look for a user's line."""
    if _is_library(filename):
        return True
    return filename.startswith(_STANDARD) and not any(name in filename for name in _INSTALLED)


def is_sparse_call(frame: FrameType) -> bool:
    """Tell a call by scipy.sparse, whose products leave to us what they cannot read."""
    if frame.f_globals.get("__name__") == "sparsesolve.trace.substitutes" and frame.f_back:
        frame = frame.f_back  # a creation function that stands for NumPy's
    caller = str(frame.f_globals.get("__name__", ""))
    return caller.startswith("scipy.sparse.") and not caller.startswith("scipy.sparse.linalg")
