"""The arguments of a traced function: which is differentiated, which are parameters, which static.

Separate because the tracer and every later call of a derivative must read arguments alike.

Numbers and arrays of numbers are parameters: they may change at each call. Containers of them are
opened: tuples, dicts, named tuples, dataclasses, namespaces. A list of numbers is an array, and
integers are real numbers, as long as the function does not tell the difference; else lists are
opened and integers are static (`opened`). Matrices, masked arrays and complex numbers are static,
as they calculate otherwise. Everything else (None, strings, bools, callables, other objects) is
static: it is fixed at the trace, and a call with another value is refused, or has a trace of its
own where it is a size, an index, a word or a flag. Static arguments are compared by what they hold,
so one that was changed in place is refused too; only those that the function itself changes (a
counter, a cache), or that hold too much, are compared by identity.

Where a function needs plain numbers of its arguments (knots of an interpolator, labels), arrays, or
all numbers, are static as well (`opened` 2 and 3), and other ones have a trace of their own.

The differentiated argument is one array, or a container of arrays: their elements one after the
other, in the order of the container, are the columns.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import StructureMismatch, TraceError
from sparsesolve.host.dataclass import dataclass
from sparsesolve.trace.argument_tree import (
    Leaf,
    Nest,
    Static,
    check_position,
    contained,
    flatten,
    joined,
    map_leaves,
    parts,
    parts_of_given,
    rebuild,
    tree_like,
    with_parts,
)
from sparsesolve.trace.content import content_of, is_immutable
from sparsesolve.trace.masked import calculates_otherwise, is_masked
from sparsesolve.trace.sealed import Sealed

__all__ = ["Arguments", "OtherConstant", "layout", "ways_to_read"]

_LARGEST = 2.0**53
_REAL = np.dtype(np.float64)
_ARRAYS, _ALL = 2, 3


class OtherConstant(StructureMismatch):
    """An argument that is fixed, and small enough to have a trace for each of its values."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """How the arguments of a call become the point and the parameters of a tape.

    Parameters
    ----------
    tree : tuple
        The arguments with a `Leaf` for every array of numbers and a `Static` for the rest.
    argnum : int
        Position of the differentiated argument.
    opened : int
        1 where lists are opened and integers static, 2 where arrays are static too, 3 where all
        numbers are; else 0.
    """

    tree: tuple[Any, ...]
    argnum: int
    opened: int = 0

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
            self.point(x) if k == self.argnum else _own(part, given)
            for k, (part, given) in enumerate(zip(self.tree, args, strict=True))
        ]

    def point(self, x: Any) -> Any:
        """Return the differentiated argument of the user's function."""
        return rebuild(self.tree[self.argnum], {self._position(): x})

    def read(self) -> Arguments:
        """Return the same with what the static arguments hold now."""

        def reading(part: Any) -> Any:
            if not isinstance(part, Static):
                return part
            known = is_immutable(part.value)
            return replace(part, content=None if known else content_of(part.value))

        return replace(self, tree=map_leaves(reading, self.tree))

    def settled(self, *, wholly: bool = False) -> Arguments:
        """Return the same, without the content of what has changed since it was read, or of all."""

        def settling(part: Any) -> Any:
            if not isinstance(part, Static) or part.content is None:
                return part
            same = not wholly and part.content == content_of(part.value)
            return part if same else replace(part, content=None)

        return replace(self, tree=map_leaves(settling, self.tree))

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


def layout(args: Sequence[Any], argnum: int, names: Sequence[str], *, opened: int = 0) -> Arguments:
    """Read the layout off example arguments.

    Parameters
    ----------
    args : sequence
        Example arguments.
    argnum : int
        Position of the differentiated argument.
    names : sequence of str
        Names for error messages.
    opened : int, default 0
        How much is static, as in `Arguments`.

    Returns
    -------
    Arguments
        The layout.
    """
    count = [0]
    check_position(argnum, len(args))
    argnum %= len(args)
    x = args[argnum]
    if _holds_complex(x):
        raise TraceError(
            f"`{names[argnum]}` must be real to differentiate by it, got complex numbers. Pass "
            "real and imaginary parts as two arrays."
        )
    if is_masked(x):
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
            f"`{names[argnum]}` must be a number or an array, or hold some, to differentiate by "
            f"it, got {type(args[argnum]).__name__}. Choose another `argnum`."
        )
    return Arguments(tree, argnum, opened)


def _holds_complex(x: Any) -> bool:
    inside = contained(x)
    if inside is None:
        return isinstance(x, complex) or (
            isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind == "c"
        )
    return any(_holds_complex(item) for _, item in inside)


def ways_to_read(args: Sequence[Any], argnum: int) -> list[int]:
    """List the values of `opened` that read some arguments in different ways.

    Numbers alone are not made static where the differentiated argument is not the first: the time
    of an equation is another one at each call.
    """
    others = [a for k, a in enumerate(args) if k != argnum % len(args)]
    ways = [0]
    if any(_holds(a, lambda part: isinstance(part, list) or _is_integer(part)) for a in others):
        ways.append(1)
    if any(_holds(a, lambda part: _is_numeric(part) and np.ndim(part) > 0) for a in others):
        ways.append(2)
    if argnum == 0 and any(_holds(a, _is_numeric) for a in others):
        ways.append(3)
    return ways


def _holds(argument: Any, is_one: Callable[[Any], bool]) -> bool:
    if is_one(argument):
        return True
    return any(_holds(item, is_one) for _, item in contained(argument) or ())


