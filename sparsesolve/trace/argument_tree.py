"""Arguments as trees: containers of what may change (`Leaf`) and what may not (`Static`).

Containers are read, compared, copied and rebuilt alike, whoever asks. A tree has
the containers of the user's own argument: lists, tuples and dicts as they are, named ones too;
what has named fields (a dataclass, a namespace) is a `Fields`.
"""

from __future__ import annotations

import inspect
import math
import types
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import fields, is_dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import StructureMismatch
from sparsesolve.host.dataclass import dataclass
from sparsesolve.trace.content import Content

__all__ = [
    "Fields",
    "Leaf",
    "Nest",
    "Static",
    "argument_names",
    "check_position",
    "contained",
    "flatten",
    "joined",
    "map_leaves",
    "parts",
    "parts_of_given",
    "rebuild",
    "tree_like",
    "with_parts",
]


@dataclass(frozen=True, slots=True)
class Leaf:
    """Place of a numeric argument: its number among all of them, its name and its shape."""

    number: int
    name: str
    shape: tuple[int, ...]
    kind: np.dtype[Any] | None = None  # of narrow integers, which wrap around


@dataclass(frozen=True, slots=True)
class Nest(Leaf):
    """Place of a differentiated argument that holds several arrays, one after the other.

    `tree` is its own: leaves are numbered among themselves, in the order of their columns.
    """

    tree: Any = None


@dataclass(frozen=True, slots=True)
class Static:
    """An argument that is fixed at the trace.

    `content` is what it held then; None where identity or equality says all.
    """

    name: str
    value: Any
    content: Content | None = None


@dataclass(frozen=True, slots=True)
class Fields:
    """An object with named parts; `like` is the user's, for its class and methods."""

    like: Any
    names: tuple[str, ...]
    items: tuple[Any, ...]


def contained(thing: Any) -> list[tuple[str, Any]] | None:
    """List what is inside of a container, with what follows its name; None for anything else."""
    kind = type(thing)
    if kind in (list, tuple):
        return [(f"[{k}]", item) for k, item in enumerate(thing)]
    if kind in (dict, OrderedDict):
        return [(f"[{k!r}]", item) for k, item in thing.items()]
    if isinstance(thing, tuple) and hasattr(kind, "_fields"):
        return [(f".{name}", item) for name, item in zip(kind._fields, thing, strict=True)]
    names = _field_names(thing)
    return None if names is None else [(f".{name}", getattr(thing, name)) for name in names]


def _field_names(thing: Any) -> tuple[str, ...] | None:
    """Name the parts of a dataclass or a namespace, if these are all that it holds."""
    if type(thing) is types.SimpleNamespace:
        return tuple(vars(thing))
    if not is_dataclass(thing) or isinstance(thing, type) or callable(thing):
        return None
    names = tuple(field.name for field in fields(thing))
    kind = type(thing)
    rest = set(getattr(thing, "__dict__", ())) - set(names)
    rest = {name for name in rest if not isinstance(getattr(kind, name, None), cached_property)}
    given = all(hasattr(thing, name) for name in names)
    # what is computed from the fields, and kept, would not follow them
    derived = rest or any(not field.init for field in fields(thing)) or _holds_itself(thing, [])
    return names if given and not derived else None


def _holds_itself(thing: Any, around: list[Any]) -> bool:
    if any(thing is other for other in around):
        return True
    if is_dataclass(thing) and not isinstance(thing, type):
        inside: Sequence[Any] = [getattr(thing, f.name, None) for f in fields(thing)]
    elif isinstance(thing, (list, tuple)):
        inside = thing
    elif isinstance(thing, dict):
        inside = list(thing.values())
    else:
        return False
    return any(_holds_itself(item, [*around, thing]) for item in inside)


def tree_like(thing: Any, items: Sequence[Any]) -> Any:
    """Make a tree of the parts that `contained` has listed."""
    if isinstance(thing, (list, tuple)):
        return _sequence(type(thing), items)
    if isinstance(thing, dict):
        return type(thing)(zip(thing, items, strict=True))
    names = _field_names(thing) or ()
    return Fields(thing, names, tuple(items))


def _sequence(kind: Any, items: Sequence[Any]) -> Any:
    return kind._make(items) if hasattr(kind, "_make") else kind(items)


def parts(tree: Any) -> Sequence[Any] | None:
    """List the parts of a tree; None for a leaf or what is static."""
    if isinstance(tree, (list, tuple)):
        return tree
    if isinstance(tree, dict):
        return list(tree.values())
    return tree.items if isinstance(tree, Fields) else None


