"""Functions that join, cut and rearrange arrays.

Separate because none of them computes: several arrays become one by concatenation and indexing,
and the map of positions is found by calling NumPy itself on arrays of labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.trace.dispatch import implements, refuse
from sparsesolve.trace.operands import frozen_index, operand, plain_index
from sparsesolve.trace.primitives import movement
from sparsesolve.trace.sources import user_line

__all__ = ["Move", "moved", "rearranged"]


def rearranged(fun: Callable[..., Any], *arrays: Any) -> Any:
    """Apply a function that only moves elements, of several arrays at once."""
    pieces, labels, start = [], [], 0
    for array in map(operand, arrays):
        shape = np.shape(array)
        size = int(np.prod(shape))
        pieces.append(anp.reshape(array, (size,)))
        labels.append(np.arange(start, start + size).reshape(shape))
        start += size
    return anp.concatenate_args(0, *pieces)[fun(*labels)]


# --- joining ---


@implements(np.concatenate)
def _concatenate(arrays: Any, axis: int | None = 0, **options: Any) -> Any:
    parts = [operand(a) for a in _items(arrays)]
    if axis is None:
        parts, axis = [anp.reshape(a, (-1,)) for a in parts], 0
    return anp.concatenate_args(axis, *parts)


def _items(arrays: Any) -> Sequence[Any]:
    return list(arrays)


@implements(np.stack)
def _stack(arrays: Any, axis: int = 0, **options: Any) -> Any:
    return anp.stack([operand(a) for a in _items(arrays)], axis=axis)


@implements(np.vstack)
def _vstack(tup: Any, **options: Any) -> Any:
    return _concatenate([_atleast_2d(a) for a in _items(tup)], 0)


@implements(np.hstack)
def _hstack(tup: Any, **options: Any) -> Any:
    parts = [_atleast_1d(a) for a in _items(tup)]
    return _concatenate(parts, 0 if parts[0].ndim == 1 else 1)


@implements(np.dstack)
def _dstack(tup: Any) -> Any:
    return _concatenate([_atleast_3d(a) for a in _items(tup)], 2)


@implements(np.column_stack)
def _column_stack(tup: Any) -> Any:
    parts = [operand(a) for a in _items(tup)]
    return _concatenate([p if np.ndim(p) > 1 else anp.reshape(p, (-1, 1)) for p in parts], 1)


@implements(np.append)
def _append(arr: Any, values: Any, axis: int | None = None) -> Any:
    return _concatenate([arr, values], axis)


@implements(np.block)
def _block(arrays: Any) -> Any:
    found: list[Any] = []

    def numbered(item: Any) -> Any:
        if isinstance(item, list):
            return [numbered(part) for part in item]
        found.append(operand(item))
        return len(found) - 1

    tree = numbered(arrays)

    def arranged(*labels: Any) -> Any:
        def build(item: Any) -> Any:
            return [build(part) for part in item] if isinstance(item, list) else labels[item]

        return np.block(build(tree))

    return rearranged(arranged, *found)


@implements(np.insert)
def _insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    place = frozen_index(obj)
    return rearranged(lambda a, v: np.insert(a, place, v, axis), arr, values)


# --- cutting ---


@implements(np.array_split)
def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    length = ary.shape[axis]
    bounds = np.array_split(np.arange(length), plain_index(indices_or_sections))
    parts, start = [], 0
    for bound in bounds:
        parts.append(ary[_along(axis, ary.ndim, slice(start, start + len(bound)))])
        start += len(bound)
    return parts


@implements(np.split)
def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    np.split(np.empty(ary.shape[axis]), plain_index(indices_or_sections))  # raises if uneven
    return _array_split(ary, indices_or_sections, axis)


@implements(np.hsplit)
def _hsplit(ary: Any, indices_or_sections: Any) -> Any:
    return _split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


@implements(np.vsplit)
def _vsplit(ary: Any, indices_or_sections: Any) -> Any:
    return _split(ary, indices_or_sections, 0)


@implements(np.dsplit)
def _dsplit(ary: Any, indices_or_sections: Any) -> Any:
    return _split(ary, indices_or_sections, 2)


@implements(np.unstack)
def _unstack(x: Any, /, *, axis: int = 0) -> Any:
    return tuple(x[_along(axis, x.ndim, k)] for k in range(x.shape[axis]))


def _along(axis: int, ndim: int, index: Any) -> tuple[Any, ...]:
    return (slice(None),) * (axis % ndim) + (index,)


# --- moving elements of one array ---


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """A function of NumPy that moves elements, with all arguments but the array."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, array: Any) -> Any:
        """Move the elements of one array."""
        return self.function(array, *self.args, **self.options)

    def __repr__(self) -> str:
        given = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.options.items())]
        return f"{self.function.__name__}({', '.join(['.', *given])})"


def moved(function: Callable[..., Any], array: Any, *args: Any, **options: Any) -> Any:
    """Record a movement of the elements of one array."""
    options = {name: frozen_index(value) for name, value in options.items()}
    return movement(Move(function, tuple(map(frozen_index, args)), options), operand(array))


def _move(function: Callable[..., Any]) -> None:
    implements(function)(partial(moved, function))


_MOVES: tuple[Any, ...] = (
    np.roll,
    np.tile,
    np.repeat,
    np.delete,
    np.diagonal,
    np.take,
    np.take_along_axis,
    np.lib.stride_tricks.sliding_window_view,
    np.fft.fftshift,
    np.fft.ifftshift,
)
for _function in _MOVES:
    _move(_function)


@implements(np.resize)
def _resize(a: Any, new_shape: Any) -> Any:
    if not np.size(a):  # nothing to repeat: NumPy fills with zeros
        return np.resize(np.zeros(0), plain_index(new_shape))
    return moved(np.resize, a, new_shape)