def _is_integer(argument: Any) -> bool:
    if isinstance(argument, (np.ndarray, np.generic)):
        return argument.dtype.kind in "iu"
    return isinstance(argument, int) and not isinstance(argument, bool)


def _describe_x(argument: Any, name: str, count: list[int]) -> Any:
    if _is_numeric(argument):
        count[0] += 1
        return Leaf(count[0] - 1, name, np.shape(argument))
    inner = [0]
    tree = _describe(argument, name, inner, 0)
    if not inner[0]:
        return tree
    count[0] += 1
    size = sum(int(np.prod(leaf.shape)) for leaf in flatten(tree))
    return Nest(count[0] - 1, name, (size,), tree=tree)


def _describe(argument: Any, name: str, count: list[int], opened: int) -> Any:
    if calculates_otherwise(argument):
        return Static(name, argument)
    numeric = _is_numeric(argument)
    if (opened and _is_integer(argument)) or (
        numeric and (opened == _ALL or (opened == _ARRAYS and np.ndim(argument)))
    ):
        return Static(name, argument)
    if numeric and not (opened and isinstance(argument, list)):
        return _leaf(argument, name, count)
    inside = contained(argument)
    if inside is None:
        return Static(name, argument)
    items = [_describe(item, f"{name}{suffix}", count, opened) for suffix, item in inside]
    return tree_like(argument, items)


def _leaf(argument: Any, name: str, count: list[int]) -> Leaf:
    count[0] += 1
    narrow = _is_integer(argument) and not isinstance(argument, int | np.int64)
    kind = argument.dtype if narrow and argument.dtype != np.int64 else None
    return Leaf(count[0] - 1, name, np.shape(argument), kind)


def _own(expected: Any, given: Any) -> Any:
    """Copy one argument; real numbers become float64, in which everything is computed."""
    if isinstance(expected, Static):
        return expected.value
    if not isinstance(expected, Leaf):
        return with_parts(expected, list(map(_own, *_pairs(expected, given))))
    if isinstance(given, np.ndarray | np.generic) and given.dtype.kind == "f":
        return np.array(given, dtype=np.float64)[()]
    return deepcopy(given)


def _pairs(expected: Any, given: Any) -> tuple[Sequence[Any], Sequence[Any]]:
    """List the parts of the example and those of an argument."""
    kind = type(expected)
    if kind in (list, tuple) and type(given) is kind and len(given) == len(expected):
        return expected, given
    return parts(expected) or (), parts_of_given(expected, given)


def _is_numeric(argument: Any) -> bool:
    """Tell real numbers, arrays of them and lists of them from everything else."""
    if isinstance(argument, (int, float)):
        return not isinstance(argument, bool)
    if isinstance(argument, (np.ndarray, np.generic)):
        return argument.dtype.kind in "iuf"
    if isinstance(argument, list):
        try:
            return np.asarray(argument).dtype.kind in "iuf"
        except ValueError:
            return False
    return False


def _match(expected: Any, given: Any, found: list[NDArray[np.float64]]) -> None:
    kind = type(expected)
    if kind is Leaf:
        plain = type(given) is np.ndarray and given.dtype is _REAL and given.shape == expected.shape
        found.append(given if plain else _array(expected, given))
    elif kind is Static:
        _match_static(expected, given)
    elif type(given) is Sealed:
        found.extend(given.numbers_in(expected, _numbers))
    elif kind is dict and type(given) is dict and given.keys() == expected.keys():
        for key in expected:
            _match(expected[key], given[key], found)
    elif kind is Nest:
        inside: list[NDArray[np.float64]] = []
        _match(expected.tree, given, inside)
        found.append(joined(inside))
    else:
        for part, item in zip(*_pairs(expected, given)):  # noqa: B905  (hot; of equal length)
            _match(part, item, found)


def _match_static(expected: Static, given: Any) -> None:
    if given is expected:  # sealed
        return
    if type(given) is Static:  # sealed for another path
        if given.value is expected.value and given.content == expected.content:
            return
        given = given.value
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
    kind = OtherConstant if _chooses(expected.value) and _chooses(given) else StructureMismatch
    raise kind(
        f"`{expected.name}` must be {_short(expected.value)}, got {_short(given)}; arguments that "
        "are not numbers are fixed when the function is traced. Build a new one for others."
    )


def _chooses(value: Any) -> bool:
    """Whether a value is one that there may be a trace for: a number, a size, a word, a flag."""
    if calculates_otherwise(value):
        return False
    words = isinstance(value, (str, bytes, type(None), bool, np.bool_, enum.Enum))
    return words or _is_numeric(value) or (isinstance(value, np.ndarray) and value.dtype == bool)


def _short(thing: Any) -> str:
    text = " ".join(repr(thing).split())
    return text if len(text) <= 200 else f"{text[:200]}..."


def _array(leaf: Leaf, given: Any) -> NDArray[np.float64]:
    if calculates_otherwise(given):
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
    if isinstance(given, np.matrix) or is_masked(given):
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


def _seal(expected: Any, given: Any) -> Any:
    if isinstance(expected, Static):
        return given if expected.content is None else expected
    if type(expected) is Leaf:
        return np.array(given, dtype=np.float64)[()]
    sealed = Sealed(given)
    sealed.numbers_in(expected, _numbers)
    return sealed


def _numbers(expected: Any, given: Any) -> list[NDArray[np.float64]]:
    found: list[NDArray[np.float64]] = []
    _match(expected, given, found)
    return found
