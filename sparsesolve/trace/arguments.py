"""The arguments of a traced function: which is differentiated, which are parameters, which static.

Separate because the tracer and every later call of a derivative must read arguments alike.

Numbers and arrays of numbers are parameters: they may change at each call. Tuples and dicts of
them are opened. A list of numbers is an array, and integers are real numbers, as long as the
function does not tell the difference; else lists are opened and integers are static (`opened`).
Matrices and masked arrays are static, as they calculate otherwise. Everything else (None, strings,
bools, callables, other objects) is static: it is fixed at the trace, and a call with another value
is refused. Static arguments are compared by what they hold, so one that was changed in place is
refused too; only those that the function itself changes (a counter, a cache), or that hold too
much, are compared by identity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import StructureMismatch, TraceError
from sparsesolve.trace.content import Content, content_of, is_immutable

__all__ = ["Arguments", "depends_on_kinds", "flatten", "layout", "rebuild"]

_CONTAINERS = (list, tuple, dict)
_LARGEST = 2.0**53


@dataclass(frozen=True, slots=True)
class Leaf:
    """Place of a numeric argument: its number among all of them, its name and its shape."""

    number: int
    name: str
    shape: tuple[int, ...]
    kind: np.dtype[Any] | None = None  # of narrow integers, which wrap around


@dataclass(frozen=True, slots=True)
class Static:
    """An argument that is fixed at the trace.

    `content` is what it held then; None where identity or equality says all.
    """

    name: str
    value: Any
    content: Content | None = None


@dataclass(frozen=True, slots=True)
class Arguments:
    """How the arguments of a call become the point and the parameters of a tape.

    Parameters
    ----------
    tree : tuple
        The arguments with a `Leaf` for every array of numbers and a `Static` for the rest.
    argnum : int
        Position of the differentiated argument.
    opened : bool
        Whether lists are opened and integers static.
    """

    tree: tuple[Any, ...]
    argnum: int
    opened: bool = False

    def split(self, args: Sequence[Any]) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
        """Check the arguments of a call and sort them.

        Parameters
        ----------
        args : sequence
            Arguments like the example arguments of the trace.

        Returns
        -------
        x : ndarray of float64
            The differentiated argument.
        parameters : list of ndarray of float64
            All other numeric arguments, in the order of the tape.

        Raises
        ------
        StructureMismatch
            If the number, the shape or the kind of an argument differs from the example.
        """
        if len(args) != len(self.tree):
            raise StructureMismatch(
                f"expected {len(self.tree)} arguments, got {len(args)}. Pass arguments like "
                "those of the example."
            )
        found: list[NDArray[np.float64]] = []
        for expected, given in zip(self.tree, args, strict=True):
            _match(expected, given, found)
        x = found.pop(self._position())
        return x, found

    def join(self, x: Any, parameters: Sequence[Any]) -> list[Any]:
        """Rebuild the arguments of the user's function.

        Parameters
        ----------
        x : array_like
            The differentiated argument.
        parameters : sequence of array_like
            The other numeric arguments, in the order of the tape.

        Returns
        -------
        list
            Arguments for the function, containers and static arguments in place.
        """
        leaves = list(parameters)
        leaves.insert(self._position(), x)
        return [rebuild(part, leaves) for part in self.tree]

    def own(self, x: Any, args: Sequence[Any]) -> list[Any]:
        """Return copies of a user's own arguments, of the types that they have, but for `x`."""
        return [
            x if k == self.argnum else _own(part, given)
            for k, (part, given) in enumerate(zip(self.tree, args, strict=True))
        ]

    def read(self) -> Arguments:
        """Return the same with what the static arguments hold now."""

        def reading(static: Static) -> Static:
            known = is_immutable(static.value)
            return replace(static, content=None if known else content_of(static.value))

        return replace(self, tree=_map_static(reading, self.tree))

    def settled(self) -> Arguments:
        """Return the same, without the content of what has changed since it was read."""

        def settling(static: Static) -> Static:
            if static.content is None or static.content == content_of(static.value):
                return static
            return replace(static, content=None)

        return replace(self, tree=_map_static(settling, self.tree))

    def seal(self, args: Sequence[Any]) -> list[Any]:
        """Return checked arguments that nobody changes, and that later calls need not compare.

        Numbers are copied, and static arguments whose content counts are replaced by a mark. A
        solve does so once, and looks at the user's own when it ends.
        """
        self.split(args)
        return [_seal(part, given) for part, given in zip(self.tree, args, strict=True)]

    def _position(self) -> int:
        target: Leaf = self.tree[self.argnum]
        return target.number


