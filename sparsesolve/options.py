"""What public functions are given, read in one place: `Options`, and arguments of functions.

Separate because every public function takes the same words, and a wrong one must be refused before
any work is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real
from typing import Any, Literal

__all__ = [
    "DIFFERENCED",
    "FOR_SOLVERS",
    "TRACED",
    "Format",
    "Method",
    "Options",
    "SolverDerivatives",
    "as_function",
    "as_tuple",
    "check_words",
    "choice",
    "count",
    "mapping",
    "positive",
    "switch",
    "with_keywords",
]

Method = Literal["auto", "compiled", "interpreted", "colored", "finite-difference", "complex-step"]
SolverDerivatives = Literal["auto", "compiled", "interpreted", "colored", "differences"]
Format = Literal["csr", "csc", "dense"]

TRACED: tuple[Method, ...] = ("auto", "compiled", "interpreted", "colored")
DIFFERENCED: tuple[Method, ...] = ("finite-difference", "complex-step")
FOR_SOLVERS: tuple[SolverDerivatives, ...] = (
    "auto",
    "compiled",
    "interpreted",
    "colored",
    "differences",
)
_MOST_THREADS = 256
_MANY = 2**31


def choice(name: str, given: Any, known: Sequence[str]) -> None:
    """Raise where an option is not one of some words."""
    if not isinstance(given, str):
        kind = type(given).__name__
        raise TypeError(f"`{name}` must be one of {', '.join(known)}, got a {kind}: {given!r}.")
    if given not in known:
        raise ValueError(f"`{name}` must be one of {', '.join(known)}, got {given!r}.")


def count(name: str, given: Any, most: int) -> int:
    """Return an option that is a whole number from 1 to `most`; raise where it is not."""
    if isinstance(given, bool) or not isinstance(given, Integral):
        kind = type(given).__name__
        raise TypeError(f"`{name}` must be a whole number, got a {kind}: {given!r}.")
    if not 1 <= int(given) <= most:
        end = f"from 1 to {most}" if most < _MANY else "at least 1"
        raise ValueError(f"`{name}` must be {end}, got {given}.")
    return int(given)


def positive(name: str, given: Any, *, zero: bool = False) -> float:
    """Return an option that is a number above zero, or with `zero` not below it; else raise."""
    if isinstance(given, bool) or not isinstance(given, (float, Real)):
        kind = type(given).__name__
        raise TypeError(f"`{name}` must be a positive number, got a {kind}: {given!r}.")
    value = float(given)
    if not (value > 0 or (zero and value == 0)):
        raise ValueError(f"`{name}` must be a positive number, got {given!r}.")
    return value


def switch(name: str, given: Any) -> bool:
    """Return an option that is True or False; raise where it is not."""
    if given is not True and given is not False:
        raise TypeError(f"`{name}` must be True or False, got {given!r}.")
    return bool(given)


def mapping(name: str, given: Any) -> dict[str, Any]:
    """Return an option that is a dictionary with words as keys, or None; else raise."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        kind = type(given).__name__
        raise TypeError(
            f"`{name}` must be a dictionary, such as {name}={{'word': value}}, got a {kind}: "
            f"{given!r}."
        )
    wrong = [key for key in given if not isinstance(key, str)]
    if wrong:
        raise TypeError(f"`{name}` must have words as keys, got {wrong[0]!r}.")
    return dict(given)


def as_function(name: str, given: Any) -> Callable[..., Any]:
    """Return an argument that is a function; raise where it is not."""
    if not callable(given):
        raise TypeError(
            f"`{name}` must be a function, got {type(given).__name__}. Functions come first, "
            "arrays after them."
        )
    made: Callable[..., Any] = given
    return made


def check_words(
    *, tol: Any = None, options: Any = None, progress: Any = False, kwargs: Any = None
) -> None:
    """Raise where what all solvers take is of another kind."""
    if tol is not None:
        positive("tol", tol)
    mapping("options", options)
    mapping("kwargs", kwargs)
    switch("progress", progress)


def as_tuple(args: Any) -> tuple[Any, ...]:
    """Return further arguments as a tuple; one alone need not be in one."""
    if args is None:
        return ()
    return tuple(args) if isinstance(args, (tuple, list)) else (args,)


def with_keywords(
    function: Callable[..., Any], kwargs: Mapping[str, Any] | None
) -> Callable[..., Any]:
    """Return a function with keyword arguments, which are constants of it."""
    if not mapping("kwargs", kwargs) or kwargs is None:
        return function
    bound = partial(function, **kwargs)
    bound.__name__ = getattr(function, "__name__", type(function).__name__)  # type: ignore[attr-defined]
    return bound


@dataclass(frozen=True, slots=True)
class Options:
    """How derivatives are wanted.

    Parameters
    ----------
    method : str, default "auto"
        "interpreted" asks for NumPy, "compiled" for machine code or an error, "colored" for
        products with seeds; "auto" for what is best.
    threads : int, default 1
        How many threads share a long loop of machine code.
    format : {"csr", "csc", "dense"}, default "csr"
        Of matrices.
    check : bool, default True
        Whether to compare a trace with plain calls, and machine code with the interpreter.
    methods : sequence of str
        The methods to choose from.
    named : str, default "method"
        What the user calls the method; for messages.

    Raises
    ------
    ValueError, TypeError
        If an option is not one of its choices.
    """

    method: Method = "auto"
    threads: int = 1
    format: Format = "csr"
    check: bool = True
    methods: tuple[Method, ...] = TRACED
    named: str = "method"

    def __post_init__(self) -> None:
        choice(self.named, self.method, self.methods)
        choice("format", self.format, ("csr", "csc", "dense"))
        object.__setattr__(self, "threads", count("threads", self.threads, _MOST_THREADS))
        if not isinstance(self.check, bool) and self.check not in (0, 1):
            raise TypeError(f"`check` must be True or False, got {self.check!r}.")
