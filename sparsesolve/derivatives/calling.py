"""Arguments as scipy passes them, and several to differentiate by.

`jacobian`, `hessian`, `gradient` and `jacobian_by_differences` read them alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from numbers import Integral
from typing import Any, ParamSpec, TypeVar

from sparsesolve.derivatives.remade import Remade, remembered
from sparsesolve.host.words import named_words, refuse_words, takes_any_word
from sparsesolve.options import as_function, as_tuple, with_keywords

__all__ = ["OLD_WORDS", "Several", "as_scipy_calls"]

OLD_WORDS = frozenset({"pattern", "scheme", "relative_step", "workers"})
"""Options of `jacobian_by_differences` that `jacobian` takes too, as it was written before."""
_OURS = frozenset({"argnum", "args", "kwargs"})
_P = ParamSpec("_P")
_R = TypeVar("_R", bound=Remade)


class Several(tuple[Any, ...]):
    """A derivative by each of several arguments; called, it gives a tuple of what they give."""

    __slots__ = ()

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        """Return what each gives."""
        return tuple(part(*args) for part in self)

    def value(self, *args: Any) -> Any:
        """Return the function's value, once."""
        return self[0].value(*args)

    def verify(self, *args: Any) -> None:
        """Raise `VerificationError` where the function's data changed since it was traced."""
        self[0].verify(*args)


def as_scipy_calls(make: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let a maker of derivatives take `args`, `kwargs`, and several positions as `argnum`.

    What it makes is `remembered`.

    Parameters
    ----------
    make : callable
        Takes a function, its example arguments and one `argnum`.
    """
    words = named_words(make)
    known = frozenset(words).union(OLD_WORDS if takes_any_word(make) else ())

    @wraps(make)
    def making(*given: _P.args, **options: _P.kwargs) -> _R:
        if not options.keys() <= known:
            refuse_words(make.__name__, [w for w in options if w not in known], words)
        if given:
            as_function("function", given[0])
        if not given or options.keys().isdisjoint(_OURS):
            return single(*given, **options)
        bound: Any = _bound
        made: _R = bound(single, *given, **options)
        return made

    single = remembered(make, known_as=making)
    return making


def _bound(
    make: Callable[..., Any],
    function: Callable[..., Any],
    *example: Any,
    argnum: Any = 0,
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> Any:
    given = (with_keywords(function, kwargs), *example, *as_tuple(args))
    for k in argnum if isinstance(argnum, (tuple, list)) else (argnum,):
        if isinstance(k, bool) or not isinstance(k, Integral):
            raise TypeError(
                "`argnum` must be a whole number, the position of an argument, or a tuple of such, "
                f"got {argnum!r}."
            )
    if isinstance(argnum, (tuple, list)):
        return Several(make(*given, argnum=k, **options) for k in argnum)
    return make(*given, argnum=argnum, **options)