@implements(np.compress)
def _compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    return moved(_chosen, a, condition, axis)


@implements(np.extract)
def _extract(condition: Any, arr: Any) -> Any:
    return moved(_chosen, anp.reshape(arr, (-1,)), np.ravel(plain_index(condition)), 0)


def _chosen(array: Any, mask: Any, axis: int | None) -> Any:
    return np.compress(mask, array, axis)


@implements(np.diag, recorded=True)
def _diag(v: Any, k: int = 0) -> Any:
    return anp.diag(v, k) if v.ndim == 1 else moved(np.diag, v, k)


@implements(np.diagflat)
def _diagflat(v: Any, k: int = 0) -> Any:
    return anp.diag(anp.reshape(v, (-1,)), k)


@implements(np.flip)
def _flip(m: Any, axis: Any = None) -> Any:
    axes = range(m.ndim) if axis is None else np.atleast_1d(axis) % m.ndim
    return m[tuple(slice(None, None, -1) if k in axes else slice(None) for k in range(m.ndim))]


@implements(np.fliplr)
def _fliplr(m: Any) -> Any:
    return _flip(m, 1)


@implements(np.flipud)
def _flipud(m: Any) -> Any:
    return _flip(m, 0)


@implements(np.rot90)
def _rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    return moved(np.rot90, m, k, axes)


@implements(np.meshgrid)
def _meshgrid(*xi: Any, **options: Any) -> Any:
    vectors = [anp.reshape(operand(x), (-1,)) for x in xi]
    sizes = [len(v) for v in vectors]

    def spread(k: int, labels: Any) -> Any:
        parts = [labels if j == k else np.zeros(n, dtype=int) for j, n in enumerate(sizes)]
        return np.meshgrid(*parts, **options)[k]

    return [movement(partial(spread, k), v) for k, v in enumerate(vectors)]


@implements(np.broadcast_arrays)
def _broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(anp.broadcast_to(a, shape) for a in args)


@implements(np.pad, recorded=True)
def _pad(array: Any, pad_width: Any, mode: str = "constant", **options: Any) -> Any:
    if mode in ("edge", "wrap", "reflect", "symmetric") and not options:
        return moved(np.pad, array, pad_width, mode)
    if mode == "empty":
        mode = "constant"
    if mode != "constant" or set(options) - {"constant_values"}:
        raise refuse(
            f"np.pad with mode={mode!r} and {options} at {user_line()}",
            "Use mode 'constant', 'edge', 'wrap', 'reflect' or 'symmetric'",
        )
    fill = options.get("constant_values", 0)
    if isinstance(fill, (int, float)) and fill == 0:
        return _zero_pad(array, pad_width)
    frame = np.pad(np.zeros(array.shape), pad_width, constant_values=plain_index(fill))
    inside = np.pad(np.ones(array.shape, dtype=bool), pad_width)
    return anp.where(inside, _zero_pad(array, pad_width), frame)


def _zero_pad(array: Any, pad_width: Any) -> Any:
    return anp.pad(array, pad_width, "constant")


# --- other shapes; all are views, as in NumPy ---


@implements(np.ravel)
def _ravel(a: Any, order: str = "C") -> Any:
    return anp.reshape(a, (-1,), order=order)


@implements(np.squeeze)
def _squeeze(a: Any, axis: Any = None) -> Any:
    if axis is None:
        axes = [k for k, n in enumerate(a.shape) if n == 1]
    else:
        axes = [int(k) % a.ndim for k in np.atleast_1d(axis)]
        np.squeeze(np.empty([1 if n == 1 else 2 for n in a.shape]), axis)  # raises if not 1
    return a[(*(0 if k in axes else slice(None) for k in range(a.ndim)), Ellipsis)]


@implements(np.expand_dims)
def _expand_dims(a: Any, axis: Any) -> Any:
    ndim = np.ndim(a) + np.size(axis)
    new = [int(k) % ndim for k in np.atleast_1d(axis)]
    return operand(a)[tuple(None if k in new else slice(None) for k in range(ndim))]


def _permuted(function: Callable[..., Any]) -> None:
    @implements(function)
    def permute(a: Any, *args: Any, **kwargs: Any) -> Any:
        # the axes of an array of shape (0, 1, ...) tell where each one goes
        moved = function(np.empty(range(a.ndim)), *args, **kwargs)
        return anp.transpose(a, moved.shape)


_PERMUTATIONS: tuple[Any, ...] = (np.swapaxes, np.moveaxis, np.rollaxis, np.matrix_transpose)
for _function in _PERMUTATIONS:
    _permuted(_function)
implements(np.linalg.matrix_transpose)(lambda x, /: anp.swapaxes(x, -1, -2))


@implements(np.atleast_1d)
def _atleast_1d(*arys: Any) -> Any:
    return _each(lambda a: anp.reshape(a, (1,)) if np.ndim(a) == 0 else a, arys)


@implements(np.atleast_2d)
def _atleast_2d(*arys: Any) -> Any:
    return _each(lambda a: a if np.ndim(a) > 1 else anp.reshape(a, (1, -1)), arys)


@implements(np.atleast_3d)
def _atleast_3d(*arys: Any) -> Any:
    def raised(a: Any) -> Any:
        if np.ndim(a) == 2:
            return _expand_dims(a, 2)
        return a if np.ndim(a) > 2 else anp.reshape(a, (1, -1, 1))

    return _each(raised, arys)


def _each(fun: Callable[[Any], Any], arrays: tuple[Any, ...]) -> Any:
    results = tuple(fun(operand(a)) for a in arrays)
    return results[0] if len(results) == 1 else results