def with_parts(tree: Any, items: Sequence[Any]) -> Any:
    """Return a container with other parts: for `Fields` an object of the user's class."""
    if isinstance(tree, Fields):
        return _object(tree, items)
    return tree_like(tree, items)


def _object(tree: Fields, items: Sequence[Any]) -> Any:
    if isinstance(tree.like, types.SimpleNamespace):
        return types.SimpleNamespace(**dict(zip(tree.names, items, strict=True)))
    made = copy(tree.like)
    for name in set(getattr(made, "__dict__", ())) - set(tree.names):
        del made.__dict__[name]  # computed from other parts
    for name, item in zip(tree.names, items, strict=True):
        object.__setattr__(made, name, item)
    return made


def map_leaves(change: Callable[[Any], Any], tree: Any) -> Any:
    """Replace leaves and static arguments of a tree."""
    if isinstance(tree, Nest):
        return replace(tree, tree=map_leaves(change, tree.tree))
    inside = parts(tree)
    if inside is None:
        return change(tree)
    items = [map_leaves(change, item) for item in inside]
    if isinstance(tree, Fields):
        return Fields(tree.like, tree.names, tuple(items))
    return tree_like(tree, items)


def parts_of_given(expected: Any, given: Any) -> Sequence[Any]:
    """List the parts of an argument in the order of those of the example."""
    kind = type(expected.like) if isinstance(expected, Fields) else type(expected)
    found = contained(given) if type(given) is kind else None
    inside = parts(expected) or ()
    if isinstance(expected, dict) and found is not None and given.keys() != expected.keys():
        raise StructureMismatch(
            f"expected the keys {list(expected)}, got {list(given)}. Pass arguments like those of "
            "the example."
        )
    if found is None or len(found) != len(inside):
        raise StructureMismatch(
            f"expected a {kind.__name__} of {len(inside)} items, got {type(given).__name__}. "
            "Pass arguments like those of the example."
        )
    if isinstance(expected, dict):
        return [given[key] for key in expected]
    return [item for _, item in found]


def flatten(tree: Any) -> list[Leaf]:
    """List the leaves of a tree in order."""
    if isinstance(tree, Leaf):
        return [tree]
    return [leaf for item in parts(tree) or () for leaf in flatten(item)]


def rebuild(tree: Any, leaves: Mapping[int, Any] | Sequence[Any]) -> Any:
    """Put values in the places of a tree."""
    if isinstance(tree, Nest):
        return rebuild(tree.tree, _cut(tree, leaves[tree.number]))
    if isinstance(tree, Leaf):
        return leaves[tree.number]
    if isinstance(tree, Static):
        return tree.value
    return with_parts(tree, [rebuild(item, leaves) for item in parts(tree) or ()])


def _cut(nest: Nest, whole: Any) -> list[Any]:
    """Cut the arrays of a nest out of one that holds them all."""
    found, start = [], 0
    for leaf in flatten(nest.tree):
        size = math.prod(leaf.shape)
        part = whole[start : start + size].reshape(leaf.shape) if leaf.shape else whole[start]
        found.append(part)
        start += size
    return found


def joined(arrays: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Make one array of those of a nest."""
    return np.concatenate([np.ravel(array) for array in arrays])


def check_position(argnum: int, count: int) -> None:
    """Raise where `argnum` is none of so many arguments."""
    if count == 0:
        raise ValueError(
            "an example of each argument is needed after the function, got none. Write "
            "jacobian(f, x) with an `x` of the right shape."
        )
    if not -count <= argnum < count:
        has = "there is one example argument" if count == 1 else f"there are {count} examples"
        last = "" if count == 1 else f" to {count - 1}"
        raise ValueError(
            f"`argnum` must be a position among the arguments, 0{last}, as {has}, got {argnum}. "
            "Pass an example for every argument after the function."
        )


def argument_names(function: Callable[..., Any], count: int) -> list[str]:
    """List what the first arguments of a function are called."""
    if type(function) is types.FunctionType and not vars(function):  # a signature takes long
        code = function.__code__
        if code.co_argcount >= count:
            return list(code.co_varnames[:count])
    try:
        names = list(inspect.signature(function).parameters)[:count]
    except (TypeError, ValueError):
        names = []
    return names + [f"argument {k}" for k in range(len(names), count)]
