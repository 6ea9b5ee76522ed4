"""What public functions are given, read in one place: `Options`, and arguments of functions.

Separate because every public function takes the same words, and a wrong one must be refused before
any work is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any, Literal

__all__ = [
    "DIFFERENCED",
    "TRACED",
    "Format",
    "Method",
    "Options",
    "SolverDerivatives",
    "as_tuple",
    "choice",
    "count",
    "with_keywords",
]

Method = Literal["auto", "compiled", "interpreted", "colored", "finite-difference", "complex-step"]
SolverDerivatives = Literal["auto", "compiled", "interpreted", "colored", "differences"]
Format = Literal["csr", "csc"]

TRACED: tuple[Method, ...] = ("auto", "compiled", "interpreted", "colored")
DIFFERENCED: tuple[Method, ...] = ("finite-difference", "complex-step")
_MOST_THREADS = 256


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
        raise ValueError(f"`{name}` must be from 1 to {most}, got {given}.")
    return int(given)


def as_tuple(args: Any) -> tuple[Any, ...]:
    """Return further arguments as a tuple; one alone need not be in one."""
    if args is None:
        return ()
    return tuple(args) if isinstance(args, (tuple, list)) else (args,)


def with_keywords(
    function: Callable[..., Any], kwargs: Mapping[str, Any] | None
) -> Callable[..., Any]:
    """Return a function with keyword arguments, which are constants of it."""
    if not kwargs:
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
    format : {"csr", "csc"}, default "csr"
        Of matrices.
    check : bool, default True
        Whether to compare a trace with plain calls, and machine code with the interpreter.
    methods : sequence of str
        The methods to choose from.

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

    def __post_init__(self) -> None:
        choice("method", self.method, self.methods)
        choice("format", self.format, ("csr", "csc"))
        object.__setattr__(self, "threads", count("threads", self.threads, _MOST_THREADS))
        if not isinstance(self.check, bool) and self.check not in (0, 1):
            raise TypeError(f"`check` must be True or False, got {self.check!r}.")
