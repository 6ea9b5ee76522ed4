"""Nests of arrays that a loop carries, as one list of real arrays.

A tape of one step knows float64 and bool only: integers are real numbers there,
and a complex array is two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from sparsesolve.errors import StructureMismatch
from sparsesolve.host.dataclass import dataclass
from sparsesolve.trace.argument_tree import contained, parts_of_given, tree_like, with_parts

__all__ = [
    "LeafKind",
    "copied",
    "decode",
    "encode",
    "leaves_like",
    "leaves_of",
    "rebuilt",
    "widened",
]


def leaves_of(nest: Any) -> list[Any]:
    """List the arrays and numbers of a nest; None holds nothing."""
    inside = contained(nest)
    if inside is None:
        return [] if nest is None else [nest]
    return [leaf for _, item in inside for leaf in leaves_of(item)]


def leaves_like(expected: Any, given: Any) -> list[Any]:
    """List the leaves of a nest that must have the structure of another one."""
    inside = contained(expected)
    if inside is None:
        if (expected is None) != (given is None) or contained(given) is not None:
            raise TypeError(_other_structure(expected, given))
        return [] if given is None else [given]
    items = [item for _, item in inside]
    try:
        own = parts_of_given(tree_like(expected, items), given)
    except StructureMismatch:
        raise TypeError(_other_structure(expected, given)) from None
    return [leaf for e, g in zip(items, own, strict=True) for leaf in leaves_like(e, g)]


def _other_structure(expected: Any, given: Any) -> str:
    return (
        "`step` must return a carry of the structure that it is given, got a "
        f"{type(given).__name__} for a {type(expected).__name__}."
    )


def rebuilt(nest: Any, leaves: Iterable[Any]) -> Any:
    """Put other leaves into a nest."""
    return _rebuilt(nest, iter(leaves))


def _rebuilt(nest: Any, leaves: Iterator[Any]) -> Any:
    inside = contained(nest)
    if inside is None:
        return None if nest is None else next(leaves)
    items = [_rebuilt(item, leaves) for _, item in inside]
    return with_parts(tree_like(nest, items), items)


def copied(leaf: Any) -> Any:
    """Return a leaf in memory of its own: what is returned may be written into later."""
    return leaf.copy() if getattr(leaf, "ndim", 0) and hasattr(leaf, "copy") else leaf


@dataclass(frozen=True, slots=True)
class LeafKind:
    """Shape and kind of a leaf: ``"b"``, ``"f"`` or ``"c"``."""

    shape: tuple[int, ...]
    kind: str

    @classmethod
    def of(cls, leaf: Any, *, row: bool = False) -> LeafKind:
        """Look at a leaf, or at a row of it."""
        shape = np.shape(leaf)
        return cls(shape[1:] if row else shape, _kind(leaf))

    @property
    def pieces(self) -> int:
        """How many real arrays it is."""
        return 2 if self.kind == "c" else 1

    @property
    def size(self) -> int:
        """Elements of these."""
        return self.pieces * int(np.prod(self.shape))


def _kind(leaf: Any) -> str:
    kind = np.dtype(getattr(leaf, "dtype", None) or np.asarray(leaf).dtype).kind
    return kind if kind in "bc" else "f"


def widened(part: LeafKind, leaf: Any) -> LeafKind:
    """Return the kind that holds a part and another leaf."""
    return replace(part, kind=max(part.kind, _kind(leaf), key="bfc".index))


def encode(part: LeafKind, leaf: Any, *, flat: bool = False) -> list[Any]:
    """Make real arrays of a leaf; one-dimensional and float64 ones where `flat`."""
    pieces = [np.real(leaf), np.imag(leaf)] if part.kind == "c" else [leaf]
    if not flat:
        return [piece if part.kind == "b" else _real(piece) for piece in pieces]
    return [np.ravel(_real(piece)) for piece in pieces]


def _real(piece: Any) -> Any:
    array = piece if hasattr(piece, "astype") else np.asarray(piece)
    return array if array.dtype == np.float64 else array.astype(np.float64)


def decode(part: LeafKind, pieces: Iterator[Any]) -> Any:
    """Make a leaf of the next real arrays."""
    piece = next(pieces)
    if part.kind == "c":
        return piece + 1j * next(pieces)
    if part.kind == "b" and piece.dtype != bool:
        return piece != 0.0
    return piece