def layout(
    args: Sequence[Any], argnum: int, names: Sequence[str], *, opened: bool = False
) -> Arguments:
    """Read the layout off example arguments.

    Parameters
    ----------
    args : sequence
        Example arguments.
    argnum : int
        Position of the differentiated argument.
    names : sequence of str
        Names for error messages.
    opened : bool, default False
        Whether lists are opened and integers static.

    Returns
    -------
    Arguments
        The layout.
    """
    count = [0]
    if not -len(args) <= argnum < len(args):
        raise ValueError(
            f"`argnum` must be a position among {len(args)} arguments, got {argnum}. Pass an "
            "example for every argument."
        )
    argnum %= len(args)
    x = args[argnum]
    if isinstance(x, np.ma.MaskedArray) and np.ma.getmaskarray(x).any():
        raise TraceError(
            f"`{names[argnum]}` must not be masked to differentiate by it. Pass the elements that "
            "count, as in x.compressed()."
        )
    tree = tuple(
        _describe_x(a, name, count) if k == argnum else _describe(a, name, count, opened)
        for k, (a, name) in enumerate(zip(args, names, strict=True))
    )
    if not isinstance(tree[argnum], Leaf):
        raise TraceError(
            f"`{names[argnum]}` must be a number or an array of numbers to differentiate by it, "
            f"got {type(args[argnum]).__name__}. Choose another `argnum`."
        )
    return Arguments(tree, argnum, opened)


def depends_on_kinds(args: Sequence[Any], argnum: int) -> bool:
    """Whether there are integers or lists of numbers, which `opened` takes in another way."""
    others = [a for k, a in enumerate(args) if k != argnum % len(args)]
    return any(map(_has_kinds, others))


def _has_kinds(argument: Any) -> bool:
    if isinstance(argument, dict):
        return any(map(_has_kinds, argument.values()))
    if isinstance(argument, tuple):
        return any(map(_has_kinds, argument))
    return isinstance(argument, list) or _is_integer(argument)


def _is_integer(argument: Any) -> bool:
    if isinstance(argument, (np.ndarray, np.generic)):
        return argument.dtype.kind in "iu"
    return isinstance(argument, int) and not isinstance(argument, bool)


def _describe_x(argument: Any, name: str, count: list[int]) -> Any:
    if not _is_numeric(argument, name):
        return _describe(argument, name, count, opened=False)
    count[0] += 1
    return Leaf(count[0] - 1, name, np.shape(argument))


def _describe(argument: Any, name: str, count: list[int], opened: bool) -> Any:
    if isinstance(argument, np.matrix | np.ma.MaskedArray):
        return Static(name, argument)
    if opened and _is_integer(argument):
        return Static(name, argument)
    if not (opened and isinstance(argument, list)) and _is_numeric(argument, name):
        count[0] += 1
        narrow = _is_integer(argument) and not isinstance(argument, int | np.int64)
        kind = argument.dtype if narrow and argument.dtype != np.int64 else None
        return Leaf(count[0] - 1, name, np.shape(argument), kind)
    if type(argument) in (list, tuple):
        return type(argument)(
            _describe(item, f"{name}[{k}]", count, opened) for k, item in enumerate(argument)
        )
    if type(argument) is dict:
        return {k: _describe(item, f"{name}[{k!r}]", count, opened) for k, item in argument.items()}
    return Static(name, argument)


def _own(expected: Any, given: Any) -> Any:
    """Copy one argument; real numbers become float64, in which everything is computed."""
    if isinstance(expected, Static):
        return expected.value
    if isinstance(expected, dict):
        return {key: _own(item, given[key]) for key, item in expected.items()}
    if isinstance(expected, list | tuple):
        return type(expected)(map(_own, expected, given))
    if isinstance(given, np.ndarray | np.generic) and given.dtype.kind == "f":
        return np.array(given, dtype=np.float64)[()]
    return deepcopy(given)


def _is_numeric(argument: Any, name: str) -> bool:
    """Tell numbers, arrays of numbers and lists of numbers from everything else."""
    if isinstance(argument, (bool, np.bool_, str, bytes, type(None), dict)) or callable(argument):
        return False
    if isinstance(argument, complex) or (
        isinstance(argument, (np.ndarray, np.generic)) and argument.dtype.kind == "c"
    ):
        raise TraceError(
            f"`{name}` must be real, got complex numbers. Pass real and imaginary parts as two "
            "arrays."
        )
    if isinstance(argument, (int, float)):
        return True
    if isinstance(argument, (np.ndarray, np.generic)):
        return argument.dtype.kind in "iuf"
    if isinstance(argument, list):
        try:
            return np.asarray(argument).dtype.kind in "iuf"
        except ValueError:
            return False
    return False


