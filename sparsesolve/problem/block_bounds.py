"""Bounds of unknowns that are a nest of arrays, by key, as two vectors.

A nest has more spellings than a vector, and none of those by number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.form import Form, named_parts
from sparsesolve.errors import StructureMismatch
from sparsesolve.problem.bounds import Bounds, read_limit, split_bounds, variable_bounds

__all__ = ["block_bounds"]

Array = NDArray[np.float64]
_Limits = tuple[Array, Array]


def block_bounds(bounds: Bounds | None, form: Form) -> _Limits:
    """Return the bounds of a nest as two arrays of shape (n,).

    Parameters
    ----------
    bounds : mapping, container like the unknowns, pair, scipy.optimize.Bounds, or None
        By key, field or position, each in any of the ways of one array; what is missing is free.
        Or one pair ``(lower, upper)`` for all, each None, a number, or a nest again.
    form : Form
        Of the unknowns.

    Raises
    ------
    TypeError, ValueError
        If they do not fit.

    Examples
    --------
    >>> form = Form({"u": np.zeros(2), "v": 0.0}, "x0")
    >>> block_bounds({"u": (0.0, [1.0, 2.0])}, form)
    (array([  0.,   0., -inf]), array([ 1.,  2., inf]))
    """
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        return variable_bounds(bounds, form.size)
    pairs = list(_pairs(form.nest(form.example), bounds, "bounds"))
    empty = np.empty(0)
    lower = np.concatenate([*(low.reshape(-1) for low, _ in pairs), empty])
    upper = np.concatenate([*(high.reshape(-1) for _, high in pairs), empty])
    return variable_bounds((lower, upper), form.size, reading="least_squares")


def _pairs(nest: Any, bounds: Any, where: str) -> Iterator[_Limits]:
    """Yield the limits of each array of a nest, in order, each in its shape."""
    parts = named_parts(nest)
    if parts is None:
        if _is_block(nest):
            yield _of_block(np.shape(nest), bounds, where)
    elif _is_pair_of_nests(nest, bounds):
        sides = [list(_side(nest, bounds[k], k, where)) for k in (0, 1)]
        yield from zip(*sides, strict=True)
    else:
        given = _parts_like(nest, parts, bounds, where)
        for name, part in parts.items():
            yield from _pairs(part, given.get(name), f"{where}[{name!r}]")


def _is_block(part: Any) -> bool:
    """Whether this is one of the arrays, and not something fixed."""
    return type(part) in (np.ndarray, np.float64) and part.dtype == np.float64


def _is_pair_of_nests(nest: Any, bounds: Any) -> bool:
    return type(bounds) is tuple and len(bounds) == 2 and type(nest) is not tuple


def _of_block(shape: tuple[int, ...], bounds: Any, where: str) -> _Limits:
    if bounds is None:
        return np.full(shape, -np.inf), np.full(shape, np.inf)
    low, high = split_bounds(bounds, int(np.prod(shape)), "minimize")
    return _filled(low, -np.inf, shape, where), _filled(high, np.inf, shape, where)


def _filled(limit: Any, missing: float, shape: tuple[int, ...], where: str) -> Array:
    array = read_limit("lower" if missing < 0.0 else "upper", limit, missing, f" of `{where}`")
    if array.size == int(np.prod(shape)):
        return array.reshape(shape)
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise StructureMismatch(
            f"`{where}` must be numbers or arrays of shape {shape}, that of the block, got shape "
            f"{array.shape}."
        ) from None


def _side(nest: Any, limit: Any, side: int, where: str) -> Iterator[Array]:
    """Yield the lower or the upper limit of each array."""
    parts = named_parts(nest)
    missing = (-np.inf, np.inf)[side]
    if parts is None:
        if _is_block(nest):
            yield _filled(limit, missing, np.shape(nest), where)
        return
    for_all = limit is None or (np.ndim(limit) == 0 and named_parts(limit) is None)
    given = dict.fromkeys(parts, limit) if for_all else _parts_like(nest, parts, limit, where)
    for name, part in parts.items():
        yield from _side(part, given.get(name), side, f"{where}[{side}][{name!r}]")


def _parts_like(nest: Any, parts: dict[Any, Any], given: Any, where: str) -> Mapping[Any, Any]:
    """Return what is given by the names of a nest's parts; some may be missing."""
    if given is None:
        return {}
    alike = isinstance(given, Mapping) or type(given) is type(nest)
    found = named_parts(given) if alike else None
    if found is None:
        raise TypeError(
            f"`{where}` must be a {type(nest).__name__} like the unknowns, or a dict, of bounds "
            f"for {_listed(parts)}, got {type(given).__name__}."
        )
    unknown = [name for name in found if name not in parts]
    if unknown:
        raise ValueError(
            f"`{where}` must be for {_listed(parts)}, got {unknown[0]!r}. What is missing is free."
        )
    return found


def _listed(parts: dict[Any, Any]) -> str:
    return ", ".join(repr(name) for name in parts)
