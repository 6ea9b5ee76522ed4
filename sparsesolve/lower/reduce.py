"""Rules for reductions: sums, products, extrema, running sums.

Separate because these combine the elements of an axis. A short sum is a chain of maps, which fuses;
a long one is one kernel with segments. Products and extrema are halving trees of maps, so that
their derivatives need no division and their depth is the logarithm of the length. Running sums
double their reach at every level (Hillis, Steele 1986), short ones are triangular sums.

Where several elements share the extremum, the tree splits the derivative evenly between the two
halves of each level; any split is a subgradient there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ir.program import Slots
from sparsesolve.lower.context import Context, rule

__all__ = ["extremum", "merge_axes", "restore_axes"]

_SHORT_CUMSUM = 64


def merge_axes(ids: Any, axis: Any) -> tuple[Slots, tuple[int, ...]]:
    """Move the reduced axes last and merge them; also return the shape with kept dimensions."""
    ids = np.asarray(ids)
    axes = range(ids.ndim) if axis is None else np.atleast_1d(axis)
    reduced = sorted({int(a) % ids.ndim for a in axes}) if ids.ndim else []
    kept = [a for a in range(ids.ndim) if a not in reduced]
    shape = tuple(1 if a in reduced else ids.shape[a] for a in range(ids.ndim))
    count = int(np.prod([ids.shape[a] for a in reduced], dtype=np.int64))
    ordered = ids.transpose(kept + reduced)
    return ordered.reshape((*(ids.shape[a] for a in kept), count)), shape


def restore_axes(result: Any, shape: tuple[int, ...], keepdims: Any) -> Any:
    """Put the reduced axes back with length one, where wanted."""
    if not isinstance(keepdims, bool):  # NumPy's mark of an argument that was not given
        keepdims = False
    return np.reshape(result, shape) if keepdims else result


def _check_options(c: Context, options: dict[str, Any]) -> None:
    for name, value in options.items():
        if value is None or value is np._NoValue:
            continue
        if name == "dtype" and np.dtype(value) in (np.float64, np.int64):
            continue
        raise c.unsupported(f"got `{name}={value!r}`", f"Leave out `{name}`.")


@rule("sum", "reductions")
def _sum(c: Context, a: Any, axis: Any = None, keepdims: Any = False, **options: Any) -> Any:
    _check_options(c, options)
    ids, shape = merge_axes(a, axis)
    return restore_axes(c.sum_rows(ids), shape, keepdims)


@rule("mean", "reductions")
def _mean(c: Context, a: Any, axis: Any = None, keepdims: Any = False, **options: Any) -> Any:
    _check_options(c, options)
    ids, shape = merge_axes(a, axis)
    mean = c.map("divide", c.sum_rows(ids), float(ids.shape[-1]))
    return restore_axes(mean, shape, keepdims)


def _tree(c: Context, op: str, ids: Slots) -> Slots:
    """Combine the last axis of slots pairwise until one element is left."""
    while ids.shape[-1] > 1:
        odd = ids[..., -1:] if ids.shape[-1] % 2 else None
        even = ids[..., : ids.shape[-1] // 2 * 2]
        ids = c.map(op, even[..., ::2], even[..., 1::2])
        if odd is not None:
            # the leftover goes first, or it would be left over again and again
            ids = np.concatenate([odd, ids], axis=-1)
    return ids[..., 0]


def extremum(c: Context, ids: Slots, *, largest: bool) -> Any:
    """Maximum or minimum over the last axis."""
    return _tree(c, "maximum" if largest else "minimum", ids)


def _tree_rule(name: str, op: str, empty: float | None) -> None:
    @rule(name, "reductions")
    def apply(c: Context, a: Any, axis: Any = None, keepdims: Any = False, **options: Any) -> Any:
        _check_options(c, options)
        ids, shape = merge_axes(a, axis)
        if op.startswith("logical") and c.kind_of_argument(0) != "b":
            ids = np.asarray(c.map("not_equal", ids, 0.0))
        if ids.shape[-1] == 0:
            return restore_axes(np.full(ids.shape[:-1], empty), shape, keepdims)
        return restore_axes(_tree(c, op, ids), shape, keepdims)


_tree_rule("prod", "multiply", 1.0)
_tree_rule("max amax", "maximum", None)
_tree_rule("min amin", "minimum", None)
_tree_rule("all", "logical_and", 1.0)
_tree_rule("any", "logical_or", 0.0)


@rule("cumsum", "reductions")
def _cumsum(c: Context, a: Any, axis: Any = None, **options: Any) -> Any:
    _check_options(c, options)
    ids = np.asarray(a)
    if axis is None or ids.ndim == 0:
        ids, axis = ids.reshape(-1), 0
    last = np.moveaxis(ids, axis, -1)
    running = _triangular if last.shape[-1] <= _SHORT_CUMSUM else _doubling
    return np.moveaxis(running(c, last), -1, axis)


def _triangular(c: Context, ids: Slots) -> Slots:
    n = ids.shape[-1]
    if ids.size == 0 or n == 1:
        return ids
    column: NDArray[np.int64] = np.tril_indices(n)[1]
    lengths = np.tile(np.arange(1, n + 1), ids.size // n)
    segments = np.concatenate([[0], np.cumsum(lengths)])
    return c.builder.reduce(ids[..., column], segments).reshape(ids.shape)


def _doubling(c: Context, ids: Slots) -> Slots:
    reach = 1
    while reach < ids.shape[-1]:
        added = c.map("add", ids[..., :-reach], ids[..., reach:])
        ids = np.concatenate([ids[..., :reach], added], axis=-1)
        reach *= 2
    return ids