def _match(expected: Any, given: Any, found: list[NDArray[np.float64]]) -> None:
    if isinstance(expected, Leaf):
        found.append(_array(expected, given))
    elif isinstance(expected, Static):
        _match_static(expected, given)
    else:
        if type(given) is not type(expected) or len(given) != len(expected):
            raise StructureMismatch(
                f"expected a {type(expected).__name__} of {len(expected)} items, got "
                f"{type(given).__name__}. Pass arguments like those of the example."
            )
        keys = expected if isinstance(expected, dict) else range(len(expected))
        for key in keys:
            _match(expected[key], given[key], found)


def _match_static(expected: Static, given: Any) -> None:
    if given is expected:  # sealed
        return
    if expected.content is None:
        if _equal(expected.value, given):
            return
    elif content_of(given) == expected.content:
        return
    elif given is expected.value:
        raise StructureMismatch(
            f"`{expected.name}` must hold what it held when the function was traced, got "
            f"{_short(given)} changed in place; arguments that are not numbers are fixed then. "
            "Build a new one for other contents."
        )
    raise StructureMismatch(
        f"`{expected.name}` must be {_short(expected.value)}, got {_short(given)}; arguments that "
        "are not numbers are fixed when the function is traced. Build a new one for others."
    )


def _short(thing: Any) -> str:
    text = " ".join(repr(thing).split())
    return text if len(text) <= 200 else f"{text[:200]}..."


def _array(leaf: Leaf, given: Any) -> NDArray[np.float64]:
    if isinstance(given, np.matrix | np.ma.MaskedArray):
        _refuse_other_kinds(leaf, given)
    kind = np.asarray(given).dtype.kind
    if kind not in "iufb":
        raise StructureMismatch(
            f"`{leaf.name}` must hold real numbers, got {type(given).__name__} of kind "
            f"'{kind}'. Convert it with np.asarray(..., dtype=float)."
        )
    array = np.asarray(given, dtype=np.float64)
    if kind in "iu" and array.size and np.abs(array).max() > _LARGEST:
        raise StructureMismatch(
            f"`{leaf.name}` must hold integers below 2**53, got {np.max(np.abs(array))}; larger "
            "ones are no floating-point numbers. Subtract an offset before the call."
        )
    if array.shape != leaf.shape:
        raise StructureMismatch(
            f"`{leaf.name}` must have shape {leaf.shape}, got {array.shape}; this was built for "
            f"{int(np.prod(leaf.shape))} elements. Build a new one for other sizes."
        )
    return array


def _refuse_other_kinds(leaf: Leaf, given: Any) -> None:
    """Refuse arrays that calculate otherwise than the plain one of the example."""
    if isinstance(given, np.matrix) or np.ma.getmaskarray(given).any():
        raise StructureMismatch(
            f"`{leaf.name}` must be a plain array, as it was when the function was traced, got "
            f"{type(given).__name__}. Pass np.asarray(...), or the elements that are not masked."
        )


def _equal(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    try:
        return type(a) is type(b) and bool(a == b)
    except Exception:  # any object may refuse to be compared
        return False


def flatten(tree: Any) -> list[Leaf]:
    """List the leaves of a layout in order."""
    if isinstance(tree, Leaf):
        return [tree]
    items = tree.values() if isinstance(tree, dict) else tree
    return (
        [leaf for item in items for leaf in flatten(item)] if isinstance(tree, _CONTAINERS) else []
    )


def rebuild(tree: Any, leaves: Sequence[Any]) -> Any:
    """Put values in the places of a layout."""
    if isinstance(tree, Leaf):
        return leaves[tree.number]
    if isinstance(tree, Static):
        return tree.value
    if isinstance(tree, dict):
        return {key: rebuild(item, leaves) for key, item in tree.items()}
    return type(tree)(rebuild(item, leaves) for item in tree)


def _map_static(change: Callable[[Static], Static], tree: Any) -> Any:
    """Replace the static arguments of a layout."""
    if isinstance(tree, Static):
        return change(tree)
    if isinstance(tree, dict):
        return {key: _map_static(change, item) for key, item in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(_map_static(change, item) for item in tree)
    return tree


def _seal(expected: Any, given: Any) -> Any:
    if isinstance(expected, Static):
        return given if expected.content is None else expected
    if isinstance(expected, dict):
        return {key: _seal(item, given[key]) for key, item in expected.items()}
    if isinstance(expected, list | tuple):
        return type(expected)(map(_seal, expected, given))
    return np.array(given, dtype=np.float64)[()]
