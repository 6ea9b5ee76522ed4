"""What traced arrays raise where NumPy's would answer, or raise too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from sparsesolve.errors import DataDependentBranch, UnsupportedOperation
from sparsesolve.trace.sources import IMPLICIT, error_line, is_in_a_solver, user_line

__all__ = [
    "TOWARD_NUMBERS",
    "AmbiguousTruthError",
    "NoAttributeError",
    "NotANumberError",
    "NumberMadeError",
    "Outlived",
    "PlainTargetError",
    "UnsupportedAttributeError",
    "by_keyword_error",
    "no_rule_error",
    "of_objects",
    "outlived_error",
    "refuse_conversion",
    "speaks_of_objects",
]

TOWARD_NUMBERS = (
    "Leave float() out; take NumPy's functions instead of math's (np.sin); to assign into an "
    "array, make it with np.zeros_like(x) or np.empty_like(x) instead of np.zeros(n), or build "
    "it with np.array([...]) or np.concatenate"
)
"""How to do without numbers made of traced values."""


class UnsupportedAttributeError(UnsupportedOperation, AttributeError):
    """An attribute of NumPy's array that a traced one does not have."""


class NoAttributeError(UnsupportedAttributeError):
    """An attribute that NumPy's array does not have either, or one that protocols look for."""

    final = False


class AmbiguousTruthError(DataDependentBranch, ValueError):
    """The truth of an array that has not one element; NumPy refuses it as well."""

    final = False


class NotANumberError(UnsupportedOperation):
    """A number made, or a hash taken, of an array; NumPy refuses it as well."""

    final = False


class NumberMadeError(UnsupportedOperation):
    """A number made of a traced one, which NumPy would do."""


class PlainTargetError(UnsupportedOperation):
    """Traced values written into a plain array."""


def refuse_conversion(box: Any, kind: str, fix: str) -> NoReturn:
    """Raise the error for a traced value of which a number or an array is made."""
    raise (NumberMadeError if box.size == 1 else NotANumberError)(
        f"expected traced values to stay traced, got a conversion to {kind} at {user_line()}. "
        f"{fix}.{IMPLICIT if is_in_a_solver() else ''}"
    )


_OF_OBJECTS = (
    "dtype('O')",
    ": object Permitted",
    "loop of ufunc does not support",
    "not supported for the input types",
)


def speaks_of_objects(error: Exception) -> bool:
    """Whether an error of NumPy or SciPy is about an object array made of traced values."""
    return isinstance(error, TypeError | ValueError | IndexError) and any(
        text in str(error) for text in _OF_OBJECTS
    )


def of_objects(error: Exception) -> UnsupportedOperation:
    """Explain an error of NumPy or SciPy about the object array they made of traced values."""
    return UnsupportedOperation(
        f"expected functions that take traced arrays, got one that made an object array of them at "
        f"{error_line(error)} ({error}). Make one array of a list first, with np.array([...]); "
        "take functions of scipy.special from autograd.scipy.special."
    )


class Outlived(UnsupportedOperation):
    """A traced value was used after its trace."""


def outlived_error() -> UnsupportedOperation:
    """Return the error for a traced value that is used after its trace."""
    return Outlived(
        f"expected values of this call alone, got a traced value that an earlier call has kept (in "
        f"a cache, a global or an attribute) at {user_line()}. Let the function depend on its "
        "arguments only, and keep such a cache outside of it."
    )


def by_keyword_error(fun: Callable[..., Any]) -> UnsupportedOperation:
    """Return the error for a traced value that is given by keyword."""
    name = getattr(fun, "__name__", str(fun))
    return UnsupportedOperation(
        f"expected traced values as positional arguments, got one by keyword in `{name}` at "
        f"{user_line()}. Pass it by position."
    )


def no_rule_error(fun: Callable[..., Any]) -> UnsupportedOperation:
    """Return the error for a function that has no derivative rule."""
    name = getattr(fun, "__name__", str(fun))
    return UnsupportedOperation(
        f"expected operations with a derivative rule, got `{name}` at {user_line()}. Write it "
        "with other NumPy functions, or wrap it with autograd.extend.primitive and defvjp."
    )
