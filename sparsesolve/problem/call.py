"""Functions of x alone, made of what users call otherwise: with arguments, or with a gradient too.

Separate because problems hold functions of x, which must travel to other processes: so these are
classes and not closures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from sparsesolve.options import as_tuple, with_keywords

__all__ = ["FirstOf", "WithArguments", "also_fun", "require_callable", "with_arguments"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


class WithArguments:
    """``function(x, *args, **kwargs)`` as a function of x.

    Parameters
    ----------
    function : callable
        The user's.
    args, kwargs : tuple, mapping
        Its further arguments.
    """

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        self.function = function
        self.args = args
        self.kwargs = dict(kwargs)
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def __call__(self, x: Any) -> Any:
        """Return the function's value."""
        return self.function(x, *self.args, **self.kwargs)


class FirstOf:
    """The first of what a function returns: the value, of value and gradient.

    Parameters
    ----------
    function : callable
        Returns a tuple.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def __call__(self, *args: Any) -> Any:
        """Return the value."""
        return self.function(*args)[0]


def with_arguments(
    function: Callable[..., Any], args: Any, kwargs: Mapping[str, Any] | None = None
) -> Callable[..., Any]:
    """Return a function of x alone; the same one where there are no further arguments."""
    given = as_tuple(args)
    return WithArguments(function, given, kwargs or {}) if given or kwargs else function


def also_fun(first: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Let the first argument be called `fun`, as it is in scipy."""

    def decorate(solve: Callable[_P, _R]) -> Callable[_P, _R]:
        @wraps(solve)
        def solving(*args: _P.args, **options: _P.kwargs) -> _R:
            if "fun" in options:
                options[first] = options.pop("fun")
            return solve(*args, **options)

        return solving

    return decorate


def require_callable(function: Any, kwargs: Mapping[str, Any] | None = None) -> Callable[..., Any]:
    """Return a function with keyword arguments, which are constants of it.

    Raises
    ------
    TypeError
        If it cannot be called.
    """
    if not callable(function):
        raise TypeError(f"The first argument must be callable, got {type(function).__name__}.")
    return with_keywords(function, kwargs)
