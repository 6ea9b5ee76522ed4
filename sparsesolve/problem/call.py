"""Functions of x alone, made of what users call otherwise: with arguments, or with a gradient too.

Separate because problems hold functions of x, which must travel to other processes: so these are
classes and not closures. What they call is `__wrapped__`, where the tracer looks for it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from sparsesolve.host.words import check_call, named_words, refuse_words, takes_any_word
from sparsesolve.options import as_tuple, with_keywords

if TYPE_CHECKING:
    from sparsesolve.derivatives.form import Form

__all__ = [
    "FirstOf",
    "Unpacked",
    "WithArguments",
    "also_fun",
    "of_vectors",
    "require_callable",
    "with_arguments",
]

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
        self.__wrapped__ = function
        self.args = args
        self.kwargs = dict(kwargs)
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def __call__(self, x: Any) -> Any:
        """Return the function's value."""
        return self.__wrapped__(x, *self.args, **self.kwargs)


class FirstOf:
    """The first of what a function returns: the value, of value and gradient.

    Parameters
    ----------
    function : callable
        Returns a tuple.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.__wrapped__ = function
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def __call__(self, *args: Any) -> Any:
        """Return the value."""
        return self.__wrapped__(*args)[0]


class Unpacked:
    """A function of nests as one of vectors: of x, and of the parameters where there are any.

    Parameters
    ----------
    function : callable
        The user's.
    forms : sequence of Form or None
        Of each argument that it takes; None where it is a vector for the function too. It is not
        given any further ones.
    """

    only_unpacks = True  # whoever looks for a change of data looks at the function

    def __init__(self, function: Callable[..., Any], forms: Sequence[Form | None]) -> None:
        self.__wrapped__ = function
        self.forms = tuple(forms)
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def __call__(self, *vectors: Any) -> Any:
        """Return the function's value."""
        pairs = zip(self.forms, vectors, strict=False)
        given = [v if form is None else form.nest(v) for form, v in pairs]
        try:
            return self.__wrapped__(*given)
        except (TypeError, IndexError) as error:
            if len(given) > 1 and "integer" in str(error):
                error.add_note("Parameters of a problem are float64: write int(p) in an index.")
            raise


def of_vectors(
    function: Callable[..., Any] | None, form: Form | None, parameters: Form | None
) -> Any:
    """Return a function as one of vectors; itself where it is one.

    Parameters
    ----------
    function : callable or None
        The user's.
    form, parameters : Form or None
        Of the unknowns, if they are a nest; of the parameters, if there are any.
    """
    if function is None or getattr(function, "takes_vectors", False):
        return function
    if parameters is None:
        return function if form is None else Unpacked(function, [form])
    return Unpacked(function, [form] if _takes_one(function) else [form, parameters])


def _takes_one(function: Callable[..., Any]) -> bool:
    """Whether a function takes x alone, whatever the parameters: by its signature, or NumPy's."""
    of_numpy = isinstance(function, np.ufunc) or getattr(function, "__module__", "") == "numpy"
    if of_numpy or isinstance(function, WithArguments):
        return True
    try:
        names = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some builtins have none
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    several = any(name.kind is inspect.Parameter.VAR_POSITIONAL for name in names)
    return not several and sum(name.kind in positional for name in names) == 1


def with_arguments(
    function: Callable[..., Any], args: Any, kwargs: Mapping[str, Any] | None = None
) -> Callable[..., Any]:
    """Return a function of x alone; the same one where there are no further arguments."""
    given = as_tuple(args)
    if callable(function) and (given or kwargs):
        check_call(function, (None, *given), kwargs)
    return WithArguments(function, given, kwargs or {}) if given or kwargs else function


def also_fun(first: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Let the first argument be called `fun`, as it is in scipy."""

    def decorate(solve: Callable[_P, _R]) -> Callable[_P, _R]:
        words = named_words(solve)
        known = frozenset(words)
        any_word = takes_any_word(solve)

        @wraps(solve)
        def solving(*args: _P.args, **options: _P.kwargs) -> _R:
            if "fun" in options:
                options[first] = options.pop("fun")
            if not (any_word or options.keys() <= known):
                refuse_words(solve.__name__, [w for w in options if w not in known], words)
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
        raise TypeError(
            f"The first argument must be callable, got {type(function).__name__}. The function "
            "comes first, then where to begin."
        )
    return with_keywords(function, kwargs)
