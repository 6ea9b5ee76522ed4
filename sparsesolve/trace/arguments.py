"""The arguments of a traced function: which is differentiated, which are parameters, which static.

Separate because the tracer and every later call of a derivative must read arguments alike.

Numbers and arrays of numbers are parameters: they may change at each call. Lists, tuples and
dicts of them are opened. Everything else (None, strings, bools, callables, other objects) is
static: it is fixed at the trace, and a call with another value is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import StructureMismatch, TraceError

__all__ = ["Arguments", "flatten", "layout", "rebuild"]

_CONTAINERS = (list, tuple, dict)


@dataclass(frozen=True, slots=True)
class Leaf:
    """Place of a numeric argument: its number among all of them, its name and its shape."""

    number: int
    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Static:
    """An argument that is fixed at the trace."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Arguments:
    """How the arguments of a call become the point and the parameters of a tape.

    Parameters
    ----------
    tree : tuple
        The arguments with a `Leaf` for every array of numbers and a `Static` for the rest.
    argnum : int
        Position of the differentiated argument.
    """

    tree: tuple[Any, ...]
    argnum: int

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

    def _position(self) -> int:
        target: Leaf = self.tree[self.argnum]
        return target.number


def layout(args: Sequence[Any], argnum: int, names: Sequence[str]) -> Arguments:
    """Read the layout off example arguments.

    Parameters
    ----------
    args : sequence
        Example arguments.
    argnum : int
        Position of the differentiated argument.
    names : sequence of str
        Names for error messages.

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
    tree = tuple(_describe(a, name, count) for a, name in zip(args, names, strict=True))
    argnum %= len(args)
    if not isinstance(tree[argnum], Leaf):
        raise TraceError(
            f"`{names[argnum]}` must be a number or an array of numbers to differentiate by it, "
            f"got {type(args[argnum]).__name__}. Choose another `argnum`."
        )
    return Arguments(tree, argnum)


def _describe(argument: Any, name: str, count: list[int]) -> Any:
    if _is_numeric(argument, name):
        count[0] += 1
        return Leaf(count[0] - 1, name, np.shape(argument))
    if type(argument) in (list, tuple):
        return type(argument)(
            _describe(item, f"{name}[{k}]", count) for k, item in enumerate(argument)
        )
    if type(argument) is dict:
        return {k: _describe(item, f"{name}[{k!r}]", count) for k, item in argument.items()}
    return Static(name, argument)


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
        if not _equal(expected.value, given):
            raise StructureMismatch(
                f"`{expected.name}` must be {expected.value!r}, got {given!r}; arguments that are "
                "not numbers are fixed when the function is traced. Build a new one for others."
            )
    else:
        if type(given) is not type(expected) or len(given) != len(expected):
            raise StructureMismatch(
                f"expected a {type(expected).__name__} of {len(expected)} items, got "
                f"{type(given).__name__}. Pass arguments like those of the example."
            )
        keys = expected if isinstance(expected, dict) else range(len(expected))
        for key in keys:
            _match(expected[key], given[key], found)


def _array(leaf: Leaf, given: Any) -> NDArray[np.float64]:
    kind = np.asarray(given).dtype.kind
    if kind not in "iufb":
        raise StructureMismatch(
            f"`{leaf.name}` must hold real numbers, got {type(given).__name__} of kind "
            f"'{kind}'. Convert it with np.asarray(..., dtype=float)."
        )
    array = np.asarray(given, dtype=np.float64)
    if array.shape != leaf.shape:
        raise StructureMismatch(
            f"`{leaf.name}` must have shape {leaf.shape}, got {array.shape}; this was built for "
            f"{int(np.prod(leaf.shape))} elements. Build a new one for other sizes."
        )
    return array


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
