"""Words that a function does not take: what it takes, and what was meant.

Python says only that a word was not expected, and people come with the words of
other libraries.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

__all__ = [
    "check_call",
    "in_call",
    "known_keywords",
    "known_words",
    "named_words",
    "refuse_words",
    "similar",
    "takes_any_word",
]

_T = TypeVar("_T")
_P = ParamSpec("_P")
_R = TypeVar("_R")

_MEANT = {
    "disp": "`progress=True` shows the iterations",
    "verbose": "`progress=True` shows the iterations",
    "maxiter": "limits of a solver go into `options`, by its own names",
    "max_iter": "limits of a solver go into `options`, by its own names",
    "max_iterations": "limits of a solver go into `options`, by its own names",
    "max_nfev": "limits of a solver go into `options`, by its own names",
    "maxfev": "limits of a solver go into `options`, by its own names",
    "sparsity": "nothing need be said of the structure, which is found",
    "jac_sparsity": "nothing need be said of the structure, which is found",
    "eps": "derivatives are exact, and have no step",
    "lb": "write `lower`, or `bounds=(lower, upper)`",
    "ub": "write `upper`, or `bounds=(lower, upper)`",
    "grad": "derivatives are our own, and need not be given",
    "M": "write `mass_matrix`",
    "mass": "write `mass_matrix`",
}
_TOLERANCES = "this solver has two tolerances, write `rtol` and `atol`"


def similar(word: str, known: Iterable[str]) -> str:
    """Return the known word that is most like this one; empty where none is."""
    import difflib  # noqa: PLC0415 - only for a message

    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)
    return found[0] if found else ""


def refuse_words(name: str, words: Iterable[str], known: Iterable[str]) -> None:
    """Raise where there are words, with what was meant and what there is.

    Parameters
    ----------
    name : str
        Of the function.
    words, known : iterable of str
        Those that it does not take, and all that it takes.
    """
    unknown, known = list(words), list(known)
    if not unknown:
        return
    first = unknown[0]
    near = similar(first, known)
    meant = f"write `{near}`" if near else _MEANT.get(first, "")
    if first in ("tol", "tolerance") and "rtol" in known:
        meant = _TOLERANCES
    listed = ", ".join(map(repr, unknown))
    kind = "an unexpected keyword argument" if len(unknown) == 1 else "unexpected keyword arguments"
    advice = f"{meant[:1].upper()}{meant[1:]}. " if meant else "Leave it out. "
    raise TypeError(f"{name}() got {kind} {listed}. {advice}It takes {', '.join(known)}.")


def named_words(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the words that a function can be called with."""
    parameters = inspect.signature(function).parameters.values()
    return tuple(p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD))


def takes_any_word(function: Callable[..., Any]) -> bool:
    """Whether it has ``**more``, and so looks at its words itself."""
    parameters = inspect.signature(function).parameters.values()
    return any(p.kind is p.VAR_KEYWORD for p in parameters)


def known_words(cls: type[_T]) -> type[_T]:
    """Let a class say what it takes where it is made with a word that it does not know."""
    cls.__init__ = known_keywords(cls.__init__, cls.__name__)  # type: ignore[method-assign]
    return cls


def known_keywords(
    method: Callable[_P, _R], name: str = "", *, of_object: bool = True
) -> Callable[_P, _R]:
    """Let a method say what it takes where it is called with a word that it does not know.

    And where it is called with more arguments by position than it takes.

    Parameters
    ----------
    method : callable
        Without ``**more`` and ``*more``.
    name : str, optional
        What it is called in messages.
    of_object : bool, optional
        Whether its first parameter is the object, which is not counted. Default is True.
    """
    parameters = [*inspect.signature(method).parameters.values()][int(of_object) :]
    words = [p.name for p in parameters]
    by_place = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    known = frozenset(words)
    most = len(by_place) + int(of_object)

    @wraps(method)
    def calling(*args: _P.args, **options: _P.kwargs) -> _R:
        if not options.keys() <= known:
            refuse_words(name or method.__name__, [w for w in options if w not in known], words)
        if len(args) > most:
            others = [word for word in words if word not in by_place]
            raise TypeError(
                f"{name or method.__name__}() takes {len(by_place)} arguments by position, "
                f"{', '.join(by_place) or 'none'}, got {len(args) - int(of_object)}. Write the "
                f"others by name: {', '.join(f'{word}=...' for word in others)}."
            )
        return method(*args, **options)

    return calling


def check_call(
    function: Callable[..., Any], args: Iterable[Any], kwargs: Mapping[str, Any] | None = None
) -> None:
    """Raise where a function does not take so many arguments, with both numbers.

    Parameters
    ----------
    function : callable
        The user's; where it does not tell what it takes, nothing is said.
    args, kwargs : iterable, mapping
        What it would be called with.
    """
    given = tuple(args)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some builtins have no signature
        return
    try:
        signature.bind(*given, **(kwargs or {}))
    except TypeError as error:
        name = getattr(function, "__name__", type(function).__name__)
        raise TypeError(
            f"`{name}` must take the {len(given)} arguments that it would be called with, but it "
            f"is written {name}{signature}: {error}. Give an example, or `args`, for each further "
            "argument, and none that it does not take."
        ) from None


def in_call(error: Exception, function: Callable[..., Any], args: Iterable[Any]) -> Exception:
    """Return an error that a user's function raised, with what it was called with as a note.

    Parameters
    ----------
    error : Exception
        As raised.
    function : callable
        The user's.
    args : iterable
        What it was called with. Where it does not take so many, that is the error.
    """
    given = tuple(args)
    try:
        if isinstance(error, TypeError):
            check_call(function, given)
    except TypeError as wrong:
        return wrong
    shapes = ", ".join(_kind(value) for value in given)
    name = getattr(function, "__name__", type(function).__name__)
    error.add_note(f"`{name}` raised this itself, called with its example: {shapes}.")
    return error


def _kind(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ if shape is None else f"an array of shape {shape}"
