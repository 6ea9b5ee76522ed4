"""`Form`: a nest of arrays, as users write unknowns and parameters, as one vector.

Problems and solvers read nests where derivatives do, in the same order: that of
the containers, dicts in the order of their keys as first given.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import TraceError
from sparsesolve.host.dataclass import dataclass
from sparsesolve.trace.argument_tree import Leaf, Nest, contained, flatten, rebuild
from sparsesolve.trace.arguments import Arguments, layout

__all__ = ["Form", "FormBlock", "named_parts"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FormBlock:
    """One array of a nest.

    Parameters
    ----------
    name : str
        As a user would write it: ``x0['u']``.
    shape : tuple of int
        Its own.
    start, stop : int
        Where it is in the vector.
    """

    name: str
    shape: tuple[int, ...]
    start: int
    stop: int


class Form:
    """How a vector is cut up into a nest of arrays, and a nest is joined to a vector.

    Parameters
    ----------
    example : number, array, or nest of them
        A dict, tuple, named tuple, dataclass or namespace; what is no number in it is fixed.
    name : str
        For messages.

    Raises
    ------
    TypeError
        If it holds no numbers, or complex ones.

    Examples
    --------
    >>> form = Form({"u": np.zeros(2), "v": 0.0}, "x0")
    >>> form.vector({"u": [1.0, 2.0], "v": 3.0})
    array([1., 2., 3.])
    >>> form.nest(np.array([4.0, 5.0, 6.0]))
    {'u': array([4., 5.]), 'v': np.float64(6.0)}
    """

    def __init__(self, example: Any, name: str) -> None:
        self.name = name
        try:
            self._arguments: Arguments = layout((example,), 0, (name,))
        except TraceError as error:
            raise TypeError(
                f"`{name}` must be a real number, an array of them, or a nest of such, got "
                f"{type(example).__name__} {example!r:.60}."
            ) from error
        tree = self._arguments.tree[0]
        self._tree = tree.tree if isinstance(tree, Nest) else tree
        self.blocks = tuple(_blocks(flatten(self._tree)))
        self.size = self.blocks[-1].stop if self.blocks else 0
        self.example = self.vector(example)

    def vector(self, nest: Any) -> Array:
        """Return the numbers of a nest like the example, a copy, shape (size,).

        Raises
        ------
        StructureMismatch
            If it is built in another way.
        """
        x, _ = self._arguments.split([nest])
        return np.array(x, dtype=np.float64).reshape(-1)

    def nest(self, vector: Any) -> Any:
        """Return a vector, or what stands for one while a function is traced, cut up."""
        parts = [
            vector[b.start : b.stop].reshape(b.shape) if b.shape else vector[b.start]
            for b in self.blocks
        ]
        return rebuild(self._tree, parts)

    def copy(self, vector: Array) -> Any:
        """Return the same, of arrays that share no memory."""
        return self.nest(np.array(vector))


def named_parts(nest: Any) -> dict[Any, Any] | None:
    """Return what a container holds by key, field or position; None for anything else."""
    inside = contained(nest)
    if inside is None:
        return None
    if isinstance(nest, dict):
        return dict(nest)
    names = range(len(inside)) if type(nest) in (list, tuple) else [name[1:] for name, _ in inside]
    return {name: item for name, (_, item) in zip(names, inside, strict=True)}


def _blocks(leaves: Sequence[Leaf]) -> Iterator[FormBlock]:
    start = 0
    for leaf in leaves:
        stop = start + math.prod(leaf.shape)
        yield FormBlock(leaf.name, leaf.shape, start, stop)
        start = stop
