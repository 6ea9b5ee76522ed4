"""An exception of a solver: a failure of numbers, which is a status, or a wrong argument.

Separate because all adapters must draw the same line. Exceptions of the user's own functions and
callbacks pass, and so do those about options; what the numbers did (a matrix that is not finite or
singular, no convergence inside of LAPACK, no memory) is the end of a solve, with a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

__all__ = ["INTERRUPTED", "NUMERICAL", "describe_failure", "refuse_huge_integers"]

INTERRUPTED = "Interrupted from the keyboard; this is the best point so far."
"""What a solve says that a Ctrl-C ended."""

NUMERICAL = (
    ArithmeticError,
    IndexError,
    MemoryError,
    RuntimeError,
    ValueError,
    np.linalg.LinAlgError,
)

_ABOUT_NUMBERS = ("nan", "inf", "finite", "converge", "singular", "curvature", "definite")
_LARGEST_C_INT = 2**31 - 1


def describe_failure(
    failure: BaseException,
    own: Iterable[BaseException | None],
    options: Mapping[str, Any] | None,
    solver: str,
) -> str:
    """Return the message of a failure of numbers; empty where the exception must pass.

    Parameters
    ----------
    failure : BaseException
        One of `NUMERICAL`.
    own : iterable of BaseException or None
        Those that the user's functions and callback raised.
    options : mapping or None
        The user's, which the exception may be about.
    solver : str
        For the message.

    Raises
    ------
    ValueError
        If an integer among the options is too large for the solver.
    """
    if isinstance(failure, MemoryError):
        why = str(failure).rstrip(".") or "no more is left"
        return (
            f"{solver} needs more memory than there is: {why}. "
            "Use a solver without matrices: 'L-BFGS-B', 'CG', 'trust-ncg' or 'Newton-CG'."
        )
    if any(failure is error for error in own):
        return ""
    if isinstance(failure, OverflowError):
        refuse_huge_integers(options, solver)
    text = str(failure)
    numbers = not isinstance(failure, ValueError) or isinstance(failure, np.linalg.LinAlgError)
    if not numbers and options and not any(w in text.lower() for w in _ABOUT_NUMBERS):
        return ""
    return f"{solver} failed: {text}"


def refuse_huge_integers(options: Mapping[str, Any] | None, solver: str) -> None:
    """Raise for the first option whose integer does not fit into 32 bits.

    Parameters
    ----------
    options : mapping or None
        The user's.
    solver : str
        For the message.
    """
    for name, value in (options or {}).items():
        whole = isinstance(value, int | np.integer)
        if whole and abs(int(value)) > _LARGEST_C_INT:
            raise ValueError(
                f"option {name!r} of {solver} must be at most {_LARGEST_C_INT} in size, got "
                f"{value}. Use a smaller number."
            )
