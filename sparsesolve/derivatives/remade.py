"""`Remade`: pickled and copied by what made it, since machine code belongs to its process.

Every prepared derivative travels in this way: the function and the options go, and
the other side traces anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

from sparsesolve.host.pickling import require_picklable

__all__ = ["Remade", "remembered"]

_P = ParamSpec("_P")
_R = TypeVar("_R", bound="Remade")


def remembered(
    make: Callable[_P, _R], *, known_as: Callable[..., Any] | None = None
) -> Callable[_P, _R]:
    """Let what a function makes know how it was made: by `known_as`, if that is another one."""

    @wraps(make)
    def making(*args: _P.args, **options: _P.kwargs) -> _R:
        made = make(*args, **options)
        if made.recipe is None:  # else one maker called another
            made.recipe = known_as or making, args, options
        return made

    return making


class Remade:
    """Something that can be made again; its maker is `remembered`."""

    recipe: tuple[Callable[..., Any], tuple[Any, ...], Mapping[str, Any]] | None = None

    def __reduce__(self) -> Any:
        """Pickle what makes it: the function, the example and the options."""
        make, args, options = self._known_recipe()
        way = "as its function and traced anew"
        require_picklable(f"a {type(self).__name__}", way, (*args, *options.values()))
        return partial(make, **options), args

    def __copy__(self) -> Any:
        """Make another one of the same function."""
        make, args, options = self._known_recipe()
        return make(*args, **options)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Make another one of the same function, which is not copied."""
        return self.__copy__()

    def _known_recipe(self) -> tuple[Callable[..., Any], tuple[Any, ...], Mapping[str, Any]]:
        if self.recipe is None:
            raise TypeError(
                f"this {type(self).__name__} cannot be pickled or copied: it does not know what "
                "made it. Use the functions of sparsesolve to prepare it."
            )
        return self.recipe
